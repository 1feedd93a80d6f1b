"""An area on a grid: its tiles, and what of it lies in each."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from eomap.core.antimeridian import polygonal
from eomap.core.aoi import Aoi
from eomap.core.grid import (
    LATTICE,
    TILE_COLS,
    TILE_ROWS,
    TILE_STEPS,
    UTM_TILE_COLS,
    UTM_TILE_ROWS,
    Tile,
    cell_side,
    origin,
)
from eomap.core.zones import split

_SPECK = {True: 1e-10, False: 1e-3}
"""Of degrees on the lattice, of metres in a zone: an overlap thinner than this is a touch."""


def parts_of(aoi: Aoi, grid: str) -> dict[int, Aoi]:
    """Return the area on each zone of a grid, in the zone's metres, by EPSG code; on the lattice itself.

    Raises MisuseError for a grid of one zone that does not reach all of the area.
    """
    if grid == "lattice":
        return {LATTICE: aoi}
    parts = split(aoi.geometry, grid)
    return {
        epsg: replace(aoi, geometry=part, hash=f"{aoi.hash}:{grid}:{epsg}", epsg=epsg)
        for epsg, part in parts.items()
    }


def _tiles_under(bounds: npt.NDArray[np.float64], epsg: int) -> npt.NDArray[np.int64]:
    """Return rows and columns (n, 2), sorted, of the tiles under any of the boxes (m, 4)."""
    rows, cols = (TILE_ROWS, TILE_COLS) if epsg == LATTICE else (UTM_TILE_ROWS, UTM_TILE_COLS)
    (left, top), side = origin(epsg), cell_side(TILE_STEPS, epsg)
    west, south, east, north = bounds.T / side
    row0 = np.clip(np.floor(top / side - north), 0, rows - 1).astype(int)
    row1 = np.clip(np.ceil(top / side - south), row0 + 1, rows).astype(int)
    col0 = np.clip(np.floor(west - left / side), 0, cols - 1).astype(int)
    col1 = np.clip(np.ceil(east - left / side), col0 + 1, cols).astype(int)
    first, second = row0.min(), col0.min()
    change = np.zeros((row1.max() - first + 1, col1.max() - second + 1), dtype=np.int64)
    for at, by, sign in ((row0, col0, 1), (row0, col1, -1), (row1, col0, -1), (row1, col1, 1)):
        np.add.at(change, (at - first, by - second), sign)
    return np.argwhere(change.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0) + np.array([first, second])


def tiles_meeting(geometry: Any, epsg: int = LATTICE) -> tuple[Tile, ...]:
    """Return the sorted tiles that share some area with a polygonal geometry; no mere touching.

    The geometry is in the coordinates of the grid: degrees on the lattice, metres in a zone.
    """
    under = _tiles_under(shapely.bounds(shapely.get_parts(geometry)), epsg)
    (left, top), whole, speck = origin(epsg), cell_side(TILE_STEPS, epsg), _SPECK[epsg == LATTICE]
    west, north, side = left + under[:, 1] * whole, top - under[:, 0] * whole, whole - speck
    inner = shapely.box(west + speck, north - side, west + side, north - speck)
    shapely.prepare(geometry)
    return tuple(Tile(int(r), int(c), epsg) for r, c in under[shapely.intersects(geometry, inner)])


def tiles_of(aoi: Aoi) -> tuple[Tile, ...]:
    """Return the sorted tiles that share some area with the area of interest."""
    return tiles_meeting(aoi.geometry, aoi.epsg)


@lru_cache(maxsize=4)
def _row_of(aoi: Aoi, row: int) -> Any:
    """Return the area within one row of tiles: cut once per row, so that cutting tiles stays cheap."""
    _, south, _, north = Tile(row, 0, aoi.epsg).bounds
    west, _, east, _ = shapely.bounds(aoi.geometry)
    strip = polygonal(shapely.intersection(aoi.geometry, shapely.box(west - 1, south, east + 1, north)))
    shapely.prepare(strip)
    return strip


def clip_to_tile(aoi: Aoi, tile: Tile) -> Any | None:
    """Return the area within a tile of its grid as a MultiPolygon, None when that is the whole tile.

    Empty where they do not meet. Cheapest for tiles in sorted order.
    """
    strip, square = _row_of(aoi, tile.row), shapely.box(*tile.bounds)
    if shapely.covers(strip, square):
        return None
    return polygonal(shapely.intersection(strip, square))
