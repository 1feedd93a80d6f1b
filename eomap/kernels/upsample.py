"""A smooth field on a coarse grid, brought to fine pixels by cubic convolution.

R. Keys, Cubic convolution interpolation for digital image processing, 1981 (doi:10.1109/TASSP.1981.1163711),
a = -1/2: passes through the nodes, exact for quadratics. Axis letters: r, c node row and column; y, x pixel.
"""

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
    lines = np.zeros((4, out.shape[1]), np.float32)
    held = -9
    for y in range(out.shape[0]):
        first, phase = (row0 + y) // factor, (row0 + y) % factor
        if first != held:
            for k in range(4):
                for x in range(out.shape[1]):
                    c, p = (col0 + x) // factor + MARGIN - 1, (col0 + x) % factor
                    row = node[first + MARGIN - 1 + k]
                    lines[k, x] = (
                        (table[p, 0] * row[c] + table[p, 1] * row[c + 1]) + table[p, 2] * row[c + 2]
                    ) + table[p, 3] * row[c + 3]
            held = first
        a, b, c_, d = table[phase, 0], table[phase, 1], table[phase, 2], table[phase, 3]
        for x in range(out.shape[1]):
            out[y, x] = ((a * lines[0, x] + b * lines[1, x]) + c_ * lines[2, x]) + d * lines[3, x]
