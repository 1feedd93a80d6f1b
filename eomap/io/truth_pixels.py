"""Truth on the cells of a map: the pixel at a cell's centre, or all pixels in it where they are finer.

Finer means that the cell's shorter side is at least two pixels long: then values are the mean of the
pixels whose centres lie in the cell, classes the most frequent code (the lower one on a tie). Otherwise a
cell takes the pixel that holds its centre. Axes: b band, y row (north to south), x column (west to east).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from eomap.core.grid import LATTICE, Window, cell_centres, origin, transformer
from eomap.io.truth import TruthFile, TruthLayer

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

UNKNOWN_CLASS = -1
PIXELS_AT_ONCE = 4 << 20
"""Truth pixels held at a time, of one band: some 200 MB with their positions."""
_NODE_PX = 32
"""Spacing of exactly transformed nodes; bilinear between them errs by some 1e-5 px within a UTM zone."""
_METRES_PER_DEGREE = 111_320.0


def read_classes(layer: TruthLayer, window: Window) -> I64:
    """Return the true class of every cell (y, x); UNKNOWN_CLASS where there is none."""
    codes = _mosaic(layer, window, (0,), _modes)[0]
    return np.where(np.isnan(codes), UNKNOWN_CLASS, codes).astype(np.int64)


def read_values(layer: TruthLayer, window: Window, *, bands: tuple[int, ...] = (0,)) -> F64:
    """Return the true value (b, y, x) of every cell in the layer's unit; NaN where it is unknown."""
    return _mosaic(layer, window, bands, _means)


Gather = Callable[[F64, I64, int], F64]
"""Returns one number per cell from the pixels' values (n) and the cell that each lies in (n)."""


def _mosaic(layer: TruthLayer, window: Window, bands: tuple[int, ...], gather: Gather) -> F64:
    """Return bands of a layer on the cells; a cell belongs to the first frame that contains its centre."""
    out = np.full((len(bands), *window.shape), np.nan)
    waiting = np.ones(window.shape, dtype=bool)
    for file in layer.files:
        if not waiting.any():
            break
        if not meet(file.bounds_deg, window.bounds_deg):
            continue
        row, col = _centres(file, window)
        inside = (row >= 0) & (row < file.shape[0]) & (col >= 0) & (col < file.shape[1]) & waiting
        if not inside.any():
            continue
        if _is_finer(file, window):
            for rows in _strips(file, window):
                part = replace(window, row0=window.row0 + rows.start, row1=window.row0 + rows.stop)
                values = _gathered(file, part, bands, gather)
                out[:, rows][:, inside[rows]] = values[:, inside[rows]]
        else:
            out[:, inside] = _picked(file, row[inside], col[inside], bands)
        waiting &= ~inside
    return out


def meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Say whether two boxes west, south, east, north share an area."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _cell_m(file: TruthFile, window: Window) -> tuple[float, float]:
    """Return height and least width of a cell within a file, roughly.

    The file decides, not the window: where a window is cut must not change what a cell gets.
    """
    if window.epsg != LATTICE:
        return window.cell, window.cell
    side = window.cell * _METRES_PER_DEGREE
    lat = min(max(abs(file.bounds_deg[1]), abs(file.bounds_deg[3])), 89.0)
    return side, side * math.cos(math.radians(lat))


def _is_finer(file: TruthFile, window: Window) -> bool:
    return min(_cell_m(file, window)) >= 2 * file.pixel_m


def _centres(file: TruthFile, window: Window) -> tuple[I64, I64]:
    """Return the pixel row and column that hold each cell's centre; they may lie outside the raster."""
    x, y = cell_centres(window, file.epsg)
    a, _, west, _, e, north = file.transform
    far = 1 << 40  # the projection of a far place may be infinite
    row, col = (
        np.clip(np.nan_to_num(np.floor(v), nan=-far), -far, far).astype(np.int64)
        for v in ((y - north) / e, (x - west) / a)
    )
    return row, col


def _read(file: TruthFile, rows: tuple[int, int], cols: tuple[int, int], band: int) -> F64:
    """Return pixels (y, x) of one band of a part of a file in the layer's unit, NaN for nodata."""
    import rasterio

    with rasterio.open(file.path, driver="GTiff") as opened:
        stored = opened.read(band + 1, window=(rows, cols))
    values = stored.astype(np.float64)
    if file.nodata is not None:
        values[values == file.nodata] = np.nan
    return values * file.scale


