"""Radar looks with less speckle: Lee's filter of one look, Quegan and Yu's of a whole series.

Axis letters: t look, b band, y row (north to south), x column (west to east). Values are linear power, 0
where unseen; statistics are those of the pixels seen within a square of 2 * radius_px + 1 pixels a side,
summed in one order everywhere, so that any cut with that margin gives the same bits.
"""

import numba
import numpy as np
import numpy.typing as npt

from eomap.core.speckle import FILTERS, RADIUS_PX
from eomap.errors import MisuseError
from eomap.kernels.power import code_of, powers

U16 = npt.NDArray[np.uint16]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
LOOKS = 4.4
"""Equivalent looks of Sentinel-1's GRD in IW mode, as its items say."""


def despeckled(name: str, code_tbyx: U16) -> U16:
    """Return codes of decibels (t, b, y, x) filtered in linear power; 0 stays 0.

    Raises MisuseError on an unknown name.
    """
    if name not in FILTERS:
        raise MisuseError("--speckle", expected=f"one of {', '.join(FILTERS)}", got=name)
    if name == "none":
        return code_tbyx
    table = powers().astype(np.float32)
    out = np.empty_like(code_tbyx)
    for b in range(code_tbyx.shape[1]):
        power = table[code_tbyx[:, b]]
        out[:, b] = code_of(multitemporal(power) if name == "multitemporal" else np.stack([*map(lee, power)]))
    return out


def lee(power_yx: F32, *, looks: float = LOOKS, radius_px: int = RADIUS_PX) -> F32:
    """Return one look (y, x) filtered: the local mean where only speckle varies, else nearer to the pixel.

    J. S. Lee 1980 (doi:10.1109/TPAMI.1980.4766994), for noise that multiplies: mean + W (pixel - mean) with
    W = (1 - Cu2 / Ci2) / (1 + Cu2), not below 0; Cu2 = 1 / `looks`, Ci2 = local variance / mean squared.
    """
    _vet(power_yx, 2, looks, radius_px)
    out = np.zeros_like(power_yx)
    _lee(np.ascontiguousarray(power_yx), radius_px, 1.0 / looks, out)
    return out


def lee_numpy(power_yx: F32, *, looks: float = LOOKS, radius_px: int = RADIUS_PX) -> F32:
    """Return what `lee` returns; this plain twin defines it."""
    _vet(power_yx, 2, looks, radius_px)
    count, total, squares = _sums_numpy(power_yx, radius_px)
    count = np.maximum(count, 1)
    mean = total / count
    variance = squares / count - mean * mean
    speckle = mean * mean * (1.0 / looks)
    weight = np.zeros(power_yx.shape)
    np.divide((variance - speckle) / (1.0 + 1.0 / looks), variance, out=weight, where=variance > speckle)
    return np.where(power_yx > 0, mean + weight * (power_yx - mean), 0).astype(np.float32)


def multitemporal(power_tyx: F32, *, radius_px: int = RADIUS_PX) -> F32:
    """Return every look of a series (t, y, x) with the speckle of all: J_t = M_t mean over s of I_s / M_s.

    S. Quegan and J. J. Yu 2001 (doi:10.1109/36.964973), the simplified form that takes the looks as
    uncorrelated; M is the local mean. The mean runs over the looks that saw the pixel. What changed between
    looks stays as sharp as the square is, what did not is as sharp as the pixels.
    """
    _vet(power_tyx, 3, LOOKS, radius_px)
    out = np.zeros_like(power_tyx)
    _multitemporal(np.ascontiguousarray(power_tyx), radius_px, out)
    return out


def multitemporal_numpy(power_tyx: F32, *, radius_px: int = RADIUS_PX) -> F32:
    """Return what `multitemporal` returns; this plain twin defines it."""
    _vet(power_tyx, 3, LOOKS, radius_px)
    seen = power_tyx > 0
    sums = [_sums_numpy(p, radius_px) for p in power_tyx]
    mean = np.stack([(total / np.maximum(count, 1)) for count, total, _ in sums]).astype(np.float32)
    ratio = np.zeros(power_tyx.shape[1:])
    for power, local, here in zip(power_tyx, mean, seen, strict=True):
        ratio += np.where(here, power.astype(np.float64) / np.where(here, local, 1), 0.0)
    shared = ratio / np.maximum(seen.sum(axis=0), 1)
    return np.where(seen, mean * shared, 0).astype(np.float32)


