"""Which cells lie inside a shape: exact crossings per row, nothing else.

Shapes are in the coordinates of the grid: lon/lat degrees on the lattice, metres in a UTM zone.

A cell belongs to a shape when its centre does. The rule is half-open (a centre exactly on a western
or southern edge is inside, on an eastern or northern edge outside) and each edge is computed from
its lower end, so two shapes that share an edge share no cell and leave none out.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from eomap.core.grid import LATTICE, Window, cell_side, origin

Bool = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]
_EDGES_AT_ONCE = 1_000_000


def _edges(geometry: Any) -> npt.NDArray[np.float64]:
    """Return the edges of a polygonal geometry (n, 4): x, y of the lower end, x, y of the upper end."""
    rings = shapely.get_rings(shapely.get_parts(geometry))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    start, end = xy[:-1][same], xy[1:][same]
    down = (start[:, 1] > end[:, 1])[:, None]
    return np.hstack([np.where(down, end, start), np.where(down, start, end)])


def _crossings(geometry: Any, window: Window) -> tuple[I64, I64]:
    """Return row and column (within the window) of the first cell centre east of each boundary crossing."""
    west_to_east, south_to_north = window.x(), window.y()[::-1]
    height = len(south_to_north)
    edges = _edges(geometry)
    # An edge meets the rows with lower y <= row < upper y, so that a shared vertex counts once.
    first = np.searchsorted(south_to_north, edges[:, 1], side="left")
    count = np.searchsorted(south_to_north, edges[:, 3], side="left") - first
    edges, first, count = edges[count > 0], first[count > 0], count[count > 0]
    rows, cols = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for at in range(0, len(edges), _EDGES_AT_ONCE):
        some = slice(at, at + _EDGES_AT_ONCE)
        n = count[some]
        before = np.cumsum(n) - n
        row = np.repeat(first[some] - before, n) + np.arange(n.sum())
        x0, y0, x1, y1 = np.repeat(edges[some], n, axis=0).T
        x = x0 + (south_to_north[row] - y0) * ((x1 - x0) / (y1 - y0))
        rows.append(height - 1 - row)
        cols.append(np.searchsorted(west_to_east, x, side="left"))
    return np.concatenate(rows), np.concatenate(cols)


def _filled(geometry: Any, window: Window) -> Bool:
    height, width = window.shape
    rows, cols = _crossings(geometry, window)
    # Odd numbers of crossings to the west mean inside; uint8 may run over, its parity does not.
    crossings = np.zeros((height, width + 1), np.uint8)
    np.add.at(crossings.reshape(-1), rows * (width + 1) + cols, np.uint8(1))
    return (np.cumsum(crossings[:, :width], axis=1, dtype=np.uint8) & 1).astype(bool)


def _has_centre(geometry: Any, step: int, epsg: int) -> bool:
    """Say whether any cell centre of the whole grid lies inside the geometry."""
    rows, cols = _crossings(geometry, bounds_window(geometry, step, epsg))
    order = np.lexsort((cols, rows))
    return bool(np.any(cols[order][1::2] > cols[order][0::2]))


def bounds_window(geometry: Any, step: int, epsg: int = LATTICE) -> Window:
    """Return the cells under the bounds of a geometry in the grid's coordinates; at least one cell."""
    west, south, east, north = shapely.bounds(geometry)
    (left, top), d = origin(epsg), cell_side(step, epsg)
    row0, col0 = int(np.floor((top - north) / d)), int(np.floor((west - left) / d))
    row1, col1 = int(np.ceil((top - south) / d)), int(np.ceil((east - left) / d))
    return Window(step, row0, max(row1, row0 + 1), col0, max(col1, col0 + 1), epsg)


def _overlap(a: Window, b: Window) -> Window:
    row0, col0 = max(a.row0, b.row0), max(a.col0, b.col0)
    row1, col1 = max(row0, min(a.row1, b.row1)), max(col0, min(a.col1, b.col1))
    return Window(a.step, row0, row1, col0, col1, a.epsg)


def mask(geometry: Any, window: Window) -> Bool:
    """Return which cells of a window (y, x) have their centre inside a polygonal geometry.

    A geometry that holds no centre at all, anywhere, gets the one cell under its representative
    point. The answer for a cell does not depend on the window. Boundary: half-open (see above).
    Cost: n log rows for n vertices plus one byte per cell, whatever the shape.
    """
    result = np.zeros(window.shape, dtype=bool)
    if shapely.is_empty(geometry):
        return result
    inner = _overlap(window, bounds_window(geometry, window.step, window.epsg))
    top, left = inner.row0 - window.row0, inner.col0 - window.col0
    if 0 in inner.shape:
        return result
    result[top : top + inner.shape[0], left : left + inner.shape[1]] = _filled(geometry, inner)
    if not result.any() and not _has_centre(geometry, window.step, window.epsg):
        point = shapely.point_on_surface(geometry)
        left, top = origin(window.epsg)
        row = int(np.floor((top - point.y) / window.cell)) - window.row0
        col = int(np.floor((point.x - left) / window.cell)) - window.col0
        if 0 <= row < window.shape[0] and 0 <= col < window.shape[1]:
            result[row, col] = True
    return result
