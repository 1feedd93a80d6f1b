"""Means and percentiles of many looks, per band.

Axis letters: p percentile, t look, b band, y row (north to south), x column (west to east), n pixel. Values
are codes: uint16 from 1 on, 0 for none. A look counts where it is clear and every band has a value. Arrays
of any other dtype or shape raise MisuseError.
"""

from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.geomedian import U16, Bool, looks_of, vet_looks
from eomap.kernels.network import CHUNK_PX, ROW_PX, exchange, sorting_network

F64 = npt.NDArray[np.float64]


def clear_mean(code_tbyx: U16, clear_tyx: Bool) -> tuple[U16, U16]:
    """Return the mean of the looks (b, y, x), rounded half up, and their number (y, x); 0 where none is.

    >>> clear_mean(np.array([1, 2], np.uint16).reshape(2, 1, 1, 1), np.ones((2, 1, 1), bool))[0].ravel()
    array([2], dtype=uint16)
    """
    _vet("clear mean", code_tbyx, clear_tyx)
    looks, bands, height, width = code_tbyx.shape
    out_bn = np.empty((bands, height * width), np.uint16)
    count_n = np.zeros(height * width, np.uint16)
    _mean(
        np.ascontiguousarray(code_tbyx).reshape(looks, bands, height * width),
        np.ascontiguousarray(clear_tyx).reshape(looks, height * width),
        out_bn,
        count_n,
    )
    return out_bn.reshape(bands, height, width), count_n.reshape(height, width)


