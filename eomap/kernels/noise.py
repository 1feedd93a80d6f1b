"""Random fields that are functions of a place on Earth: the same point gives the same value in any raster.

Points are Earth-centred Cartesian metres (x, y, z), float64, so fields have no seam anywhere: not at tile or
zone borders, not at the antimeridian, not at a pole. Gradient noise after K. Perlin, Improving Noise, 2002
(doi:10.1145/566654.566636), with gradients from a hash instead of a table. Sums run in a fixed order and in
float64, so the bits do not depend on how a raster is cut. Axis letters: y row, x column, n point.
"""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_UNIT_STD = 0.1911
"""Measured standard deviation of one octave: fields are divided by it."""
_U32 = 0xFFFFFFFF
ALL = slice(0, 64)


def fractal(
    x_m: F64,
    y_m: F64,
    z_m: F64,
    *,
    wavelength_m: float,
    seed: int,
    octaves: int,
    gain: float = 0.5,
    only: slice = ALL,
) -> F32:
    """Return a field of the points' shape, mean 0, standard deviation about 1: octaves of gradient noise.

    Octave k has the wavelength `wavelength_m` / 2**k and the weight `gain`**k. `only` picks octaves: the
    fields of 0 to k and of k to the end add up to the whole one, but for rounding.
    """
    out = np.empty(x_m.shape, np.float32)
    x, y, z = (np.ascontiguousarray(a, np.float64).reshape(-1) for a in (x_m, y_m, z_m))
    key, scale = np.uint32(seed & _U32), _scale(octaves, gain)
    last = min(only.stop, octaves)
    _fractal(x, y, z, 1 / wavelength_m, key, only.start, last, gain, scale, out.reshape(-1))
    return out


def fractal_numpy(
    x_m: F64,
    y_m: F64,
    z_m: F64,
    *,
    wavelength_m: float,
    seed: int,
    octaves: int,
    gain: float = 0.5,
    only: slice = ALL,
) -> F32:
    """Return what `fractal` returns; this plain twin defines it."""
    total = np.zeros(x_m.shape)
    per_m, weight = 1 / wavelength_m * 2.0**only.start, gain**only.start
    with np.errstate(over="ignore"):
        for k in range(only.start, min(only.stop, octaves)):
            key = _hash1(np.uint32((seed + 7919 * k) & _U32))
            shift = np.float64(key >> np.uint32(8)) * 2.0**-24
            at = [np.asarray(a, np.float64) * per_m + shift for a in (x_m, y_m, z_m)]
            whole = [np.floor(a) for a in at]
            corner = [w.astype(np.int64).astype(np.uint32) for w in whole]
            part = [a - w for a, w in zip(at, whole, strict=True)]
            fade = [((p * 6 - 15) * p + 10) * p * p * p for p in part]
            lines = []
            for dz in (0, 1):
                planes = []
                for dy in (0, 1):
                    ends = [_slope(corner, part, (dx, dy, dz), key) for dx in (0, 1)]
                    planes.append(ends[0] + fade[0] * (ends[1] - ends[0]))
                lines.append(planes[0] + fade[1] * (planes[1] - planes[0]))
            total += weight * (lines[0] + fade[2] * (lines[1] - lines[0]))
            per_m, weight = per_m * 2, weight * gain
    return (total * _scale(octaves, gain)).astype(np.float32)


def _scale(octaves: int, gain: float) -> float:
    return 1 / (_UNIT_STD * math.sqrt(sum(gain ** (2 * k) for k in range(octaves))))


def _hash1(h: Any) -> Any:
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
    return h ^ (h >> np.uint32(16))


def _slope(corner: list[Any], part: list[F64], step: tuple[int, int, int], key: Any) -> F64:
    i, j, k = (c + np.uint32(s) for c, s in zip(corner, step, strict=True))
    h = _hash1(i * np.uint32(0x9E3779B1) ^ j * np.uint32(0x85EBCA77) ^ k * np.uint32(0xC2B2AE3D) ^ key)
    gx = (h & np.uint32(1023)).astype(np.float64) * (2 / 1023) - 1
    gy = ((h >> np.uint32(10)) & np.uint32(1023)).astype(np.float64) * (2 / 1023) - 1
    gz = ((h >> np.uint32(20)) & np.uint32(1023)).astype(np.float64) * (2 / 1023) - 1
    return gx * (part[0] - step[0]) + gy * (part[1] - step[1]) + gz * (part[2] - step[2])


@numba.njit(inline="always")
def _mixed(h):
    # Every product is cut back by hand: numba widens uint32 arithmetic to 64 bits.
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D))
    h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(h ^ (h >> np.uint32(16)))


