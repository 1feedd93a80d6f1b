"""The clear-sky median of several looks, per band, and how far the looks lie from it.

Axis letters: t look, b band, y row (north to south), x column (west to east), n pixel.

One rule decides what a look is: an acquisition counts at a pixel when the mask calls the pixel clear
**and** every band is nonzero there. The same looks then enter the median of every band, so that
the bands of a composite stay consistent with each other and with `n_clear`.
"""

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]

NO_SPREAD = 65_535
"""Fewer than two looks say nothing about each other."""
_CHUNK_PX = 1024
"""Pixels sorted side by side; a year of looks at so many pixels fits the second-level cache."""


def median_composite(dn_tbyx: U16, clear_tyx: Bool) -> tuple[U16, U16]:
    """Return the median composite (b, y, x) and the number of looks `n_clear` (y, x), both uint16.

    `dn_tbyx` is reflectance x 10000 with 0 for nodata. The median of an even number of looks is the
    mean of the two middle values, rounded half up. 0 where there is no look. A pixel's answer depends
    on that pixel only, so any cutting into blocks gives the same bits. Any other dtype or shape raises
    MisuseError. Arrays that are not C-contiguous are copied.

    >>> dn = np.array([3, 0, 8, 6], np.uint16).reshape(4, 1, 1, 1)
    >>> dn_byx, n_clear = median_composite(dn, np.array([1, 1, 1, 0], bool).reshape(4, 1, 1))
    >>> int(dn_byx[0, 0, 0]), int(n_clear[0, 0])
    (6, 2)
    """
    dn_byx, count_yx, _ = _composed(dn_tbyx, clear_tyx, spread=False)
    return dn_byx, count_yx


def median_and_spread(dn_tbyx: U16, clear_tyx: Bool) -> tuple[U16, U16, U16]:
    """Return what `median_composite` does, and the spread (y, x) of the looks, uint16, reflectance x 10000.

    The spread is the median absolute deviation (MAD; Hampel 1974, doi:10.1080/01621459.1974.10482962) of a
    band's looks about their median, both medians rounded half up, then the mean over the bands, rounded
    half up. NO_SPREAD where there are fewer than two looks.

    >>> dn = np.array([10, 16, 40], np.uint16).reshape(3, 1, 1, 1)
    >>> [int(a.ravel()[0]) for a in median_and_spread(dn, np.ones((3, 1, 1), bool))]
    [16, 3, 6]
    """
    return _composed(dn_tbyx, clear_tyx, spread=True)


def _composed(dn_tbyx: U16, clear_tyx: Bool, *, spread: bool) -> tuple[U16, U16, U16]:
    """Return median, looks and spread; the spread is empty, and costs nothing, where it is not asked for."""
    _vet(dn_tbyx, clear_tyx)
    looks, bands, height, width = dn_tbyx.shape
    dn_bn = np.zeros((bands, height * width), np.uint16)
    count_n = np.zeros(height * width, np.uint16)
    spread_n = np.full(height * width if spread else 0, NO_SPREAD, np.uint16)
    _median_rows(
        np.ascontiguousarray(dn_tbyx).reshape(looks, bands, height * width),
        np.ascontiguousarray(clear_tyx).reshape(looks, height * width),
        sorting_network(looks),
        dn_bn,
        count_n,
        spread_n,
    )
    spread_yx = spread_n.reshape((height, width) if spread else (0, 0))
    return dn_bn.reshape(bands, height, width), count_n.reshape(height, width), spread_yx


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


def sorting_network(n: int) -> npt.NDArray[np.intp]:
    """Return the comparators (k, 2) of Batcher's merge exchange, which sorts any n values.

    D. E. Knuth, The Art of Computer Programming 3, algorithm 5.2.2M; 31 comparators for n = 10.

    >>> sorting_network(3).tolist()
    [[0, 2], [0, 1], [1, 2]]
    """
    pairs = []
    p = top = 1 << max((n - 1).bit_length() - 1, 0)
    while p:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(n - d) if i & p == r]
            if q == p:
                break
            q, r, d = q >> 1, p, q - p
        p >>= 1
    return np.array(pairs, np.intp).reshape(-1, 2)


def _vet(dn_tbyx: U16, clear_tyx: Bool) -> None:
    fits = dn_tbyx.ndim == 4 and clear_tyx.shape == dn_tbyx.shape[:1] + dn_tbyx.shape[2:]
    if not fits or dn_tbyx.shape[0] == 0 or dn_tbyx.dtype != np.uint16 or clear_tyx.dtype != np.bool_:
        raise MisuseError(
            "median composite",
            expected="uint16 (t, b, y, x) with at least one look, and bool (t, y, x)",
            got=f"{dn_tbyx.dtype} {dn_tbyx.shape} and {clear_tyx.dtype} {clear_tyx.shape}",
        )


