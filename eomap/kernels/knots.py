"""Values between the knots of a net, by straight lines in float64. Axis letters: r, c knot; y, x point."""

import numba
import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def between_knots(knot_rc: F64, row: I64, down: F64, col: I64, along: F64) -> F64:
    """Return values (y, x) at a share `down` (y) from knot `row` (y) to the next, and `along` (x) from `col`.

    A value depends on its four knots only, so any cut gives the same bits.
    """
    out = np.empty((len(row), len(col)), np.float64)
    _between(np.ascontiguousarray(knot_rc, np.float64), row, down, col, along, out)
    return out


def between_knots_numpy(knot_rc: F64, row: I64, down: F64, col: I64, along: F64) -> F64:
    """Return what `between_knots` returns; this plain twin defines it."""
    lines = knot_rc[:, col] * (1 - along) + knot_rc[:, col + 1] * along
    found: F64 = lines[row] * (1 - down[:, None]) + lines[row + 1] * down[:, None]
    return found


@numba.njit(cache=True, nogil=True)
def _between(knot, row, down, col, along, out):
    low, high = np.empty(out.shape[1]), np.empty(out.shape[1])
    held = -1
    for y in range(len(row)):
        if row[y] != held:
            held = row[y]
            _line(knot[held], col, along, low)
            _line(knot[held + 1], col, along, high)
        _mean(low, high, down[y], out[y])


@numba.njit(cache=True, nogil=True)
def _line(knot, col, along, out):
    for x in range(len(out)):
        out[x] = knot[col[x]] * (1 - along[x]) + knot[col[x] + 1] * along[x]


@numba.njit(cache=True, nogil=True)
def _mean(low, high, share, out):
    for x in range(len(out)):
        out[x] = low[x] * (1 - share) + high[x] * share
