"""Light through clouds, one band at a time. Axis letters: y row, x column.

Two-stream diffusion in a layer over black ground (C. F. Bohren, doi:10.1119/1.15109 for the lossless case).
"""

import math
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Slab:
    """How one kind of cloud scatters one band."""

    deep: float
    """Reflectance of an infinitely thick cloud."""
    decay: float
    """Loss of the diffuse stream per unit of optical thickness."""
    above_gas: float
    """Transmittance, down and up, of the gases above the cloud."""
    above_path: float
    """Share of the path light of clear air that comes from above the cloud."""


def slab(loss: float, asymmetry: float, *, above_gas: float, above_path: float) -> Slab:
    """Return the slab of drops or crystals that absorb a share `loss` of the light that they meet.

    >>> round(slab(1e-9, 0.85, above_gas=1, above_path=0).deep, 2)
    1.0
    """
    loss = max(loss, 1e-7)
    similar = math.sqrt(loss / (1 - (1 - loss) * asymmetry))
    decay = math.sqrt(3 * loss * (1 - (1 - loss) * asymmetry))
    return Slab((1 - similar) / (1 + similar), decay, above_gas, above_path)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What a band's light meets on its way (y, x), float32."""

    tau_yx: F32
    """Optical thickness of water clouds, and of ice clouds above them."""
    cirrus_yx: F32
    lit_yx: F32
    """Light from the sun that reaches the ground through clouds, of that without clouds."""
    shade_yx: F32
    """Light of a water cloud over that of a flat one: its heads have a bright and a dark side."""


def veiled(below_yx: F32, parts: Parts, *, path: float, direct: float, water: Slab, ice: Slab) -> F32:
    """Return reflectance above the clouds (y, x), given that without clouds.

    `path`: reflectance of the clear air alone; `direct`: share of the light on the ground that comes
    straight from the sun, the only light that clouds take away.
    """
    out = np.empty(below_yx.shape, np.float32)
    below, tau, cirrus, lit, shade = (
        np.ascontiguousarray(a, np.float32).reshape(-1)
        for a in (below_yx, parts.tau_yx, parts.cirrus_yx, parts.lit_yx, parts.shade_yx)
    )
    slabs = np.array([[s.deep, s.decay, s.above_gas, path * s.above_path] for s in (water, ice)])
    _veiled(below, tau, cirrus, lit, shade, path, direct, slabs, out.reshape(-1))
    return out


def veiled_numpy(below_yx: F32, parts: Parts, *, path: float, direct: float, water: Slab, ice: Slab) -> F32:
    """Return what `veiled` returns but for rounding; this plain twin defines it."""
    seen = path + (below_yx.astype(np.float64) - path) * (1 - direct * (1 - parts.lit_yx.astype(np.float64)))
    for tau, by, bright in ((parts.tau_yx, water, parts.shade_yx), (parts.cirrus_yx, ice, 1.0)):
        left = np.exp(-by.decay * tau.astype(np.float64))
        rest = 1 - by.deep**2 * left * left
        above = path * by.above_path
        light = by.above_gas * by.deep * (1 - left * left) / rest * bright
        seen = above + light + (1 - by.deep**2) * left / rest * (seen - above)
    return np.maximum(seen, 0).astype(np.float32)


@numba.njit(inline="always")
def _over(seen, tau, deep, decay, gas, above, bright):
    left = math.exp(-decay * tau)
    rest = 1 - deep * deep * left * left
    light = gas * deep * (1 - left * left) / rest * bright
    return above + light + (1 - deep * deep) * left / rest * (seen - above)


@numba.njit(cache=True, nogil=True)
def _veiled(below, tau, cirrus, lit, shade, path, direct, slabs, out):
    deep, decay, gas, above = slabs[0]
    ice_deep, ice_decay, ice_gas, ice_above = slabs[1]
    for p in range(out.size):
        seen = path + (np.float64(below[p]) - path) * (1 - direct * (1 - np.float64(lit[p])))
        if tau[p] > 0:
            seen = _over(seen, np.float64(tau[p]), deep, decay, gas, above, np.float64(shade[p]))
        if cirrus[p] > 0:
            seen = _over(seen, np.float64(cirrus[p]), ice_deep, ice_decay, ice_gas, ice_above, 1.0)
        out[p] = np.float32(max(seen, 0.0))
