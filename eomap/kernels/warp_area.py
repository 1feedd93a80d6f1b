"""What lies under a pixel by area: for frames of coarser pixels than the file's.

A pixel of the frame is the quadrangle between its four corners in the file. Neighbours share corners, so a
file's pixel is divided among them with nothing lost: means of amounts keep the sum. Axis letters: y, x.
"""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.warp import ControlGrid, as_pixel, draw_lines, vet_native

F64 = npt.NDArray[np.float64]
LEAST_PX = 1e-6
"""Of a file's pixel: a smaller overlap counts as none."""


def warp_average(
    native_yx: npt.NDArray[Any], corners: ControlGrid, *, corner: tuple[int, int] = (0, 0), nodata: float
) -> npt.NDArray[Any]:
    """Return the mean (y, x) of the file's pixels under each pixel of a frame, weighted by overlap.

    `corners` is a control grid at the frame's corners, `native_yx` the pixels of a file from row and
    column `corner` on. Pixels that are `nodata`, or NaN, or outside are left out; `nodata` where none is
    left. Integers are rounded half up.
    """
    native, (lack, may_lack) = vet_native(native_yx), as_pixel(nodata, native_yx.dtype)
    out = np.full((corners.shape[0] - 1, corners.shape[1] - 1), lack, native.dtype)
    half = 0.5 if native.dtype.kind in "iu" else 0.0
    _average(native, *corners.arrays, *corner, lack, may_lack, half, out)
    return out


def warp_mode(
    native_yx: npt.NDArray[Any], corners: ControlGrid, *, corner: tuple[int, int] = (0, 0), nodata: int
) -> npt.NDArray[Any]:
    """Return the code (y, x) that has the most area under each pixel of a frame; ties go to the smaller.

    As `warp_average` for the rest. Raises MisuseError unless codes are uint8 or uint16.
    """
    native, (lack, may_lack) = vet_native(native_yx), as_pixel(nodata, native_yx.dtype)
    if native.dtype not in (np.uint8, np.uint16):
        raise MisuseError("mode", expected="codes of uint8 or uint16", got=str(native.dtype))
    out = np.full((corners.shape[0] - 1, corners.shape[1] - 1), lack, native.dtype)
    area = np.zeros(int(native.max()) + 1)
    _mode(native, *corners.arrays, *corner, lack, may_lack, area, out)
    return out


def overlaps_numpy(row: F64, col: F64) -> tuple[tuple[int, int], F64]:
    """Return the area (y, x) that a quadrangle shares with each pixel, and the first pixel's row and column.

    Its corners are given in turn, in pixels. Area left of a vertical line is a sum over the edges, each a
    trapezium; the difference between two lines is a column's. This plain twin defines both kernels.
    """
    top, left = int(np.floor(row.min())), int(np.floor(col.min()))
    rows, cols = int(np.floor(row.max())) + 1 - top, int(np.floor(col.max())) + 1 - left
    beyond = np.zeros((rows, cols + 1))
    for k in range(4):
        v0, u0, v1, u1 = row[k], col[k], row[(k + 1) % 4], col[(k + 1) % 4]
        if v0 == v1:
            continue
        sign = 1.0 if v1 > v0 else -1.0
        if v1 < v0:
            v0, u0, v1, u1 = v1, u1, v0, u0
        slope = (u1 - u0) / (v1 - v0)
        for r in range(rows):
            begin, end = max(v0, top + r), min(v1, top + r + 1)
            if end > begin:
                a, b = u0 + (begin - v0) * slope, u0 + (end - v0) * slope
                low, high = min(a, b), max(a, b)
                for c in range(cols + 1):
                    line = float(left + c)
                    if low >= line:
                        width = (low + high) / 2 - line
                    elif high > line:
                        width = (high - line) * (high - line) / (2 * (high - low))
                    else:
                        width = 0.0
                    beyond[r, c] += sign * (end - begin) * width
    return (top, left), np.abs(beyond[:, :-1] - beyond[:, 1:])


def warp_average_numpy(
    native_yx: npt.NDArray[Any], corners: ControlGrid, *, corner: tuple[int, int] = (0, 0), nodata: float
) -> npt.NDArray[Any]:
    """Return what `warp_average` returns; this plain twin defines it."""
    lack, may_lack = as_pixel(nodata, native_yx.dtype)
    out = np.full((corners.shape[0] - 1, corners.shape[1] - 1), lack, native_yx.dtype)
    for y, x, pixel, area in _under(native_yx, corners, corner, lack, may_lack):
        mean = np.cumsum(area * pixel.astype(np.float64))[-1] / np.cumsum(area)[-1]
        out[y, x] = np.floor(mean + 0.5) if native_yx.dtype.kind in "iu" else mean
    return out