@numba.njit(inline="always")
def _gradient(i, j, k, key, x, y, z):
    h = np.uint32(i * np.uint32(0x9E3779B1)) ^ np.uint32(j * np.uint32(0x85EBCA77))
    h = _mixed(h ^ np.uint32(k * np.uint32(0xC2B2AE3D)) ^ key)
    gx = np.float64(np.int32(h & np.uint32(1023))) * (2 / 1023) - 1
    gy = np.float64(np.int32((h >> np.uint32(10)) & np.uint32(1023))) * (2 / 1023) - 1
    gz = np.float64(np.int32((h >> np.uint32(20)) & np.uint32(1023))) * (2 / 1023) - 1
    return gx * x + gy * y + gz * z


@numba.njit(cache=True, nogil=True)
def _fractal(x, y, z, per_m, seed, first, last, gain, scale, out):
    chunk = 2048
    total = np.empty(chunk)
    one = np.uint32(1)
    for start in range(0, x.size, chunk):
        n = min(chunk, x.size - start)
        total[:] = 0.0
        frequency, weight = per_m * 2.0**first, gain**first
        for octave in range(first, last):
            key = _mixed(np.uint32(seed + np.uint32(7919 * octave)))
            shift = np.float64(key >> np.uint32(8)) * 2.0**-24
            for p in range(n):
                ax = x[start + p] * frequency + shift
                ay = y[start + p] * frequency + shift
                az = z[start + p] * frequency + shift
                wx, wy, wz = np.floor(ax), np.floor(ay), np.floor(az)
                i, j, k = np.uint32(np.int64(wx)), np.uint32(np.int64(wy)), np.uint32(np.int64(wz))
                px, py, pz = ax - wx, ay - wy, az - wz
                fx = ((px * 6 - 15) * px + 10) * px * px * px
                fy = ((py * 6 - 15) * py + 10) * py * py * py
                fz = ((pz * 6 - 15) * pz + 10) * pz * pz * pz
                i1, j1, k1 = np.uint32(i + one), np.uint32(j + one), np.uint32(k + one)
                qx, qy, qz = px - 1, py - 1, pz - 1
                a = _gradient(i, j, k, key, px, py, pz)
                b = _gradient(i1, j, k, key, qx, py, pz)
                c = _gradient(i, j1, k, key, px, qy, pz)
                d = _gradient(i1, j1, k, key, qx, qy, pz)
                e = _gradient(i, j, k1, key, px, py, qz)
                f = _gradient(i1, j, k1, key, qx, py, qz)
                g = _gradient(i, j1, k1, key, px, qy, qz)
                h = _gradient(i1, j1, k1, key, qx, qy, qz)
                ab, ef = a + fx * (b - a), e + fx * (f - e)
                near = ab + fy * ((c + fx * (d - c)) - ab)
                far = ef + fy * ((g + fx * (h - g)) - ef)
                total[p] += weight * (near + fz * (far - near))
            frequency, weight = frequency * 2, weight * gain
        for p in range(n):
            out[start + p] = np.float32(total[p] * scale)


def white(rows: slice, cols: slice, *, seed: int) -> F32:
    """Return a number in [0, 1) for each pixel (y, x) of a grid, by its whole row and column numbers.

    Independent from pixel to pixel and from seed to seed: a hash, not a sequence.
    """
    out = np.empty((rows.stop - rows.start, cols.stop - cols.start), np.float32)
    _white(rows.start, cols.start, np.uint32(seed & _U32), out)
    return out


def white_numpy(rows: slice, cols: slice, *, seed: int) -> F32:
    """Return what `white` returns; this plain twin defines it."""
    r = np.arange(rows.start, rows.stop).astype(np.uint32)[:, None]
    c = np.arange(cols.start, cols.stop).astype(np.uint32)[None, :]
    with np.errstate(over="ignore"):
        line = _hash1(r * np.uint32(0x9E3779B1) ^ _hash1(np.uint32(seed & _U32)))
        return (_hash1(line ^ (c * np.uint32(0x85EBCA77))) >> np.uint32(8)).astype(np.float32) * np.float32(
            2**-24
        )


@numba.njit(cache=True, nogil=True)
def _white(row0, col0, seed, out):
    key = _mixed(seed)
    for r in range(out.shape[0]):
        line = _mixed(np.uint32(np.uint32(row0 + r) * np.uint32(0x9E3779B1)) ^ key)
        for c in range(out.shape[1]):
            h = _mixed(line ^ np.uint32(np.uint32(col0 + c) * np.uint32(0x85EBCA77)))
            out[r, c] = np.float32(np.int32(h >> np.uint32(8))) * np.float32(2**-24)
