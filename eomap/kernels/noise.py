"""Random fields that are functions of a place on Earth: the same point gives the same value in any raster.

Points are Earth-centred Cartesian metres (x, y, z), float64, so fields have no seam anywhere: not at tile or
zone borders, not at the antimeridian, not at a pole. Gradient noise after K. Perlin, Improving Noise, 2002
(doi:10.1145/566654.566636), with gradients from a hash instead of a table. Cells are found in float64, the
rest is float32; sums run in a fixed order, so the bits do not depend on how a raster is cut. Axis letters:
y row, x column, n point.
"""

import math
from functools import lru_cache
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from eomap.kernels.hashing import either, mixed, mixed_numpy, plus, ten_bits, times

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U32 = npt.NDArray[np.uint32]

_UNIT_STD = 0.1911
"""Measured standard deviation of one octave: fields are divided by it."""
_U32 = 0xFFFFFFFF
_A, _B, _C = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77), np.uint32(0xC2B2AE3D)
_STEP = np.float32(2 / 1023)
_ONE, _SIX, _TEN, _FIFTEEN = (np.float32(v) for v in (1, 6, 10, 15))
_CHUNK = 512
"""Points that pass through all octaves together, so that what belongs to them stays in the first cache."""
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
    out = np.zeros(x_m.shape, np.float32)
    x, y, z = (np.ascontiguousarray(a, np.float64).reshape(-1) for a in (x_m, y_m, z_m))
    _fractal(x, y, z, *_waves(wavelength_m, seed, octaves, gain, (only.start, only.stop)), out.reshape(-1))
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
    total = np.zeros(x_m.shape, np.float32)
    with np.errstate(over="ignore"):
        for key, per_m, shift, weight in zip(
            *_waves(wavelength_m, seed, octaves, gain, (only.start, only.stop)), strict=True
        ):
            at = [np.asarray(a, np.float64) * per_m + shift for a in (x_m, y_m, z_m)]
            whole = [np.floor(a) for a in at]
            corner = [w.astype(np.int64).astype(np.uint32) for w in whole]
            part = [(a - w).astype(np.float32) for a, w in zip(at, whole, strict=True)]
            fade = [((p * _SIX - _FIFTEEN) * p + _TEN) * p * p * p for p in part]
            lines = []
            for dz in (0, 1):
                planes = []
                for dy in (0, 1):
                    ends = [_slope(corner, part, (dx, dy, dz), key) for dx in (0, 1)]
                    planes.append(ends[0] + fade[0] * (ends[1] - ends[0]))
                lines.append(planes[0] + fade[1] * (planes[1] - planes[0]))
            total += weight * (lines[0] + fade[2] * (lines[1] - lines[0]))
    return total


@lru_cache(maxsize=4096)
def _waves(
    wavelength_m: float, seed: int, octaves: int, gain: float, only: tuple[int, int]
) -> tuple[U32, F64, F64, F32]:
    """Return key, waves per metre, shift in waves and weight of each octave."""
    number = np.arange(only[0], min(only[1], octaves))
    key = mixed_numpy(np.array([(seed + 7919 * k) & _U32 for k in number.tolist()], np.uint32))
    scale = 1 / (_UNIT_STD * math.sqrt(sum(gain ** (2 * k) for k in range(octaves))))
    shift = (key >> np.uint32(8)).astype(np.float64) * 2.0**-24
    per_m = np.asarray(2.0**number / wavelength_m, np.float64)
    return key, per_m, shift, (scale * gain**number).astype(np.float32)


def _slope(corner: list[Any], part: list[F32], step: tuple[int, int, int], key: Any) -> F32:
    i, j, k = (c + np.uint32(s) for c, s in zip(corner, step, strict=True))
    h = mixed_numpy(i * _A ^ j * _B ^ k * _C ^ key)
    gx, gy, gz = (
        ((h >> np.uint32(n)) & np.uint32(1023)).astype(np.float32) * _STEP - _ONE for n in (0, 10, 20)
    )
    return gx * (part[0] - step[0]) + gy * (part[1] - step[1]) + gz * (part[2] - step[2])


