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

from eomap.kernels.noise import _hash1, _mixed

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
UNIT_STD = 0.1911
FOLDED_MEAN, FOLDED_STD = 0.1536, 0.1139
"""Measured mean and standard deviation of one folded octave, before it is brought to mean 0, deviation 1."""
_U32 = 0xFFFFFFFF


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
    value, rise = np.empty(shape, np.float32), np.empty(shape, np.float32)
    x, y, z = (np.ascontiguousarray(a, np.float64).reshape(-1) for a in place_dn)
    tx, ty, tz = (np.ascontiguousarray(a, np.float32).reshape(-1) for a in toward_dn)
    waves = np.array([(1 / o.wavelength_m, o.weight, o.rise_weight) for o in octaves]).reshape(-1, 3)
    folded = np.array([o.folded for o in octaves], np.bool_)
    seeds = np.array([o.seed & _U32 for o in octaves], np.uint32)
    _billows(x, y, z, tx, ty, tz, waves, folded, seeds, value.reshape(-1), rise.reshape(-1))
    return value, rise


def billows_numpy(
    place_dn: tuple[F64, F64, F64], toward_dn: tuple[F32, F32, F32], octaves: tuple[Octave, ...]
) -> tuple[F32, F32]:
    """Return what `billows` returns; this plain twin defines it."""
    value, rise = np.zeros(place_dn[0].shape), np.zeros(place_dn[0].shape)
    toward = [np.asarray(a, np.float64) for a in toward_dn]
    with np.errstate(over="ignore"):
        for o in octaves:
            n, dn = _octave(place_dn, toward, 1 / o.wavelength_m, np.uint32(o.seed & _U32))
            if o.folded:
                value += o.weight * ((np.abs(n) - FOLDED_MEAN) / FOLDED_STD)
                rise += o.rise_weight * (np.where(n < 0, -dn, dn) / FOLDED_STD)
            else:
                value += o.weight * (n / UNIT_STD)
                rise += o.rise_weight * (dn / UNIT_STD)
    return value.astype(np.float32), rise.astype(np.float32)


def _octave(place: tuple[F64, ...], toward: list[F64], per_m: float, seed: Any) -> tuple[F64, F64]:
    """Return one octave and its rise per metre."""
    key = _hash1(seed)
    shift = np.float64(key >> np.uint32(8)) * 2.0**-24
    at = [a * per_m + shift for a in place]
    whole = [np.floor(a) for a in at]
    corner = [w.astype(np.int64).astype(np.uint32) for w in whole]
    part = [a - w for a, w in zip(at, whole, strict=True)]
    fade = [((p * 6 - 15) * p + 10) * p * p * p for p in part]
    steep = [30 * (p * (p - 1)) * (p * (p - 1)) * d for p, d in zip(part, toward, strict=True)]
    planes = []
    for dz in (0, 1):
        lines = []
        for dy in (0, 1):
            (a, da), (b, db) = (_slope(corner, part, toward, (dx, dy, dz), key) for dx in (0, 1))
            lines.append((a + fade[0] * (b - a), da + fade[0] * (db - da) + steep[0] * (b - a)))
        (a, da), (b, db) = lines
        planes.append((a + fade[1] * (b - a), da + fade[1] * (db - da) + steep[1] * (b - a)))
    (a, da), (b, db) = planes
    return a + fade[2] * (b - a), (da + fade[2] * (db - da) + steep[2] * (b - a)) * per_m


def _slope(
    corner: list[Any], part: list[F64], toward: list[F64], step: tuple[int, int, int], key: Any
) -> tuple[F64, F64]:
    i, j, k = (c + np.uint32(s) for c, s in zip(corner, step, strict=True))
    h = _hash1(i * np.uint32(0x9E3779B1) ^ j * np.uint32(0x85EBCA77) ^ k * np.uint32(0xC2B2AE3D) ^ key)
    g = [((h >> np.uint32(10 * n)) & np.uint32(1023)).astype(np.float64) * (2 / 1023) - 1 for n in range(3)]
    value = g[0] * (part[0] - step[0]) + g[1] * (part[1] - step[1]) + g[2] * (part[2] - step[2])
    return value, g[0] * toward[0] + g[1] * toward[1] + g[2] * toward[2]


