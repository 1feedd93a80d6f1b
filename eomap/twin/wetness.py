"""What the weather of a day leaves for a radar to see: wind on water, wet soil; and the ground it then sees.

Fields are functions of place and day, of round numbers; wet soil is that of `soil`. Axis letters: y row
(north to south), x column (west to east).
"""

from datetime import date

import numpy as np

from eomap.twin import radar
from eomap.twin.earth import F32, Points
from eomap.twin.ground import Land, Scenery
from eomap.twin.land import Cover
from eomap.twin.soil import FRONT_M, of_day, soil_moisture
from eomap.twin.truth import canopy_height_m, tree_share

_GUST_M = 3_000.0
_BREEZE_M_S = 5.0


def wind_m_s(points: Points, day: date, seed: int) -> F32:
    """Return the speed of the wind 10 m above open water (y, x), metres per second."""
    front = np.float32(0.45) * points.fractal(FRONT_M, of_day(seed + 2, day), octaves=2)
    gust = np.float32(0.12) * points.fractal(_GUST_M, of_day(seed + 3, day), octaves=3)
    return (np.float32(_BREEZE_M_S) * np.exp(front + gust)).astype(np.float32)


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
