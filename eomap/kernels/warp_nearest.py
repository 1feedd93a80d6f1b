"""The pixel that holds a place: for classes, and for amounts whose pixels are as fine as the frame's."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from eomap.kernels.warp import ControlGrid, draw_lines, vet_native

I64 = npt.NDArray[np.int64]


def warp_nearest(
    native_yx: npt.NDArray[Any],
    grid: ControlGrid,
    *,
    corner: tuple[int, int] = (0, 0),
    fill: float = 0,
    out: npt.NDArray[Any] | None = None,
) -> npt.NDArray[Any]:
    """Return, for each pixel of the grid's frame, the pixel that holds its position, else `fill`.

    `native_yx` holds the pixels of a file from row and column `corner` on. Where `out` is given, it is
    painted over and returned; what lies outside the pixels stays.
    """
    native = vet_native(native_yx)
    if out is None:
        out = np.full(grid.shape, fill, native.dtype)
    _nearest(native, *grid.arrays, *corner, out)
    return out


def warp_nearest_numpy(
    native_yx: npt.NDArray[Any], grid: ControlGrid, *, corner: tuple[int, int] = (0, 0), fill: float = 0
) -> npt.NDArray[Any]:
    """Return what `warp_nearest` returns; this plain twin defines it."""
    (height, width), (row0, col0) = native_yx.shape, corner
    row, col = grid.positions()
    seen = (row >= row0) & (row < row0 + height) & (col >= col0) & (col < col0 + width)
    out = np.full(grid.shape, fill, native_yx.dtype)
    out[seen] = native_yx[row[seen].astype(np.int64) - row0, col[seen].astype(np.int64) - col0]
    return out


def take_nearest(native_yx: npt.NDArray[Any], row: I64, col: I64) -> npt.NDArray[Any]:
    """Return the pixels at those rows and columns (row, col), for grids that run parallel."""
    return native_yx[_slice(row)][:, _slice(col)]


def _slice(index: I64) -> Any:
    """Return a slice where indices follow each other one by one, so that nothing is gathered."""
    one_by_one = index[-1] - index[0] == index.size - 1 and (np.diff(index) == 1).all()
    return slice(int(index[0]), int(index[-1]) + 1) if one_by_one else index


@numba.njit(cache=True, nogil=True)
def _nearest(native, row_rc, col_rc, node_y, between_y, node_x, between_x, row0, col0, out):
    flat = native.ravel()
    lines = np.empty((4, out.shape[1]))
    offset = np.empty(out.shape[1], np.int32)
    drawn = -1
    for y in range(out.shape[0]):
        if node_y[y] != drawn:
            drawn = node_y[y]
            draw_lines(row_rc, col_rc, drawn, node_x, between_x, lines)
        seen = _offsets(
            lines[0], lines[1], lines[2], lines[3], between_y[y], row0, col0, native.shape, offset
        )
        if seen == len(offset):
            _gather(flat, offset, out[y])
        elif seen > 0:
            for x in range(len(offset)):
                if offset[x] >= 0:
                    out[y, x] = flat[offset[x]]


@numba.njit(cache=True, nogil=True)
def _offsets(row_above, row_below, col_above, col_below, down, row0, col0, shape, offset):
    """Fill `offset` with the place of each pixel in the flat array, -1 outside; return how many are in."""
    up = 1 - down
    north, west, south, east = float(row0), float(col0), float(row0 + shape[0]), float(col0 + shape[1])
    row0, col0, width = np.int32(row0), np.int32(col0), np.int32(shape[1])
    seen = np.int32(0)
    for x in range(len(offset)):
        row = row_above[x] * up + row_below[x] * down
        col = col_above[x] * up + col_below[x] * down
        inside = (row >= north) & (row < south) & (col >= west) & (col < east)
        r, c = np.int32(row if inside else north), np.int32(col if inside else west)
        at = np.int32(np.int32(np.int32(r - row0) * width) + np.int32(c - col0))
        offset[x] = at if inside else np.int32(-1)
        seen += np.int32(inside)
    return seen


@numba.njit(cache=True, nogil=True)
def _gather(flat, offset, out):
    for x in range(len(offset)):
        out[x] = flat[np.uint32(offset[x])]
