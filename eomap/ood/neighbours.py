"""Distance to the k-th nearest known sample, among features of unit length.

Sun et al. (2022), arXiv:2204.06507. Axis letters: n sample, m kept sample, d feature.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.ood.kmeans import squared_distances
from eomap.ood.samples import F64, Samples, finite_rows, rows_to_score

F32 = npt.NDArray[np.float32]
_WHERE = "distance to neighbours"
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A bank of known samples."""

    bank_md: F32
    k: int

    @classmethod
    def fit(cls, known: Samples, *, k: int = 5, limit_bytes: int = 900_000, seed: int = 0) -> "Neighbours":
        """Return the bank, thinned at random to `limit_bytes`; k counts among the samples kept."""
        x = _unit(finite_rows(_WHERE, known.features_nd))
        keep = min(len(x), limit_bytes // (4 * x.shape[1]))
        if not 1 <= k <= keep:
            raise MisuseError(_WHERE, expected=f"k from 1 to the {keep} samples kept", got=str(k))
        chosen = np.sort(np.random.default_rng(seed).choice(len(x), keep, replace=False))
        return cls(x[chosen].astype(np.float32), k)

    def score(self, features_nd: npt.ArrayLike | None, logits_nc: npt.ArrayLike | None = None) -> F32:
        """Return the Euclidean distance to the k-th neighbour, 0 to 2."""
        x = _unit(rows_to_score(_WHERE, features_nd, columns=self.bank_md.shape[1]))
        bank = self.bank_md.astype(np.float64)
        out = np.empty(len(x), np.float32)
        for first in range(0, len(x), _AT_ONCE):
            apart = squared_distances(x[first : first + _AT_ONCE], bank)
            out[first : first + _AT_ONCE] = np.sqrt(np.partition(apart, self.k - 1, axis=1)[:, self.k - 1])
        return out


def _unit(x_nd: F64) -> F64:
    """Return rows of length one; a row of zeros stays."""
    length = np.sqrt((x_nd * x_nd).sum(axis=1, keepdims=True))
    return x_nd / np.where(length > 0, length, 1.0)
