"""Making probabilities, sigmas and intervals mean what they say, on samples held out for it.

Axis letters: n sample, c class.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.scores import Outcomes
from eomap.ood.logits import log_sum_exp
from eomap.ood.samples import F64, I64, finite_rows

TEMPERATURES = (0.01, 100.0)
ONE_SIGMA = 0.6826894921370859
"""Probability that a normal error is within one standard deviation."""


def temperature(logits_nc: npt.ArrayLike, classes_n: npt.ArrayLike) -> float:
    """Return the T for which softmax(logits / T) has the least negative log-likelihood; Guo et al. (2017).

    The likelihood is concave in 1 / T, so its slope has one root, found by bisection. Where it has none
    within `TEMPERATURES` (all right, or worse than chance), the nearer of these two is returned.
    """
    logits, classes = _pairs(logits_nc, classes_n)
    more = logits - logits[np.arange(len(logits)), classes][:, None]

    def slope(log_inverse: float) -> float:
        scaled = more * np.exp(log_inverse)
        p = np.exp(scaled - log_sum_exp(scaled)[:, None])
        return float((p * more).sum(axis=1).mean())

    low, high = -np.log(TEMPERATURES[1]), -np.log(TEMPERATURES[0])
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return float(np.exp(-(low + high) / 2))


def tempered(probability_nk: npt.NDArray[Any], temperature: float) -> npt.NDArray[Any]:
    """Return the probabilities of softmax(logits / T), given those of softmax(logits): p^(1/T), normalised.

    Classes are along the second axis; further axes may follow. With T = 1 the array itself, bit for bit;
    which class is the most likely never changes. Where all are 0 they stay 0.

    >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(4).tolist()
    [[0.6667, 0.3333]]
    """
    if temperature == 1:
        return probability_nk
    most = probability_nk.max(axis=1, keepdims=True)
    there = most > 0
    power = (probability_nk / np.where(there, most, 1)) ** probability_nk.dtype.type(1 / temperature)
    made: npt.NDArray[Any] = power / np.where(there, power.sum(axis=1, keepdims=True), 1)
    return made


def negative_log_likelihood(logits_nc: npt.ArrayLike, classes_n: npt.ArrayLike) -> float:
    """Return the mean of -log of the probability of the true class, in nats."""
    logits, classes = _pairs(logits_nc, classes_n)
    return float((log_sum_exp(logits) - logits[np.arange(len(logits)), classes]).mean())


def calibration_error(probability_nc: npt.ArrayLike, classes_n: npt.ArrayLike, *, bins: int = 15) -> float:
    """Return the gap between confidence and accuracy of the most likely class (ECE), `bins` equal bins."""
    p, classes = _pairs(probability_nc, classes_n)
    confidence, code = np.unique(p.max(axis=1), return_inverse=True)
    right = p.argmax(axis=1) == classes
    return Outcomes.of(code, right, size=confidence.size).calibration_error(confidence, bins)


def brier_score(probability_nc: npt.ArrayLike, classes_n: npt.ArrayLike) -> float:
    """Return the mean squared distance from the true class's indicator, summed over classes: 0 to 2.

    Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2, equation 2.
    """
    p, classes = _pairs(probability_nc, classes_n)
    truth = np.zeros_like(p)
    truth[np.arange(len(p)), classes] = 1
    return float(((p - truth) ** 2).sum(axis=1).mean())


def sigma_factor(values: npt.ArrayLike, truth: npt.ArrayLike, sigma: npt.ArrayLike) -> float:
    """Return the least factor of sigma with which 68.27 % of the truth lies within one sigma.

    NaN in any of the three leaves a sample out. Raises MisuseError where nothing is left or a sigma is
    not positive.
    """
    v, t, s = (np.ravel(np.asarray(a, np.float64)) for a in (values, truth, sigma))
    known = ~(np.isnan(v) | np.isnan(t) | np.isnan(s))
    if not known.any() or (s[known] <= 0).any():
        raise MisuseError("sigma scaling", expected="samples of positive sigma", got=f"{known.sum()} known")
    ratio = np.sort(np.abs(v - t)[known] / s[known])
    return float(ratio[int(np.ceil(ONE_SIGMA * ratio.size)) - 1])


def conformal_bound(nonconformity: npt.ArrayLike, block: npt.ArrayLike, *, coverage: float) -> float:
    """Return the bound that a sample of a new block keeps with at least this probability.

    Blocks (places) are exchangeable, pixels within one are not: each block weighs the same, and one more
    stands for the new one; Lee, Barber and Willett (2023), "Distribution-free inference with hierarchical
    data". With one sample per block this is split conformal. Infinite with fewer blocks than
    coverage / (1 - coverage): 9 for 0.9.

    `nonconformity` is, say, |value - truth| / sigma: the interval is then value -+ bound x sigma.

    >>> conformal_bound([1.0, 2.0, 3.0], [0, 1, 2], coverage=0.5)
    2.0
    """
    score, place = np.ravel(np.asarray(nonconformity, np.float64)), np.ravel(np.asarray(block))
    if not score.size or score.shape != place.shape or not 0 < coverage < 1 or np.isnan(score).any():
        raise MisuseError(
            "conformal bound",
            expected="a number and a block per sample, coverage between 0 and 1",
            got=f"{score.size} numbers, {place.size} blocks, coverage {coverage}",
        )
    _, code, size = np.unique(place, return_inverse=True, return_counts=True)
    order = np.argsort(score, kind="stable")
    mass = np.cumsum(1 / (size[code][order] * (size.size + 1)))
    reached = np.flatnonzero(mass >= coverage - 1e-12)
    return float(score[order][reached[0]]) if reached.size else float("inf")


def interval_figures(low: npt.ArrayLike, high: npt.ArrayLike, truth: npt.ArrayLike) -> dict[str, float]:
    """Return the share of truths inside their interval (picp) and the mean width (mpiw), ends included.

    The width has the unit of the values. NaN in any of the three leaves a sample out; NaN of nothing.
    """
    a, b, t = (np.ravel(np.asarray(v, np.float64)) for v in (low, high, truth))
    known = ~(np.isnan(a) | np.isnan(b) | np.isnan(t))
    if not known.any():
        return {"n": 0, "picp": float("nan"), "mpiw": float("nan")}
    a, b, t = a[known], b[known], t[known]
    return {"n": t.size, "picp": float(((a <= t) & (t <= b)).mean()), "mpiw": float((b - a).mean())}


def _pairs(rows_nc: npt.ArrayLike, classes_n: npt.ArrayLike) -> tuple[F64, I64]:
    rows, classes = finite_rows("calibration", rows_nc), np.asarray(classes_n)
    if classes.shape != (len(rows),) or classes.min() < 0 or classes.max() >= rows.shape[1]:
        raise MisuseError(
            "calibration", expected=f"a class 0 to {rows.shape[1] - 1} per sample", got=f"{classes.shape}"
        )
    return rows, classes.astype(np.int64)
