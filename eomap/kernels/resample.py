"""Bands of coarser pixels brought to a finer grid: linear between pixel centres."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]


def interpolate(native_yx: npt.NDArray[Any], row: Floats, col: Floats, *, nodata: float) -> npt.NDArray[Any]:
    """Return values at fractional positions, linear between the four pixel centres around each.

    `row` and `col` count pixels from the upper left corner of `native_yx` (a centre lies at .5): either
    1-D, giving a raster (row, col), or 2-D of equal shape. Beyond the outermost centres the edge value
    stands. Where one of the four is `nodata` (or NaN), the pixel that holds the position is taken instead,
    so that neither fill nor its neighbours are mixed. Integer types are rounded half up. The
    value depends on the position and the four pixels only: any window of a file gives the same bits.
    """
    native = np.ascontiguousarray(native_yx)
    half = 0.5 if native_yx.dtype.kind in "iu" else 0.0
    if row.ndim == 1:
        out = np.empty((row.size, col.size), dtype=native_yx.dtype)
        _interpolate_parallel(native, row, col, float(nodata), half, out)
    else:
        out = np.empty(row.shape, dtype=native_yx.dtype)
        _interpolate(native, row, col, float(nodata), half, out)
    return out


def interpolate_numpy(native_yx: npt.NDArray[Any], row: F64, col: F64, *, nodata: float) -> npt.NDArray[Any]:
    """Return what `interpolate` returns; this plain twin defines it."""
    if row.ndim == 1:
        row, col = np.broadcast_arrays(row[:, None], col[None, :])
    height, width = native_yx.shape
    top, left = np.floor(row - 0.5), np.floor(col - 0.5)
    down, right = row - 0.5 - top, col - 0.5 - left
    r0, r1 = (np.clip(top + d, 0, height - 1).astype(np.int64) for d in (0, 1))
    c0, c1 = (np.clip(left + d, 0, width - 1).astype(np.int64) for d in (0, 1))
    a, b, c, d = (native_yx[r, k].astype(np.float64) for r, k in ((r0, c0), (r0, c1), (r1, c0), (r1, c1)))
    value = (a * (1 - right) + b * right) * (1 - down) + (c * (1 - right) + d * right) * down
    if native_yx.dtype.kind in "iu":
        value = np.floor(value + 0.5)
    mixed = (a == nodata) | (b == nodata) | (c == nodata) | (d == nodata) | np.isnan(value)
    held = native_yx[
        np.clip(row, 0, height - 1).astype(np.int64), np.clip(col, 0, width - 1).astype(np.int64)
    ]
    return np.where(mixed, held, np.where(mixed, 0, value).astype(native_yx.dtype))


@numba.njit(nogil=True, cache=True)
def _interpolate(native, row, col, nodata, half, out):
    height, width = native.shape
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            v, u = row[y, x] - 0.5, col[y, x] - 0.5
            top, left = int(np.floor(v)), int(np.floor(u))
            down, right = v - top, u - left
            r0, r1 = min(max(top, 0), height - 1), min(max(top + 1, 0), height - 1)
            c0, c1 = min(max(left, 0), width - 1), min(max(left + 1, 0), width - 1)
            a, b, c, d = native[r0, c0], native[r0, c1], native[r1, c0], native[r1, c1]
            value = (a * (1 - right) + b * right) * (1 - down) + (c * (1 - right) + d * right) * down
            if a == nodata or b == nodata or c == nodata or d == nodata or value != value:
                r, k = min(max(int(row[y, x]), 0), height - 1), min(max(int(col[y, x]), 0), width - 1)
                out[y, x] = native[r, k]
            else:
                out[y, x] = value if half == 0.0 else np.floor(value + half)


@numba.njit(nogil=True, cache=True)
def _interpolate_parallel(native, row, col, nodata, half, out):
    """Positions of a row are those of every row: two native rows are drawn out once and used until passed."""
    height, width = native.shape
    columns = len(col)
    left, held = np.empty((2, columns), np.int64), np.empty(columns, np.int64)
    right = np.empty(columns)
    for x in range(columns):
        u = col[x] - 0.5
        at = int(np.floor(u))
        right[x] = u - at
        left[0, x], left[1, x] = min(max(at, 0), width - 1), min(max(at + 1, 0), width - 1)
        held[x] = min(max(int(col[x]), 0), width - 1)
    line, lacks = np.empty((2, columns)), np.zeros((2, columns), np.uint8)
    drawn = np.full(2, -1, np.int64)
    for y in range(out.shape[0]):
        v = row[y] - 0.5
        top = int(np.floor(v))
        down = v - top
        r0, r1 = min(max(top, 0), height - 1), min(max(top + 1, 0), height - 1)
        for r in (r0, r1):
            if drawn[r % 2] != r:
                drawn[r % 2] = r
                _stretch(native[r], left[0], left[1], right, nodata, line[r % 2], lacks[r % 2])
        _between(line[r0 % 2], line[r1 % 2], down, half, out[y])
        _keep(native[min(max(int(row[y]), 0), height - 1)], held, lacks[r0 % 2], lacks[r1 % 2], out[y])


@numba.njit(nogil=True, cache=True)
def _stretch(row, left, next_, right, nodata, line, lacks):
    for x in range(len(line)):
        a, b = row[left[x]], row[next_[x]]
        value = a * (1 - right[x]) + b * right[x]
        lack = a == nodata or b == nodata or value != value
        line[x], lacks[x] = 0.0 if lack else value, lack


@numba.njit(nogil=True, cache=True)
def _between(above, below, down, half, out):
    up = 1 - down
    if half == 0.0:
        for x in range(len(out)):
            out[x] = above[x] * up + below[x] * down
    else:
        for x in range(len(out)):
            out[x] = np.floor(above[x] * up + below[x] * down + half)


@numba.njit(nogil=True, cache=True)
def _keep(row, held, lacks_above, lacks_below, out):
    """Put the pixel that holds the place where a neighbour is missing."""
    any_lacks = np.uint8(0)
    for x in range(len(out)):
        any_lacks |= lacks_above[x] | lacks_below[x]
    if any_lacks:
        for x in range(len(out)):
            if lacks_above[x] | lacks_below[x]:
                out[x] = row[held[x]]
