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
from eomap.kernels.lanes import LANES, both, differ, filled, load, load_bool, lower, minus, store, told
from eomap.kernels.network import middle_of, rows_for

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]

NO_SPREAD = 65_535
"""Fewer than two looks say nothing about each other."""
CHUNK_PX = 256
"""Pixels sorted side by side; all their looks of one band fit the first-level cache."""
ROW_PX = CHUNK_PX + 32
"""From one look's pixels to the next's. A power of two would crowd all into a few sets of the cache."""
U, ROW = np.uint64, np.uint64(ROW_PX)
_RUN_VALUES = 2**18
"""Values whose looks are told together; they, and the next ones that are on their way, fit the second-level
cache."""


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
    outs = [a for a in (dn_byx, count_yx, spread_yx) if a.size]
    if width < LANES or any(a.strides[-1] != a.itemsize or min(a.strides) < 0 for a in outs):
        return _compose_copies(dn_tbyx, clear_tyx, outs)
    dn_n, dn_steps = _flat(dn_tbyx.reshape(looks, bands, height, width))
    clear_n, clear_steps = _flat(clear_tyx.reshape(looks, height, width))
    out_n, out_steps = _flat(dn_byx.reshape(bands, height, width))
    count_n, count_steps = _flat(count_yx.reshape(height, width))
    spread_n, spread_steps = (
        _flat(spread_yx.reshape(height, width)) if spread_yx.size else (count_n[:0], (0,))
    )
    rows = rows_for(looks)
    run = max(CHUNK_PX, _RUN_VALUES // (looks * bands) // CHUNK_PX * CHUNK_PX)
    _median_rows(
        (dn_n, clear_n, out_n, count_n, spread_n),
        _unsigned(*dn_steps, *clear_steps, *out_steps, *count_steps, *spread_steps),
        _unsigned(looks, rows, bands, height, width, min(run, width)),
        middle_of(rows, ROW_PX, spread_yx.size > 0),
    )


def _compose_copies(dn_tbyx: U16, clear_tyx: Bool, outs: list[U16]) -> None:
    """Compose what is too narrow, or lies too far apart, by way of one long row."""
    pixels = clear_tyx[0].size
    if not pixels:
        return
    wide = max(pixels, LANES)
    dn = np.zeros((*dn_tbyx.shape[:2], 1, wide), np.uint16)
    clear = np.zeros((len(clear_tyx), 1, wide), np.bool_)
    dn[..., 0, :pixels] = dn_tbyx.reshape(*dn_tbyx.shape[:2], pixels)
    clear[:, 0, :pixels] = clear_tyx.reshape(len(clear_tyx), pixels)
    made = median_and_spread(dn, clear) if len(outs) == 3 else median_composite(dn, clear)
    for out, row in zip(outs, made, strict=True):
        out[...] = row[..., 0, :pixels].reshape(out.shape)


def _unsigned(*numbers: int) -> tuple[np.uint64, ...]:
    """Return numbers that no index takes to count from the end, so that Numba asks no questions."""
    return tuple(np.uint64(n) for n in numbers)


def _flat(array: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], tuple[int, ...]]:
    """Return an array's memory as one row, and the distance of neighbours in items, for each axis but x."""
    steps = tuple(
        s // array.itemsize if n > 1 else 0 for n, s in zip(array.shape, array.strides, strict=True)
    )
    if steps[-1] != 1 or min(steps) < 0:
        return _flat(np.ascontiguousarray(array))
    span = 1 + sum((n - 1) * s for n, s in zip(array.shape, steps, strict=True))
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
    if not fits or 0 in dn_tbyx.shape[:2] or dn_tbyx.dtype != np.uint16 or clear_tyx.dtype != np.bool_:
        raise MisuseError(
            "median composite",
            expected="uint16 (t, b, y, x) with at least one look and band, and bool (t, y, x)",
            got=f"{dn_tbyx.dtype} {dn_tbyx.shape} and {clear_tyx.dtype} {clear_tyx.shape}",
        )


