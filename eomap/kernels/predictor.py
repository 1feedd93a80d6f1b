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
    zero = block[0, 0] ^ block[0, 0]
    for y in range(out.shape[0]):
        line, total = block[row0 + y], zero
        for x in range(col0):
            total += line[x]
        for x in range(out.shape[1]):
            total += line[col0 + x]
            out[y, x] = total
