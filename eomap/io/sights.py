"""Small pictures of a map and its truth, filled block by block while they are compared."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Window
from eomap.core.layer import Layer

F32 = npt.NDArray[np.float32]
LONGEST_PX = 420


@dataclass(frozen=True, slots=True)
class Sight:
    """Every so many cells of a map and its truth; NaN where nothing was read."""

    layer: Layer
    window: Window
    row_at: npt.NDArray[np.int64]
    """Row of the grid that each picture row shows; the picture is (b, y, x)."""
    col_at: npt.NDArray[np.int64]
    map_byx: F32
    """Stored codes of a class map, else values in the layer's unit."""
    truth_byx: F32
    bands: tuple[str, ...] = ()

    @classmethod
    def over(cls, layer: Layer, window: Window, bands: tuple[str, ...] = ()) -> "Sight":
        """Return an empty sight of a window, at most LONGEST_PX on its longer side."""
        every = max(1, -(-max(window.shape) // LONGEST_PX))
        row_at = np.arange(window.row0 + every // 2, window.row1, every)
        col_at = np.arange(window.col0 + every // 2, window.col1, every)
        blank = np.full((max(len(bands), 1), row_at.size, col_at.size), np.nan, np.float32)
        return cls(layer, window, row_at, col_at, blank, blank.copy(), bands)

    def show(self, block: Window, map_byx: npt.ArrayLike, truth_byx: npt.ArrayLike) -> None:
        """Fill in what a block holds; both (b, y, x), or (y, x) for one band."""
        rows = (self.row_at >= block.row0) & (self.row_at < block.row1)
        cols = (self.col_at >= block.col0) & (self.col_at < block.col1)
        if not (rows.any() and cols.any()):
            return
        at = np.ix_(self.row_at[rows] - block.row0, self.col_at[cols] - block.col0)
        for target, source in ((self.map_byx, map_byx), (self.truth_byx, truth_byx)):
            values = np.asarray(source)
            for b, plane in enumerate(values if values.ndim == 3 else values[None]):
                target[b][np.ix_(rows, cols)] = plane[at]

    def cut(self) -> "Sight":
        """Return the part that holds all known truth, or all of it where none is known."""
        known = np.any(~np.isnan(self.truth_byx), axis=0)
        if not known.any():
            return self
        rows, cols = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
        r, c = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
        return Sight(
            self.layer,
            self.window,
            self.row_at[r],
            self.col_at[c],
            self.map_byx[:, r, c],
            self.truth_byx[:, r, c],
            self.bands,
        )
