"""Whether stated variances are the errors that occur, and whether the least certain are the worst.

Variances are in the square of the errors' unit; scores keep the errors' own. As in Ebel et al. (2023),
doi:10.1109/CVPRW59228.2023.00202.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
UNKNOWN = float("nan")
BINS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Sums of squared errors and of variances by bin of variance; sums of one range add.

    The paper's samples are images (mean variance and mean signed error of each) or, of an ensemble, pixels.
    As in its code the last bin holds the variances of `highest` and above only, so the range is cut into
    one bin less than there are.
    """

    lowest: float
    highest: float
    n_k: I64
    variance_k: F64
    square_k: F64

    @classmethod
    def of(
        cls,
        variances: npt.ArrayLike,
        errors: npt.ArrayLike,
        *,
        lowest: float | None = None,
        highest: float | None = None,
        bins: int = BINS,
    ) -> "Calibration":
        """Return the sums over the pairs in which neither is NaN.

        The range is that of the variances unless given; values beyond it count in the bins at its ends.
        """
        v, e = (np.asarray(a, np.float64).ravel() for a in (variances, errors))
        known = ~(np.isnan(v) | np.isnan(e))
        v, e = v[known], e[known]
        low = lowest if lowest is not None else float(v.min(initial=math.inf))
        high = highest if highest is not None else float(v.max(initial=-math.inf))
        if not v.size:
            nothing = np.zeros(bins)
            return cls(low, high, nothing.astype(np.int64), nothing, nothing)
        k = np.digitize(v, np.linspace(low, high, bins)[1:])
        return cls(
            low,
            high,
            np.bincount(k, minlength=bins),
            np.bincount(k, weights=v, minlength=bins).astype(np.float64),
            np.bincount(k, weights=e * e, minlength=bins).astype(np.float64),
        )

    def __add__(self, other: "Calibration") -> "Calibration":
        if (self.lowest, self.highest, len(self.n_k)) != (other.lowest, other.highest, len(other.n_k)):
            raise ValueError("sums over different bins of variance do not add")
        return Calibration(
            self.lowest,
            self.highest,
            self.n_k + other.n_k,
            self.variance_k + other.variance_k,
            self.square_k + other.square_k,
        )

    def gaps(self) -> F64:
        """Return per bin how far its RMSE lies from the root of its mean variance; NaN of an empty one."""
        n = np.where(self.n_k > 0, self.n_k, np.nan)
        return np.abs(np.sqrt(self.square_k / n) - np.sqrt(self.variance_k / n))

    @property
    def uce(self) -> float:
        """Uncertainty calibration error: the mean gap, weighted by samples."""
        return float(np.nansum(self.gaps() * self.n_k) / self.n_k.sum()) if self.n_k.any() else UNKNOWN

    @property
    def auce(self) -> float:
        """Area under the calibration error: the mean gap of the bins that hold any sample."""
        return float(np.nanmean(self.gaps())) if self.n_k.any() else UNKNOWN


def discard_curve(variances: npt.ArrayLike, errors: npt.ArrayLike, *, steps: int = 20) -> F64:
    """Return the RMSE of what is left when the share k / steps of highest variance is dropped (k from 0).

    It falls where variance tells large errors from small ones. Of equal variances the first stay. NaN in
    either leaves a pair out; all NaN of nothing.

    >>> discard_curve([1, 4, 9, 16], [1, 2, 3, 4], steps=2).round(3).tolist()
    [2.739, 1.581]
    """
    v, e = (np.asarray(a, np.float64).ravel() for a in (variances, errors))
    known = ~(np.isnan(v) | np.isnan(e))
    v, e = v[known], e[known]
    if not v.size:
        return np.full(steps, UNKNOWN)
    square = np.cumsum((e * e)[np.argsort(v, kind="stable")])
    left = v.size - np.arange(steps) * v.size // steps
    return np.sqrt(square[left - 1] / left)
