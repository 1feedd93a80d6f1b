"""Raw whole numbers to codes, and looks to what was seen in every band."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]
U8 = npt.NDArray[np.uint8]
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


def placed(code_yx: U16, out_yx: U16, look_yx: Bool) -> int:
    """Copy codes to `out_yx` and clear a look where they are 0 (y, x); return how many pixels that took."""
    return int(_placed(code_yx, out_yx, look_yx))


def placed_numpy(code_yx: U16, out_yx: U16, look_yx: Bool) -> int:
    """Do what `placed` does; this plain twin defines it."""
    out_yx[...] = code_yx
    lost = look_yx & (code_yx == 0)
    look_yx[lost] = False
    return int(lost.sum())


@numba.njit(nogil=True, cache=True)
def _placed(code, out, look):
    lost = 0
    for y in range(out.shape[0]):
        line, to, values, holes = look[y], out[y], code[y], False
        for x in range(line.size):
            to[x] = values[x]
        for x in range(line.size):  # three short loops, of which the last is rare, are faster than one
            holes |= values[x] == 0
        if holes:
            for x in range(line.size):
                lost += line[x] and values[x] == 0
                line[x] &= values[x] != 0
    return lost


def placed_of(owner: int, owner_yx: U8, code_yx: U16, out_yx: U16, look_yx: Bool) -> int:
    """Do what `placed` does where `owner_yx` names the owner, and nothing elsewhere."""
    return int(_placed_of(np.uint8(owner), owner_yx, code_yx, out_yx, look_yx))


def placed_of_numpy(owner: int, owner_yx: U8, code_yx: U16, out_yx: U16, look_yx: Bool) -> int:
    """Do what `placed_of` does; this plain twin defines it."""
    mine = owner_yx == owner
    out_yx[mine] = code_yx[mine]
    lost = look_yx & mine & (code_yx == 0)
    look_yx[lost] = False
    return int(lost.sum())


@numba.njit(nogil=True, cache=True)
def _placed_of(mine, owner, code, out, look):
    lost = 0
    for y in range(out.shape[0]):
        line, to, values, whose = look[y], out[y], code[y], owner[y]
        for x in range(line.size):
            if whose[x] == mine:  # owners lie in large pieces, so that this is guessed well
                to[x] = values[x]
                if values[x] == 0 and line[x]:
                    line[x] = False
                    lost += 1
    return lost


def named(table: Bool, class_yx: U8) -> Bool:
    """Return what a table of 256 entries says of classes (y, x)."""
    out = np.empty(class_yx.shape, bool)
    _named(table, np.ascontiguousarray(class_yx).ravel(), out.ravel())
    return out


def named_numpy(table: Bool, class_yx: U8) -> Bool:
    """Return what `named` returns; this plain twin defines it."""
    return table[class_yx]


@numba.njit(nogil=True, cache=True)
def _named(table, classes, out):
    for n in range(classes.size):
        out[n] = table[classes[n]]


def extent_of(look_yx: Bool) -> tuple[slice, slice] | None:
    """Return the rows and columns beyond which a look (y, x) is clear nowhere; None if it is not at all."""
    top, bottom, left, right = _extent(look_yx)
    return (slice(top, bottom), slice(left, right)) if bottom > top else None


def extent_of_numpy(look_yx: Bool) -> tuple[slice, slice] | None:
    """Return what `extent_of` returns; this plain twin defines it."""
    rows, cols = np.flatnonzero(look_yx.any(axis=1)), np.flatnonzero(look_yx.any(axis=0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


@numba.njit(nogil=True, cache=True)
def _extent(look):
    height, width = look.shape
    top, bottom, left, right = height, 0, width, 0
    for y in range(height):
        x = 0
        while x < width and not look[y, x]:
            x += 1
        if x < width:
            top, bottom, left = min(top, y), y + 1, min(left, x)
            x = width
            while not look[y, x - 1]:
                x -= 1
            right = max(right, x)
    return top, bottom, left, right


def mean_of_bands(
    total_yx: npt.NDArray[np.uint32], count: int, n_clear_yx: U16, none: int, out_yx: U16
) -> None:
    """Fill in sums over bands / their count (y, x), rounded half up; `none` below two looks."""
    _mean_of_bands(total_yx, np.uint32(count), n_clear_yx, np.uint16(none), out_yx)


def mean_of_bands_numpy(
    total_yx: npt.NDArray[np.uint32], count: int, n_clear_yx: U16, none: int, out_yx: U16
) -> None:
    """Do what `mean_of_bands` does; this plain twin defines it."""
    mean = (2 * total_yx.astype(np.uint64) + count) // (2 * count)
    out_yx[...] = np.where(n_clear_yx > 1, mean, none)


@numba.njit(nogil=True, cache=True)
def _mean_of_bands(total, count, n_clear, none, out):
    half, twice = np.float64(count), 2.0 * count
    for y in range(out.shape[0]):
        for x in range(
            out.shape[1]
        ):  # in floating point, which is exact here, and faster than whole division
            value = np.int32((2.0 * total[y, x] + half) / twice)
            out[y, x] = none if n_clear[y, x] < 2 else np.uint16(value)