def clear_mean_numpy(code_tbyx: U16, clear_tyx: Bool) -> tuple[U16, U16]:
    """Return what `clear_mean` returns; this plain twin defines it."""
    _vet("clear mean", code_tbyx, clear_tyx)
    look_tyx = looks_of(code_tbyx, clear_tyx)
    n_yx = look_tyx.sum(axis=0)
    total = np.where(look_tyx[:, None], code_tbyx, 0).astype(np.int64).sum(axis=0)
    return ((2 * total + n_yx) // np.maximum(2 * n_yx, 1)).astype(np.uint16), n_yx.astype(np.uint16)


def percentiles(code_tbyx: U16, clear_tyx: Bool, percents: Sequence[int]) -> tuple[U16, U16]:
    """Return percentiles of the looks (p, b, y, x), and their number (y, x); 0 where none is.

    Whole `percents` from 0 to 100. Between two looks linear: definition 7 of Hyndman and Fan 1996,
    doi:10.1080/00031305.1996.10473566, as numpy's default, rounded half up.

    >>> code = np.array([10, 20, 40], np.uint16).reshape(3, 1, 1, 1)
    >>> percentiles(code, np.ones((3, 1, 1), bool), [0, 25, 75])[0].ravel().tolist()
    [10, 15, 30]
    """
    _vet_percents(percents)
    _vet("percentiles", code_tbyx, clear_tyx)
    looks, bands, height, width = code_tbyx.shape
    out_pbn = np.zeros((len(percents), bands, height * width), np.uint16)
    count_n = np.zeros(height * width, np.uint16)
    _percentiles(
        np.ascontiguousarray(code_tbyx).reshape(looks, bands, height * width),
        np.ascontiguousarray(clear_tyx).reshape(looks, height * width),
        sorting_network(looks),
        np.array(percents, np.int64),
        out_pbn,
        count_n,
    )
    return out_pbn.reshape(-1, bands, height, width), count_n.reshape(height, width)


def percentiles_numpy(code_tbyx: U16, clear_tyx: Bool, percents: Sequence[int]) -> tuple[U16, U16]:
    """Return what `percentiles` returns; this plain twin defines it."""
    _vet_percents(percents)
    _vet("percentiles", code_tbyx, clear_tyx)
    look_tyx = looks_of(code_tbyx, clear_tyx)
    n_yx = look_tyx.sum(axis=0)
    code = np.sort(np.where(look_tyx[:, None], code_tbyx, 65_535).astype(np.int64), axis=0)
    out = []
    for percent in percents:
        rank, part = np.divmod(np.maximum(n_yx - 1, 0) * percent, 100)
        low = np.take_along_axis(code, rank[None, None], axis=0)[0]
        high = np.take_along_axis(code, np.minimum(rank + 1, len(code) - 1)[None, None], axis=0)[0]
        out.append(np.where(n_yx > 0, (low * (100 - part) + high * part + 50) // 100, 0))
    return np.array(out).astype(np.uint16), n_yx.astype(np.uint16)


def _vet(what: str, code_tbyx: U16, clear_tyx: Bool) -> None:
    vet_looks(what, code_tbyx, clear_tyx)
    if code_tbyx.dtype != np.uint16:
        raise MisuseError(what, expected="uint16 codes", got=str(code_tbyx.dtype))


def _vet_percents(percents: Sequence[int]) -> None:
    if not percents or any(p != int(p) or not 0 <= p <= 100 for p in percents):
        raise MisuseError("percentiles", expected="whole percents from 0 to 100", got=f"{list(percents)}")


@numba.njit(nogil=True, cache=True)
def _mean(code_tbn, clear_tn, out_bn, count_n):
    looks, bands, pixels = code_tbn.shape
    look_x, total_bx = np.zeros(CHUNK_PX, np.uint16), np.zeros((bands, CHUNK_PX), np.uint32)
    for start in range(0, pixels, CHUNK_PX):
        stop = min(start + CHUNK_PX, pixels)
        total_bx[:] = 0
        for t in range(looks):
            _mark(code_tbn[t], clear_tn[t, start:stop], start, look_x)
            for x in range(stop - start):
                count_n[start + x] += look_x[x] & np.uint16(1)
            for b in range(bands):
                _add_looks(code_tbn[t, b, start:stop], look_x, total_bx[b])
        for b in range(bands):
            _divide(total_bx[b], count_n[start:stop], out_bn[b, start:stop])


@numba.njit(nogil=True, cache=True)
def _add_looks(code_x, look_x, total_x):
    for x in range(len(code_x)):
        total_x[x] += np.uint32(code_x[x] & look_x[x])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _divide(total_x, count_x, out_x):
    """Rounded half up; exact, since the floor of such small numbers' quotient is right in float64."""
    for x in range(len(out_x)):
        mean = np.floor((2.0 * total_x[x] + count_x[x]) / (2.0 * max(count_x[x], np.uint16(1))))
        out_x[x] = np.uint16(np.int32(mean))


@numba.njit(nogil=True, cache=True)
def _mark(code_bn, clear_x, start, look_x):
    """Set 65535 where it is a look, else 0."""
    for x in range(len(clear_x)):
        look_x[x] = np.uint16(65535) if clear_x[x] else np.uint16(0)
    for b in range(len(code_bn)):
        _drop_zeros(code_bn[b, start : start + len(clear_x)], look_x)


@numba.njit(nogil=True, cache=True)
def _drop_zeros(code_x, look_x):
    for x in range(len(code_x)):
        look_x[x] = look_x[x] if code_x[x] > 0 else np.uint16(0)


@numba.njit(nogil=True, cache=True)
def _percentiles(code_tbn, clear_tn, network, percents, out_pbn, count_n):
    looks, bands, pixels = code_tbn.shape
    look_tx = np.zeros((looks, CHUNK_PX), np.uint16)
    value_tx = np.zeros(looks * ROW_PX, np.uint16)
    rank_px = np.zeros((len(percents), CHUNK_PX), np.uint16)
    part_px = np.zeros((len(percents), CHUNK_PX), np.uint32)
    low_x, high_x = np.zeros(CHUNK_PX, np.uint16), np.zeros(CHUNK_PX, np.uint16)
    for start in range(0, pixels, CHUNK_PX):
        stop = min(start + CHUNK_PX, pixels)
        for t in range(looks):
            _mark(code_tbn[t], clear_tn[t, start:stop], start, look_tx[t])
            for x in range(stop - start):
                count_n[start + x] += look_tx[t, x] & np.uint16(1)
        for p in range(len(percents)):
            for x in range(stop - start):
                steps = max(np.int64(count_n[start + x]) - 1, 0) * percents[p]
                rank_px[p, x], part_px[p, x] = steps // 100, steps % 100
        for b in range(bands):
            for t in range(looks):
                _load(code_tbn[t, b, start:stop], look_tx[t], value_tx[t * ROW_PX :])
            for k in range(len(network)):
                exchange(value_tx, network[k, 0] * ROW_PX, network[k, 1] * ROW_PX)
            for p in range(len(percents)):
                low_x[:], high_x[:] = 0, 0
                _pick(value_tx, looks, rank_px[p], low_x, high_x)
                _between(low_x, high_x, part_px[p], count_n[start:stop], out_pbn[p, b, start:stop])


@numba.njit(nogil=True, cache=True)
def _load(code_x, look_x, value_x):
    for x in range(len(code_x)):
        value_x[x] = code_x[x] | ~look_x[x]


@numba.njit(nogil=True, cache=True)
def _pick(value_tx, looks, rank_x, low_x, high_x):
    """A gather by rank, written as one selection per row: counts vary wildly, branches would miss."""
    for t in range(np.uint64(looks)):
        row, rank, below = t * np.uint64(ROW_PX), np.uint16(t), np.uint16(t) - np.uint16(1)
        for x in range(np.uint64(CHUNK_PX)):
            value, low, high = value_tx[row + x], low_x[x], high_x[x]
            low_x[x] = value if rank_x[x] == rank else low
            high_x[x] = value if rank_x[x] == np.uint16(below) else high


@numba.njit(nogil=True, cache=True)
def _between(low_x, high_x, part_x, count_x, out_x):
    for x in range(len(out_x)):
        mixed = np.uint32(low_x[x]) * (np.uint32(100) - part_x[x]) + np.uint32(high_x[x]) * part_x[x]
        out_x[x] = (mixed + np.uint32(50)) // np.uint32(100) if count_x[x] else 0
