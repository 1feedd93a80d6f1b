"""What a provider needs of a world: pixels of an acquisition on a raster, and the truth below them.

A source is asked raster by raster, in any order and from several threads at once; its answer is a pure
function of place, moment and its own seed. Axis letters: b band, y north to south, x west to east.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame
from eomap.twin.acquisitions import Acquisition
from eomap.twin.degrees import DegreeFrame
from eomap.twin.sinusoid import SinusoidFrame

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
ENMAP_BANDS = 224
CLASSES_ENMAP = ("cloud", "cloud_shadow", "haze", "cirrus", "snow")
"""EnMAP's quality rasters, 1 where it is so."""
RANK = "rank"
"""Quality of a MODIS composite's pixel: 0 good, 1 marginal, 2 snow, 3 cloudy."""
LAND_COVER = "igbp"
"""Class 1 to 17 of the International Geosphere-Biosphere Programme."""
RADIANCE = "radiance"
"""Of the lights at night, nW cm-2 sr-1."""


@dataclass(frozen=True, slots=True, eq=False)
class TruthLayer:
    """What is really there, on a raster of square pixels that begins at the frame's corner."""

    values: npt.NDArray[Any]
    """(y, x), or (b, y, x) with `bands`."""
    pixel_m: float
    """A divisor of 300."""
    unit: str
    kind: Literal["class", "value"]
    nodata: float | None = None
    scale: float = 1.0
    """Value = stored number x scale."""
    bands: tuple[str, ...] = ()
    meanings: Mapping[int, str] = field(default_factory=dict)
    """Of the codes of a class."""


class PixelSource(Protocol):
    """A world to take pictures of. Values outside of what an acquisition shows are not looked at."""

    @property
    def name(self) -> str:
        """Name, version and seed: whatever changes the pixels changes the name."""

    def optical(
        self, acquisition: Acquisition, frame: Frame, bands: Sequence[str], *, level: str
    ) -> Mapping[str, npt.NDArray[Any]]:
        """Return Sentinel-2 bands, each (y, x) at its native pixel size.

        Reflectance as float32 at the top of the atmosphere (`level` L1C) or at the ground (L2A); the band
        SCL holds scene classes, uint8, at 20 m, whatever the level. Frames are multiples of 60 m.
        """

    def radar(self, acquisition: Acquisition, frame: Frame, *, product: str) -> Mapping[str, F32]:
        """Return VV and VH (y, x) at 10 m as linear power: gamma nought for `rtc`, sigma nought for `grd`."""

    def hyperspectral(self, acquisition: Acquisition, frame: Frame) -> tuple[F32, Mapping[str, U8]]:
        """Return surface reflectance (b, y, x) of EnMAP's 224 bands at 30 m, and its CLASSES_ENMAP (y, x).

        NaN is nodata.
        """

    def modis(
        self, acquisition: Acquisition, frame: SinusoidFrame, bands: Sequence[str]
    ) -> Mapping[str, npt.NDArray[Any]]:
        """Return bands (y, x) of a composite: reflectance of M1 to M7, float32, NaN nodata; RANK, uint8.

        LAND_COVER, uint8, is that of the year, with the errors that such maps have.
        """

    def lights(self, acquisition: Acquisition, frame: DegreeFrame) -> F32:
        """Return the RADIANCE of a year's nights (y, x)."""

    def truth(self, frame: Frame, day: date | None) -> Mapping[str, TruthLayer]:
        """Return what does not change (no day), or what does on a day, by name; nothing where there is none.

        Frames are multiples of 300 m; the same names, types and pixel sizes whatever the frame.
        """
