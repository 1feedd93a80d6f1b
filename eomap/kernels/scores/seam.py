"""Steps across the borders of tiles, against what neighbouring cells differ by anyway."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from eomap.kernels.scores.error import Mean

F64 = npt.NDArray[np.float64]
REACH_CELLS = 2
"""How far beyond its own cells a window must be read."""


@dataclass(frozen=True, slots=True)
class Seam:
    """Absolute differences of neighbouring cells, across borders and right beside them."""

    step: Mean = field(default_factory=Mean)
    """Between the last cell of one tile and the first of the next."""
    beside: Mean = field(default_factory=Mean)
    """Between those cells and their neighbours inside the same tile."""

    @classmethod
    def of(cls, values_yx: F64, *, first: tuple[int, int], every: int, halo: int) -> "Seam":
        """Return the differences at the borders that the inner cells of a window begin with.

        `values_yx` holds `halo` (2 or more) cells beyond the window on every side, NaN where unknown;
        `first` is the lattice row and column of its first inner cell, `every` the side of a tile in
        cells. A border counts where all four cells across it are known.
        """
        return cls._across(values_yx, first[1], every, halo) + cls._across(values_yx.T, first[0], every, halo)

    @classmethod
    def _across(cls, values: F64, first: int, every: int, halo: int) -> "Seam":
        inner = values[halo : values.shape[0] - halo]
        at = np.arange(halo, values.shape[1] - halo)
        at = at[(first + at - halo) % every == 0]
        before, last, next_, after = (inner[:, at + k] for k in (-2, -1, 0, 1))
        known = ~np.isnan(before + last + next_ + after)
        before, last, next_, after = (a[known] for a in (before, last, next_, after))
        beside = np.concatenate([np.abs(last - before), np.abs(after - next_)])
        return cls(Mean.of(np.abs(next_ - last)), Mean.of(beside))

    def __add__(self, other: "Seam") -> "Seam":
        return Seam(self.step + other.step, self.beside + other.beside)

    @property
    def ratio(self) -> float:
        """Mean step over mean difference beside it; about 1 without a seam, NaN where nothing differs."""
        return self.step.value / self.beside.value if self.beside.total else float("nan")
