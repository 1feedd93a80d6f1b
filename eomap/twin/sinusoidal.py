"""The sinusoidal grid of MODIS: 36 x 18 tiles on a sphere, and the places of their pixels.

Rows of a tile run from north to south, columns from west to east; a pixel off the Earth's outline has no
place. As the products do, the sphere's latitude is taken for the geodetic one. Axis letters: y, x.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.twin.earth import F64, Points, points_at

SPHERE_M = 6_371_007.181
TILES_X, TILES_Y = 36, 18
TILE_M = math.pi * SPHERE_M / TILES_Y
PX_500M, PX_250M = 2400, 4800
"""Pixels along a tile: 463.3127 m (MCD43A4, MCD12Q1) and 231.6564 m (MOD13Q1)."""
WKT = (
    'PROJCS["MODIS sinusoidal",GEOGCS["MODIS sphere",'
    'DATUM["MODIS sphere",SPHEROID["MODIS sphere",6371007.181,0]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Sinusoidal"],'
    'PARAMETER["longitude_of_center",0],PARAMETER["false_easting",0],PARAMETER["false_northing",0],'
    'UNIT["metre",1]]'
)
"""The grid has no EPSG code."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Some pixels of one tile of the grid."""

    h: int
    """Column of the tile, 0 to 35 from 180 W; `v` is its row, 0 to 17 from the north."""
    v: int
    rows: slice
    cols: slice
    tile_px: int = PX_500M

    def __post_init__(self) -> None:
        inside = all(0 <= s.start < s.stop <= self.tile_px for s in (self.rows, self.cols))
        if not (0 <= self.h < TILES_X and 0 <= self.v < TILES_Y and inside):
            raise MisuseError(
                "sinusoidal grid",
                expected=f"h 0-35, v 0-17, rows and columns within {self.tile_px}",
                got=f"h{self.h} v{self.v}, {self.rows}, {self.cols}",
            )

    @property
    def pixel_m(self) -> float:
        """Side of a pixel, metres."""
        return TILE_M / self.tile_px

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.rows.stop - self.rows.start, self.cols.stop - self.cols.start

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients a, b, c, d, e, f of the projection's metres."""
        west = (self.h - TILES_X // 2) * TILE_M + self.cols.start * self.pixel_m
        north = (TILES_Y // 2 - self.v) * TILE_M - self.rows.start * self.pixel_m
        return (self.pixel_m, 0.0, west, 0.0, -self.pixel_m, north)


def sinusoidal_points(patch: Patch, *, per_px: int = 1) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Return the middles of per_px x per_px parts of each pixel (y, x), and which lie on the Earth.

    Parts beyond the outline are put on it. Coordinates count from the middle of the grid in whole parts, so
    that patches agree bit for bit wherever they are cut, across tiles too.
    """
    part_m = patch.pixel_m / per_px
    parts = patch.tile_px * per_px
    row = (patch.v - TILES_Y // 2) * parts + np.arange(patch.rows.start * per_px, patch.rows.stop * per_px)
    col = (patch.h - TILES_X // 2) * parts + np.arange(patch.cols.start * per_px, patch.cols.stop * per_px)
    x, y = (col + 0.5) * part_m, -(row + 0.5) * part_m
    lat = np.degrees(y / SPHERE_M)[:, None]
    lon = np.degrees(x[None, :] / (SPHERE_M * np.cos(np.radians(lat))))
    return points_at(np.clip(lon, -180, 180), lat), np.abs(lon) <= 180


def pixel_of(lon_deg: float, lat_deg: float, *, tile_px: int = PX_500M) -> tuple[int, int, int, int]:
    """Return the tile's h and v and the row and column in it of a place.

    >>> pixel_of(-55.5, -11.6)[:2], pixel_of(13.0, 52.4)[:2]
    ((12, 10), (18, 3))
    """
    x = math.radians(lon_deg) * math.cos(math.radians(lat_deg)) * SPHERE_M
    y = math.radians(lat_deg) * SPHERE_M
    pixel_m = TILE_M / tile_px
    col = min(math.floor(x / pixel_m) + TILES_X // 2 * tile_px, TILES_X * tile_px - 1)
    row = min(math.floor(-y / pixel_m) + TILES_Y // 2 * tile_px, TILES_Y * tile_px - 1)
    return col // tile_px, row // tile_px, row % tile_px, col % tile_px


def area_mean(parts_yx: npt.NDArray[np.floating], per_px: int) -> F64:
    """Return the mean of each square of parts, over the last two axes: all parts have the same area."""
    *before, height, width = parts_yx.shape
    cells = parts_yx.reshape(*before, height // per_px, per_px, width // per_px, per_px)
    return cells.mean(axis=-1, dtype=np.float64).mean(axis=-2)
