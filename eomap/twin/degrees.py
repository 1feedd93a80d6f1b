"""The grid of the lights at night: 15 arc seconds of longitude and latitude, in tiles of 10 degrees.

Rows count from 90 N, columns from 180 W. Axis letters: y row (north to south), x column (west to east).
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from eomap.twin.earth import METRES_PER_DEGREE, NODE_PX, Nodes, Points, node_numbers, points_at

Bounds = tuple[float, float, float, float]
PER_DEGREE = 240
TILE_DEG, TILE_PX = 10, 2400


@dataclass(frozen=True, slots=True)
class DegreeFrame:
    """Some pixels of the global grid."""

    row0: int
    col0: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.height, self.width

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients a, b, c, d, e, f, degrees."""
        step = 1 / PER_DEGREE
        return step, 0.0, self.col0 / PER_DEGREE - 180, 0.0, -step, 90 - self.row0 / PER_DEGREE

    def sub(self, row0: int, row1: int, col0: int, col1: int) -> "DegreeFrame":
        """Return the part between those pixel rows and columns, ends excluded."""
        return DegreeFrame(self.row0 + row0, self.col0 + col0, row1 - row0, col1 - col0)

    def points(self, *, per_px: int = 1, margin: int = 0) -> Points:
        """Return the middles of per_px x per_px parts of each pixel, and `margin` parts more on each side.

        Parts count from the grid's corner, so that frames agree bit for bit wherever they are cut.
        Longitudes run on beyond 180; latitudes stand at the poles.
        """
        per_degree = PER_DEGREE * per_px
        row, col = (
            np.arange(first * per_px - margin, (first + count) * per_px + margin)
            for first, count in ((self.row0, self.height), (self.col0, self.width))
        )
        (south, down), (east, right) = (node_numbers(int(k[0]), len(k)) for k in (row, col))
        nodes = _places(south * NODE_PX / per_degree, east * NODE_PX / per_degree)
        places = _places((row + 0.5) / per_degree, (col + 0.5) / per_degree)
        return replace(places, nodes=Nodes(nodes, METRES_PER_DEGREE / per_degree, down, right))

    def outline_deg(self) -> list[tuple[float, float]]:
        """Return the corners, longitude and latitude, counterclockwise and closed."""
        step, _, west, _, _, north = self.transform
        east, south = west + self.width * step, north - self.height * step
        return [(east, south), (east, north), (west, north), (west, south), (east, south)]


def _places(from_north_deg: np.ndarray, from_west_deg: np.ndarray) -> Points:
    lat = np.clip(90 - from_north_deg, -90, 90)
    return points_at(from_west_deg[None, :] - 180, lat[:, None])


def tile_frame(h: int, v: int) -> DegreeFrame:
    """Return the pixels of a tile: column h, 0 to 35 from 180 W, row v, 0 to 17 from the north."""
    return DegreeFrame(v * TILE_PX, h * TILE_PX, TILE_PX, TILE_PX)


def part_of(frame: DegreeFrame, bounds_deg: Bounds, *, margin_m: float) -> DegreeFrame | None:
    """Return the part of a tile that holds bounds and a margin; None where they do not meet."""
    west, south, east, north = bounds_deg
    up = margin_m / METRES_PER_DEGREE
    aside = up / max(0.05, math.cos(math.radians(max(abs(south), abs(north)))))
    row0 = max(frame.row0, math.floor((90 - north - up) * PER_DEGREE))
    row1 = min(frame.row0 + frame.height, math.ceil((90 - south + up) * PER_DEGREE))
    for turn in (-360, 0, 360):
        col0 = max(frame.col0, math.floor((west - aside + turn + 180) * PER_DEGREE))
        col1 = min(frame.col0 + frame.width, math.ceil((east + aside + turn + 180) * PER_DEGREE))
        if row0 < row1 and col0 < col1:
            return DegreeFrame(row0, col0, row1 - row0, col1 - col0)
    return None


def tiles(bounds_deg: Bounds) -> list[tuple[int, int]]:
    """Return columns and rows of the tiles that meet bounds, sorted.

    >>> tiles((8.2, 47.2, 8.6, 47.5)), tiles((179.9, -17.1, 180.1, -16.9))
    ([(18, 4)], [(0, 10), (35, 10)])
    """
    every = [(h, v) for h in range(360 // TILE_DEG) for v in range(180 // TILE_DEG)]
    return [t for t in every if part_of(tile_frame(*t), bounds_deg, margin_m=0.0) is not None]