@numba.njit(nogil=True, cache=True)
def _median_rows(arrays, steps, sizes, middle):
    """Tell the looks of a run of pixels, then sort it chunk by chunk, all looks of a band side by side."""
    dn, clear, out, count, spread = arrays
    look_step, band_step, y_step, clear_look, clear_y, out_band, out_y, count_y, spread_y = steps
    looks, rows, bands, height, width, run = sizes
    chunk = min(U(CHUNK_PX), run)
    seen_tn = _aligned(looks * run)
    look_tx, fill_tx, value_tx = _aligned(rows * ROW), _aligned(rows * ROW), _aligned((rows + U(1)) * ROW)
    even_x, some_x, count_x, total_x = _aligned(ROW), _aligned(ROW), _aligned(ROW), np.empty(ROW, np.uint32)
    for y in range(height):
        for start in range(U(0), width, run):
            at = min(start, width - run)  # the last run, chunk and vector go back until they are whole
            ahead = (min(at + run, width - run) if at + run < width else y_step) - at
            dn_at, clear_at = y * y_step + at, y * clear_y + at
            _tell(
                dn, (dn_at, look_step, band_step), clear, (clear_at, clear_look), (looks, bands, run), seen_tn
            )
            for first in range(U(0), run, chunk):
                x = min(first, run - chunk)
                _share_out(seen_tn, (x, run, looks, rows, chunk), look_tx, fill_tx, count_x, even_x, some_x)
                _land(count_x, count, y * count_y + at + x, chunk)
                where = (
                    dn_at + x,
                    look_step,
                    looks,
                    band_step,
                    bands,
                    chunk,
                    ahead,
                    y * out_y + at + x,
                    out_band,
                )
                middle(dn, where, look_tx, fill_tx, even_x, some_x, value_tx, total_x, out)
                if len(spread):
                    _land_mean(total_x, bands, count_x, spread, y * spread_y + at + x, chunk)


@numba.njit(nogil=True, cache=True)
def _aligned(size):
    """Return memory of any content that starts where a line of the cache does."""
    memory = np.empty(size + U(32), np.uint16)
    first = (-memory.ctypes.data % 64) // 2
    return memory[first : first + np.int64(size)]


@numba.njit(nogil=True, cache=True)
def _tell(dn, dn_place, clear, clear_place, sizes, seen_tn):
    """Write 65535 where a look is clear and all its bands are there, and 0 elsewhere.

    Two bands at a time, one long row after the other, as memory likes it best.
    """
    dn_at, look_step, band_step = dn_place
    clear_at, clear_look = clear_place
    looks, bands, run = sizes
    for t in range(looks):
        row, at, mask = t * run, dn_at + t * look_step, clear_at + t * clear_look
        for b in range(U(0), bands, U(2)):
            one, two = at + b * band_step, at + min(b + U(1), bands - U(1)) * band_step
            for i in range(U(0), run, U(LANES)):
                x = min(i, run - U(LANES))
                least = lower(load(dn, one + x), load(dn, two + x))
                if b:
                    least = lower(least, load(seen_tn, row + x))
                if b + U(2) >= bands:
                    least = both(told(least), load_bool(clear, mask + x))
                store(seen_tn, row + x, least)


@numba.njit(nogil=True, cache=True)
def _share_out(seen_tn, place, look_tx, fill_tx, count_x, even_x, some_x):
    """Count the looks, and give the highest and the lowest value in turn to rows that are none."""
    start, run, looks, rows, chunk = place
    full, one = filled(np.uint16(65535)), filled(np.uint16(1))
    for i in range(U(0), chunk, U(LANES)):
        x = min(i, chunk - U(LANES))
        turn, count = full, filled(np.uint16(0))
        for t in range(rows):
            look = load(seen_tn, t * run + start + x) if t < looks else filled(np.uint16(0))
            none = differ(look, full)
            store(look_tx, t * ROW + x, look)
            store(fill_tx, t * ROW + x, both(none, turn))
            turn, count = differ(turn, none), minus(count, look)
        store(count_x, x, count)
        store(even_x, x, minus(both(count, one), one))
        store(some_x, x, told(count))


@numba.njit(nogil=True, cache=True)
def _land(value_x, out, at, size):
    for i in range(U(0), size, U(LANES)):
        x = min(i, size - U(LANES))
        store(out, at + x, load(value_x, x))


@numba.njit(nogil=True, cache=True)
def _land_mean(total_x, bands, count_x, out, at, size):
    """Rounded half up; exact, since the floor of such small numbers' quotient is right in float64."""
    for x in range(size):
        mean = np.floor((2.0 * total_x[x] + bands) / (2.0 * bands))
        out[at + x] = np.uint16(mean) if count_x[x] > 1 else np.uint16(NO_SPREAD)