@numba.njit(inline="always")
def _corner(i, j, k, key, x, y, z, ux, uy, uz):
    h = np.uint32(i * np.uint32(0x9E3779B1)) ^ np.uint32(j * np.uint32(0x85EBCA77))
    h = _mixed(h ^ np.uint32(k * np.uint32(0xC2B2AE3D)) ^ key)
    gx = np.float64(np.int32(h & np.uint32(1023))) * (2 / 1023) - 1
    gy = np.float64(np.int32((h >> np.uint32(10)) & np.uint32(1023))) * (2 / 1023) - 1
    gz = np.float64(np.int32((h >> np.uint32(20)) & np.uint32(1023))) * (2 / 1023) - 1
    return gx * x + gy * y + gz * z, gx * ux + gy * uy + gz * uz


@numba.njit(cache=True, nogil=True)
def _billows(x, y, z, tx, ty, tz, waves, folded, seeds, value, rise):
    one = np.uint32(1)
    chunk = 1024
    total, climb = np.empty(chunk), np.empty(chunk)
    for start in range(0, x.size, chunk):
        size = min(chunk, x.size - start)
        total[:] = 0.0
        climb[:] = 0.0
        for octave in range(len(seeds)):
            per_m, weight, steep = waves[octave]
            fold, key = folded[octave], _mixed(seeds[octave])
            shift = np.float64(key >> np.uint32(8)) * 2.0**-24
            for p in range(size):
                at = start + p
                ux, uy, uz = np.float64(tx[at]), np.float64(ty[at]), np.float64(tz[at])
                ax, ay, az = x[at] * per_m + shift, y[at] * per_m + shift, z[at] * per_m + shift
                wx, wy, wz = np.floor(ax), np.floor(ay), np.floor(az)
                i, j, k = np.uint32(np.int64(wx)), np.uint32(np.int64(wy)), np.uint32(np.int64(wz))
                px, py, pz = ax - wx, ay - wy, az - wz
                fx = ((px * 6 - 15) * px + 10) * px * px * px
                fy = ((py * 6 - 15) * py + 10) * py * py * py
                fz = ((pz * 6 - 15) * pz + 10) * pz * pz * pz
                sx = 30 * (px * (px - 1)) * (px * (px - 1)) * ux
                sy = 30 * (py * (py - 1)) * (py * (py - 1)) * uy
                sz = 30 * (pz * (pz - 1)) * (pz * (pz - 1)) * uz
                i1, j1, k1 = np.uint32(i + one), np.uint32(j + one), np.uint32(k + one)
                qx, qy, qz = px - 1, py - 1, pz - 1
                a, da = _corner(i, j, k, key, px, py, pz, ux, uy, uz)
                b, db = _corner(i1, j, k, key, qx, py, pz, ux, uy, uz)
                c, dc = _corner(i, j1, k, key, px, qy, pz, ux, uy, uz)
                d, dd = _corner(i1, j1, k, key, qx, qy, pz, ux, uy, uz)
                e, de = _corner(i, j, k1, key, px, py, qz, ux, uy, uz)
                f, df = _corner(i1, j, k1, key, qx, py, qz, ux, uy, uz)
                g, dg = _corner(i, j1, k1, key, px, qy, qz, ux, uy, uz)
                h, dh = _corner(i1, j1, k1, key, qx, qy, qz, ux, uy, uz)
                ab, dab = a + fx * (b - a), da + fx * (db - da) + sx * (b - a)
                cd, dcd = c + fx * (d - c), dc + fx * (dd - dc) + sx * (d - c)
                ef, def_ = e + fx * (f - e), de + fx * (df - de) + sx * (f - e)
                gh, dgh = g + fx * (h - g), dg + fx * (dh - dg) + sx * (h - g)
                near, dnear = ab + fy * (cd - ab), dab + fy * (dcd - dab) + sy * (cd - ab)
                far, dfar = ef + fy * (gh - ef), def_ + fy * (dgh - def_) + sy * (gh - ef)
                n = near + fz * (far - near)
                dn = (dnear + fz * (dfar - dnear) + sz * (far - near)) * per_m
                if fold:
                    total[p] += weight * ((abs(n) - FOLDED_MEAN) / FOLDED_STD)
                    climb[p] += steep * ((-dn if n < 0 else dn) / FOLDED_STD)
                else:
                    total[p] += weight * (n / UNIT_STD)
                    climb[p] += steep * (dn / UNIT_STD)
        for p in range(size):
            value[start + p] = np.float32(total[p])
            rise[start + p] = np.float32(climb[p])
