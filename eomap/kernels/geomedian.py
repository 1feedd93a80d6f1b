"""The geometric median of many looks: one spectrum, chosen over all bands together.

Roberts, Mueller and McIntyre 2017, doi:10.1109/TGRS.2017.2723896. Weiszfeld's iteration, which starts at the
mean of the looks and steps over one that it meets as Vardi and Zhang 2000, doi:10.1073/pnas.97.4.1423,
show. Axis letters: t look, b band, y row (north to south), x column (west to east), n pixel, l lane.
"""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.weiszfeld import LANES, pull_of

U16 = npt.NDArray[np.uint16]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def geomedian(
    value_tbyx: U16 | F32, clear_tyx: Bool, *, eps: float = 1.0, steps: int = 10_000
) -> tuple[F32, U16]:
    """Return the geometric median (b, y, x), float32 in the unit of the values, and the looks (y, x), uint16.

    A look counts at a pixel where it is clear and no band is missing: 0 in uint16, NaN in float32. NaN where
    there is no look. Of two looks every point between them is one: their mean is taken. A pixel stops once a
    step is shorter than `eps`, in the unit of the values: the default suits reflectance x 10000. Any other
    dtype or shape raises MisuseError.

    >>> looks = np.array([[1, 1], [1, 2], [9, 9]], np.uint16).reshape(3, 2, 1, 1)
    >>> geomedian(looks, np.ones((3, 1, 1), bool), eps=1e-3)[0].ravel().round(2).tolist()
    [1.0, 2.0]
    """
    vet_looks("geomedian", value_tbyx, clear_tyx)
    looks, bands, height, width = value_tbyx.shape
    out_bn = np.empty((bands, height * width), np.float32)
    count_n = np.empty(height * width, np.uint16)
    _geomedian(
        np.ascontiguousarray(value_tbyx).reshape(looks, bands, height * width),
        np.ascontiguousarray(clear_tyx).reshape(looks, height * width),
        pull_of(bands),
        nothing_of(value_tbyx),
        np.float32(eps),
        steps,
        out_bn,
        count_n,
    )
    return out_bn.reshape(bands, height, width), count_n.reshape(height, width)


def geomedian_numpy(
    value_tbyx: U16 | F32, clear_tyx: Bool, *, eps: float = 1.0, steps: int = 10_000
) -> tuple[F32, U16]:
    """Return what `geomedian` returns, to within rounding; this plain twin in float64 defines it."""
    look_tyx = looks_of(value_tbyx, clear_tyx)
    value = np.where(look_tyx[:, None], value_tbyx, 0).astype(np.float64)
    n_yx = np.maximum(look_tyx.sum(axis=0), 1)
    centre = value.sum(axis=0) / n_yx
    moving_yx = look_tyx.sum(axis=0) > 2
    for _ in range(steps):
        if not moving_yx.any():
            break
        away = value - centre
        distance = np.sqrt((away**2).sum(axis=1))
        pull_tyx = np.where(look_tyx & (distance > 0), 1 / np.where(distance > 0, distance, 1), 0)
        met_yx = (look_tyx & (distance == 0)).sum(axis=0)
        force = (pull_tyx[:, None] * away).sum(axis=0)
        strength = np.sqrt((force**2).sum(axis=0))
        held_yx = np.where(strength > 0, np.minimum(met_yx / np.where(strength > 0, strength, 1), 1), 1)
        total_yx = pull_tyx.sum(axis=0)
        step = np.where(moving_yx, (1 - held_yx) * force / np.where(total_yx > 0, total_yx, 1), 0)
        centre = centre + step
        moving_yx = moving_yx & (np.sqrt((step**2).sum(axis=0)) >= eps)
    centre[:, ~look_tyx.any(axis=0)] = np.nan
    return centre.astype(np.float32), look_tyx.sum(axis=0).astype(np.uint16)


def looks_of(value_tbyx: U16 | F32, clear_tyx: Bool) -> Bool:
    """Return where (t, y, x) a clear acquisition has a value in every band."""
    seen = value_tbyx > 0 if value_tbyx.dtype == np.uint16 else ~np.isnan(value_tbyx)
    return clear_tyx & seen.all(axis=1)


def nothing_of(value: npt.NDArray[Any]) -> np.float32:
    """Return the number that stands for no value beside NaN: 0 in uint16."""
    return np.float32(0 if value.dtype == np.uint16 else np.nan)


def vet_looks(what: str, value_tbyx: npt.NDArray[Any], clear_tyx: Bool) -> None:
    """Raise MisuseError unless these are values (t, b, y, x), uint16 or float32, and their mask (t, y, x)."""
    fits = value_tbyx.ndim == 4 and clear_tyx.shape == value_tbyx.shape[:1] + value_tbyx.shape[2:]
    known = value_tbyx.dtype in (np.uint16, np.float32) and clear_tyx.dtype == np.bool_
    if not fits or not known or 0 in value_tbyx.shape[:2]:
        raise MisuseError(
            what,
            expected="uint16 or float32 (t, b, y, x) with at least one look, and bool (t, y, x)",
            got=f"{value_tbyx.dtype} {value_tbyx.shape} and {clear_tyx.dtype} {clear_tyx.shape}",
        )


_CHUNK_PX = 256
"""Pixels that are made ready together."""
_ROW_PX = _CHUNK_PX + 16
"""From one row of them to the next: not a power of two, lest a column crowd into a few sets of the cache."""