def equivalent_looks(power_yx: npt.NDArray[np.floating], *, side_px: int = 7) -> F64:
    """Return mean squared over variance of every whole square of a grid of squares, unseen ones left out.

    Where the ground is even that is the number of looks; where it is not, less: high percentiles count.
    """
    rows, cols = (n // side_px for n in power_yx.shape)
    grid = power_yx[: rows * side_px, : cols * side_px].reshape(rows, side_px, cols, side_px)
    square = grid.swapaxes(1, 2).reshape(rows * cols, side_px * side_px).astype(np.float64)
    variance = square.var(axis=1, ddof=1)
    known = (square > 0).all(axis=1) & (variance > 0)
    return np.asarray(square[known].mean(axis=1) ** 2 / variance[known], np.float64)


def _vet(power: F32, dimensions: int, looks: float, radius_px: int) -> None:
    if power.ndim != dimensions or power.dtype != np.float32 or looks <= 0 or radius_px < 1:
        raise MisuseError(
            "speckle filter",
            expected=f"float32 of {dimensions} dimensions, looks above 0 and a radius from 1 px on",
            got=f"{power.dtype} {power.shape}, {looks} looks, {radius_px} px",
        )


def _sums_numpy(power_yx: F32, radius_px: int) -> tuple[F64, F64, F64]:
    """Return number, sum and sum of squares (y, x) of the pixels seen in each square: columns, then rows."""
    padded = np.pad(power_yx.astype(np.float64), radius_px)
    height, width = power_yx.shape
    found = []
    for value in ((padded > 0).astype(np.float64), padded, padded * padded):
        column = np.zeros((height, padded.shape[1]))
        for k in range(2 * radius_px + 1):
            column += value[k : k + height]
        total = np.zeros((height, width))
        for k in range(2 * radius_px + 1):
            total += column[:, k : k + width]
        found.append(total)
    return found[0], found[1], found[2]


@numba.njit(cache=True, nogil=True)
def _row_sums(power, y, radius, column_kx, total_kx):
    """Fill in number, sum and sum of squares of one row; `column_kx` is wider by the radius on both sides."""
    height, width = power.shape
    column_kx[:] = 0.0
    for k in range(max(y - radius, 0), min(y + radius + 1, height)):
        for x in range(width):
            value = np.float64(power[k, x])
            column_kx[0, x + radius] += 1.0 if value > 0 else 0.0
            column_kx[1, x + radius] += value
            column_kx[2, x + radius] += value * value
    total_kx[:] = 0.0
    for k in range(2 * radius + 1):
        for row in range(3):
            for x in range(width):
                total_kx[row, x] += column_kx[row, x + k]


@numba.njit(cache=True, nogil=True)
def _lee(power, radius, speckle_share, out):
    height, width = power.shape
    column = np.empty((3, width + 2 * radius))
    total = np.empty((3, width))
    for y in range(height):
        _row_sums(power, y, radius, column, total)
        for x in range(width):
            if power[y, x] > 0:
                count = total[0, x]
                mean = total[1, x] / count
                variance = total[2, x] / count - mean * mean
                speckle = mean * mean * speckle_share
                weight = 0.0
                if variance > speckle:
                    weight = (variance - speckle) / (1.0 + speckle_share) / variance
                out[y, x] = mean + weight * (power[y, x] - mean)


@numba.njit(cache=True, nogil=True)
def _multitemporal(power, radius, out):
    looks, height, width = power.shape
    column = np.empty((3, width + 2 * radius))
    total = np.empty((3, width))
    mean = np.empty((looks, width), np.float32)
    ratio = np.empty(width)
    seen = np.empty(width)
    for y in range(height):
        ratio[:] = 0.0
        seen[:] = 0.0
        for t in range(looks):
            _row_sums(power[t], y, radius, column, total)
            for x in range(width):
                if power[t, y, x] > 0:
                    mean[t, x] = total[1, x] / total[0, x]
                    ratio[x] += np.float64(power[t, y, x]) / np.float64(mean[t, x])
                    seen[x] += 1.0
        for t in range(looks):
            for x in range(width):
                if power[t, y, x] > 0:
                    out[t, y, x] = np.float64(mean[t, x]) * (ratio[x] / seen[x])