@numba.njit(nogil=True, cache=True)
def _median_rows(dn_tbn, clear_tn, network, dn_bn, count_n, spread_n):
    """Sort chunks of pixels look against look: every comparator is one vector minimum and maximum."""
    looks, bands, pixels = dn_tbn.shape
    none_tx = np.empty((looks, _CHUNK_PX), np.uint16)  # 0 for a look, 65535 for none
    value_tx = np.empty((looks, _CHUNK_PX), np.uint16)
    rank_lx = np.zeros((2, _CHUNK_PX), np.uint16)  # of the lower and the upper middle value
    middle_lx = np.zeros((2, _CHUNK_PX), np.uint16)
    total_x = np.zeros(_CHUNK_PX, np.uint32)  # deviations, summed over the bands
    for start in range(0, pixels, _CHUNK_PX):
        stop = min(start + _CHUNK_PX, pixels)
        count = count_n[start:stop]
        for t in range(looks):
            _mark_none(clear_tn[t, start:stop], none_tx[t])
            for b in range(bands):
                _mark_zeros(dn_tbn[t, b, start:stop], none_tx[t])
            _count_looks(none_tx[t], count)
        if count.max() == 0:
            continue
        for x in range(stop - start):  # both are the same for an odd count
            rank_lx[0, x] = (max(count[x], 1) - 1) >> 1
            rank_lx[1, x] = count[x] >> 1
        for b in range(bands):
            for t in range(looks):
                _load(dn_tbn[t, b, start:stop], none_tx[t], value_tx[t])
            _sort_and_pick(value_tx, network, rank_lx, middle_lx)
            _mean_of_two(middle_lx[0], middle_lx[1], count, dn_bn[b, start:stop])
            if len(spread_n):
                for t in range(looks):
                    _deviate(value_tx[t], dn_bn[b, start:stop])
                _sort_and_pick(value_tx, network, rank_lx, middle_lx)
                _add_mean_of_two(middle_lx[0], middle_lx[1], total_x)
        if len(spread_n):
            _mean_of_bands(total_x, np.uint32(bands), count, spread_n[start:stop])


@numba.njit(nogil=True, cache=True)
def _sort_and_pick(value_tx, network, rank_lx, middle_lx):
    for k in range(len(network)):
        _compare_exchange(value_tx[network[k, 0]], value_tx[network[k, 1]])
    for k in range(len(value_tx) // 2 + 1):
        _pick(value_tx[k], np.uint16(k), rank_lx[0], middle_lx[0])
        _pick(value_tx[k], np.uint16(k), rank_lx[1], middle_lx[1])


@numba.njit(nogil=True, cache=True)
def _mark_none(clear_x, none_x):
    for x in range(len(clear_x)):
        none_x[x] = np.uint16(0) if clear_x[x] else np.uint16(65535)


@numba.njit(nogil=True, cache=True)
def _mark_zeros(dn_x, none_x):
    for x in range(len(dn_x)):
        none_x[x] |= np.uint16(65535) if dn_x[x] == 0 else np.uint16(0)


@numba.njit(nogil=True, cache=True)
def _count_looks(none_x, count_x):
    for x in range(len(count_x)):
        count_x[x] += np.uint16(1) - (none_x[x] & np.uint16(1))


@numba.njit(nogil=True, cache=True)
def _load(dn_x, none_x, value_x):
    """One less than the value, so that 65535 is free to mean "none" and sorts last."""
    for x in range(len(dn_x)):
        value_x[x] = np.uint16(dn_x[x] - np.uint16(1)) | none_x[x]


@numba.njit(nogil=True, cache=True)
def _compare_exchange(first_x, second_x):
    for x in range(_CHUNK_PX):  # a constant length, so that the loop becomes straight vector code
        a, b = first_x[x], second_x[x]
        first_x[x] = a if a < b else b
        second_x[x] = b if a < b else a


@numba.njit(nogil=True, cache=True)
def _pick(value_x, k, rank_x, picked_x):
    """A gather by rank, written as one selection per row: counts vary wildly, branches would miss."""
    for x in range(_CHUNK_PX):
        value, picked = value_x[x], picked_x[x]  # both are read first, else LLVM does not vectorise
        picked_x[x] = value if rank_x[x] == k else picked


@numba.njit(nogil=True, cache=True)
def _mean_of_two(low_x, high_x, count_x, dn_x):
    for x in range(len(count_x)):
        median = (np.uint32(low_x[x]) + np.uint32(high_x[x]) + np.uint32(3)) >> np.uint32(1)
        dn_x[x] = np.uint16(median) if count_x[x] > 0 else np.uint16(0)


@numba.njit(nogil=True, cache=True)
def _deviate(value_x, median_x):
    """Replace loaded values by their distance from the median; 65535 goes on meaning "none"."""
    for x in range(len(median_x)):
        value, median = np.int32(value_x[x]), np.int32(median_x[x])
        value_x[x] = np.uint16(65535) if value == 65535 else np.uint16(abs(value + np.int32(1) - median))


@numba.njit(nogil=True, cache=True)
def _add_mean_of_two(low_x, high_x, total_x):
    for x in range(_CHUNK_PX):
        total_x[x] += (np.uint32(low_x[x]) + np.uint32(high_x[x]) + np.uint32(1)) >> np.uint32(1)


@numba.njit(nogil=True, cache=True)
def _mean_of_bands(total_x, bands, count_x, spread_x):
    for x in range(len(count_x)):
        if count_x[x] > 1:
            spread_x[x] = (np.uint32(2) * total_x[x] + bands) // (np.uint32(2) * bands)
    total_x[:] = np.uint32(0)
