"""Speckle of multilooked radar images: gamma distributed, alike between neighbours, a hash of the pixel.

White noise is smoothed to a Gaussian field, and each value takes the gamma quantile of its own rank (by the
cube of E. B. Wilson and M. M. Hilferty, 1931, doi:10.1073/pnas.17.12.684). So the number of looks is that
of the request whatever the correlation, which smoothing intensities would not keep. Axis letters: y row
(north to south), x column.
"""

from collections.abc import Callable
from functools import cache

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.noise import white

F32 = npt.NDArray[np.float32]
REACH = 4
"""Pixels to each side whose noise a pixel shares."""
_UNIFORM_STD = np.float32(12**-0.5)
_DARKEST = np.float32(0.001)


def speckle(rows: slice, cols: slice, *, seed: int, looks: float, lag1: float) -> F32:
    """Return intensities (y, x), mean 1 and variance 1 / `looks`, of pixels by whole row and column numbers.

    `lag1`: correlation of the intensities of neighbours in a row or a column, 0.5 to 0.9. A pixel depends on
    its own neighbourhood of REACH pixels only, so any cut gives the same bits; seeds are independent.
    Fewer than 2 looks raise MisuseError.
    """
    _vet(looks, lag1)
    noise = white(_wider(rows), _wider(cols), seed=seed)
    out = np.empty((rows.stop - rows.start, cols.stop - cols.start), np.float32)
    _speckle(noise, taps(looks, lag1), *_cube(looks), out)
    return out


def speckle_numpy(rows: slice, cols: slice, *, seed: int, looks: float, lag1: float) -> F32:
    """Return what `speckle` returns; this plain twin defines it."""
    _vet(looks, lag1)
    noise = white(_wider(rows), _wider(cols), seed=seed)
    height, width = rows.stop - rows.start, cols.stop - cols.start
    weight, (mean, spread) = taps(looks, lag1), _cube(looks)
    line = np.zeros((len(noise), width), np.float32)
    for k, w in enumerate(weight):
        line += w * (noise[:, k : k + width] - np.float32(0.5))
    field = np.zeros((height, width), np.float32)
    for k, w in enumerate(weight):
        field += w * line[k : k + height]
    root = mean + spread * field
    return np.maximum(root * root * root, _DARKEST)


def _wider(part: slice) -> slice:
    return slice(part.start - REACH, part.stop + REACH)


def _vet(looks: float, lag1: float) -> None:
    # Below, too few draws of uniform noise meet in a pixel for their sum to be normal.
    if looks < 2 or not 0.5 <= lag1 <= 0.9:
        raise MisuseError("speckle", expected="2 looks or more, lag1 of 0.5 to 0.9", got=f"{looks}, {lag1}")


def _cube(looks: float) -> tuple[np.float32, np.float32]:
    """Return the mean and the spread whose cube is nearly gamma; the spread is for noise of [0, 1)."""
    return np.float32(1 - 1 / (9 * looks)), np.float32((9 * looks) ** -0.5) / _UNIFORM_STD


@cache
def taps(looks: float, lag1: float) -> F32:
    """Return the weights of a line of 2 REACH + 1 pixels, squares summing to 1, that give the correlation.

    Bell shaped, as speckle of a weighted synthetic aperture is.
    """
    field = _solved(lambda r: _of_intensity(looks, r), lag1, 0.0, 1.0)
    width = _solved(lambda s: _neighbours(_bell(s)), field, 0.05, 3.0)
    weight = _bell(width).astype(np.float32)
    weight.flags.writeable = False
    return weight


def _bell(width: float) -> npt.NDArray[np.float64]:
    weight = np.exp(-0.5 * np.square(np.arange(-REACH, REACH + 1) / width))
    return weight / np.sqrt(np.square(weight).sum())


def _neighbours(weight: npt.NDArray[np.float64]) -> float:
    return float(weight[1:] @ weight[:-1])


def _of_intensity(looks: float, r: float) -> float:
    """Return the correlation of the cubes of two normal numbers correlated by `r`: Hermite polynomials."""
    mean, spread = 1 - 1 / (9 * looks), (9 * looks) ** -0.5
    first = (3 * mean**2 * spread + 3 * spread**3) ** 2
    second, third = 18 * mean**2 * spread**4, 6 * spread**6
    return float((first * r + second * r**2 + third * r**3) / (first + second + third))


def _solved(rising: Callable[[float], float], value: float, low: float, high: float) -> float:
    """Return where a rising function has a value, by halving."""
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > value else (middle, high)
    return (low + high) / 2


@numba.njit(cache=True, nogil=True)
def _speckle(noise, weight, mean, spread, out):
    width = out.shape[1]
    count = len(weight)
    lines = np.zeros((count, width), np.float32)
    field = np.zeros(width, np.float32)
    for y in range(len(noise)):
        line = lines[y % count]
        line[:] = np.float32(0)
        for k in range(count):
            w = weight[k]
            for x in range(width):
                line[x] += w * (noise[y, x + k] - np.float32(0.5))
        if y < count - 1:
            continue
        top = y - count + 1
        field[:] = np.float32(0)
        for k in range(count):
            w, line = weight[k], lines[(top + k) % count]
            for x in range(width):
                field[x] += w * line[x]
        for x in range(width):
            root = mean + spread * field[x]
            cube = root * root * root
            out[top, x] = cube if cube > _DARKEST else _DARKEST
