"""Amounts by cubic convolution (Keys 1981, a = -1/2, doi:10.1109/TASSP.1981.1163711) in another system."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from eomap.kernels.warp import ControlGrid, as_pixel, draw_lines, vet_native

F64 = npt.NDArray[np.float64]


def warp_cubic(
    native_yx: npt.NDArray[Any], grid: ControlGrid, *, corner: tuple[int, int] = (0, 0), nodata: float
) -> npt.NDArray[Any]:
    """Return, for each pixel of the grid's frame, the cubic through the 4 x 4 pixel centres around it.

    `native_yx` holds the pixels of a file from row and column `corner` on; outside them the result is
    `nodata`. Edge values are repeated outwards. Where one of the 16 is `nodata`, or NaN, the pixel that
    holds the position is taken instead. Integers are rounded half up and kept within their type.
    """
    native = vet_native(native_yx)
    lack, may_lack = as_pixel(nodata, native.dtype)
    out = np.full(grid.shape, lack, native.dtype)
    _warp(native, *grid.arrays, *corner, lack, may_lack, *_limits(native.dtype), out)
    return out


def warp_cubic_numpy(
    native_yx: npt.NDArray[Any], grid: ControlGrid, *, corner: tuple[int, int] = (0, 0), nodata: float
) -> npt.NDArray[Any]:
    """Return what `warp_cubic` returns; this plain twin defines it."""
    row, col = grid.positions()
    row, col = row - corner[0], col - corner[1]
    height, width = native_yx.shape
    seen = (row >= 0) & (row < height) & (col >= 0) & (col < width)
    row, col = np.where(seen, row, 0), np.where(seen, col, 0)
    top, left = np.floor(row - 0.5), np.floor(col - 0.5)
    down, right = _weights_numpy(row - 0.5 - top), _weights_numpy(col - 0.5 - left)
    lack, may_lack = as_pixel(nodata, native_yx.dtype)
    value, lacks = np.zeros(row.shape), np.zeros(row.shape, bool)
    for i in range(4):
        line = np.zeros(row.shape)
        r = np.clip(top - 1 + i, 0, height - 1).astype(np.int64)
        for j in range(4):
            pixel = native_yx[r, np.clip(left - 1 + j, 0, width - 1).astype(np.int64)]
            lacks |= may_lack & (pixel == lack)
            line += right[j] * pixel.astype(np.float64)
        value += down[i] * line
    half, low, high = _limits(native_yx.dtype)
    if half:
        value = np.clip(np.floor(value + half), low, high)
    held = native_yx[row.astype(np.int64), col.astype(np.int64)]
    lacks |= np.isnan(value)
    made = np.where(lacks, held, np.where(lacks, 0, value).astype(native_yx.dtype))
    return np.where(seen, made, lack)


def _limits(dtype: Any) -> tuple[float, float, float]:
    """Return what rounds half up when floored, and the least and largest value of the type."""
    if dtype.kind in "iu":
        return 0.5, float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    return 0.0, 0.0, 0.0


def _weights_numpy(t: Any) -> tuple[Any, Any, Any, Any]:
    """Return the weights of the centres at -1, 0, 1, 2 for a place at t, 0 to 1."""
    return (
        ((-t + 2) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((-3 * t + 4) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    )


_weights: Any = numba.njit(cache=True, nogil=True)(_weights_numpy)


@numba.njit(cache=True, nogil=True)
def _warp(
    native,
    row_rc,
    col_rc,
    node_y,
    between_y,
    node_x,
    between_x,
    row0,
    col0,
    lack,
    may_lack,
    half,
    low,
    high,
    out,
):
    lines = np.empty((4, out.shape[1]))
    row, col = np.empty(out.shape[1]), np.empty(out.shape[1])
    drawn = -1
    for y in range(out.shape[0]):
        if node_y[y] != drawn:
            drawn = node_y[y]
            draw_lines(row_rc, col_rc, drawn, node_x, between_x, lines)
        up, down = 1 - between_y[y], between_y[y]
        for x in range(out.shape[1]):
            row[x] = lines[0, x] * up + lines[1, x] * down - row0
            col[x] = lines[2, x] * up + lines[3, x] * down - col0
        _mix(native, row, col, lack, may_lack, half, low, high, out[y])


@numba.njit(cache=True, nogil=True)
def _mix(native, row, col, lack, may_lack, half, low, high, out):
    height, width = native.shape
    for x in range(len(out)):
        v, u = row[x], col[x]
        if not (v >= 0 and v < height and u >= 0 and u < width):
            continue
        top, left = int(np.floor(v - 0.5)), int(np.floor(u - 0.5))
        w0, w1, w2, w3 = _weights(u - 0.5 - left)
        d0, d1, d2, d3 = _weights(v - 0.5 - top)
        c0, c1 = min(max(left - 1, 0), width - 1), min(max(left, 0), width - 1)
        c2, c3 = min(max(left + 1, 0), width - 1), min(max(left + 2, 0), width - 1)
        value, lacks = 0.0, False
        for i in range(4):
            r = min(max(top - 1 + i, 0), height - 1)
            a, b, c, d = native[r, c0], native[r, c1], native[r, c2], native[r, c3]
            lacks |= a == lack or b == lack or c == lack or d == lack
            line = w0 * np.float64(a) + w1 * np.float64(b) + w2 * np.float64(c) + w3 * np.float64(d)
            value += (d0 if i == 0 else d1 if i == 1 else d2 if i == 2 else d3) * line
        if (lacks and may_lack) or value != value:
            out[x] = native[int(v), int(u)]
        elif half > 0:
            out[x] = min(max(np.floor(value + half), low), high)
        else:
            out[x] = value
