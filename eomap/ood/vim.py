"""Virtual-logit matching: what the main directions of the features leave over, weighed against the logits.

Wang et al. (2022), arXiv:2203.10807. Axis letters: n sample, d feature, r residual direction, c class.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.ood.logits import log_sum_exp, vet_logits
from eomap.ood.samples import F64, Samples, finite_rows, rows_to_score

F32 = npt.NDArray[np.float32]
_WHERE = "virtual logit"


@dataclass(frozen=True, slots=True)
class Vim:
    """The residual space of the features and the gain that makes its norm a logit."""

    origin_d: F64
    residual_dr: F32
    gain: float
    offset: float
    """Mean logit of the known samples. It is taken off first: softmax does not see a constant, the gain does.

    0 in the paper, whose networks have it so; published LCZ networks have largest logits below 0.
    """

    @classmethod
    def fit(
        cls, known: Samples, *, principal: int | None = None, classifier: tuple[F64, F64] | None = None
    ) -> "Vim":
        """Return the residual space beyond `principal` directions (None: half of the features).

        `classifier` is weight (c, d) and bias (c) of the last layer: the origin is then the paper's,
        -pinv(weight) bias, else the mean of the features. Needs logits before softmax.
        """
        x, logits = finite_rows(_WHERE, known.features_nd), vet_logits(known.logits_nc)
        offset = float(logits.mean())
        top = float((logits.max(axis=1) - offset).mean())
        size = x.shape[1] // 2 if principal is None else principal
        if not 0 < size < x.shape[1]:
            raise MisuseError(_WHERE, expected=f"1 to {x.shape[1] - 1} principal directions", got=str(size))
        origin = -np.linalg.pinv(classifier[0]) @ classifier[1] if classifier else x.mean(axis=0)
        centred = x - origin
        _, vectors = np.linalg.eigh(centred.T @ centred)
        residual = vectors[:, : x.shape[1] - size]
        norm = float(np.sqrt(((centred @ residual) ** 2).sum(axis=1)).mean())
        if not top * norm > 0:
            expected = "features that need all directions, logits that differ"
            raise MisuseError(_WHERE, expected=expected, got=f"residual {norm:.3g}, gap {top:.3g}")
        return cls(origin, residual.astype(np.float32), top / norm, offset)

    def score(self, features_nd: npt.ArrayLike | None, logits_nc: npt.ArrayLike | None = None) -> F32:
        """Return virtual logit - log sum exp(logits - offset): ranks as the virtual class's probability."""
        x = rows_to_score(_WHERE, features_nd, columns=len(self.origin_d))
        logits = rows_to_score(_WHERE, logits_nc) - self.offset
        left = np.sqrt((((x - self.origin_d) @ self.residual_dr.astype(np.float64)) ** 2).sum(axis=1))
        return (self.gain * left - log_sum_exp(logits)).astype(np.float32)
