"""How far many looks lie from their geometric median: in colour, in brightness, in both.

Median absolute deviations of Roberts, Dunn and Mueller 2018, doi:10.1109/IGARSS.2018.8518312. Axis letters:
t look, b band, y row (north to south), x column (west to east), n pixel.
"""

from typing import NamedTuple

import numba
import numpy as np

from eomap.kernels.geomedian import F32, U16, Bool, looks_of, nothing_of, vet_looks
from eomap.kernels.network import middle_ranks, sorting_network

_CHUNK_PX = 256


class Deviations(NamedTuple):
    """Median distances (y, x) of the looks from their centre, float32; NaN where there is no look."""

    spectral_yx: F32
    """1 - cosine of the angle between two spectra (sMAD): 0 for equal colours, however bright."""
    euclidean_yx: F32
    """Root of the sum of squared differences (eMAD), in the unit of the values."""
    bray_curtis_yx: F32
    """Sum of absolute differences over absolute sums (bcMAD)."""


def deviations(value_tbyx: U16 | F32, clear_tyx: Bool, centre_byx: F32) -> Deviations:
    """Return the median distances of the looks from a centre, such as their geomedian.

    A look counts as in `geomedian`. The median of an even number is the mean of the two middle ones.

    >>> looks = np.array([[3, 4], [6, 8], [9, 12]], np.uint16).reshape(3, 2, 1, 1)
    >>> centre = np.array([6, 8], np.float32).reshape(2, 1, 1)
    >>> [abs(round(float(d[0, 0]), 6)) for d in deviations(looks, np.ones((3, 1, 1), bool), centre)]
    [0.0, 5.0, 0.2]
    """
    vet_looks("deviations", value_tbyx, clear_tyx)
    looks, bands, height, width = value_tbyx.shape
    out = np.empty((3, height * width), np.float32)
    _deviations(
        np.ascontiguousarray(value_tbyx).reshape(looks, bands, height * width),
        np.ascontiguousarray(clear_tyx).reshape(looks, height * width),
        np.ascontiguousarray(centre_byx, np.float32).reshape(bands, height * width),
        nothing_of(value_tbyx),
        sorting_network(looks),
        middle_ranks(looks),
        out,
    )
    return Deviations(*out.reshape(3, height, width))


def deviations_numpy(value_tbyx: U16 | F32, clear_tyx: Bool, centre_byx: F32) -> Deviations:
    """Return what `deviations` returns, to within rounding; this plain twin in float64 defines it."""
    look_tyx = looks_of(value_tbyx, clear_tyx)
    value, centre = value_tbyx.astype(np.float64), centre_byx.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        lengths = np.sqrt((value**2).sum(axis=1) * (centre**2).sum(axis=0))
        distances = (
            1 - (value * centre).sum(axis=1) / lengths,
            np.sqrt(((value - centre) ** 2).sum(axis=1)),
            np.abs(value - centre).sum(axis=1) / np.abs(value + centre).sum(axis=1),
        )
    medians = []
    for distance_tyx in distances:
        median = np.full(look_tyx.shape[1:], np.nan, np.float32)
        for y, x in np.argwhere(look_tyx.any(axis=0)):
            median[y, x] = np.median(distance_tyx[look_tyx[:, y, x], y, x])
        medians.append(median)
    return Deviations(*medians)


@numba.njit(nogil=True, cache=True)
def _deviations(value_tbn, clear_tn, centre_bn, nothing, network, ranks, out_kn):
    looks, bands, pixels = value_tbn.shape
    distance_ktx = np.zeros((3, looks, _CHUNK_PX), np.float32)
    sums_kx = np.zeros((6, _CHUNK_PX), np.float32)
    look_x, low_x = np.zeros(_CHUNK_PX, np.bool_), np.zeros(_CHUNK_PX, np.bool_)
    count_x = np.zeros(_CHUNK_PX, np.int32)
    for start in range(0, pixels, _CHUNK_PX):
        stop = min(start + _CHUNK_PX, pixels)
        low_x[:], count_x[:] = False, 0
        for t in range(looks):
            sums_kx[:] = 0
            look_x[: stop - start] = clear_tn[t, start:stop]
            for b in range(bands):
                _add_band(value_tbn[t, b, start:stop], centre_bn[b, start:stop], nothing, sums_kx, look_x)
            _share_out(sums_kx, look_x, low_x, count_x, t, distance_ktx)
        for k in range(3):
            for c in range(len(network)):
                _exchange(distance_ktx[k, network[c, 0]], distance_ktx[k, network[c, 1]])
            _mean_of_middle(
                distance_ktx[k, ranks[0]], distance_ktx[k, ranks[1]], count_x, out_kn[k, start:stop]
            )


@numba.njit(nogil=True, cache=True)
def _add_band(value_x, centre_x, nothing, sums_kx, look_x):
    for x in range(len(value_x)):
        value, centre = np.float32(value_x[x]), centre_x[x]
        look_x[x] &= value == value and value != nothing
        away = value - centre
        sums_kx[0, x] += value * centre
        sums_kx[1, x] += value * value
        sums_kx[2, x] += centre * centre
        sums_kx[3, x] += away * away
        sums_kx[4, x] += abs(away)
        sums_kx[5, x] += abs(value + centre)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _share_out(sums_kx, look_x, low_x, count_x, t, distance_ktx):
    """Turn sums into distances; rows that are no look become the lowest and the highest in turn."""
    for x in range(_CHUNK_PX):
        seen, none = look_x[x], np.float32(-np.inf) if low_x[x] else np.float32(np.inf)
        cosine = sums_kx[0, x] / np.sqrt(np.float64(sums_kx[1, x]) * sums_kx[2, x])
        distance_ktx[0, t, x] = np.float32(1 - cosine) if seen else none
        distance_ktx[1, t, x] = np.sqrt(sums_kx[3, x]) if seen else none
        distance_ktx[2, t, x] = sums_kx[4, x] / sums_kx[5, x] if seen else none
        low_x[x] ^= not seen
        count_x[x] += seen


@numba.njit(nogil=True, cache=True)
def _exchange(first_x, second_x):
    for x in range(_CHUNK_PX):
        a, b = first_x[x], second_x[x]
        first_x[x] = a if a < b else b
        second_x[x] = b if a < b else a


@numba.njit(nogil=True, cache=True)
def _mean_of_middle(alone_x, other_x, count_x, out_x):
    for x in range(len(out_x)):
        a = alone_x[x]
        b = a if count_x[x] & 1 else other_x[x]
        out_x[x] = (a + b) / np.float32(2) if count_x[x] else np.float32(np.nan)