@numba.njit(nogil=True, cache=True)
def _geomedian(value_tbn, clear_tn, pull, nothing, eps, steps, out_bn, count_n):
    """Iterate pixels side by side; one that has arrived makes room for the next, so that none waits."""
    looks, bands, pixels = value_tbn.shape
    ready_kx = np.zeros((looks * bands, _ROW_PX), np.float32)
    ready_tx, ready_bx = np.zeros((looks, _ROW_PX), np.float32), np.zeros((bands, _ROW_PX), np.float32)
    value_kl = np.zeros((looks * bands, LANES), np.float32)
    weight_tl = np.zeros((looks, LANES), np.float32)  # 1 for a look, 0 for none
    centre_bl, force_bl = np.zeros((bands, LANES), np.float32), np.zeros((bands, LANES), np.float32)
    total_l, met_l = np.zeros(LANES, np.float32), np.zeros(LANES, np.float32)
    moved_l, count_l = np.zeros(LANES, np.float32), np.zeros(LANES, np.int64)
    pixel_l = np.full(LANES, -1)
    n, busy = 0, 0
    while n < pixels or busy:
        for lane in range(LANES):
            while pixel_l[lane] < 0 and n < pixels:
                x = n % _CHUNK_PX
                if x == 0:
                    _make_ready(value_tbn, clear_tn, n, nothing, ready_kx, ready_tx, ready_bx, count_n)
                if count_n[n] < 3:  # nothing to weigh: the mean, or NaN
                    for b in range(bands):
                        out_bn[b, n] = ready_bx[b, x] if count_n[n] else np.float32(np.nan)
                else:
                    _move(ready_kx, x, value_kl, lane)
                    _move(ready_tx, x, weight_tl, lane)
                    _move(ready_bx, x, centre_bl, lane)
                    pixel_l[lane], count_l[lane] = n, 0
                    busy += 1
                n += 1
        if busy == 0:
            break
        force_bl[:], total_l[:], met_l[:] = 0, 0, 0
        pull(
            value_kl.reshape(-1),
            centre_bl.reshape(-1),
            weight_tl.reshape(-1),
            force_bl.reshape(-1),
            total_l,
            met_l,
            np.uint64(looks),
        )
        _step(force_bl, total_l, met_l, centre_bl, moved_l)
        for lane in range(LANES):
            count_l[lane] += 1
            if pixel_l[lane] >= 0 and (not moved_l[lane] >= eps or count_l[lane] >= steps):
                for b in range(bands):
                    out_bn[b, pixel_l[lane]] = centre_bl[b, lane]
                pixel_l[lane] = -1
                busy -= 1


@numba.njit(nogil=True, cache=True)
def _move(from_kx, x, to_kl, lane):
    for k in range(len(from_kx)):
        to_kl[k, lane] = from_kx[k, x]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _make_ready(value_tbn, clear_tn, start, nothing, ready_kx, ready_tx, ready_bx, count_n):
    """Fill in the values, the weights and the mean of the looks of the pixels from `start` on."""
    looks, bands, pixels = value_tbn.shape
    stop = min(start + _CHUNK_PX, pixels)
    ready_bx[:] = 0
    count_n[start:stop] = 0
    for t in range(looks):
        weight_x = ready_tx[t]
        for x in range(stop - start):
            weight_x[x] = 1 if clear_tn[t, start + x] else 0
        for b in range(bands):
            _drop_nothing(value_tbn[t, b, start:stop], nothing, weight_x)
        for b in range(bands):
            _take_in(value_tbn[t, b, start:stop], weight_x, ready_kx[t * bands + b], ready_bx[b])
        for x in range(stop - start):
            count_n[start + x] += np.uint16(weight_x[x])
    for b in range(bands):
        for x in range(stop - start):
            ready_bx[b, x] /= np.float32(max(count_n[start + x], 1))


@numba.njit(nogil=True, cache=True)
def _drop_nothing(value_x, nothing, weight_x):
    for x in range(len(value_x)):
        value, weight = np.float32(value_x[x]), weight_x[x]
        weight_x[x] = weight if (value == value) & (value != nothing) else np.float32(0)


@numba.njit(nogil=True, cache=True)
def _take_in(value_x, weight_x, ready_x, total_x):
    for x in range(len(value_x)):
        value = np.float32(value_x[x]) if weight_x[x] > 0 else np.float32(0)  # a weight cannot undo NaN
        ready_x[x] = value
        total_x[x] += value


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _step(force_bl, total_l, met_l, centre_bl, moved_l):
    """Move every lane's centre as its looks pull it, and note how far."""
    zero, one = np.float32(0), np.float32(1)
    step_l = np.zeros(LANES, np.float32)
    for b in range(len(centre_bl)):
        for i in range(LANES):
            step_l[i] += force_bl[b, i] * force_bl[b, i]
    for i in range(LANES):
        strength = np.sqrt(step_l[i])
        held = min(met_l[i] / strength, one) if strength > zero else one
        step_l[i] = (one - held) / total_l[i] if total_l[i] > zero else zero
        moved_l[i] = strength * step_l[i]
    for b in range(len(centre_bl)):
        for i in range(LANES):
            centre_bl[b, i] += step_l[i] * force_bl[b, i]
