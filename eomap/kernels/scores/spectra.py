"""Likeness of reflectance pictures: structure within a band, angle between spectra. Axes: b band, y, x."""

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

WINDOW_PX, SIGMA_PX = 11, 1.5
REACH_PX = WINDOW_PX // 2
"""How far a value of `structural_similarity` looks: read so many cells more on every side."""
_K1, _K2 = 0.01, 0.03


def structural_similarity(values_yx: F64, truth_yx: F64, *, data_range: float = 1.0) -> F64:
    """Return SSIM (y, x) of every window that lies inside the arrays and holds no NaN, else NaN.

    Gaussian window 11 x 11, sigma 1.5, K1 .01, K2 .03: Wang et al. (2004), doi:10.1109/TIP.2003.819861,
    equation 13. The result is smaller by 10 rows and columns: its first value is that of the window
    around (5, 5). A value depends on its window only, so any tiling gives the same.
    """
    v, t = np.asarray(values_yx, np.float64), np.asarray(truth_yx, np.float64)
    if min(v.shape) < WINDOW_PX:
        return np.full(tuple(max(n - 2 * REACH_PX, 0) for n in v.shape), np.nan)
    unknown = np.isnan(v) | np.isnan(t)
    v, t = np.where(unknown, 0.0, v), np.where(unknown, 0.0, t)
    mean_v, mean_t = _smooth(v), _smooth(t)
    var_v = np.maximum(_smooth(v * v) - mean_v**2, 0)
    var_t = np.maximum(_smooth(t * t) - mean_t**2, 0)
    together = _smooth(v * t) - mean_v * mean_t
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    index = (2 * mean_v * mean_t + c1) * (2 * together + c2)
    index /= (mean_v**2 + mean_t**2 + c1) * (var_v + var_t + c2)
    index[_smooth(unknown.astype(np.float64)) > 0] = np.nan
    return index


def _smooth(values_yx: F64) -> F64:
    """Return the Gaussian mean of every whole window."""
    at = np.arange(-REACH_PX, REACH_PX + 1)
    weight = np.exp(-(at**2) / (2 * SIGMA_PX**2))
    weight /= weight.sum()
    rows, cols = (n - 2 * REACH_PX for n in values_yx.shape)
    down = np.zeros((rows, values_yx.shape[1]))
    for k, w in enumerate(weight):
        down += w * values_yx[k : k + rows]
    out = np.zeros((rows, cols))
    for k, w in enumerate(weight):
        out += w * down[:, k : k + cols]
    return out


def spectral_angle(values_byx: F64, truth_byx: F64) -> F64:
    """Return the angle in degrees between value and truth spectra (y, x); NaN where one is dark or unknown.

    Kruse et al. (1993), doi:10.1016/0034-4257(93)90013-N. Half-angle form, exact for small angles too.
    """
    v, t = np.asarray(values_byx, np.float64), np.asarray(truth_byx, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = v / np.sqrt((v * v).sum(axis=0)), t / np.sqrt((t * t).sum(axis=0))
        apart, sum_ = np.sqrt(((a - b) ** 2).sum(axis=0)), np.sqrt(((a + b) ** 2).sum(axis=0))
    return np.degrees(2 * np.arctan2(apart, sum_))
