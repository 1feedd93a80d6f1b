"""Samples: arrays of one kind of number each, place by place, whoever made them.

Letters of axes: n sample, t look, b band, y row (north to south), x column (west to east).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError


class Rows(Protocol):
    """Anything that gives one sample after the other: a memory-mapped array, a data set of HDF5, files."""

    def __getitem__(self, n: Any, /) -> Any:
        """Return the sample of that number."""

    def __len__(self) -> int:
        """Return how many there are."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What the numbers of an array are."""

    name: str
    shape: tuple[int, ...]
    """Of one sample: (b, y, x), with looks (t, b, y, x); without bands (y, x); of days (t,)."""
    dtype: str
    pixel_m: float = 10.0
    """0 where there are no pixels."""
    of: str = ""
    """Name of the sensor whose codes these are; empty for truth."""
    bands: tuple[str, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    """Physical value = stored x scale + offset."""
    nodata: float | None = 0.0
    unit: str = "1"
    meaning: str = ""
    """One line."""

    def physical(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return physical values, float32, NaN where there are none."""
        value = stored.astype(np.float32) * np.float32(self.scale) + np.float32(self.offset)
        if self.nodata is not None:
            value[stored == self.nodata] = np.nan
        return value


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """One array of all samples."""

    spec: Spec
    rows: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A set to train and judge with."""

    name: str
    """What it was made of, for cards: one line."""
    arrays: Mapping[str, Array]
    splits_n: npt.NDArray[np.str_]
    """train, val or test of every sample."""
    place_n2: npt.NDArray[np.float32]
    """Longitude and latitude in degrees; NaN where a published set does not tell."""
    synthetic: bool
    licence: str = ""
    kinds_n: npt.NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))
    """What kind of place it is, for figures by kind; empty where nobody knows."""

    def of(self, split: str) -> npt.NDArray[np.int64]:
        """Return the numbers of the samples of a split; raise MisuseError where it has none."""
        found = np.flatnonzero(self.splits_n == split)
        if not len(found):
            there = ", ".join(sorted(set(self.splits_n.tolist()))) or "none"
            raise MisuseError(f"samples {self.name}", expected=f"some of split {split}", got=there)
        return found

    def array(self, name: str) -> Array:
        """Return the array of that name; raise MisuseError listing those there are."""
        if name not in self.arrays:
            raise MisuseError(
                f"samples {self.name}", expected=f"an array {name}", got=", ".join(sorted(self.arrays))
            )
        return self.arrays[name]
