"""Where a composite is put together, and in which blocks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eomap.core.grid import Frame
from eomap.core.plan import Task
from eomap.core.ports import U16
from eomap.core.product import Need
from eomap.kernels.composite import Composed
from eomap.kernels.median import NO_SPREAD


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Where a composite is put together, or a part of it."""

    code_byx: U16
    n_clear_yx: U16
    spread_yx: U16
    day_yx: U16
    deviation_kyx: U16

    @classmethod
    def of(cls, need: Need, frame: Frame) -> "Canvas":
        """Return an empty canvas of a frame, without what is not asked for."""
        spread = np.full(frame.shape if need.spread else (0, 0), NO_SPREAD, np.uint16)
        n_clear, day = np.zeros(frame.shape, np.uint16), np.zeros(frame.shape, np.uint16)
        deviation = np.zeros((3, *(frame.shape if need.deviations else (0, 0))), np.uint16)
        return cls(np.zeros((len(need.bands), *frame.shape), np.uint16), n_clear, spread, day, deviation)

    def take(self, made: Composed) -> None:
        """Fill in what is asked for and was made."""
        pairs = (
            (self.spread_yx, made.spread_yx),
            (self.day_yx, made.day_yx),
            (self.deviation_kyx, made.deviation_kyx),
        )
        for mine, found in pairs:
            if found is not None and mine.size:
                mine[...] = found

    def part(self, rows: slice, cols: slice) -> "Canvas":
        """Return a part that paints on the whole."""
        arrays = (self.code_byx, self.n_clear_yx, self.spread_yx, self.day_yx, self.deviation_kyx)
        return Canvas(*(a[..., rows, cols] for a in arrays))


def blocks_of(frame: Frame, task: Task) -> Iterator[tuple[slice, slice]]:
    """Yield rows and columns of the blocks in which a task reads its frame."""
    high, wide = task.block_px, task.block_cols or frame.width
    for row in range(0, frame.height, high):
        for col in range(0, frame.width, wide):
            yield slice(row, min(row + high, frame.height)), slice(col, min(col + wide, frame.width))
