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
    total_bn, count_n = _summed("clear mean", code_tbyx, clear_tyx, np.arange(65_536, dtype=np.float64))
    for total_n in total_bn:
        total_n[:] = np.floor((2 * total_n + count_n) / np.maximum(2 * count_n.astype(np.float64), 1))
    shape = code_tbyx.shape[2:]
    return total_bn.astype(np.uint16).reshape(-1, *shape), count_n.reshape(shape)


def clear_mean_numpy(code_tbyx: U16, clear_tyx: Bool) -> tuple[U16, U16]:
    """Return what `clear_mean` returns; this plain twin defines it."""
    _vet("clear mean", code_tbyx, clear_tyx)
    look_tyx = looks_of(code_tbyx, clear_tyx)
    n_yx = look_tyx.sum(axis=0)
    total = np.where(look_tyx[:, None], code_tbyx, 0).astype(np.int64).sum(axis=0)
    return ((2 * total + n_yx) // np.maximum(2 * n_yx, 1)).astype(np.uint16), n_yx.astype(np.uint16)


def mean_power(code_tbyx: U16, clear_tyx: Bool, *, scale: float, offset: float) -> tuple[U16, U16]:
    """Return the code of the mean power of the looks (b, y, x), and their number (y, x); 0 where none is.

    Codes are decibels = code * scale + offset. Decibels are turned into power, averaged, and turned back:
    their own mean would be too low wherever looks differ, as speckle makes them.

    >>> db = np.array([40_000, 50_000], np.uint16).reshape(2, 1, 1, 1)  # -10 and 0 dB: power .1 and 1
    >>> mean_power(db, np.ones((2, 1, 1), bool), scale=0.001, offset=-50.0)[0].ravel()
    array([47404], dtype=uint16)
    """
    power = _power(scale, offset)
    total_bn, count_n = _summed("mean power", code_tbyx, clear_tyx, power)
    shape = code_tbyx.shape[2:]
    code_bn = np.stack([_code_of(total_n, count_n, scale, offset) for total_n in total_bn])
    return code_bn.reshape(-1, *shape), count_n.reshape(shape)


def mean_power_numpy(code_tbyx: U16, clear_tyx: Bool, *, scale: float, offset: float) -> tuple[U16, U16]:
    """Return what `mean_power` returns; this plain twin defines it."""
    _vet("mean power", code_tbyx, clear_tyx)
    look_tyx = looks_of(code_tbyx, clear_tyx)
    n_yx = look_tyx.sum(axis=0).astype(np.uint16)
    power_tbyx = np.where(look_tyx[:, None], _power(scale, offset)[code_tbyx], 0.0)
    total = np.zeros(power_tbyx.shape[1:])
    for power_byx in power_tbyx:  # one after the other: the order of a sum is part of its bits
        total += power_byx
    return np.stack([_code_of(t, n_yx, scale, offset) for t in total]), n_yx


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


def _power(scale: float, offset: float) -> F64:
    """Return the power that each code stands for."""
    return 10 ** ((np.arange(65_536) * scale + offset) / 10)


def _code_of(total: F64, count: U16, scale: float, offset: float) -> U16:
    seen = count > 0
    db = 10 * np.log10(np.where(seen, total, 1) / np.maximum(count, 1))
    return np.where(seen, np.clip(np.floor((db - offset) / scale + 0.5), 1, 65_535), 0).astype(np.uint16)


def _summed(what: str, code_tbyx: U16, clear_tyx: Bool, worth: F64) -> tuple[F64, U16]:
    """Return the sum over the looks (b, n) of what each code is worth, and their number (n)."""
    _vet(what, code_tbyx, clear_tyx)
    looks, bands, height, width = code_tbyx.shape
    total_bn = np.zeros((bands, height * width))
    count_n = np.zeros(height * width, np.uint16)
    _sum(
        np.ascontiguousarray(code_tbyx).reshape(looks, bands, height * width),
        np.ascontiguousarray(clear_tyx).reshape(looks, height * width),
        worth,
        total_bn,
        count_n,
    )
    return total_bn, count_n


def _vet(what: str, code_tbyx: U16, clear_tyx: Bool) -> None:
    vet_looks(what, code_tbyx, clear_tyx)
    if code_tbyx.dtype != np.uint16:
        raise MisuseError(what, expected="uint16 codes", got=str(code_tbyx.dtype))


def _vet_percents(percents: Sequence[int]) -> None:
    if not percents or any(p != int(p) or not 0 <= p <= 100 for p in percents):
        raise MisuseError("percentiles", expected="whole percents from 0 to 100", got=f"{list(percents)}")


@numba.njit(nogil=True, cache=True)
def _sum(code_tbn, clear_tn, worth, total_bn, count_n):
    looks, bands, pixels = code_tbn.shape
    look_x = np.zeros(CHUNK_PX, np.uint16)
    for start in range(0, pixels, CHUNK_PX):
        stop = min(start + CHUNK_PX, pixels)
        for t in range(looks):
            _mark(code_tbn[t], clear_tn[t, start:stop], start, look_x)
            for x in range(stop - start):
                count_n[start + x] += look_x[x] & np.uint16(1)
            for b in range(bands):
                for x in range(stop - start):  # 0 is worth adding: it spares a branch
                    value = worth[code_tbn[t, b, start + x] & look_x[x]]
                    total_bn[b, start + x] += value if look_x[x] else 0.0


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
                for t in range(looks):
                    _pick(value_tx[t * ROW_PX :], np.uint16(t), rank_px[p], low_x, high_x)
                _between(low_x, high_x, part_px[p], count_n[start:stop], out_pbn[p, b, start:stop])


@numba.njit(nogil=True, cache=True)
def _load(code_x, look_x, value_x):
    for x in range(len(code_x)):
        value_x[x] = code_x[x] | ~look_x[x]


@numba.njit(nogil=True, cache=True)
def _pick(value_x, t, rank_x, low_x, high_x):
    for x in range(CHUNK_PX):
        value, low, high = value_x[x], low_x[x], high_x[x]
        low_x[x] = value if rank_x[x] == t else low
        high_x[x] = value if rank_x[x] + np.uint16(1) == t else high


@numba.njit(nogil=True, cache=True)
def _between(low_x, high_x, part_x, count_x, out_x):
    for x in range(len(out_x)):
        mixed = np.uint32(low_x[x]) * (np.uint32(100) - part_x[x]) + np.uint32(high_x[x]) * part_x[x]
        out_x[x] = (mixed + np.uint32(50)) // np.uint32(100) if count_x[x] else 0