@numba.njit(cache=True, nogil=True)
def cells(at_m, per_m, shift, factor, corner, part):
    """Put into which cell each coordinate falls, times a factor for the hash, and where in it, 0 to 1."""
    for p in range(len(at_m)):
        at = at_m[p] * per_m + shift
        whole = np.floor(at)
        corner[p] = times(np.uint32(np.int32(whole)), factor)
        part[p] = np.float32(at - whole)


@numba.njit(inline="always")
def _fade(p):
    return ((p * _SIX - _FIFTEEN) * p + _TEN) * p * p * p


@numba.njit(inline="always")
def _gradient(i, j, k, x, y, z):
    h = mixed(either(either(i, j), k))
    gx = ten_bits(h, np.uint32(0)) * _STEP - _ONE
    gy = ten_bits(h, np.uint32(10)) * _STEP - _ONE
    gz = ten_bits(h, np.uint32(20)) * _STEP - _ONE
    return gx * x + gy * y + gz * z


@numba.njit(cache=True, nogil=True)
def _octave(corner_x, corner_y, corner_z, part_x, part_y, part_z, key, weight, total):
    for p in range(len(total)):
        px, py, pz = part_x[p], part_y[p], part_z[p]
        fx, fy, fz = _fade(px), _fade(py), _fade(pz)
        i, j, k = corner_x[p], corner_y[p], either(corner_z[p], key)
        i1, j1, k1 = plus(i, _A), plus(j, _B), either(plus(corner_z[p], _C), key)
        qx, qy, qz = px - _ONE, py - _ONE, pz - _ONE
        a = _gradient(i, j, k, px, py, pz)
        b = _gradient(i1, j, k, qx, py, pz)
        c = _gradient(i, j1, k, px, qy, pz)
        d = _gradient(i1, j1, k, qx, qy, pz)
        e = _gradient(i, j, k1, px, py, qz)
        f = _gradient(i1, j, k1, qx, py, qz)
        g = _gradient(i, j1, k1, px, qy, qz)
        h = _gradient(i1, j1, k1, qx, qy, qz)
        ab, ef = a + fx * (b - a), e + fx * (f - e)
        near = ab + fy * ((c + fx * (d - c)) - ab)
        far = ef + fy * ((g + fx * (h - g)) - ef)
        total[p] += weight * (near + fz * (far - near))


@numba.njit(cache=True, nogil=True)
def _fractal(x, y, z, keys, per_m, shift, weight, out):
    corner, part = np.empty((3, _CHUNK), np.uint32), np.empty((3, _CHUNK), np.float32)
    for start in range(0, x.size, _CHUNK):
        stop = min(start + _CHUNK, x.size)
        n = stop - start
        cx, cy, cz = corner[0][:n], corner[1][:n], corner[2][:n]  # in one piece each, as vectors need
        px, py, pz = part[0][:n], part[1][:n], part[2][:n]
        for k in range(len(keys)):
            cells(x[start:stop], per_m[k], shift[k], _A, cx, px)
            cells(y[start:stop], per_m[k], shift[k], _B, cy, py)
            cells(z[start:stop], per_m[k], shift[k], _C, cz, pz)
            _octave(cx, cy, cz, px, py, pz, keys[k], weight[k], out[start:stop])


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
        line = mixed_numpy(r * _A ^ mixed_numpy(np.uint32(seed & _U32)))
        return (mixed_numpy(line ^ (c * _B)) >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)


@numba.njit(cache=True, nogil=True)
def _white(row0, col0, seed, out):
    for r in range(out.shape[0]):
        line = mixed(either(times(np.uint32(row0 + r), _A), mixed(seed)))
        _white_row(line, np.uint32(col0), out[r])


@numba.njit(cache=True, nogil=True)
def _white_row(line, col0, out):
    for c in range(len(out)):
        h = mixed(either(line, times(plus(col0, np.uint32(c)), _B)))
        out[c] = np.float32(np.int32(h >> np.uint32(8))) * np.float32(2**-24)
