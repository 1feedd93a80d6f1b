"""Bands of coarser pixels brought to a finer grid: linear between pixel centres."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def interpolate(native_yx: npt.NDArray[Any], row: F64, col: F64, *, nodata: float) -> npt.NDArray[Any]:
    """Return values at fractional positions, linear between the four pixel centres around each.

    `row` and `col` count pixels from the upper left corner of `native_yx` (a centre lies at .5): either
    1-D, giving a raster (row, col), or 2-D of equal shape. Beyond the outermost centres the edge value
    stands. Where one of the four is `nodata`, the pixel that holds the position is taken instead, so
    that neither fill nor its neighbours are mixed. Integer types are rounded half up. The
    value depends on the position and the four pixels only: any window of a file gives the same bits.
    """
    if row.ndim == 1:
        shape = (row.size, col.size)
        row, col = np.broadcast_to(row[:, None], shape), np.broadcast_to(col[None, :], shape)
    out = np.empty(row.shape, dtype=native_yx.dtype)
    half = 0.5 if native_yx.dtype.kind in "iu" else 0.0
    _interpolate(np.ascontiguousarray(native_yx), row, col, float(nodata), half, out)
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
    mixed = (a == nodata) | (b == nodata) | (c == nodata) | (d == nodata)
    held = native_yx[
        np.clip(row, 0, height - 1).astype(np.int64), np.clip(col, 0, width - 1).astype(np.int64)
    ]
    return np.where(mixed, held, value.astype(native_yx.dtype))


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
            if a == nodata or b == nodata or c == nodata or d == nodata:
                r, k = min(max(int(row[y, x]), 0), height - 1), min(max(int(col[y, x]), 0), width - 1)
                out[y, x] = native[r, k]
            else:
                value = (a * (1 - right) + b * right) * (1 - down) + (c * (1 - right) + d * right) * down
                out[y, x] = value + half if half == 0.0 else np.floor(value + half)
