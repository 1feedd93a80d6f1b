"""One look chosen for each pixel: the medoid, the best by a score, the greenest.

The bands of a chosen look were seen together, on one day. Axis letters: t look, b band, y row (north to
south), x column (west to east), n pixel. Values are codes: uint16 from 1 on, 0 for none. A look counts where
it is clear and every band has a value; ties go to the earliest look. Arrays of any other dtype or shape
raise MisuseError.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.geomedian import F32, U16, Bool, looks_of, vet_looks

I16 = npt.NDArray[np.int16]
_CHUNK_PX = 256


class Chosen(NamedTuple):
    """Looks chosen pixel by pixel."""

    code_byx: U16
    """0 where there is no look."""
    n_clear_yx: U16
    look_yx: I16
    """Which look (t) it is; -1 where there is none."""


def medoid(code_tbyx: U16, clear_tyx: Bool) -> Chosen:
    """Return the look whose Euclidean distances to all others have the least sum.

    Flood 2013, doi:10.3390/rs5126481. Distances and sums are rounded to float32 one by one, over bands and
    looks in their order, so that every machine chooses alike.

    >>> looks = np.array([[1, 1], [9, 9], [2, 2]], np.uint16).reshape(3, 2, 1, 1)
    >>> int(medoid(looks, np.ones((3, 1, 1), bool)).look_yx[0, 0])
    2
    """
    code_tbn, look_tn, out = _laid_out("medoid", code_tbyx, clear_tyx)
    _nearest_to_all(code_tbn, look_tn, out[2])
    return _taken(code_tbyx, code_tbn, look_tn, out)


def best_scored(code_tbyx: U16, clear_tyx: Bool, score_tyx: F32) -> Chosen:
    """Return the look with the highest score (t, y, x), float32: the best available pixel.

    White and others 2014, doi:10.1080/07038992.2014.945827: a score weighs distance to cloud, day of the
    year, haze and the like. A look whose score is NaN is counted, but never chosen.

    >>> looks = np.array([5, 6], np.uint16).reshape(2, 1, 1, 1)
    >>> score = np.array([0.2, 0.9], np.float32).reshape(2, 1, 1)
    >>> int(best_scored(looks, np.ones((2, 1, 1), bool), score).code_byx[0, 0, 0])
    6
    """
    code_tbn, look_tn, out = _laid_out("best available pixel", code_tbyx, clear_tyx)
    _vet_scores(score_tyx, clear_tyx)
    _highest(np.ascontiguousarray(score_tyx).reshape(look_tn.shape), look_tn, out[2])
    return _taken(code_tbyx, code_tbn, look_tn, out)


def greenest(code_tbyx: U16, clear_tyx: Bool, *, red: int, nir: int) -> Chosen:
    """Return the look with the highest NDVI of bands `red` and `nir` (positions on b).

    Holben 1986, doi:10.1080/01431168608948945. Indices are compared by cross multiplication of whole
    numbers; codes have to be proportional to reflectance.

    >>> looks = np.array([[5, 5], [5, 9], [9, 5]], np.uint16).reshape(3, 2, 1, 1)
    >>> int(greenest(looks, np.ones((3, 1, 1), bool), red=0, nir=1).look_yx[0, 0])
    1
    """
    code_tbn, look_tn, out = _laid_out("greenest look", code_tbyx, clear_tyx)
    _greenest(code_tbn, look_tn, (red, nir), out[2])
    return _taken(code_tbyx, code_tbn, look_tn, out)


def medoid_numpy(code_tbyx: U16, clear_tyx: Bool) -> Chosen:
    """Return what `medoid` returns; this plain twin defines it."""
    look_tyx = looks_of(code_tbyx, clear_tyx)
    code = code_tbyx.astype(np.float32)
    total_tyx = np.zeros(look_tyx.shape, np.float32)
    for t in range(len(code)):
        for other in range(len(code)):
            squared = np.zeros(look_tyx.shape[1:], np.float32)
            for a, b in zip(code[t], code[other], strict=True):
                squared += (a - b) ** 2
            total_tyx[t] += np.where(look_tyx[other], np.sqrt(squared), np.float32(0))
    return _taken_numpy(code_tbyx, look_tyx, -total_tyx)


def best_scored_numpy(code_tbyx: U16, clear_tyx: Bool, score_tyx: F32) -> Chosen:
    """Return what `best_scored` returns; this plain twin defines it."""
    return _taken_numpy(code_tbyx, looks_of(code_tbyx, clear_tyx), score_tyx)


def greenest_numpy(code_tbyx: U16, clear_tyx: Bool, *, red: int, nir: int) -> Chosen:
    """Return what `greenest` returns; this plain twin defines it. Quotients of 17 bits differ in float64."""
    code = code_tbyx.astype(np.float64)
    total = np.maximum(code[:, nir] + code[:, red], 1)
    return _taken_numpy(code_tbyx, looks_of(code_tbyx, clear_tyx), (code[:, nir] - code[:, red]) / total)


def _taken_numpy(code_tbyx: U16, look_tyx: Bool, score_tyx: npt.NDArray[np.floating]) -> Chosen:
    able_tyx = look_tyx & ~np.isnan(score_tyx)
    best_yx = np.where(able_tyx, score_tyx, -np.inf).argmax(axis=0)
    # argmax takes the earliest; where every score is -inf that may be one that is no look
    best_yx = np.where(np.take_along_axis(able_tyx, best_yx[None], 0)[0], best_yx, able_tyx.argmax(axis=0))
    code_byx = np.take_along_axis(code_tbyx, best_yx[None, None], axis=0)[0]
    any_yx = able_tyx.any(axis=0)
    return Chosen(
        np.where(any_yx, code_byx, 0).astype(np.uint16),
        look_tyx.sum(axis=0).astype(np.uint16),
        np.where(any_yx, best_yx, -1).astype(np.int16),
    )


def _laid_out(what: str, code_tbyx: U16, clear_tyx: Bool) -> tuple[U16, Bool, tuple[U16, U16, I16]]:
    """Return codes (t, b, n), where they are looks (t, n), and room for codes, numbers and looks chosen."""
    vet_looks(what, code_tbyx, clear_tyx)
    if code_tbyx.dtype != np.uint16:
        raise MisuseError(what, expected="uint16 codes", got=str(code_tbyx.dtype))
    looks, bands, height, width = code_tbyx.shape
    pixels = height * width
    code_tbn = np.ascontiguousarray(code_tbyx).reshape(looks, bands, pixels)
    look_tn = clear_tyx.reshape(looks, pixels).copy()
    _only_looks(code_tbn, look_tn)
    return (
        code_tbn,
        look_tn,
        (np.zeros((bands, pixels), np.uint16), np.zeros(pixels, np.uint16), np.full(pixels, -1, np.int16)),
    )


def _taken(code_tbyx: U16, code_tbn: U16, look_tn: Bool, out: tuple[U16, U16, I16]) -> Chosen:
    code_bn, count_n, chosen_n = out
    _take(code_tbn, look_tn, chosen_n, code_bn, count_n)
    shape = code_tbyx.shape[2:]
    return Chosen(code_bn.reshape(-1, *shape), count_n.reshape(shape), chosen_n.reshape(shape))


def _vet_scores(score_tyx: F32, clear_tyx: Bool) -> None:
    if score_tyx.shape != clear_tyx.shape or score_tyx.dtype != np.float32:
        raise MisuseError(
            "best available pixel",
            expected=f"float32 scores {clear_tyx.shape}",
            got=f"{score_tyx.dtype} {score_tyx.shape}",
        )


@numba.njit(nogil=True, cache=True)
def _only_looks(code_tbn, look_tn):
    looks, bands, pixels = code_tbn.shape
    for t in range(looks):
        for start in range(0, pixels, 16 * _CHUNK_PX):
            stop = min(start + 16 * _CHUNK_PX, pixels)
            for b in range(bands):
                _drop_zeros(code_tbn[t, b, start:stop], look_tn[t, start:stop])


@numba.njit(nogil=True, cache=True)
def _drop_zeros(code_x, look_x):
    for x in range(len(code_x)):
        look_x[x] &= code_x[x] > 0


@numba.njit(nogil=True, cache=True)
def _nearest_to_all(code_tbn, look_tn, chosen_n):
    looks, bands, pixels = code_tbn.shape
    code_tbx = np.zeros((looks, bands, _CHUNK_PX), np.float32)
    total_tx = np.zeros((looks, _CHUNK_PX), np.float32)
    squared_x, best_x = np.zeros(_CHUNK_PX, np.float32), np.zeros(_CHUNK_PX, np.float32)
    look_tx = np.zeros((looks, _CHUNK_PX), np.bool_)
    for start in range(0, pixels, _CHUNK_PX):
        stop = min(start + _CHUNK_PX, pixels)
        for t in range(looks):
            look_tx[t, : stop - start] = look_tn[t, start:stop]
            for b in range(bands):
                for x in range(stop - start):
                    code_tbx[t, b, x] = code_tbn[t, b, start + x]
        total_tx[:] = 0
        for t in range(looks):
            for other in range(t + 1, looks):
                _square(code_tbx[t], code_tbx[other], squared_x)
                _add_root(squared_x, look_tx[t], look_tx[other], total_tx[t], total_tx[other])
        best_x[:] = np.float32(np.inf)
        for t in range(looks):
            _keep_lower(total_tx[t], look_tx[t], t, best_x, chosen_n[start:stop])


@numba.njit(nogil=True, cache=True)
def _square(a_bx, b_bx, squared_x):
    """Squared distance; indices are unsigned, so that none can count from the end and loops stay vectors."""
    squared_x[:] = 0
    for b in range(np.uint64(len(a_bx))):
        for x in range(np.uint64(_CHUNK_PX)):
            away = a_bx[b, x] - b_bx[b, x]
            squared_x[x] += away * away


@numba.njit(nogil=True, cache=True)
def _add_root(squared_x, a_seen_x, b_seen_x, a_total_x, b_total_x):
    for x in range(_CHUNK_PX):
        root = np.sqrt(squared_x[x])
        a_total_x[x] += root if b_seen_x[x] else np.float32(0)
        b_total_x[x] += root if a_seen_x[x] else np.float32(0)


@numba.njit(nogil=True, cache=True)
def _keep_lower(value_x, look_x, t, best_x, chosen_x):
    for x in range(len(chosen_x)):
        value, best, chosen = value_x[x], best_x[x], chosen_x[x]
        better = look_x[x] & (value == value) & ((chosen < 0) | (value < best))
        best_x[x] = value if better else best
        chosen_x[x] = np.int16(t) if better else chosen


@numba.njit(nogil=True, cache=True)
def _highest(score_tn, look_tn, chosen_n):
    best_x, lower_x = np.zeros(_CHUNK_PX, np.float32), np.zeros(_CHUNK_PX, np.float32)
    for start in range(0, len(chosen_n), _CHUNK_PX):
        stop = min(start + _CHUNK_PX, len(chosen_n))
        for t in range(len(score_tn)):
            for x in range(stop - start):
                lower_x[x] = -score_tn[t, start + x]
            _keep_lower(lower_x, look_tn[t, start:stop], t, best_x, chosen_n[start:stop])


@numba.njit(nogil=True, cache=True)
def _greenest(code_tbn, look_tn, at, chosen_n):
    difference_x, total_x = np.zeros(_CHUNK_PX, np.int64), np.zeros(_CHUNK_PX, np.int64)
    for start in range(0, len(chosen_n), _CHUNK_PX):
        stop = min(start + _CHUNK_PX, len(chosen_n))
        for t in range(len(code_tbn)):
            red_x, nir_x = code_tbn[t, at[0], start:stop], code_tbn[t, at[1], start:stop]
            _keep_greener(
                red_x, nir_x, look_tn[t, start:stop], t, difference_x, total_x, chosen_n[start:stop]
            )


@numba.njit(nogil=True, cache=True)
def _keep_greener(red_x, nir_x, look_x, t, difference_x, total_x, chosen_x):
    for x in range(len(chosen_x)):
        difference, total = np.int64(nir_x[x]) - np.int64(red_x[x]), np.int64(nir_x[x]) + np.int64(red_x[x])
        best, best_total, chosen = difference_x[x], total_x[x], chosen_x[x]
        better = look_x[x] & ((chosen < 0) | (difference * best_total > best * total))
        difference_x[x], total_x[x] = (difference, total) if better else (best, best_total)
        chosen_x[x] = np.int16(t) if better else chosen


@numba.njit(nogil=True, cache=True)
def _take(code_tbn, look_tn, chosen_n, code_bn, count_n):
    looks, bands, pixels = code_tbn.shape
    for start in range(0, pixels, _CHUNK_PX):
        stop = min(start + _CHUNK_PX, pixels)
        for t in range(looks):
            for n in range(start, stop):
                count_n[n] += look_tn[t, n]
        for b in range(bands):
            for n in range(start, stop):
                if chosen_n[n] >= 0:
                    code_bn[b, n] = code_tbn[chosen_n[n], b, n]
