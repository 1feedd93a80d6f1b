"""Amounts linear between pixel centres, at positions in another coordinate system."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from eomap.kernels.resample import interpolate_numpy
from eomap.kernels.warp import ControlGrid, as_pixel, draw_lines, vet_native


def warp_bilinear(
    native_yx: npt.NDArray[Any],
    grid: ControlGrid,
    *,
    corner: tuple[int, int] = (0, 0),
    nodata: float,
    out: npt.NDArray[Any] | None = None,
) -> npt.NDArray[Any]:
    """Return, for each pixel of the grid's frame, the value between the four pixel centres around it.

    `native_yx` holds the pixels of a file from row and column `corner` on; outside them the result is
    `nodata`. Beyond the outermost centres the edge value stands. Where one of the four is `nodata`, or NaN,
    the pixel that holds the position is taken instead. Integers are rounded half up. Where `out` is given,
    it is painted over and returned; what lies outside the pixels stays.
    """
    native = vet_native(native_yx)
    lack, may_lack = as_pixel(nodata, native.dtype)
    if out is None:
        out = np.full(grid.shape, lack, native.dtype)
    half = 0.5 if native.dtype.kind in "iu" else 0.0
    _warp(native, *grid.arrays, *corner, lack, may_lack, half, out)
    return out


def warp_bilinear_numpy(
    native_yx: npt.NDArray[Any], grid: ControlGrid, *, corner: tuple[int, int] = (0, 0), nodata: float
) -> npt.NDArray[Any]:
    """Return what `warp_bilinear` returns; this plain twin defines it."""
    row, col = grid.positions()
    row, col = row - corner[0], col - corner[1]
    height, width = native_yx.shape
    value = interpolate_numpy(native_yx, row, col, nodata=nodata)
    fill, _ = as_pixel(nodata, native_yx.dtype)
    return np.where((row >= 0) & (row < height) & (col >= 0) & (col < width), value, fill)


@numba.njit(cache=True, nogil=True)
def _warp(
    native, row_rc, col_rc, node_y, between_y, node_x, between_x, row0, col0, nodata, may_lack, half, out
):
    flat = native.ravel()
    lines = np.empty((4, out.shape[1]))
    rest = np.empty((2, out.shape[1]))
    offset = np.empty(out.shape[1], np.int32)
    drawn = -1
    for y in range(out.shape[0]):
        if node_y[y] != drawn:
            drawn = node_y[y]
            draw_lines(row_rc, col_rc, drawn, node_x, between_x, lines)
        _corners(
            lines[0], lines[1], lines[2], lines[3], between_y[y], row0, col0, native.shape,
            offset, rest[0], rest[1],
        )  # fmt: skip
        _mix(native, flat, offset, rest[0], rest[1], nodata, may_lack, half, out[y])


@numba.njit(cache=True, nogil=True)
def _corners(row_above, row_below, col_above, col_below, down, row0, col0, shape, offset, v, u):
    """Fill `v` and `u` with what lies between the upper left of four centres and the place, 0 to 1.

    `offset` is that centre's place in the flat array, -1 outside; -2 where not all four exist, and there
    `v` and `u` are the position itself.
    """
    up = 1 - down
    north, west, height, width = float(row0), float(col0), float(shape[0]), float(shape[1])
    for x in range(len(offset)):
        row = row_above[x] * up + row_below[x] * down - north
        col = col_above[x] * up + col_below[x] * down - west
        inside = (row >= 0) & (row < height) & (col >= 0) & (col < width)
        whole = (row >= 0.5) & (row < height - 0.5) & (col >= 0.5) & (col < width - 0.5)
        r, c = (row if whole else 0.5) - 0.5, (col if whole else 0.5) - 0.5
        i, j = np.int32(r), np.int32(c)
        at = np.int32(np.int32(i * np.int32(shape[1])) + j)
        offset[x] = at if whole else (np.int32(-2) if inside else np.int32(-1))
        v[x], u[x] = (r - i if whole else row), (c - j if whole else col)


@numba.njit(cache=True, nogil=True)
def _mix(native, flat, offset, v, u, nodata, may_lack, half, out):
    height, width = native.shape
    for x in range(len(offset)):
        at = offset[x]
        if at >= 0:
            o = np.uint32(at)
            a, b = flat[o], flat[np.uint32(o + 1)]
            o = np.uint32(o + np.uint32(width))
            c, d = flat[o], flat[np.uint32(o + 1)]
            lower, right = v[x], u[x]
        elif at == -2:
            row, col = v[x], u[x]
            top, left = int(np.floor(row - 0.5)), int(np.floor(col - 0.5))
            lower, right = row - 0.5 - top, col - 0.5 - left
            r0, r1 = max(top, 0), min(top + 1, height - 1)
            c0, c1 = max(left, 0), min(left + 1, width - 1)
            a, b, c, d = native[r0, c0], native[r0, c1], native[r1, c0], native[r1, c1]
        else:
            continue
        value = (a * (1 - right) + b * right) * (1 - lower) + (c * (1 - right) + d * right) * lower
        if (may_lack and (a == nodata or b == nodata or c == nodata or d == nodata)) or value != value:
            out[x] = (d if right >= 0.5 else c) if lower >= 0.5 else (b if right >= 0.5 else a)
        else:
            out[x] = np.floor(value + half) if half > 0 else value
