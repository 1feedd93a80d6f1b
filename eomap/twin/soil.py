"""How wet the topmost soil is, and how that and its humus darken it.

Functions of place and day, of round numbers. Axis letters: y row (north to south), x column (west to east).
"""

from datetime import date

import numpy as np

from eomap.twin.climate import CLIMATES, of_climate
from eomap.twin.earth import F32, Points
from eomap.twin.land import U8

FRONT_M, SHOWER_M = 300_000.0, 20_000.0
_DRIEST, _WETTEST = 0.03, 0.50
_SKIN_DRY, _SKIN_WET = 0.13, 0.30
"""Moisture below which the skin of the soil, all that light sees, is dry, and above which it is no darker."""
_WET_DARKENS = 0.5
_HUMUS_DARKENS = {
    "rain forest": 0.10, "temperate": 0.20, "subtropical": 0.05, "continental": 0.25, "boreal": 0.25,
    "tundra": 0.25, "steppe": 0.05,
}  # fmt: skip
"""Cool and wet soils keep humus; black earths are the soils of continental grassland."""


def soil_moisture(points: Points, day: date, seed: int, *, climate_yx: U8, green_yx: F32) -> F32:
    """Return the water in the topmost soil (y, x), m3/m3; `green_yx` is how green the grass is, 0 to 1."""
    plants = of_climate(climate_yx, "trees") + of_climate(climate_yx, "scattered")
    plants = plants + np.float32(0.6) * (of_climate(climate_yx, "bush") + of_climate(climate_yx, "grass"))
    usual = np.float32(0.05) + np.float32(0.22) * plants * (np.float32(0.5) + np.float32(0.5) * green_yx)
    rain = np.float32(0.35) * points.fractal(FRONT_M, of_day(seed, day), octaves=2)
    rain = rain + np.float32(0.2) * points.fractal(SHOWER_M, of_day(seed + 1, day), octaves=3)
    return np.clip(usual * np.exp(rain), _DRIEST, _WETTEST).astype(np.float32)


def of_day(seed: int, day: date) -> int:
    """Return the seed of a field that is another one every day."""
    return seed + 104_729 * day.toordinal()


def soil_brightness(moisture_yx: F32, climate_yx: U8) -> F32:
    """Return how bright soil is beside the dry soil of the tables (y, x), 1 or less.

    Water darkens soil to about half (Lobell and Asner 2002, doi:10.2136/sssaj2002.7220: a falling
    exponential that saturates); here straight between two moistures, and alike in all bands.
    """
    wet = np.clip((moisture_yx - np.float32(_SKIN_DRY)) / np.float32(_SKIN_WET - _SKIN_DRY), 0, 1)
    humus = np.array([_HUMUS_DARKENS.get(c.name, 0.0) for c in CLIMATES], np.float32)[climate_yx]
    return ((1 - humus) * (1 - np.float32(_WET_DARKENS) * wet)).astype(np.float32)
