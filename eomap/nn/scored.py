"""How familiar windows are to a network, from what its layers said of them in the same forward pass.

Axis letters: n window, d feature, k channel, rows and cols cells.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.core.ports import F32
from eomap.ood import Detector, Familiarity

_LEAST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A fitted detector, and what its scores come to."""

    detector: Detector
    familiarity: Familiarity

    def __call__(self, features: F32, probability_nkrc: F32 | None, cells: int) -> F32:
        """Return the share of familiar samples that are more familiar (n, cells, cells).

        `features` are (n, d), one score a window, or (n, d, rows, cols), a score for each part of it.
        `probability_nkrc` are those of classes; None where the network gives none, which some methods need.
        """
        grid = features.shape[2:] or (1, 1)
        table = np.moveaxis(features.reshape(*features.shape[:2], -1), 1, -1).reshape(-1, features.shape[1])
        logits = None if probability_nkrc is None else logits_of(probability_nkrc, grid)
        share = self.familiarity.layer(self.detector.score(table, logits)).reshape(len(features), *grid)
        row, col = (np.arange(cells) * n // cells for n in grid)
        return share[:, row[:, None], col]


def logits_of(probability_nkrc: F32, grid: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Return logits (n rows cols, k) of the mean probabilities of each part of a grid."""
    n, k, rows, cols = probability_nkrc.shape
    parts = probability_nkrc.reshape(n, k, grid[0], rows // grid[0], grid[1], cols // grid[1])
    mean = parts.mean(axis=(3, 5), dtype=np.float64)
    return np.log(np.maximum(np.moveaxis(mean, 1, -1).reshape(-1, k), _LEAST))
