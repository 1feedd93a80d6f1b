"""Means over squares of pixels, and over a pixel and its neighbours as an optic blurs them.

Sums run in a fixed order, so a value depends on its own pixels only. Axis letters: y row, x column.
"""

import numba
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]


def square_means(field_yx: F32, factor: int) -> F32:
    """Return means over squares of `factor` pixels, float32; the sides must divide."""
    height, width = field_yx.shape
    out = np.empty((height // factor, width // factor), np.float32)
    _square_means(np.ascontiguousarray(field_yx, np.float32), factor, np.float32(1 / factor**2), out)
    return out


def square_means_numpy(field_yx: F32, factor: int) -> F32:
    """Return what `square_means` returns; this plain twin defines it."""
    field = np.asarray(field_yx, np.float32)
    lines = field[::factor].copy()
    for k in range(1, factor):
        lines += field[k::factor]
    out = lines[:, ::factor].copy()
    for k in range(1, factor):
        out += lines[:, k::factor]
    return out * np.float32(1 / factor**2)


def softened(sharp_yx: F32) -> F32:
    """Return weighted means of 3 x 3 pixels, 1 2 1 along each side; the outermost pixels keep their own."""
    out = np.empty(sharp_yx.shape, np.float32)
    _softened(np.ascontiguousarray(sharp_yx, np.float32), out)
    return out


def softened_numpy(sharp_yx: F32) -> F32:
    """Return what `softened` returns; this plain twin defines it."""
    rows = sharp_yx.copy()
    rows[1:-1] = (sharp_yx[:-2] + 2 * sharp_yx[1:-1] + sharp_yx[2:]) * np.float32(0.25)
    out = rows.copy()
    out[:, 1:-1] = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) * np.float32(0.25)
    return out


@numba.njit(cache=True, nogil=True)
def _square_means(field, factor, share, out):
    line = np.empty(field.shape[1], np.float32)
    for y in range(out.shape[0]):
        line[:] = field[y * factor]
        for k in range(1, factor):
            _add(field[y * factor + k], line)
        for x in range(out.shape[1]):
            total = line[x * factor]
            for k in range(1, factor):
                total += line[x * factor + k]
            out[y, x] = total * share


@numba.njit(cache=True, nogil=True)
def _add(more, line):
    for x in range(len(line)):
        line[x] += more[x]


@numba.njit(cache=True, nogil=True)
def _softened(sharp, out):
    height, width = sharp.shape
    quarter, two = np.float32(0.25), np.float32(2)
    line = np.empty(width, np.float32)
    for y in range(height):
        if 0 < y < height - 1:
            _bell(sharp[y - 1], sharp[y], sharp[y + 1], line)
        else:
            line[:] = sharp[y]
        out[y, 0], out[y, width - 1] = line[0], line[width - 1]
        for x in range(1, width - 1):
            out[y, x] = ((line[x - 1] + two * line[x]) + line[x + 1]) * quarter


@numba.njit(cache=True, nogil=True)
def _bell(above, here, below, line):
    for x in range(len(line)):
        line[x] = ((above[x] + np.float32(2) * here[x]) + below[x]) * np.float32(0.25)
