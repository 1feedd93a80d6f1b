"""The products of MODIS that are sensors here: bands, ranges of valid numbers, quality layers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy.typing as npt

from eomap.sensors.modis.quality import Bool, fully_inverted, index_clear, reliable, state_clear

PX_250M, PX_500M = 231.656358, 463.312717
"""Sides of pixels of the sinusoidal grid on its sphere of 6371007.181 m, in metres."""
SCALE = 1e-4


@dataclass(frozen=True, slots=True)
class Quality:
    """A layer that says where a look is good."""

    name: str
    """Asset or data set, without what stands before it."""
    fill: float
    clear: Callable[[npt.NDArray[Any]], Bool]


@dataclass(frozen=True, slots=True)
class Kind:
    """One product: what its numbers mean. Codes = numbers - `low` + 1, so that every valid one fits."""

    key: str
    """As it stands in names of products: 13Q1."""
    title: str
    bands: Mapping[str, str]
    """Band to asset or data set, without what stands before it."""
    default_bands: tuple[str, ...]
    pixel_m: float
    step: int
    quantity: str
    unit: str
    low: int
    """Least and greatest valid number; what lies outside is not seen, fill or not."""
    high: int
    fill: int
    quality: Mapping[str, tuple[Quality, ...]]
    """For each band the layers that tell of it, the first one there is to be used."""

    @property
    def offset(self) -> float:
        """Physical = code * SCALE + offset."""
        return round((self.low - 1) * SCALE, 6)


_REFLECTANCE = tuple(f"M{n}" for n in range(1, 8))
_RANK = Quality("pixel_reliability", -1.0, reliable)
_BITS = Quality("VI_Quality", 65_535.0, index_clear)
_STATE = Quality("state_500m", 65_535.0, state_clear)

INDICES = Kind(
    key="13Q1",
    title="MODIS vegetation indices, 16 days",
    bands=MappingProxyType({"NDVI": "NDVI", "EVI": "EVI"}),
    default_bands=("NDVI",),
    pixel_m=PX_250M,
    step=25,
    quantity="vegetation_index",
    unit="1",
    low=-2_000,
    high=10_000,
    fill=-3_000,
    quality=MappingProxyType(dict.fromkeys(("NDVI", "EVI"), (_RANK, _BITS))),
)
SURFACE = Kind(
    key="09A1",
    title="MODIS surface reflectance, 8 days",
    bands=MappingProxyType({b: f"b0{b[1]}" for b in _REFLECTANCE}),
    default_bands=_REFLECTANCE,
    pixel_m=PX_500M,
    step=50,
    quantity="reflectance",
    unit="1",
    low=-100,
    high=16_000,
    fill=-28_672,
    quality=MappingProxyType(dict.fromkeys(_REFLECTANCE, (_STATE,))),
)
DAILY = replace(
    SURFACE,
    key="09GA",
    title="MODIS surface reflectance, daily",
    quality=MappingProxyType(dict.fromkeys(_REFLECTANCE, (replace(_STATE, name="state_1km"),))),
)
NADIR = Kind(
    key="43A4",
    title="MODIS reflectance seen from nadir",
    bands=MappingProxyType({b: f"Reflectance_Band{b[1]}" for b in _REFLECTANCE}),
    default_bands=_REFLECTANCE,
    pixel_m=PX_500M,
    step=50,
    quantity="reflectance",
    unit="1",
    low=0,
    high=32_766,
    fill=32_767,
    quality=MappingProxyType(
        {b: (Quality(f"Mandatory_Quality_Band{b[1]}", 255.0, fully_inverted),) for b in _REFLECTANCE}
    ),
)
