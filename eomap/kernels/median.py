"""The clear-sky median of several looks, per band, and how far the looks lie from it.

Axis letters: t look, b band, y row (north to south), x column (west to east), n pixel.

One rule decides what a look is: an acquisition counts at a pixel when the mask calls the pixel clear
**and** every band is nonzero there. The same looks then enter the median of every band, so that
the bands of a composite stay consistent with each other and with `n_clear`.
"""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.network import middle_of, rows_for

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]

NO_SPREAD = 65_535
"""Fewer than two looks say nothing about each other."""
CHUNK_PX = 256
"""Pixels sorted side by side; all their looks of one band fit the first-level cache."""
ROW_PX = CHUNK_PX + 32
"""From one look's pixels to the next's. A power of two would crowd all into a few sets of the cache."""


def median_composite(dn_tbyx: U16, clear_tyx: Bool, *, out: tuple[U16, U16] | None = None) -> tuple[U16, U16]:
    """Return the median composite (b, y, x) and the number of looks `n_clear` (y, x), both uint16.

    `dn_tbyx` is reflectance x 10000 with 0 for nodata. The median of an even number of looks is the
    mean of the two middle values, rounded half up. 0 where there is no look. A pixel's answer depends
    on that pixel only, so any cutting into blocks gives the same bits. Both are written into `out`, of any
    strides, where that is given: a block of a larger raster, say. Any other dtype or shape raises
    MisuseError. Pixels of a row have to be neighbours in memory, or are copied; fastest are looks and bands
    of one row beside each other: `np.empty((y, t, b, x), np.uint16).transpose(1, 2, 0, 3)`.

    >>> dn = np.array([3, 0, 8, 6], np.uint16).reshape(4, 1, 1, 1)
    >>> dn_byx, n_clear = median_composite(dn, np.array([1, 1, 1, 0], bool).reshape(4, 1, 1))
    >>> int(dn_byx[0, 0, 0]), int(n_clear[0, 0])
    (6, 2)
    """
    _vet(dn_tbyx, clear_tyx)
    dn_byx, count_yx = out or (
        np.empty(dn_tbyx.shape[1:], np.uint16),
        np.empty(clear_tyx.shape[1:], np.uint16),
    )
    _compose(dn_tbyx, clear_tyx, dn_byx, count_yx, np.empty((0, 0), np.uint16))
    return dn_byx, count_yx


def median_and_spread(
    dn_tbyx: U16, clear_tyx: Bool, *, out: tuple[U16, U16, U16] | None = None
) -> tuple[U16, U16, U16]:
    """Return what `median_composite` does, and the spread (y, x) of the looks, uint16, reflectance x 10000.

    The spread is the median absolute deviation (MAD; Hampel 1974, doi:10.1080/01621459.1974.10482962) of a
    band's looks about their median, both medians rounded half up, then the mean over the bands, rounded
    half up. NO_SPREAD where there are fewer than two looks.

    >>> dn = np.array([10, 16, 40], np.uint16).reshape(3, 1, 1, 1)
    >>> [int(a.ravel()[0]) for a in median_and_spread(dn, np.ones((3, 1, 1), bool))]
    [16, 3, 6]
    """
    _vet(dn_tbyx, clear_tyx)
    flat = clear_tyx.shape[1:]
    dn_byx, count_yx, spread_yx = out or (
        np.empty(dn_tbyx.shape[1:], np.uint16),
        np.empty(flat, np.uint16),
        np.empty(flat, np.uint16),
    )
    _compose(dn_tbyx, clear_tyx, dn_byx, count_yx, spread_yx)
    return dn_byx, count_yx, spread_yx


def _compose(dn_tbyx: U16, clear_tyx: Bool, dn_byx: U16, count_yx: U16, spread_yx: U16) -> None:
    """Fill in median, looks and spread; the spread costs nothing where its array is empty."""
    looks, bands, height, width = dn_tbyx.shape
    wanted = (bands, height, width), (height, width), (height, width)
    given = dn_byx.shape, count_yx.shape, spread_yx.shape if spread_yx.size else wanted[2]
    if given != wanted or not dn_byx.dtype == count_yx.dtype == spread_yx.dtype == np.uint16:
        raise MisuseError("median composite", expected=f"out: uint16 {wanted}", got=f"{given}")
    arrays = (dn_tbyx, clear_tyx, dn_byx, count_yx, spread_yx)
    if all(a.flags.c_contiguous for a in arrays):  # one long row, so that narrow blocks are not slow
        height, width = min(1, height * width), height * width
    _median_rows(
        *_flat(dn_tbyx.reshape(looks, bands, height, width)),
        *_flat(clear_tyx.reshape(looks, height, width)),
        middle_of(rows_for(looks), CHUNK_PX, ROW_PX),
        (looks, rows_for(looks), bands),
        dn_byx.reshape(bands, height, width),
        count_yx.reshape(height, width),
        spread_yx.reshape(height, width) if spread_yx.size else spread_yx,
    )


