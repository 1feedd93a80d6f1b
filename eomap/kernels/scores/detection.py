"""How well a score tells two outcomes apart, exactly, from the counts of its stored codes.

Higher codes speak for the event. Equal codes count half, as in the Mann-Whitney statistic.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
UNKNOWN = float("nan")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How often the event happened and did not, by stored code of a score."""

    yes_k: I64
    no_k: I64

    @classmethod
    def of(cls, codes: npt.ArrayLike, happened: npt.ArrayLike, *, size: int) -> "Outcomes":
        """Return the counts; codes are 0 to size - 1, `happened` is boolean, of the same shape."""
        k, event = np.asarray(codes).ravel(), np.asarray(happened, bool).ravel()
        return cls(np.bincount(k[event], minlength=size), np.bincount(k[~event], minlength=size))

    @classmethod
    def ranked(cls, scores: npt.ArrayLike, happened: npt.ArrayLike) -> "Outcomes":
        """Return the counts of any numbers, a code for each that occurs; such counts cannot be added.

        Raises ValueError on NaN, which has no rank.

        >>> Outcomes.ranked([0.3, -2.5, 0.3], [True, False, False]).auroc()
        0.75
        """
        values = np.asarray(scores).ravel()
        if np.isnan(values).any():
            raise ValueError("a score is NaN")
        distinct, codes = np.unique(values, return_inverse=True)
        return cls.of(codes, happened, size=distinct.size)

    def __add__(self, other: "Outcomes") -> "Outcomes":
        return Outcomes(self.yes_k + other.yes_k, self.no_k + other.no_k)

    @property
    def n(self) -> int:
        """Cells counted."""
        return int(self.yes_k.sum() + self.no_k.sum())

    @property
    def reverse(self) -> "Outcomes":
        """The same counts when the event is that it does not happen, and low codes speak for it."""
        return Outcomes(self.no_k[::-1], self.yes_k[::-1])

    def auroc(self) -> float:
        """Return the probability that an event scores higher than a non-event; NaN unless both occur."""
        yes, no = self.yes_k.astype(np.float64), self.no_k.astype(np.float64)
        if not yes.sum() or not no.sum():
            return UNKNOWN
        below = np.cumsum(no) - no
        return float((yes * (below + no / 2)).sum() / (yes.sum() * no.sum()))

    def average_precision(self) -> float:
        """Return the area under precision over recall, a step per code (AUPR); NaN unless both occur."""
        yes, no = _at_or_above(self.yes_k), _at_or_above(self.no_k)
        if not yes[-1] or not no[-1]:
            return UNKNOWN
        recall = yes / yes[-1]
        seen = yes + no
        precision = np.divide(yes, seen, out=np.zeros_like(yes), where=seen > 0)
        return float((np.diff(recall, prepend=0.0) * precision).sum())

    def false_alarms(self, found: float = 0.95) -> float:
        """Return the least share of non-events flagged by a threshold that flags `found` of the events.

        With 0.95 this is FPR95. NaN unless both occur.
        """
        yes, no = _at_or_above(self.yes_k), _at_or_above(self.no_k)
        if not yes[-1] or not no[-1]:
            return UNKNOWN
        return float(no[np.argmax(yes >= found * yes[-1])] / no[-1])

    def risk_coverage(self) -> tuple[F64, F64]:
        """Return coverage and risk, both 0 to 1, if only cells up to a code are kept; a step per code.

        The event is an error, high codes warn of it. Coverage: share of the cells kept. Risk: share of
        errors among those. Codes that no cell has are left out.
        """
        n_k = self.yes_k + self.no_k
        some = n_k > 0
        kept, wrong = np.cumsum(n_k)[some], np.cumsum(self.yes_k)[some]
        return kept / max(self.n, 1), wrong / kept

    def aurc(self) -> float:
        """Return the mean risk over the cells, each taken as the last to be kept; NaN of nothing.

        The area under the curve of Geifman and El-Yaniv (2017), arXiv:1705.08500; equal codes are one step.
        """
        coverage, risk = self.risk_coverage()
        return float((np.diff(coverage, prepend=0.0) * risk).sum()) if coverage.size else UNKNOWN

    def reliability(self, probability_k: npt.ArrayLike, bins: int = 15) -> list[tuple[int, float, float]]:
        """Return per non-empty bin of probability: cells, mean probability, share of events.

        `probability_k` (0 to 1) is what each code means. Bins are of equal width, as in Guo et al. (2017),
        arXiv:1706.04599.
        """
        p = np.asarray(probability_k, np.float64)
        bin_of = np.minimum((p * bins).astype(np.int64), bins - 1)
        n_k = self.yes_k + self.no_k
        made = []
        for b in range(bins):
            inside = (bin_of == b) & (n_k > 0)
            n = int(n_k[inside].sum())
            if n:
                mean = float((p[inside] * n_k[inside]).sum() / n)
                made.append((n, mean, float(self.yes_k[inside].sum() / n)))
        return made

    def calibration_error(self, probability_k: npt.ArrayLike, bins: int = 15) -> float:
        """Return the mean gap between probability and share of events, weighted by cells (ECE)."""
        made = self.reliability(probability_k, bins)
        total = sum(n for n, _, _ in made)
        return sum(n * abs(p - share) for n, p, share in made) / total if total else UNKNOWN


def _at_or_above(counts_k: I64) -> F64:
    """Return how many cells have each code or more, from the highest code down."""
    return np.cumsum(counts_k[::-1]).astype(np.float64)
