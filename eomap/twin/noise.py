"""Random fields that are a function of position: the same metre gives the same value in every frame.

Positions are metres in a frame's UTM zone. Sums run in a fixed order, so that values agree bit for bit
however the frame is cut. Axis letters: y row (north to south), x column (west to east).
"""

import numpy as np
import numpy.typing as npt

from eomap.core.grid import PIXEL_M, Frame

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
_SPLINE_SIGMA = 0.1384
"""Standard deviation of a cubic B-spline through uniform values: sqrt(1 / 12) times 151 / 315."""


def uniform(seed: int, *keys: npt.ArrayLike) -> F32:
    """Return a number in [0, 1) for each broadcast tuple of whole numbers: a hash, not a sequence."""
    state = np.zeros((1,), dtype=np.uint64)
    for key in (seed, *keys):
        state = (state ^ np.asarray(key).astype(np.int64).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(31))) * np.uint64(0xD6E8FEB86659FD93)
        state = state ^ (state >> np.uint64(32))
    return (state >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def centres_m(frame: Frame) -> tuple[F64, F64]:
    """Return eastings (1, x) and northings (y, 1) of the pixel centres."""
    x = frame.x0 + (np.arange(frame.width, dtype=np.float64) + 0.5) * PIXEL_M
    y = frame.y0 - (np.arange(frame.height, dtype=np.float64) + 0.5) * PIXEL_M
    return x[None, :], y[:, None]


def smooth(frame: Frame, wavelength_m: float, seed: int) -> F32:
    """Return a smooth field (y, x), mean 0, standard deviation about 1: a B-spline through random knots."""
    x, y = centres_m(frame)
    (col, weights_x), (row, weights_y) = _taps(x[0], wavelength_m), _taps(y[:, 0], wavelength_m)
    cols, rows = np.arange(col.min(), col.max() + 4), np.arange(row.min(), row.max() + 4)
    knots = (uniform(seed, rows[:, None], cols[None, :]) - np.float32(0.5)) / np.float32(_SPLINE_SIGMA)
    lines = np.zeros((len(rows), frame.width), dtype=np.float32)
    for k, w in enumerate(weights_x):
        lines += w * knots[:, col - cols[0] + k]
    out = np.zeros(frame.shape, dtype=np.float32)
    for knot in np.unique(row):  # rows between the same knots, a band of the frame at a time
        here = slice(*np.searchsorted(-row, (-knot, -knot + 1)))
        for k, w in enumerate(weights_y):
            out[here] += w[here, None] * lines[knot - rows[0] + k]
    return out


def _taps(at_m: F64, wavelength_m: float) -> tuple[npt.NDArray[np.int64], list[F32]]:
    """Return the first of four knots for each position, and the weights of the four."""
    first = np.floor(at_m / wavelength_m).astype(np.int64)
    t = at_m / wavelength_m - first
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    return first, [(w / 6).astype(np.float32) for w in weights]


def fractal(frame: Frame, wavelength_m: float, seed: int, *, octaves: int, gain: float = 0.5) -> F32:
    """Return a rough field (y, x), mean 0, standard deviation about 1: octaves of `smooth`."""
    field = smooth(frame, wavelength_m, seed)
    for k in range(1, octaves):
        part = smooth(frame, wavelength_m / 2**k, seed + 7919 * k)
        part *= np.float32(gain**k)
        field += part
    field /= np.float32(np.sqrt(sum(gain ** (2 * k) for k in range(octaves))))
    return field


def regions(frame: Frame, size_m: float, seed: int) -> tuple[npt.NDArray[np.int64], F32]:
    """Return, for a Voronoi division (y, x), the id of each pixel's region and the metres to its border."""
    x, y = centres_m(frame)
    col, row = np.floor(x[0] / size_m).astype(np.int64), np.floor(y[:, 0] / size_m).astype(np.int64)
    c, r = np.arange(col.min() - 1, col.max() + 2)[None, :], np.arange(row.min() - 1, row.max() + 2)[:, None]
    # Offsets from the frame's own corner would change with the frame; those from the square do not.
    site_x, site_y = uniform(seed, r, c) * np.float32(size_m), uniform(seed + 1, r, c) * np.float32(size_m)
    ids = r * 1_000_003 + c
    in_x, in_y = (x - col * size_m).astype(np.float32), (y - row[:, None] * size_m).astype(np.float32)
    best: F32 = np.full(frame.shape, np.inf, dtype=np.float32)
    second = best.copy()
    owner = np.zeros(frame.shape, dtype=np.int64)
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            at = np.ix_(row - r[0, 0] + dr, col - c[0, 0] + dc)
            far = np.hypot(
                site_x[at] + np.float32(dc * size_m) - in_x, site_y[at] + np.float32(dr * size_m) - in_y
            )
            nearer = far < best
            np.minimum(second, np.maximum(far, best), out=second)
            np.minimum(best, far, out=best)
            np.copyto(owner, ids[at], where=nearer)
    return owner, (second - best) / np.float32(2)
