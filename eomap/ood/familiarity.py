"""From the score of any method to one number: the share of known samples that are more familiar.

Axis letters: n sample, q knot.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_SHARES = np.concatenate([np.linspace(0, 0.98, 50), np.linspace(0.981, 1, 20)])
"""Where the curve is kept: every fiftieth, and every thousandth of the tail that flags are made from."""


@dataclass(frozen=True, slots=True)
class Familiarity:
    """The empirical distribution of in-distribution scores, at a few knots."""

    score_q: F64
    """Ascending, no two alike."""
    share_q: F64
    """Share of the held-out known samples whose score is lower than the knot's."""

    @classmethod
    def of(cls, scores: npt.ArrayLike) -> "Familiarity":
        """Return the curve of held-out in-distribution scores: not of those the method was fitted on.

        Hold out whole places. Other parts of the fitted scenes look more familiar than a new place does,
        and a curve of theirs flags new places too often.

        Knots are samples. At a knot the share is exact, between two it lies between theirs. Raises
        MisuseError without scores or where one is not finite.
        """
        s = np.sort(np.asarray(scores, np.float64).ravel())
        if not s.size or not np.isfinite(s).all():
            raise MisuseError("familiarity", expected="finite scores of held-out known samples", got="none")
        at = np.unique(s[np.rint(_SHARES * (s.size - 1)).astype(np.int64)])
        return cls(at, np.searchsorted(s, at, side="left") / s.size)

    def layer(self, scores: npt.ArrayLike) -> F32:
        """Return the layer `ood`, 0 familiar to 1: the share of known samples with a lower score.

        It never falls as the score rises. 1 above all known scores, however far: use the score itself to
        rank those. NaN stays NaN.
        """
        s = np.asarray(scores, np.float64)
        share = np.interp(s, self.score_q, self.share_q, left=0.0)
        return np.where(s > self.score_q[-1], 1.0, share).astype(np.float32)
