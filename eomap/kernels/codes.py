"""Raw whole numbers to codes, and looks to what was seen in every band."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]
TOP = 65_535


def shifted_codes(raw_yx: npt.NDArray[Any], shift: int, nodata: float | None) -> U16:
    """Return whole numbers + shift (y, x), within 1 and 65535; 0 where they are 0 or `nodata`."""
    out = np.empty(raw_yx.shape, np.uint16)
    # A nodata that the type cannot hold, such as NaN, is never met.
    whole = nodata is not None and np.isfinite(nodata) and float(nodata).is_integer()
    _shifted_codes(np.ascontiguousarray(raw_yx), np.int64(shift), np.int64(nodata if whole else 0), out)  # type: ignore[arg-type]
    return out


def shifted_codes_numpy(raw_yx: npt.NDArray[Any], shift: int, nodata: float | None) -> U16:
    """Return what `shifted_codes` returns; this plain twin defines it."""
    unseen = (raw_yx == 0) if nodata is None else (raw_yx == 0) | (raw_yx == nodata)
    return np.where(unseen, 0, np.clip(raw_yx.astype(np.int64) + shift, 1, TOP)).astype(np.uint16)


@numba.njit(nogil=True, cache=True)
def _shifted_codes(raw, shift, nodata, out):
    flat, codes = raw.ravel(), out.ravel()
    for x in range(flat.size):
        value = np.int64(flat[x])
        code = min(max(value + shift, np.int64(1)), np.int64(65_535))
        codes[x] = np.uint16(0) if value == 0 or value == nodata else np.uint16(code)


def drop_unseen(look_yx: Bool, code_yx: U16) -> int:
    """Clear a look (y, x) where its code is 0, in place; return how many pixels that took from it."""
    return int(_drop_unseen(look_yx, code_yx))


def drop_unseen_numpy(look_yx: Bool, code_yx: U16) -> int:
    """Do what `drop_unseen` does; this plain twin defines it."""
    lost = look_yx & (code_yx == 0)
    look_yx[lost] = False
    return int(lost.sum())


@numba.njit(nogil=True, cache=True)
def _drop_unseen(look, code):
    dropped = 0
    for y in range(look.shape[0]):
        line, values, before, after = look[y], code[y], 0, 0
        for x in range(line.size):
            before += line[x]
            line[x] &= values[x] != 0
            after += line[x]
        dropped += before - after
    return dropped
