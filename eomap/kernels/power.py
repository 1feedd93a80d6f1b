"""Codes of decibels to linear power and back, exactly inverse; and the mean of looks in power.

Axis letters: t look, b band, y row (north to south), x column (west to east), n pixel. A code is uint16 from
1 on, 0 where unseen, dB = code / 1000 - 50 (`sensors.sentinel1`). Decibels are not averaged: the power that
comes back from a field is the mean of the powers of its looks, and the mean of their decibels lies below it,
by 0.5 dB at 4.4 looks.
"""

from functools import cache

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

U16 = npt.NDArray[np.uint16]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
CODES = 65_536
_CHUNK_PX = 1024
"""Pixels summed side by side, so that their sums stay in the first-level cache."""


@cache
def powers() -> F64:
    """Return the power of every code, 0 for code 0."""
    power = np.power(10.0, (np.arange(CODES) / 1000.0 - 50.0) / 10.0, dtype=np.float64)
    power[0] = 0.0
    power.flags.writeable = False
    return power


@cache
def _edges() -> F64:
    """Return, for every code, the power from which on it is the nearest: half a thousandth of a dB below."""
    edge = np.power(10.0, ((np.arange(CODES) - 0.5) / 1000.0 - 50.0) / 10.0, dtype=np.float64)
    edge[:2] = 0.0
    edge.flags.writeable = False
    return edge


def code_of(power: npt.NDArray[np.floating]) -> U16:
    """Return the codes of powers: 0 where the power is not above 0, else the nearest from 1 to 65535.

    >>> code_of(powers()).tolist() == list(range(65536))
    True
    """
    value = np.ascontiguousarray(power, np.float64)
    out = np.zeros(value.shape, np.uint16)
    _codes(value.reshape(-1), _edges(), out.reshape(-1))
    return out


def code_of_numpy(power: npt.NDArray[np.floating]) -> U16:
    """Return what `code_of` returns; this plain twin defines it."""
    value = np.asarray(power, np.float64)
    found = np.searchsorted(_edges(), value, side="right") - 1
    return np.where(value > 0, np.maximum(found, 1), 0).astype(np.uint16)


def mean_in_power(code_tbyx: U16, look_tyx: Bool) -> tuple[U16, U16]:
    """Return the mean of the looks in linear power as codes (b, y, x), and how many there were (y, x).

    A look counts where it is clear and no band is 0, as in `median_composite`. Every look weighs the same,
    whatever orbit it comes from. 0 where there is no look. Any other dtype or shape raises MisuseError.
    """
    _vet(code_tbyx, look_tyx)
    looks, bands, height, width = code_tbyx.shape
    out = np.zeros((bands, height * width), np.uint16)
    count = np.zeros(height * width, np.uint16)
    _mean(
        np.ascontiguousarray(code_tbyx).reshape(looks, bands, -1),
        np.ascontiguousarray(look_tyx).reshape(looks, -1),
        powers(),
        _edges(),
        out,
        count,
    )
    return out.reshape(bands, height, width), count.reshape(height, width)


def mean_in_power_numpy(code_tbyx: U16, look_tyx: Bool) -> tuple[U16, U16]:
    """Return what `mean_in_power` returns; this plain twin defines it."""
    _vet(code_tbyx, look_tyx)
    seen_tyx = look_tyx & (code_tbyx > 0).all(axis=1)
    count_yx = seen_tyx.sum(axis=0)
    total_byx = np.zeros(code_tbyx.shape[1:])
    for code_byx, seen_yx in zip(code_tbyx, seen_tyx, strict=True):
        total_byx += np.where(seen_yx, powers()[code_byx], 0.0)
    return code_of_numpy(total_byx / np.maximum(count_yx, 1)), count_yx.astype(np.uint16)


def _vet(code_tbyx: U16, look_tyx: Bool) -> None:
    fits = code_tbyx.ndim == 4 and look_tyx.shape == code_tbyx.shape[:1] + code_tbyx.shape[2:]
    if not fits or code_tbyx.shape[0] == 0 or code_tbyx.dtype != np.uint16 or look_tyx.dtype != np.bool_:
        raise MisuseError(
            "mean in power",
            expected="uint16 (t, b, y, x) with at least one look, and bool (t, y, x)",
            got=f"{code_tbyx.dtype} {code_tbyx.shape} and {look_tyx.dtype} {look_tyx.shape}",
        )


@numba.njit(cache=True, nogil=True)
def _mean(code_tbn, look_tn, power, edge, out_bn, count_n):
    looks, bands, pixels = code_tbn.shape
    seen = np.empty(_CHUNK_PX, np.bool_)
    total = np.empty((bands, _CHUNK_PX))
    for start in range(0, pixels, _CHUNK_PX):
        size = min(_CHUNK_PX, pixels - start)
        total[:] = 0.0
        for t in range(looks):
            for x in range(size):
                seen[x] = look_tn[t, start + x]
            for b in range(bands):
                for x in range(size):
                    seen[x] &= code_tbn[t, b, start + x] != 0
            for x in range(size):
                count_n[start + x] += np.uint16(seen[x])
            for b in range(bands):
                for x in range(size):
                    value = power[code_tbn[t, b, start + x]]
                    total[b, x] += value if seen[x] else 0.0
        for b in range(bands):
            for x in range(size):
                if count_n[start + x] > 0:
                    out_bn[b, start + x] = _nearest(total[b, x] / count_n[start + x], edge)


@numba.njit(cache=True, nogil=True)
def _codes(power_n, edge, out_n):
    for n in range(len(power_n)):
        if power_n[n] > 0:
            out_n[n] = _nearest(power_n[n], edge)


@numba.njit(cache=True, nogil=True)
def _nearest(power, edge):
    """The logarithm is right but for its last bits; the table settles on which side of an edge it falls."""
    code = int(np.rint(min(max((10.0 * np.log10(power) + 50.0) * 1000.0, 1.0), 65535.0)))
    if code < 65535 and power >= edge[code + 1]:
        return code + 1
    if code > 1 and power < edge[code]:
        return code - 1
    return code
