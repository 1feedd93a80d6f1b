"""What a date does to the land: leaves, crops, dry grass, snow.

One curve drives it all: how far the year is from the peak of the growing season, in July north of the
equator, in January south of it, and in early spring where winters are mild and wet. Axis letters:
m material, y row, x column.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from eomap.twin.climate import CLIMATES, U8
from eomap.twin.earth import F32, F64
from eomap.twin.materials import Material

_YEAR_DAYS = 365.25
_PEAK_DAY, _MILD_PEAK_DAY = 190, 85
_WINTER_CROPS, _SUMMER_CROPS = 0.45, 0.85
"""Parcels below the first number are sown in autumn, those below the second in spring, the rest lie bare."""


@dataclass(frozen=True, slots=True)
class Season:
    """The state of plants and snow (y, x), each 0 to 1."""

    leaf_yx: F32
    """Share of their leaves that broad-leaved trees have."""
    green_yx: F32
    """Share of grass that is green."""
    crop_yx: F32
    """Share of a field's ground that is green crop."""
    ripe_yx: F32
    """Share of a field's ground that is ripe crop or stubble; the rest is soil."""
    snow_yx: F32
    """Share of open ground under snow."""


def season_of(
    day: date, *, lat_deg: F64, climate_yx: U8, height_m_yx: F32, parcel_yx: F32, patch_yx: F32
) -> Season:
    """Return the season of places on a day.

    `parcel_yx` is a number in [0, 1) that each parcel has to itself; `patch_yx` a field of mean 0 and
    deviation 1 that makes snow patchy.
    """
    leaf, green, turn = (table[_place(lat_deg, climate_yx)] for table in _plants(day))
    winter = parcel_yx < _WINTER_CROPS
    summer = ~winter & (parcel_yx < _SUMMER_CROPS)
    late = np.float32(997) * parcel_yx
    own = turn + 30 * (late - np.floor(late) - np.float32(0.5))  # every farmer sows on another day
    crop = np.where(winter, _bump(own, -62, 45), np.where(summer, _bump(own, 33, 38), 0)) * np.float32(0.92)
    ripe = np.where(winter, _bump(own, 8, 22), np.where(summer, _bump(own, 92, 24), 0)) * (1 - crop) + (
        np.float32(0.25) * (1 - crop)
    )
    snow = _snow(day, lat_deg, climate_yx, height_m_yx, patch_yx)
    return Season(*(np.clip(a, 0, 1).astype(np.float32, copy=False) for a in (leaf, green, crop, ripe, snow)))


def _place(lat_deg: F64, climate_yx: U8) -> U8:
    """Return the place of each pixel's climate in tables (climates of the north, then of the south)."""
    south = lat_deg < 0
    return climate_yx + np.uint8(len(CLIMATES)) * south if south.any() else climate_yx


def _both(name: str) -> F32:
    """Return a number of the climates as a table for `_place`."""
    return np.array([getattr(c, name) for c in CLIMATES * 2], np.float32)


def _plants(day: date) -> tuple[F32, F32, F32]:
    """Return leaves, green grass and days from the peak of growth, -183 to 183, as tables for `_place`."""
    season, number = _both("season"), day.timetuple().tm_yday
    peak = np.where(season < 0, _MILD_PEAK_DAY, _PEAK_DAY) + np.repeat([0, _YEAR_DAYS / 2], len(CLIMATES))
    turn = ((number - peak + 1.5 * _YEAR_DAYS) % _YEAR_DAYS - _YEAR_DAYS / 2).astype(np.float32)
    warm = np.float32(0.5) + np.float32(0.5) * np.cos(np.float32(2 * np.pi / _YEAR_DAYS) * turn)
    grown = 1 / (1 + np.exp(-9 * (warm - np.float32(0.42))))
    leaf = 1 - _both("leaf_fall") * (1 - grown)
    return leaf, 1 - np.abs(season) * (1 - grown) * np.float32(0.85), turn


def _bump(turn: F32, centre: float, width: float) -> F32:
    away = turn - np.float32(centre)
    away -= np.float32(_YEAR_DAYS) * np.rint(away * np.float32(1 / _YEAR_DAYS))
    away *= np.float32(1 / width)
    return np.exp(-np.square(away))


def temperature_c(day: date, *, lat_deg: F64, climate_yx: U8, height_m_yx: F32) -> F32:
    """Return the mean air temperature of a day (y, x), degrees Celsius, by a sine over the year."""
    north = -np.cos(2 * np.pi * (day.timetuple().tm_yday - 25) / _YEAR_DAYS)
    at_sea = _both("mean_c") + _both("swing_c") * np.repeat([north, -north], len(CLIMATES))
    found: F32 = at_sea.astype(np.float32)[_place(lat_deg, climate_yx)] - np.float32(0.0065) * height_m_yx
    return found


def _snow(day: date, lat_deg: F64, climate_yx: U8, height_m_yx: F32, patch_yx: F32) -> F32:
    cold = temperature_c(day, lat_deg=lat_deg, climate_yx=climate_yx, height_m_yx=height_m_yx)
    deep = (-1 - cold) / 5 + np.float32(0.35) * patch_yx * (cold < 1)
    return np.clip(deep, 0, 1) * np.float32(0.97)


def in_season(fraction_myx: U8, season: Season) -> U8:
    """Return the materials (m, y, x) of a date, in 255ths as those of land at full leaf are.

    Lost leaves are half twigs, half shade; dry grass and ripe crops are dead plants; trees carry less
    snow than open ground, and water none.
    """

    def share(material: Material) -> F32:
        return fraction_myx[material].astype(np.float32)

    leaves, grass, field = share(Material.BROADLEAF), share(Material.GRASS), share(Material.CROP)
    lost, dry = leaves * (1 - season.leaf_yx), grass * (1 - season.green_yx)
    bare = np.clip(1 - season.crop_yx - season.ripe_yx, 0, 1)
    changed = {
        Material.BROADLEAF: leaves - lost,
        Material.GRASS: grass - dry,
        Material.CROP: field * season.crop_yx,
        Material.NPV: share(Material.NPV) + np.float32(0.5) * lost + dry + field * season.ripe_yx,
        Material.SOIL: share(Material.SOIL) + field * bare,
    }
    out = fraction_myx.copy()
    # Down, not to the nearest: shares must not add up to more than a whole.
    if not season.snow_yx.any():
        for material, value in changed.items():
            out[material] = value.astype(np.uint8)
        return out
    trees = (changed[Material.BROADLEAF] + share(Material.CONIFER)) / np.float32(255)
    open_ = 1 - season.snow_yx * (1 - np.float32(0.65) * trees)
    for material in Material:
        if material is not Material.WATER:
            out[material] = (changed.get(material, share(material)) * open_).astype(np.uint8)
    snow = share(Material.SNOW) * open_ + (1 - open_) * (255 - share(Material.WATER))
    out[Material.SNOW] = snow.astype(np.uint8)
    return out