def _flat(array: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], tuple[int, ...]]:
    """Return an array's memory as one row, and the distance of neighbours in items, for each axis but x."""
    if array.strides[-1] != array.itemsize or min(array.strides) < 0:
        array = np.ascontiguousarray(array)
    steps = tuple(s // array.itemsize for s in array.strides)
    span = 1 + sum((n - 1) * s for n, s in zip(array.shape, steps, strict=True)) if array.size else 0
    return np.lib.stride_tricks.as_strided(array, (span,), (array.itemsize,)), steps[:-1]


def median_composite_numpy(dn_tbyx: U16, clear_tyx: Bool) -> tuple[U16, U16]:
    """Return what `median_composite` returns; this plain twin defines it."""
    _vet(dn_tbyx, clear_tyx)
    look_tyx = clear_tyx & (dn_tbyx > 0).all(axis=1)
    count_yx = look_tyx.sum(axis=0)
    median = np.where(count_yx > 0, _middle(dn_tbyx.astype(np.int64), look_tyx), 0)
    return median.astype(np.uint16), count_yx.astype(np.uint16)


def median_and_spread_numpy(dn_tbyx: U16, clear_tyx: Bool) -> tuple[U16, U16, U16]:
    """Return what `median_and_spread` returns; this plain twin defines it."""
    median_byx, count_yx = median_composite_numpy(dn_tbyx, clear_tyx)
    look_tyx = clear_tyx & (dn_tbyx > 0).all(axis=1)
    mad_byx = _middle(np.abs(dn_tbyx.astype(np.int64) - median_byx), look_tyx)
    bands = len(mad_byx)
    mean_yx = (2 * mad_byx.sum(axis=0) + bands) // (2 * bands)
    return median_byx, count_yx, np.where(count_yx > 1, mean_yx, NO_SPREAD).astype(np.uint16)


def _middle(value_tbyx: npt.NDArray[np.int64], look_tyx: Bool) -> npt.NDArray[np.int64]:
    """Return the median (b, y, x) of the values that are looks, rounded half up; any number where none is."""
    count_yx = look_tyx.sum(axis=0)
    sorted_tbyx = np.sort(np.where(look_tyx[:, None], value_tbyx, 65_536), axis=0)
    low_byx = np.take_along_axis(sorted_tbyx, (np.maximum(count_yx, 1) - 1)[None, None] // 2, axis=0)[0]
    high_byx = np.take_along_axis(sorted_tbyx, count_yx[None, None] // 2, axis=0)[0]
    return (low_byx + high_byx + 1) >> 1


def _vet(dn_tbyx: U16, clear_tyx: Bool) -> None:
    fits = dn_tbyx.ndim == 4 and clear_tyx.shape == dn_tbyx.shape[:1] + dn_tbyx.shape[2:]
    if not fits or dn_tbyx.shape[0] == 0 or dn_tbyx.dtype != np.uint16 or clear_tyx.dtype != np.bool_:
        raise MisuseError(
            "median composite",
            expected="uint16 (t, b, y, x) with at least one look, and bool (t, y, x)",
            got=f"{dn_tbyx.dtype} {dn_tbyx.shape} and {clear_tyx.dtype} {clear_tyx.shape}",
        )


_RUN_PX = 8 * CHUNK_PX
"""Pixels of one row whose looks are told together, so that memory is read in long strides."""


@numba.njit(nogil=True, cache=True)
def _median_rows(dn_n, dn_step, clear_n, clear_step, middle, sizes, dn_byx, count_yx, spread_yx):
    """Sort chunks of pixels look against look: every comparator is one vector minimum and maximum."""
    looks, rows, bands = sizes
    height, width = count_yx.shape
    look_tn = np.empty((looks, _RUN_PX), np.uint16)  # 65535 for a look, 0 for none
    look_tx, fill_tx = np.zeros(rows * ROW_PX, np.uint16), np.empty(rows * ROW_PX, np.uint16)
    value_tx = np.empty(rows * ROW_PX, np.uint16)
    turn_x, count_x = np.empty(CHUNK_PX, np.uint16), np.empty(CHUNK_PX, np.uint16)
    even_x, some_x = np.empty(CHUNK_PX, np.uint16), np.empty(CHUNK_PX, np.uint16)
    median_x, mad_x = np.zeros(CHUNK_PX, np.uint16), np.empty(CHUNK_PX, np.uint16)
    total_x = np.empty(CHUNK_PX, np.uint32)  # deviations, summed over the bands
    for y in range(height):
        for x in range(0, width, CHUNK_PX):
            size = min(CHUNK_PX, width - x)
            at = dn_step[2] * y + x
            if x % _RUN_PX == 0:
                run = min(_RUN_PX, width - x)
                for t in range(looks):
                    look_x, clear_at = look_tn[t, :run], clear_step[0] * t + clear_step[1] * y + x
                    for b in range(bands):  # one row after the other, as memory likes it best
                        dn_at = dn_step[0] * t + dn_step[1] * b + at
                        _keep_least(dn_n[dn_at : dn_at + run], b, look_x)
                    _keep_clear(clear_n[clear_at : clear_at + run], look_x)
            _share_out(look_tn, x % _RUN_PX, look_tx, fill_tx, turn_x, count_x)
            _note_number(count_x, even_x, some_x)
            _land(count_x, count_yx[y, x : x + size])
            for b in range(bands):
                place = (
                    np.uint64(dn_step[1] * b + at),
                    np.uint64(dn_step[0]),
                    np.uint64(looks),
                    np.uint64(size),
                )
                _load(dn_n, place, look_tx, fill_tx, value_tx)
                middle(value_tx, even_x, median_x)
                _land_seen(median_x, some_x, dn_byx[b, y, x : x + size])
                if spread_yx.size:
                    _deviate(dn_n, place, median_x, look_tx, fill_tx, value_tx)
                    middle(value_tx, even_x, mad_x)
                    _add_up(mad_x, b, total_x)
            if spread_yx.size:
                _mean_of_bands(total_x, bands, count_x, mad_x)
                _land(mad_x, spread_yx[y, x : x + size])


@numba.njit(nogil=True, cache=True)
def _keep_least(dn_x, band, least_x):
    if band == 0:
        _land(dn_x, least_x)
    else:
        for x in range(len(least_x)):
            least_x[x] = min(least_x[x], dn_x[x])


@numba.njit(nogil=True, cache=True)
def _keep_clear(clear_x, look_x):
    for x in range(len(look_x)):
        look_x[x] = np.uint16(65535) if clear_x[x] and look_x[x] > 0 else np.uint16(0)


@numba.njit(nogil=True, cache=True)
def _share_out(look_tn, start, look_tx, fill_tx, turn_x, count_x):
    """Count the looks, and give the highest and the lowest value in turn to rows that are none."""
    turn_x[:], count_x[:] = 65535, 0
    for t in range(np.uint64(len(look_tx) // ROW_PX)):
        row = t * np.uint64(ROW_PX)
        if t < len(look_tn):
            for x in range(np.uint64(CHUNK_PX)):
                look_tx[row + x] = look_tn[t, np.uint64(start) + x]
        for x in range(np.uint64(CHUNK_PX)):
            none = ~look_tx[row + x]
            fill_tx[row + x] = none & turn_x[x]
            turn_x[x] ^= none
            count_x[x] += look_tx[row + x] & np.uint16(1)


@numba.njit(nogil=True, cache=True)
def _note_number(count_x, even_x, some_x):
    for x in range(CHUNK_PX):
        even_x[x] = (count_x[x] & np.uint16(1)) - np.uint16(1)
        some_x[x] = np.uint16(65535) if count_x[x] > 0 else np.uint16(0)


@numba.njit(nogil=True, cache=True)
def _load(dn_n, place, look_tx, fill_tx, value_tx):
    """Indices are unsigned: none can count from the end, so Numba leaves the loops as vectors."""
    first, step, looks, size = place
    for t in range(looks):
        at, row = first + t * step, t * np.uint64(ROW_PX)
        for x in range(size):
            value_tx[row + x] = (dn_n[at + x] & look_tx[row + x]) | fill_tx[row + x]
    for i in range(looks * np.uint64(ROW_PX), np.uint64(len(value_tx))):  # rows that hold no look anywhere
        value_tx[i] = fill_tx[i]


@numba.njit(nogil=True, cache=True)
def _deviate(dn_n, place, median_x, look_tx, fill_tx, value_tx):
    first, step, looks, size = place
    for t in range(looks):
        at, row = first + t * step, t * np.uint64(ROW_PX)
        for x in range(size):
            dn, median = dn_n[at + x], median_x[x]
            off = max(dn, median) - min(dn, median)
            value_tx[row + x] = (off & look_tx[row + x]) | fill_tx[row + x]
    for i in range(looks * np.uint64(ROW_PX), np.uint64(len(value_tx))):
        value_tx[i] = fill_tx[i]


@numba.njit(nogil=True, cache=True)
def _add_up(mad_x, band, total_x):
    for x in range(CHUNK_PX):
        total_x[x] = mad_x[x] + (total_x[x] if band else np.uint32(0))


@numba.njit(nogil=True, cache=True)
def _mean_of_bands(total_x, bands, count_x, spread_x):
    """Rounded half up; exact, since the floor of such small numbers' quotient is right in float64."""
    for x in range(CHUNK_PX):
        mean = np.floor((2.0 * total_x[x] + bands) / (2.0 * bands))
        spread_x[x] = np.uint16(mean) if count_x[x] > 1 else np.uint16(NO_SPREAD)


@numba.njit(nogil=True, cache=True)
def _land(value_x, out_x):
    for x in range(len(out_x)):  # written out: Numba's slice assignment asks first whether the two overlap
        out_x[x] = value_x[x]


@numba.njit(nogil=True, cache=True)
def _land_seen(value_x, some_x, out_x):
    for x in range(len(out_x)):
        out_x[x] = value_x[x] & some_x[x]
