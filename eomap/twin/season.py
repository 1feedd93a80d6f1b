"""What a date does to the land: leaves, crops, dry grass, snow.

When plants are green stands in `phenology`. Axis letters: m material, y row, x column.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from eomap.twin.climate import CLIMATES, U8
from eomap.twin.earth import F32, F64
from eomap.twin.land import CROP_SHARE
from eomap.twin.materials import Material
from eomap.twin.phenology import LEVELS, YEAR_DAYS, plant_tables


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
    place = _place(lat_deg, climate_yx)
    plants = plant_tables(day, CROP_SHARE)
    level = place * np.int32(LEVELS) + (parcel_yx * np.float32(LEVELS)).astype(np.int32)
    crop, ripe = plants.green_pn.reshape(-1)[level], plants.straw_pn.reshape(-1)[level]
    snow = _snow(day, lat_deg, climate_yx, height_m_yx, patch_yx)
    return Season(plants.leaf_p[place], plants.grass_p[place], crop, np.minimum(ripe, 1 - crop), snow)


def _place(lat_deg: F64, climate_yx: U8) -> U8:
    """Return the place of each pixel's climate in tables (climates of the north, then of the south)."""
    south = lat_deg < 0
    return climate_yx + np.uint8(len(CLIMATES)) * south if south.any() else climate_yx


def temperature_c(day: date, *, lat_deg: F64, climate_yx: U8, height_m_yx: F32) -> F32:
    """Return the mean air temperature of a day (y, x), degrees Celsius, by a sine over the year."""
    north = -np.cos(2 * np.pi * (day.timetuple().tm_yday - 25) / YEAR_DAYS)
    mean_c, swing_c = (np.array([getattr(c, n) for c in CLIMATES * 2]) for n in ("mean_c", "swing_c"))
    at_sea = mean_c + swing_c * np.repeat([north, -north], len(CLIMATES))
    found: F32 = at_sea.astype(np.float32)[_place(lat_deg, climate_yx)] - np.float32(0.0065) * height_m_yx
    return found


def _snow(day: date, lat_deg: F64, climate_yx: U8, height_m_yx: F32, patch_yx: F32) -> F32:
    cold = temperature_c(day, lat_deg=lat_deg, climate_yx=climate_yx, height_m_yx=height_m_yx)
    deep = (-1 - cold) / 5 + np.float32(0.35) * patch_yx * (cold < 1)
    return np.clip(deep, 0, 1) * np.float32(0.97)


def in_season(fraction_myx: U8, season: Season, *, soil_yx: F32) -> U8:
    """Return the materials (m, y, x) of a date, in 255ths as those of land at full leaf are.

    `soil_yx` is how bright soil is, 1 when dry; what it lacks is shade. Lost leaves are half twigs, half
    shade; dry grass and ripe crops are dead plants; trees carry less snow than open ground, water none.
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
        Material.SOIL: (share(Material.SOIL) + field * bare) * soil_yx,
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