def warp_mode_numpy(
    native_yx: npt.NDArray[Any], corners: ControlGrid, *, corner: tuple[int, int] = (0, 0), nodata: int
) -> npt.NDArray[Any]:
    """Return what `warp_mode` returns; this plain twin defines it."""
    lack, may_lack = as_pixel(nodata, native_yx.dtype)
    out = np.full((corners.shape[0] - 1, corners.shape[1] - 1), lack, native_yx.dtype)
    for y, x, pixel, area in _under(native_yx, corners, corner, lack, may_lack):
        out[y, x] = np.bincount(pixel, area).argmax()
    return out


def _under(native_yx, corners, corner, lack, may_lack):
    """Yield row, column, the known pixels under that pixel of the frame, in order, and their areas."""
    row, col = corners.positions()
    row, col = row - corner[0], col - corner[1]
    height, width = native_yx.shape
    for y in range(row.shape[0] - 1):
        for x in range(row.shape[1] - 1):
            v, u = (np.array([a[y, x], a[y, x + 1], a[y + 1, x + 1], a[y + 1, x]]) for a in (row, col))
            if not (np.isfinite(v).all() and np.isfinite(u).all()):
                continue
            (top, left), area = overlaps_numpy(v, u)
            r, c = (i.ravel() for i in np.indices(area.shape))
            r, c, area = r + top, c + left, area.ravel()
            seen = (r >= 0) & (r < height) & (c >= 0) & (c < width) & (area > LEAST_PX)
            pixel, area = native_yx[r[seen], c[seen]], area[seen]
            known = ~((may_lack & (pixel == lack)) | (pixel != pixel))
            if known.any():
                yield y, x, pixel[known], area[known]


_overlaps = numba.njit(cache=True, nogil=True)(overlaps_numpy)


@numba.njit(cache=True, nogil=True)
def _average(
    native, row_rc, col_rc, node_y, between_y, node_x, between_x, row0, col0, lack, may_lack, half, out
):
    height, width = native.shape
    row, col = np.empty((2, out.shape[1] + 1)), np.empty((2, out.shape[1] + 1))
    v, u = np.empty(4), np.empty(4)
    lines = np.empty((4, out.shape[1] + 1))
    for y in range(out.shape[0]):
        _edges(row_rc, col_rc, node_y, between_y, node_x, between_x, row0, col0, y, lines, row, col)
        for x in range(out.shape[1]):
            if not _quadrangle(row, col, x, v, u):
                continue
            (top, left), area = _overlaps(v, u)
            total, weight = 0.0, 0.0
            for i in range(max(0, -top), min(area.shape[0], height - top)):
                for j in range(max(0, -left), min(area.shape[1], width - left)):
                    pixel = native[top + i, left + j]
                    lacks = (may_lack and pixel == lack) or pixel != pixel
                    if area[i, j] > LEAST_PX and not lacks:
                        total += area[i, j] * np.float64(pixel)
                        weight += area[i, j]
            if weight > 0:
                out[y, x] = np.floor(total / weight + half) if half > 0 else total / weight


@numba.njit(cache=True, nogil=True)
def _mode(
    native, row_rc, col_rc, node_y, between_y, node_x, between_x, row0, col0, lack, may_lack, total, out
):
    height, width = native.shape
    row, col = np.empty((2, out.shape[1] + 1)), np.empty((2, out.shape[1] + 1))
    v, u = np.empty(4), np.empty(4)
    lines = np.empty((4, out.shape[1] + 1))
    for y in range(out.shape[0]):
        _edges(row_rc, col_rc, node_y, between_y, node_x, between_x, row0, col0, y, lines, row, col)
        for x in range(out.shape[1]):
            if not _quadrangle(row, col, x, v, u):
                continue
            (top, left), area = _overlaps(v, u)
            total[:] = 0
            for i in range(max(0, -top), min(area.shape[0], height - top)):
                for j in range(max(0, -left), min(area.shape[1], width - left)):
                    pixel = native[top + i, left + j]
                    if area[i, j] > LEAST_PX and not (may_lack and pixel == lack):
                        total[pixel] += area[i, j]
            best = total.argmax()
            if total[best] > 0:
                out[y, x] = best


@numba.njit(cache=True, nogil=True)
def _edges(row_rc, col_rc, node_y, between_y, node_x, between_x, row0, col0, y, lines, row, col):
    """Fill `row` and `col` (2, x) with the corners above and below a row of pixels."""
    for k in range(2):
        draw_lines(row_rc, col_rc, node_y[y + k], node_x, between_x, lines)
        up, down = 1 - between_y[y + k], between_y[y + k]
        for x in range(row.shape[1]):
            row[k, x] = lines[0, x] * up + lines[1, x] * down - row0
            col[k, x] = lines[2, x] * up + lines[3, x] * down - col0


@numba.njit(cache=True, nogil=True)
def _quadrangle(row, col, x, v, u):
    """Fill `v` and `u` with the corners of one pixel in turn; return whether they are all known."""
    v[0], v[1], v[2], v[3] = row[0, x], row[0, x + 1], row[1, x + 1], row[1, x]
    u[0], u[1], u[2], u[3] = col[0, x], col[0, x + 1], col[1, x + 1], col[1, x]
    return bool(np.isfinite(v).all() and np.isfinite(u).all())
