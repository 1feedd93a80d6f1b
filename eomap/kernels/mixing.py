"""The reflectance of pixels that are mixtures of materials, one band at a time.

Axis letters: k variation, m material, y row (north to south), x column (west to east).
"""

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
DARKEST = np.float32(0.001)
"""No variation takes a material below this reflectance."""
WHOLE = np.float32(255)
"""The fraction that fills a pixel; the largest rounding error, half a step, moves reflectance by < 0.001."""
N_VARIATIONS = 3


def mixed(fraction_myx: U8, style_kyx: F32, *, mean_m: F32, spread_km: F32) -> F32:
    """Return reflectance (y, x), float32: each material's share times its own reflectance, summed.

    Fractions are in 255ths, a quarter of the memory of float32; where they sum to less than 255 the rest
    is shade, reflectance 0. A material's reflectance is `mean_m` plus three variations, `style_kyx` in
    standard deviations, and at least DARKEST. A pixel's answer depends on that pixel only, so any cutting
    into blocks gives the same bits. Other dtypes or shapes raise MisuseError.
    """
    _vet(fraction_myx, style_kyx, mean_m, spread_km)
    out = np.zeros(fraction_myx.shape[1:], np.float32)
    _mixed(
        np.ascontiguousarray(fraction_myx),
        np.ascontiguousarray(style_kyx),
        np.ascontiguousarray(mean_m),
        np.ascontiguousarray(spread_km),
        out,
    )
    return out


def mixed_numpy(fraction_myx: U8, style_kyx: F32, *, mean_m: F32, spread_km: F32) -> F32:
    """Return what `mixed` returns; this plain twin defines it."""
    _vet(fraction_myx, style_kyx, mean_m, spread_km)
    out = np.zeros(fraction_myx.shape[1:], np.float32)
    for m, fraction_yx in enumerate(fraction_myx):
        own_yx = mean_m[m] + style_kyx[0] * spread_km[0, m]
        own_yx = own_yx + style_kyx[1] * spread_km[1, m] + style_kyx[2] * spread_km[2, m]
        out += fraction_yx.astype(np.float32) * np.maximum(own_yx, DARKEST)
    return out / WHOLE


def _vet(fraction_myx: U8, style_kyx: F32, mean_m: F32, spread_km: F32) -> None:
    fits = (
        fraction_myx.ndim == 3
        and style_kyx.shape == (N_VARIATIONS, *fraction_myx.shape[1:])
        and mean_m.shape == fraction_myx.shape[:1]
        and spread_km.shape == (N_VARIATIONS, *mean_m.shape)
    )
    dtypes = (fraction_myx.dtype, style_kyx.dtype, mean_m.dtype, spread_km.dtype)
    if not fits or dtypes != (np.uint8, np.float32, np.float32, np.float32):
        raise MisuseError(
            "mixture of materials",
            expected="uint8 (m, y, x) with float32 (3, y, x), (m) and (3, m)",
            got=f"{dtypes[0]} {fraction_myx.shape} with {style_kyx.dtype} {style_kyx.shape}, "
            f"{mean_m.dtype} {mean_m.shape} and {spread_km.dtype} {spread_km.shape}",
        )


@numba.njit(nogil=True, cache=True)
def _mixed(fraction_myx, style_kyx, mean_m, spread_km, out_yx):
    """Add up row by row, so that a row's sum and styles stay in the cache while the materials pass."""
    materials, height, _ = fraction_myx.shape
    for y in range(height):
        s0, s1, s2 = style_kyx[0, y], style_kyx[1, y], style_kyx[2, y]
        for m in range(materials):
            if _any(fraction_myx[m, y]):  # most materials are absent from most rows
                _add(fraction_myx[m, y], s0, s1, s2, mean_m[m], spread_km[:, m], out_yx[y])
        for x in range(len(s0)):
            out_yx[y, x] /= WHOLE


@numba.njit(nogil=True, cache=True)
def _any(fraction_x):
    seen = np.uint8(0)
    for x in range(len(fraction_x)):
        seen |= fraction_x[x]
    return seen > 0


@numba.njit(nogil=True, cache=True)
def _add(fraction_x, s0_x, s1_x, s2_x, mean, spread_k, out_x):
    p0, p1, p2 = spread_k[0], spread_k[1], spread_k[2]
    for x in range(len(out_x)):
        own = mean + s0_x[x] * p0
        own = own + s1_x[x] * p1 + s2_x[x] * p2
        own = own if own > DARKEST else DARKEST
        out_x[x] += np.float32(fraction_x[x]) * own
