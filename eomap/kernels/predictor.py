"""Horizontal differencing undone: TIFF predictor 2 (TIFF 6.0, section 14)."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[Any]


def undifferenced(block_yx: Whole, out_yx: Whole, row0: int, col0: int) -> None:
    """Fill `out_yx` with the part of a differenced block that starts at row0, col0.

    Both are unsigned whole numbers of one type; sums wrap around, as the differences did.
    """
    _undifferenced(block_yx, out_yx, row0, col0)


def undifferenced_numpy(block_yx: Whole, out_yx: Whole, row0: int, col0: int) -> None:
    """Do what `undifferenced` does; this plain twin defines it."""
    height, width = out_yx.shape
    whole = np.cumsum(block_yx, axis=1, dtype=block_yx.dtype)
    out_yx[...] = whole[row0 : row0 + height, col0 : col0 + width]


@numba.njit(nogil=True, cache=True)
def _undifferenced(block, out, row0, col0):
    """Four rows at a time: within one, every sum waits for the one before."""
    zero, whole = block[0, 0] ^ block[0, 0], out.shape[0] // 4 * 4
    for y in range(0, whole, 4):
        first, second, third, fourth = (
            block[row0 + y], block[row0 + y + 1], block[row0 + y + 2], block[row0 + y + 3]
        )  # fmt: skip
        to_first, to_second, to_third, to_fourth = out[y], out[y + 1], out[y + 2], out[y + 3]
        a, b, c, d = zero, zero, zero, zero
        for x in range(col0):
            a, b, c, d = a + first[x], b + second[x], c + third[x], d + fourth[x]
        for x in range(out.shape[1]):
            a, b = a + first[col0 + x], b + second[col0 + x]
            c, d = c + third[col0 + x], d + fourth[col0 + x]
            to_first[x], to_second[x], to_third[x], to_fourth[x] = a, b, c, d
    for y in range(whole, out.shape[0]):
        line, total = block[row0 + y], zero
        for x in range(col0):
            total += line[x]
        for x in range(out.shape[1]):
            total += line[col0 + x]
            out[y, x] = total
