"""The sinusoidal grid of MODIS: a sphere of 6371007.181 m, cut into 36 by 18 tiles; it has no EPSG code.

As the products do, the sphere's latitude is taken for the geodetic one. A pixel is asked as a whole or in
parts, squares of equal area. Axis letters: y row (north to south), x column (west to east).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.twin.earth import F64, NODE_PX, Nodes, Points, node_numbers, points_at

Bounds = tuple[float, float, float, float]
RADIUS_M = 6_371_007.181
TILE_M = 2 * math.pi * RADIUS_M / 36
TILE_COLS, TILE_ROWS = 36, 18
PX_500M, PX_250M = 2400, 4800
"""Pixels along a tile: 463.3127 m (MCD43A4, MCD12Q1) and 231.6564 m (MOD13Q1)."""
PROJ4 = f"+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R={RADIUS_M} +units=m +no_defs"
WKT = (
    'PROJCS["unnamed",GEOGCS["Unknown datum based upon the custom spheroid",'
    'DATUM["Not specified (based on custom spheroid)",SPHEROID["Custom spheroid",6371007.181,0]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]]],'
    'PROJECTION["Sinusoidal"],PARAMETER["longitude_of_center",0],PARAMETER["false_easting",0],'
    'PARAMETER["false_northing",0],UNIT["Meter",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
)
"""As the Planetary Computer writes it."""
_BEYOND_DEG = 180.5
"""Places off the Earth's outline go on so far: fields are smooth across it, and no circle is run twice."""


@dataclass(frozen=True, slots=True)
class SinusoidFrame:
    """A raster on the sinusoidal grid: a part of one MODIS tile; pixels count from the tile's corner."""

    h: int
    """Column of the tile, 0 to 35 from 180 W; `v` is its row, 0 to 17 from the north."""
    v: int
    tile_px: int
    """Pixels along a whole tile: PX_500M or PX_250M."""
    row0: int
    col0: int
    height: int
    width: int

    def __post_init__(self) -> None:
        inside = (
            first >= 0 and count > 0 and first + count <= self.tile_px
            for first, count in ((self.row0, self.height), (self.col0, self.width))
        )
        if not (0 <= self.h < TILE_COLS and 0 <= self.v < TILE_ROWS and all(inside)):
            raise MisuseError(
                "sinusoidal grid",
                expected=f"h 0-35, v 0-17, rows and columns within {self.tile_px}",
                got=f"h{self.h} v{self.v}, {self.height} x {self.width} from {self.row0}, {self.col0}",
            )

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

    def points(self, *, per_px: int = 1, margin: int = 0) -> Points:
        """Return the middles of per_px x per_px parts of each pixel, and `margin` parts more on each side.

        Parts count from the middle of the grid, so that frames agree bit for bit wherever they are cut,
        across tiles too. Beyond the globe's edge longitudes run on for half a degree, then stand.
        """
        row, col = self._parts(per_px, margin)
        part_m = self.pixel_m / per_px
        places = _places((col + 0.5) * part_m, -(row + 0.5) * part_m)
        (south, row0), (east, col0) = (node_numbers(int(k[0]), len(k)) for k in (row, col))
        node_m = NODE_PX * part_m
        return replace(places, nodes=Nodes(_places(east * node_m, -south * node_m), part_m, row0, col0))

    def on_earth(self) -> npt.NDArray[np.bool_]:
        """Return which pixels (y, x) have their middle on the Earth."""
        row, col = self._parts(1, 0)
        lat = -(row + 0.5) * self.pixel_m / RADIUS_M
        lon = (col + 0.5) * self.pixel_m / RADIUS_M / np.cos(lat)[:, None]
        return np.abs(lon) <= np.pi

    def _parts(self, per_px: int, margin: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the numbers of the rows and columns of parts, from the middle of the grid."""
        row = (self.v - TILE_ROWS // 2) * self.tile_px + self.row0
        col = (self.h - TILE_COLS // 2) * self.tile_px + self.col0
        rows, cols = (
            np.arange(first * per_px - margin, (first + count) * per_px + margin)
            for first, count in ((row, self.height), (col, self.width))
        )
        return rows, cols

    def skew(self, points: Points) -> F64:
        """Return how far east a step of one metre north along the grid's columns goes (y, x), metres."""
        return np.radians(points.lon_deg) * np.sin(np.radians(points.lat_deg))

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


def _places(x_m: npt.NDArray[np.floating], y_m: npt.NDArray[np.floating]) -> Points:
    """Return the places (y, x) of the grid's metres."""
    lat = np.degrees(np.clip(y_m / RADIUS_M, -1.5707, 1.5707))[:, None]
    lon = np.degrees(x_m[None, :] / (RADIUS_M * np.cos(np.radians(lat))))
    return points_at(np.clip(lon, -_BEYOND_DEG, _BEYOND_DEG), lat)


def area_mean(parts_yx: npt.NDArray[np.floating], per_px: int) -> F64:
    """Return the mean of each square of parts, over the last two axes: all parts have the same area."""
    *before, height, width = parts_yx.shape
    cells = parts_yx.reshape(*before, height // per_px, per_px, width // per_px, per_px)
    return cells.mean(axis=-1, dtype=np.float64).mean(axis=-2)


def pixel_of(lon_deg: float, lat_deg: float, *, tile_px: int = PX_500M) -> tuple[int, int, int, int]:
    """Return the tile's h and v and the row and column in it of a place.

    >>> pixel_of(-55.5, -11.6)[:2], pixel_of(13.0, 52.4)[:2]
    ((12, 10), (18, 3))
    """
    x = math.radians(lon_deg) * math.cos(math.radians(lat_deg)) * RADIUS_M
    y = math.radians(lat_deg) * RADIUS_M
    pixel_m = TILE_M / tile_px
    col = min(math.floor(x / pixel_m) + TILE_COLS // 2 * tile_px, TILE_COLS * tile_px - 1)
    row = min(math.floor(-y / pixel_m) + TILE_ROWS // 2 * tile_px, TILE_ROWS * tile_px - 1)
    return col // tile_px, row // tile_px, row % tile_px, col % tile_px


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
