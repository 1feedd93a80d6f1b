"""A smooth field on a coarse grid, brought to fine pixels by cubic convolution.

R. Keys, Cubic convolution interpolation for digital image processing, 1981 (doi:10.1109/TASSP.1981.1163711),
a = -1/2: passes through the nodes, exact for quadratics. Axis letters: r, c node row and column; y, x pixel.
"""

from functools import cache

import numba
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
MARGIN = 2
"""Nodes needed before the first and after the last pixel."""


def upsampled(node_rc: F32, *, factor: int, row0: int, col0: int, shape: tuple[int, int]) -> F32:
    """Return a field (y, x) of pixels, `factor` to a node's spacing, that begin `row0`, `col0` pixels in.

    Pixel i lies at node MARGIN + (i + 0.5) / factor; `row0` and `col0` are at least 0. A pixel depends on
    the 4 x 4 nodes around it, in a fixed order, so any cut gives the same bits.
    """
    out = np.empty(shape, np.float32)
    _upsample(np.ascontiguousarray(node_rc, np.float32), _weights(factor), factor, row0, col0, out)
    return out


def upsampled_numpy(node_rc: F32, *, factor: int, row0: int, col0: int, shape: tuple[int, int]) -> F32:
    """Return what `upsampled` returns; this plain twin defines it."""
    table = _weights(factor)
    rows, cols = row0 + np.arange(shape[0]), col0 + np.arange(shape[1])
    first, phase = cols // factor, cols % factor
    lines = np.zeros((len(node_rc), shape[1]), np.float32)
    for k in range(4):
        lines += table[phase, k] * node_rc[:, first + MARGIN - 1 + k]
    first, phase = rows // factor, rows % factor
    out = np.zeros(shape, np.float32)
    for k in range(4):
        out += table[phase, k][:, None] * lines[first + MARGIN - 1 + k]
    return out


@cache
def _weights(factor: int) -> F32:
    """Return the weights (phase, 4) of the nodes at -1, 0, 1, 2."""
    t = (np.arange(factor) + 0.5) / factor
    w = [
        ((-t + 2) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((-3 * t + 4) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    ]
    return np.stack(w, axis=1).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _upsample(node, table, factor, row0, col0, out):
    height, width = out.shape
    first = np.empty(width, np.int32)
    weight = np.empty((4, width), np.float32)
    for x in range(width):
        first[x] = (col0 + x) // factor + MARGIN - 1
        for k in range(4):
            weight[k, x] = table[(col0 + x) % factor, k]
    lines = np.empty((4, width), np.float32)  # that of node row r lies at r % 4, so each is drawn once
    drawn = row0 // factor + MARGIN - 1
    for y in range(height):
        top, phase = (row0 + y) // factor + MARGIN - 1, (row0 + y) % factor
        while drawn < top + 4:
            _line(node[drawn], first, weight[0], weight[1], weight[2], weight[3], lines[drawn % 4])
            drawn += 1
        a, b, c, d = lines[top % 4], lines[(top + 1) % 4], lines[(top + 2) % 4], lines[(top + 3) % 4]
        _between(a, b, c, d, table[phase], out[y])


@numba.njit(cache=True, nogil=True)
def _line(row, first, w0, w1, w2, w3, out):
    for x in range(len(out)):
        c = first[x]
        out[x] = ((w0[x] * row[c] + w1[x] * row[c + 1]) + w2[x] * row[c + 2]) + w3[x] * row[c + 3]


@numba.njit(cache=True, nogil=True)
def _between(a, b, c, d, weight, out):
    w0, w1, w2, w3 = weight[0], weight[1], weight[2], weight[3]
    for x in range(len(out)):
        out[x] = ((w0 * a[x] + w1 * b[x]) + w2 * c[x]) + w3 * d[x]
