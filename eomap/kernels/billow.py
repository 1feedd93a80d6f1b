"""Heaped noise, as the tops of clouds are, with how steeply it rises in a given direction.

Long waves are plain gradient noise (kernels.noise), short ones are folded at zero, |n|, which gives round
heads and narrow creases between them (F. K. Musgrave in Ebert and others, Texturing and Modeling, 2003).
The rise is exact, from the derivative of the gradient noise, not from neighbours, so a point needs none.
Axis letters: n point.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from eomap.kernels.hashing import either, mixed, mixed_numpy, plus, ten_bits
from eomap.kernels.noise import cells

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U32 = npt.NDArray[np.uint32]
Bool = npt.NDArray[np.bool_]
UNIT_STD = 0.1911
FOLDED_MEAN, FOLDED_STD = 0.1536, 0.1139
"""Measured mean and standard deviation of one folded octave, before it is brought to mean 0, deviation 1."""
_A, _B, _C = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77), np.uint32(0xC2B2AE3D)
_STEP = np.float32(2 / 1023)
_ONE, _SIX, _TEN, _FIFTEEN, _THIRTY = (np.float32(v) for v in (1, 6, 10, 15, 30))
_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Octave:
    """One wave of a field, of mean 0 and standard deviation about 1 before its weight."""

    wavelength_m: float
    weight: float
    rise_weight: float
    """Its weight in the rise: less than `weight` where the wave is too short to be felt."""
    folded: bool
    seed: int


def billows(
    place_dn: tuple[F64, F64, F64], toward_dn: tuple[F32, F32, F32], octaves: tuple[Octave, ...]
) -> tuple[F32, F32]:
    """Return a field and its rise per metre in the direction `toward_dn`, both of the points' shape.

    `place_dn` are Earth-centred metres, `toward_dn` unit vectors in the same axes.
    """
    shape = place_dn[0].shape
    value, rise = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    x, y, z = (np.ascontiguousarray(a, np.float64).reshape(-1) for a in place_dn)
    tx, ty, tz = (np.ascontiguousarray(a, np.float32).reshape(-1) for a in toward_dn)
    _billows(x, y, z, tx, ty, tz, *_waves(octaves), value.reshape(-1), rise.reshape(-1))
    return value, rise


def billows_numpy(
    place_dn: tuple[F64, F64, F64], toward_dn: tuple[F32, F32, F32], octaves: tuple[Octave, ...]
) -> tuple[F32, F32]:
    """Return what `billows` returns; this plain twin defines it."""
    value, rise = (np.zeros(place_dn[0].shape, np.float32) for _ in range(2))
    with np.errstate(over="ignore"):
        for key, folded, per_m, shift, weight, steep, less in zip(*_waves(octaves), strict=True):
            n, dn = _octave(place_dn, toward_dn, per_m, shift, key)
            value += weight * (np.abs(n) if folded else n) - less
            rise += steep * (np.where(n < 0, -dn, dn) if folded else dn)
    return value, rise


def _waves(octaves: tuple[Octave, ...]) -> tuple[U32, Bool, F64, F64, F32, F32, F32]:
    """Return key, if folded, waves per metre, shift in waves, weight, rise weight and what to take off."""
    key = mixed_numpy(np.array([o.seed & 0xFFFFFFFF for o in octaves], np.uint32))
    folded = np.array([o.folded for o in octaves], np.bool_)
    per_m = np.array([1 / o.wavelength_m for o in octaves], np.float64)
    std = np.where(folded, FOLDED_STD, UNIT_STD)
    weight = np.array([o.weight for o in octaves], np.float64) / std
    steep = np.array([o.rise_weight for o in octaves], np.float64) / std * per_m
    less = np.where(folded, FOLDED_MEAN * weight, 0)
    shift = (key >> np.uint32(8)) * 2.0**-24
    return (
        key,
        folded,
        per_m,
        shift,
        weight.astype(np.float32),
        steep.astype(np.float32),
        less.astype(np.float32),
    )


def _octave(
    place: tuple[F64, ...], toward: tuple[F32, ...], per_m: float, shift: float, key: Any
) -> tuple[F32, F32]:
    """Return one octave and its rise per wavelength."""
    at = [a * per_m + shift for a in place]
    whole = [np.floor(a) for a in at]
    corner = [w.astype(np.int64).astype(np.uint32) for w in whole]
    part = [(a - w).astype(np.float32) for a, w in zip(at, whole, strict=True)]
    fade = [((p * _SIX - _FIFTEEN) * p + _TEN) * p * p * p for p in part]
    steep = [_THIRTY * (p * (p - _ONE)) * (p * (p - _ONE)) * d for p, d in zip(part, toward, strict=True)]
    planes = []
    for dz in (0, 1):
        lines = []
        for dy in (0, 1):
            (a, da), (b, db) = (_slope(corner, part, toward, (dx, dy, dz), key) for dx in (0, 1))
            lines.append((a + fade[0] * (b - a), da + fade[0] * (db - da) + steep[0] * (b - a)))
        (a, da), (b, db) = lines
        planes.append((a + fade[1] * (b - a), da + fade[1] * (db - da) + steep[1] * (b - a)))
    (a, da), (b, db) = planes
    return a + fade[2] * (b - a), da + fade[2] * (db - da) + steep[2] * (b - a)


def _slope(
    corner: list[Any], part: list[F32], toward: tuple[F32, ...], step: tuple[int, int, int], key: Any
) -> tuple[F32, F32]:
    i, j, k = (c + np.uint32(s) for c, s in zip(corner, step, strict=True))
    h = mixed_numpy(i * _A ^ j * _B ^ k * _C ^ key)
    g = [((h >> np.uint32(n)) & np.uint32(1023)).astype(np.float32) * _STEP - _ONE for n in (0, 10, 20)]
    value = g[0] * (part[0] - step[0]) + g[1] * (part[1] - step[1]) + g[2] * (part[2] - step[2])
    return value, g[0] * toward[0] + g[1] * toward[1] + g[2] * toward[2]


@numba.njit(inline="always")
def _fade(p):
    return ((p * _SIX - _FIFTEEN) * p + _TEN) * p * p * p


@numba.njit(inline="always")
def _steep(p):
    return _THIRTY * (p * (p - _ONE)) * (p * (p - _ONE))


@numba.njit(inline="always")
def _corner(i, j, k, x, y, z, ux, uy, uz):
    h = mixed(either(either(i, j), k))
    gx = ten_bits(h, np.uint32(0)) * _STEP - _ONE
    gy = ten_bits(h, np.uint32(10)) * _STEP - _ONE
    gz = ten_bits(h, np.uint32(20)) * _STEP - _ONE
    return gx * x + gy * y + gz * z, gx * ux + gy * uy + gz * uz


@numba.njit(cache=True, nogil=True)
def _heap(corner_x, corner_y, corner_z, part_x, part_y, part_z, tx, ty, tz, key, n_out, dn_out):
    for p in range(len(n_out)):
        px, py, pz = part_x[p], part_y[p], part_z[p]
        ux, uy, uz = tx[p], ty[p], tz[p]
        fx, fy, fz = _fade(px), _fade(py), _fade(pz)
        sx, sy, sz = _steep(px) * ux, _steep(py) * uy, _steep(pz) * uz
        i, j, k = corner_x[p], corner_y[p], either(corner_z[p], key)
        i1, j1, k1 = plus(i, _A), plus(j, _B), either(plus(corner_z[p], _C), key)
        qx, qy, qz = px - _ONE, py - _ONE, pz - _ONE
        a, da = _corner(i, j, k, px, py, pz, ux, uy, uz)
        b, db = _corner(i1, j, k, qx, py, pz, ux, uy, uz)
        c, dc = _corner(i, j1, k, px, qy, pz, ux, uy, uz)
        d, dd = _corner(i1, j1, k, qx, qy, pz, ux, uy, uz)
        e, de = _corner(i, j, k1, px, py, qz, ux, uy, uz)
        f, df = _corner(i1, j, k1, qx, py, qz, ux, uy, uz)
        g, dg = _corner(i, j1, k1, px, qy, qz, ux, uy, uz)
        h, dh = _corner(i1, j1, k1, qx, qy, qz, ux, uy, uz)
        ab, dab = a + fx * (b - a), da + fx * (db - da) + sx * (b - a)
        cd, dcd = c + fx * (d - c), dc + fx * (dd - dc) + sx * (d - c)
        ef, def_ = e + fx * (f - e), de + fx * (df - de) + sx * (f - e)
        gh, dgh = g + fx * (h - g), dg + fx * (dh - dg) + sx * (h - g)
        near, dnear = ab + fy * (cd - ab), dab + fy * (dcd - dab) + sy * (cd - ab)
        far, dfar = ef + fy * (gh - ef), def_ + fy * (dgh - def_) + sy * (gh - ef)
        n_out[p] = near + fz * (far - near)
        dn_out[p] = dnear + fz * (dfar - dnear) + sz * (far - near)


@numba.njit(cache=True, nogil=True)
def _add(n, dn, folded, weight, steep, less, value, rise):
    if folded:
        for p in range(len(n)):
            value[p] += weight * abs(n[p]) - less
            rise[p] += steep * (-dn[p] if n[p] < 0 else dn[p])
    else:
        for p in range(len(n)):
            value[p] += weight * n[p] - less
            rise[p] += steep * dn[p]


@numba.njit(cache=True, nogil=True)
def _billows(x, y, z, tx, ty, tz, keys, folded, per_m, shift, weight, steep, less, value, rise):
    corner, part = np.empty((3, _CHUNK), np.uint32), np.empty((5, _CHUNK), np.float32)
    for start in range(0, x.size, _CHUNK):
        stop = min(start + _CHUNK, x.size)
        size = stop - start
        cx, cy, cz = corner[0][:size], corner[1][:size], corner[2][:size]
        px, py, pz = part[0][:size], part[1][:size], part[2][:size]
        n, dn = part[3][:size], part[4][:size]
        ux, uy, uz = tx[start:stop], ty[start:stop], tz[start:stop]
        for k in range(len(keys)):
            cells(x[start:stop], per_m[k], shift[k], _A, cx, px)
            cells(y[start:stop], per_m[k], shift[k], _B, cy, py)
            cells(z[start:stop], per_m[k], shift[k], _C, cz, pz)
            _heap(cx, cy, cz, px, py, pz, ux, uy, uz, keys[k], n, dn)
            _add(n, dn, folded[k], weight[k], steep[k], less[k], value[start:stop], rise[start:stop])
