"""The sinusoidal grid of MODIS: a sphere of 6371007.181 m, cut into 36 by 18 tiles; it has no EPSG code.

Axis letters: y row (north to south), x column (west to east).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.twin.earth import Points, points_at

F64 = npt.NDArray[np.float64]
Bounds = tuple[float, float, float, float]
RADIUS_M = 6_371_007.181
TILE_M = 2 * math.pi * RADIUS_M / 36
TILE_COLS, TILE_ROWS = 36, 18
PROJ4 = f"+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R={RADIUS_M} +units=m +no_defs"


@dataclass(frozen=True, slots=True)
class SinusoidFrame:
    """A raster on the sinusoidal grid: a part of one MODIS tile; pixels count from the tile's corner."""

    h: int
    v: int
    tile_px: int
    """Pixels along a whole tile: 2400 of 463.3 m, or 4800 of 231.7 m."""
    row0: int
    col0: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.height, self.width

    @property
    def pixel_m(self) -> float:
        """Side of a pixel in metres of the grid."""
        return TILE_M / self.tile_px

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients a, b, c, d, e, f."""
        x0, y0 = (self.h - 18) * TILE_M, (9 - self.v) * TILE_M
        size = self.pixel_m
        return size, 0.0, x0 + self.col0 * size, 0.0, -size, y0 - self.row0 * size

    def sub(self, row0: int, row1: int, col0: int, col1: int) -> "SinusoidFrame":
        """Return the part between those pixel rows and columns, ends excluded."""
        row, col = self.row0 + row0, self.col0 + col0
        return SinusoidFrame(self.h, self.v, self.tile_px, row, col, row1 - row0, col1 - col0)

    def points(self) -> Points:
        """Return the centres of the pixels; beyond the globe's edge longitudes are NaN.

        As MODIS does, latitude on the sphere is taken for that of the ellipsoid.
        """
        x = (self.h - 18) * TILE_M + (self.col0 + np.arange(self.width) + 0.5) * self.pixel_m
        y = (9 - self.v) * TILE_M - (self.row0 + np.arange(self.height) + 0.5) * self.pixel_m
        lat = np.degrees(y / RADIUS_M)[:, None]
        lon = np.degrees(x[None, :] / (RADIUS_M * np.cos(np.radians(lat))))
        return points_at(np.where(np.abs(lon) <= 180, lon, np.nan), lat)

    def outline_deg(self) -> list[tuple[float, float]]:
        """Return the corners of the outline, longitude and latitude, counterclockwise and closed.

        Longitudes may run on beyond 180 where a tile reaches over the globe's edge.
        """
        size, _, x0, _, _, y0 = self.transform
        x1, y1 = x0 + self.width * size, y0 - self.height * size
        up = np.linspace(y1, y0, 11)
        ring = [(x1, y) for y in up] + [(x0, y) for y in up[::-1]] + [(x1, y1)]
        found = []
        for x, y in ring:
            lat = max(-89.9, min(89.9, math.degrees(y / RADIUS_M)))
            found.append((math.degrees(x / RADIUS_M) / math.cos(math.radians(lat)), lat))
        return found


def part_of_tile(
    h: int, v: int, tile_px: int, bounds_deg: Bounds, *, margin_m: float
) -> SinusoidFrame | None:
    """Return the part of a tile that holds bounds and a margin; None where they do not meet."""
    west, south, east, north = bounds_deg
    best = None
    for turn in (-360.0, 0.0, 360.0):
        lats = np.linspace(south, north, 41)
        x = np.radians([[max(-180.0, west + turn)], [min(180.0, east + turn)]]) * RADIUS_M
        if x[0, 0] >= x[1, 0]:
            continue
        x = x * np.cos(np.radians(lats))
        size, x0, y0 = TILE_M / tile_px, (h - 18) * TILE_M, (9 - v) * TILE_M
        col0 = max(0, math.floor((float(x.min()) - margin_m - x0) / size))
        col1 = min(tile_px, math.ceil((float(x.max()) + margin_m - x0) / size))
        row0 = max(0, math.floor((y0 - math.radians(north) * RADIUS_M - margin_m) / size))
        row1 = min(tile_px, math.ceil((y0 - math.radians(south) * RADIUS_M + margin_m) / size))
        if row0 < row1 and col0 < col1:
            best = SinusoidFrame(h, v, tile_px, row0, col0, row1 - row0, col1 - col0)
    return best


def tiles(bounds_deg: Bounds) -> list[tuple[int, int]]:
    """Return horizontal and vertical numbers of the tiles that meet bounds, sorted.

    >>> tiles((8.2, 47.2, 8.6, 47.5))
    [(18, 4)]
    """
    every = [(h, v) for h in range(TILE_COLS) for v in range(TILE_ROWS)]
    return [t for t in every if part_of_tile(*t, 2400, bounds_deg, margin_m=0.0) is not None]