def _picked(file: TruthFile, row: I64, col: I64, bands: tuple[int, ...]) -> F64:
    r0, c0 = int(row.min()), int(col.min())
    rows, cols = (r0, int(row.max()) + 1), (c0, int(col.max()) + 1)
    return np.stack([_read(file, rows, cols, b)[row - r0, col - c0] for b in bands])


def _strips(file: TruthFile, window: Window) -> Iterator[slice]:
    """Yield rows of cells that hold no more pixels than may be read at once."""
    high, wide = _cell_m(file, window)
    pixels = window.shape[1] * high * wide / file.pixel_m**2
    step = max(1, int(PIXELS_AT_ONCE // max(pixels, 1)))
    for first in range(0, window.shape[0], step):
        yield slice(first, min(first + step, window.shape[0]))


def _gathered(file: TruthFile, window: Window, bands: tuple[int, ...], gather: Gather) -> F64:
    """Return one number per band and cell (b, y, x) from the known pixels centred in it; NaN without any."""
    a, _, west, _, e, north = file.transform
    box = window.bounds
    if window.epsg != file.epsg:
        box = transformer(window.epsg, file.epsg).transform_bounds(*box, densify_pts=21)
    c0, c1 = (
        max(math.floor((box[0] - west) / a) - 1, 0),
        min(math.ceil((box[2] - west) / a) + 1, file.shape[1]),
    )
    r0, r1 = (
        max(math.floor((box[3] - north) / e) - 1, 0),
        min(math.ceil((box[1] - north) / e) + 1, file.shape[0]),
    )
    if r0 >= r1 or c0 >= c1:
        return np.full((len(bands), *window.shape), np.nan)
    row, col = _cells(file, window, np.arange(r0 + 0.5, r1), np.arange(c0 + 0.5, c1))
    rows, cols = window.shape
    within = (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
    cell = np.where(within, row * cols + col, -1)
    made = []
    for band in bands:
        values = _read(file, (r0, r1), (c0, c1), band)
        keep = within & ~np.isnan(values)
        made.append(gather(values[keep], cell[keep], rows * cols).reshape(window.shape))
    return np.stack(made)


def _cells(file: TruthFile, window: Window, at_row: F64, at_col: F64) -> tuple[I64, I64]:
    """Return the row and column, within the window, of the cell that holds each pixel centre (y, x)."""
    a, _, west, _, e, north = file.transform
    first_r, first_c = int(at_row[0] // _NODE_PX), int(at_col[0] // _NODE_PX)
    nodes_r = np.arange(first_r, int(at_row[-1] // _NODE_PX) + 2) * _NODE_PX
    nodes_c = np.arange(first_c, int(at_col[-1] // _NODE_PX) + 2) * _NODE_PX
    x, y = np.meshgrid(west + nodes_c * a, north + nodes_r * e)
    if window.epsg != file.epsg:
        x, y = (np.asarray(v) for v in transformer(file.epsg, window.epsg).transform(x, y))
    if window.epsg == LATTICE:
        # Across the antimeridian longitudes jump by 360, which must not be interpolated.
        x = x + 360 * np.round((float(window.x().mean()) - x) / 360)
    left, top = origin(window.epsg)
    r, c = at_row / _NODE_PX - first_r, at_col / _NODE_PX - first_c
    row = _bilinear((top - y) / window.cell, r, c)
    col = _bilinear((x - left) / window.cell, r, c)
    return np.floor(row).astype(np.int64) - window.row0, np.floor(col).astype(np.int64) - window.col0


def _bilinear(nodes: F64, at_row: F64, at_col: F64) -> F64:
    r, c = at_row.astype(np.int64), at_col.astype(np.int64)
    fr, fc = (at_row - r)[:, None], (at_col - c)[None, :]
    top, bottom = nodes[r], nodes[r + 1]
    return (top[:, c] * (1 - fc) + top[:, c + 1] * fc) * (1 - fr) + (
        bottom[:, c] * (1 - fc) + bottom[:, c + 1] * fc
    ) * fr


def _means(values: F64, cell: I64, cells: int) -> F64:
    n = np.bincount(cell, minlength=cells)
    total = np.bincount(cell, weights=values, minlength=cells)
    return np.divide(total, n, out=np.full(cells, np.nan), where=n > 0)


def _modes(values: F64, cell: I64, cells: int) -> F64:
    out, most = np.full(cells, np.nan), np.zeros(cells, np.int64)
    for code in np.unique(values):
        n = np.bincount(cell[values == code], minlength=cells)
        out[n > most] = code
        np.maximum(most, n, out=most)
    return out
