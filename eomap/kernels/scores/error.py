"""Errors of values against truth: sums that add, and the figures they give.

Values and truth share one unit, which MAE, RMSE and bias keep. NaN in either leaves a pair out.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
UNKNOWN = float("nan")


@dataclass(frozen=True, slots=True)
class Mean:
    """A running mean."""

    n: int = 0
    total: float = 0.0

    @classmethod
    def of(cls, values: npt.ArrayLike) -> "Mean":
        """Return the mean over the values that are not NaN."""
        known = np.asarray(values, np.float64)
        known = known[~np.isnan(known)]
        return cls(known.size, float(known.sum()))

    def __add__(self, other: "Mean") -> "Mean":
        return Mean(self.n + other.n, self.total + other.total)

    @property
    def value(self) -> float:
        """The mean, NaN of nothing."""
        return self.total / self.n if self.n else UNKNOWN


@dataclass(frozen=True, slots=True)
class Errors:
    """Sums over pairs of value and truth; the spread merges after Chan, Golub and LeVeque (1983)."""

    n: int = 0
    error: float = 0.0
    """Sum of value minus truth."""
    absolute: float = 0.0
    square: float = 0.0
    truth_mean: float = 0.0
    truth_spread: float = 0.0
    """Sum of squared distances of the truth from its mean."""

    @classmethod
    def of(cls, values: npt.ArrayLike, truth: npt.ArrayLike) -> "Errors":
        """Return the sums over the pairs in which neither is NaN."""
        v, t = np.asarray(values, np.float64), np.asarray(truth, np.float64)
        known = ~(np.isnan(v) | np.isnan(t))
        if not known.any():
            return cls()
        e, t = v[known] - t[known], t[known]
        mean = float(t.mean())
        return cls(
            t.size,
            float(e.sum()),
            float(np.abs(e).sum()),
            float((e * e).sum()),
            mean,
            float(((t - mean) ** 2).sum()),
        )

    def __add__(self, other: "Errors") -> "Errors":
        n = self.n + other.n
        if not self.n or not other.n:
            return self if self.n else other
        apart = other.truth_mean - self.truth_mean
        return Errors(
            n,
            self.error + other.error,
            self.absolute + other.absolute,
            self.square + other.square,
            self.truth_mean + apart * other.n / n,
            self.truth_spread + other.truth_spread + apart * apart * self.n * other.n / n,
        )

    @property
    def mae(self) -> float:
        """Mean absolute error."""
        return self.absolute / self.n if self.n else UNKNOWN

    @property
    def rmse(self) -> float:
        """Root mean square error."""
        return math.sqrt(self.square / self.n) if self.n else UNKNOWN

    @property
    def bias(self) -> float:
        """Mean of value minus truth: positive where the map says too much."""
        return self.error / self.n if self.n else UNKNOWN

    @property
    def r2(self) -> float:
        """Share of the truth's variance that the map explains, 1 - SSE/SST.

        Below 0 the map is worse than the best constant; NaN where the truth does not vary.
        """
        return 1 - self.square / self.truth_spread if self.truth_spread > 0 else UNKNOWN

    def psnr(self, data_range: float) -> float:
        """Peak signal-to-noise ratio in dB; infinite without any error."""
        if not self.n:
            return UNKNOWN
        if self.square == 0:
            return math.inf
        return 10 * math.log10(data_range**2 * self.n / self.square)


@dataclass(frozen=True, slots=True)
class Bins:
    """Errors by the code (0, 1, ...) that the truth would have in the map; quantile bins come from it."""

    n_k: I64
    error_k: F64
    absolute_k: F64

    @classmethod
    def of(cls, codes: npt.ArrayLike, errors: npt.ArrayLike, *, size: int) -> "Bins":
        """Return the sums by code; codes beyond 0 to size - 1 count as the nearest of them."""
        k = np.clip(np.asarray(codes, np.int64).ravel(), 0, size - 1)
        e = np.asarray(errors, np.float64).ravel()
        return cls(
            np.bincount(k, minlength=size),
            np.bincount(k, weights=e, minlength=size).astype(np.float64),  # int of nothing
            np.bincount(k, weights=np.abs(e), minlength=size).astype(np.float64),
        )

    def __add__(self, other: "Bins") -> "Bins":
        return Bins(self.n_k + other.n_k, self.error_k + other.error_k, self.absolute_k + other.absolute_k)

    def quantiles(self, count: int = 10) -> list[tuple[int, int, int, float, float]]:
        """Return per bin: lowest and highest code, pairs, bias, MAE; equal shares of the pairs.

        A code is never split, so bins are uneven where many pairs share one, and empty ones are left out.

        >>> Bins.of([0, 0, 1, 9], [1.0, -1.0, 2.0, 4.0], size=10).quantiles(2)
        [(0, 0, 2, 0.0, 1.0), (1, 9, 2, 3.0, 3.0)]
        """
        codes = np.flatnonzero(self.n_k)
        if not codes.size:
            return []
        n = self.n_k[codes]
        middle = np.cumsum(n) - n / 2
        bin_of = np.minimum((middle * count / n.sum()).astype(np.int64), count - 1)
        made = []
        for b in np.unique(bin_of):
            inside = codes[bin_of == b]
            pairs = int(self.n_k[inside].sum())
            made.append(
                (
                    int(inside[0]),
                    int(inside[-1]),
                    pairs,
                    float(self.error_k[inside].sum() / pairs),
                    float(self.absolute_k[inside].sum() / pairs),
                )
            )
        return made


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often the truth lies within one and two standard deviations of the value."""

    n: int = 0
    within_1: int = 0
    within_2: int = 0

    @classmethod
    def of(cls, values: npt.ArrayLike, truth: npt.ArrayLike, sigma: npt.ArrayLike) -> "Coverage":
        """Return the counts over the pairs in which none of the three is NaN."""
        v, t, s = (np.asarray(a, np.float64) for a in (values, truth, sigma))
        known = ~(np.isnan(v) | np.isnan(t) | np.isnan(s))
        apart, s = np.abs(v[known] - t[known]), s[known]
        return cls(s.size, int((apart <= s).sum()), int((apart <= 2 * s).sum()))

    def __add__(self, other: "Coverage") -> "Coverage":
        return Coverage(self.n + other.n, self.within_1 + other.within_1, self.within_2 + other.within_2)

    @property
    def share_1(self) -> float:
        """Share within one standard deviation; .683 for a calibrated normal error."""
        return self.within_1 / self.n if self.n else UNKNOWN

    @property
    def share_2(self) -> float:
        """Share within two standard deviations; .954 for a calibrated normal error."""
        return self.within_2 / self.n if self.n else UNKNOWN
