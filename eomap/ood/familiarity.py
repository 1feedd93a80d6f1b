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
    """Share of the held-out known samples, by weight, whose score is lower than the knot's."""

    @classmethod
    def of(cls, scores: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> "Familiarity":
        """Return the curve of held-out in-distribution scores: not of those the method was fitted on.

        Hold out whole places. Other parts of the fitted scenes look more familiar than a new place does,
        and a curve of theirs flags new places too often.

        `weights` say how much each score counts, say that places weigh the same; None: all alike.
        Knots are samples. At a knot the share is exact, between two it lies between theirs. Raises
        MisuseError without scores or where one is not finite.
        """
        s = np.asarray(scores, np.float64).ravel()
        w = np.ones(s.size) if weights is None else np.asarray(weights, np.float64).ravel()
        if not s.size or not np.isfinite(s).all() or w.shape != s.shape or not (w > 0).all():
            raise MisuseError("familiarity", expected="finite scores of held-out known samples", got="none")
        order = np.argsort(s, kind="stable")
        s, total = s[order], np.concatenate([[0.0], np.cumsum(w[order])])
        near = np.interp(_SHARES * total[-2], total[:-1], np.arange(s.size))
        at = np.unique(s[np.rint(near).astype(np.int64)])
        return cls(at, total[np.searchsorted(s, at, side="left")] / total[-1])

    def layer(self, scores: npt.ArrayLike) -> F32:
        """Return the layer `ood`, 0 familiar to 1: the share of known samples with a lower score.

        It never falls as the score rises. 1 above all known scores, however far: use the score itself to
        rank those. NaN stays NaN.
        """
        s = np.asarray(scores, np.float64)
        share = np.interp(s, self.score_q, self.share_q, left=0.0)
        return np.where(s > self.score_q[-1], 1.0, share).astype(np.float32)
