"""What the weather of a day leaves for a radar to see: wet soil, wind on water; and the ground it then sees.

Fields are functions of place and day, of round numbers: wet soils where plants are green, fronts of 300 km,
showers of 20 km. Axis letters: y row (north to south), x column (west to east).
"""

from datetime import date

import numpy as np

from eomap.twin import radar
from eomap.twin.climate import of_climate
from eomap.twin.earth import F32, Points
from eomap.twin.ground import Land, Scenery
from eomap.twin.land import U8, Cover
from eomap.twin.truth import canopy_height_m, tree_share

_FRONT_M, _SHOWER_M, _GUST_M = 300_000.0, 20_000.0, 3_000.0
_DRIEST, _WETTEST = 0.03, 0.50
_BREEZE_M_S = 5.0


def soil_moisture(points: Points, day: date, seed: int, *, climate_yx: U8, green_yx: F32) -> F32:
    """Return the water in the topmost soil (y, x), m3/m3; `green_yx` is how green the grass is, 0 to 1."""
    plants = of_climate(climate_yx, "trees") + of_climate(climate_yx, "scattered")
    plants = plants + np.float32(0.6) * (of_climate(climate_yx, "bush") + of_climate(climate_yx, "grass"))
    usual = np.float32(0.05) + np.float32(0.22) * plants * (np.float32(0.5) + np.float32(0.5) * green_yx)
    rain = np.float32(0.35) * points.fractal(_FRONT_M, _of_day(seed, day), octaves=2)
    rain = rain + np.float32(0.2) * points.fractal(_SHOWER_M, _of_day(seed + 1, day), octaves=3)
    return np.clip(usual * np.exp(rain), _DRIEST, _WETTEST).astype(np.float32)


def wind_m_s(points: Points, day: date, seed: int) -> F32:
    """Return the speed of the wind 10 m above open water (y, x), metres per second."""
    front = np.float32(0.45) * points.fractal(_FRONT_M, _of_day(seed + 2, day), octaves=2)
    gust = np.float32(0.12) * points.fractal(_GUST_M, _of_day(seed + 3, day), octaves=3)
    return (np.float32(_BREEZE_M_S) * np.exp(front + gust)).astype(np.float32)


def _of_day(seed: int, day: date) -> int:
    return seed + 104_729 * day.toordinal()


def radar_ground(land: Land, seen: Scenery, day: date, seed: int) -> radar.Ground:
    """Return what a radar finds on a day: the same land, season and events as an optical satellite."""
    moisture = soil_moisture(
        land.points, day, seed, climate_yx=land.wild.climate_yx, green_yx=seen.season.green_yx
    )
    soaked = (seen.cover_yx == Cover.WETLAND) | (seen.cover_yx == Cover.MANGROVE)
    # Shade lies between crowns; a radar, which brings its own light, sees it as more of the same.
    lit = np.maximum(land.fraction_myx.sum(axis=0, dtype=np.float32) / np.float32(255), np.float32(0.5))
    crowns = np.minimum(tree_share(land) / lit, 1)
    trees = np.where(seen.cleared_yx | seen.flooded_yx, np.float32(0), crowns)
    return radar.Ground(
        cover_yx=seen.cover_yx,
        tree_yx=trees.astype(np.float32),
        canopy_m_yx=canopy_height_m(land, seen),
        building_yx=land.roofs_yx,
        building_m_yx=land.building_m_yx,
        street_angle_yx=np.nan_to_num(land.street_angle_yx, nan=0.0),
        moisture_yx=np.where(soaked, np.float32(0.45), moisture),
        snow_yx=seen.season.snow_yx,
        wind_m_s_yx=wind_m_s(land.points, day, seed),
        style_yx=np.ascontiguousarray(land.style_kyx[0]),
        east_yx=land.wild.relief.east_yx,
        north_yx=land.wild.relief.north_yx,
    )
