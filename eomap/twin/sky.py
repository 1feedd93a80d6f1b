"""Clouds over a place, the shadows they cast, and what they do to light.

Clouds lie in three layers: heaps, sheets, and ice above them. A field is evaluated where the line of sight
meets its layer, straight above the pixel, and where the sun's ray does, so that clouds outside the frame cast
shadows into it. Haze is not here but in `twin.atmosphere`. Axis letters: y row (north to south), x column
(west to east).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.means import square_means
from eomap.kernels.veil import Parts, Slab, slab, veiled
from eomap.twin.atmosphere import BandOptics
from eomap.twin.cirrus import ice_depth
from eomap.twin.coarse import Coarse, Ray, coarse_of, toward_sun
from eomap.twin.earth import F32, Points, uniform
from eomap.twin.genera import CUMULUS, STRATUS, THICK, THIN, Layer, layer
from eomap.twin.weather import CIRRUS_M, Skies

U8 = npt.NDArray[np.uint8]
CLEAR, THICK_CLOUD, THIN_CLOUD, SHADOW = range(4)
"""What `Sky.classes` says of a pixel."""
SHADED = 0.7
"""A clear pixel that gets a smaller share of the light (`Sky.lit_yx`) lies in shadow."""
LOWEST_SUN_DEG = 78.0
"""Shadows are cast no longer than under this sun: 4.7 times the height."""
_SHORTEST_PX, _SHORTEST_SUN_PX, _SHORTEST_ICE_PX = 4, 8, 8
"""Shortest waves of clouds, and of their shadows, whose edges the sun's disk and the cloud's depth soften."""
_FORWARD_WATER, _FORWARD_ICE = 0.72, 0.60
"""Share of scattered light that goes on almost straight, asymmetry squared, and counts as direct."""
_DIFFUSE_WATER, _DIFFUSE_ICE = 0.13, 0.20
"""(1 - asymmetry) sqrt(3) / 2: a layer lets 1 / (1 + this times its depth) of the light through."""
_GLOW_WATER, _GLOW_ICE = 0.45, 0.95
"""Share of the light scattered down by a cloud that falls into its own shadow, not beside it: ice is wide."""
_RELIEF, _DARKEST, _BRIGHTEST = 0.5, 0.5, 1.35
"""Contrast of bright and dark sides to that of a matt surface, and its limits: light seeps through heads."""
_ASYMMETRY_WATER, _ASYMMETRY_ICE = 0.85, 0.77
_VAPOUR_SCALE_M, _AIR_SCALE_M = 2_000.0, 8_000.0
_LOW_TOP_M = 2_000.0
_LOSS_NM = (400, 700, 865, 945, 1240, 1375, 1610, 1640, 2130, 2200, 2250, 2500)
_LOSS_WATER = (1e-6, 1e-6, 5e-5, 2e-4, 8e-4, 5e-3, 6e-3, 5e-3, 1.7e-2, 1.4e-2, 1.5e-2, 4e-2)
_LOSS_ICE = (1e-6, 1e-6, 1e-4, 3e-4, 6e-3, 2e-2, 7e-2, 6e-2, 9e-2, 8e-2, 8e-2, 1.5e-1)
"""Share of light absorbed per encounter: drops of 9, crystals of 30 micrometres; round numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """Clouds over some points (y, x), float32."""

    tau_yx: F32
    """Optical thickness of the water clouds above the pixel."""
    cirrus_yx: F32
    """Optical thickness of the ice clouds above the pixel."""
    sun_yx: F32
    """Share of the sun's beam that clouds let through to the ground, light scattered forward included."""
    lit_yx: F32
    """The same with the light that clouds scatter down into their shadow."""
    shade_yx: F32
    """Light of the water clouds over that of flat ones."""

    def classes(self) -> U8:
        """Return what a perfect mask says (y, x): CLEAR, THICK_CLOUD, THIN_CLOUD or SHADOW.

        Thick from an optical thickness of 3, thin from 0.4, shadow where less than 0.7 of the sun's light
        arrives; cloud comes before shadow.
        """
        depth = self.tau_yx + self.cirrus_yx
        out = np.where(self.lit_yx < SHADED, np.uint8(SHADOW), np.uint8(CLEAR))
        out[depth >= THIN] = THIN_CLOUD
        out[depth >= THICK] = THICK_CLOUD
        return out

    def of_rows(self, rows: slice) -> "Sky":
        """Return the sky over some rows."""
        return Sky(*(f[rows] for f in self.fields))

    @property
    def fields(self) -> tuple[F32, F32, F32, F32, F32]:
        """All of it, in order."""
        return self.tau_yx, self.cirrus_yx, self.sun_yx, self.lit_yx, self.shade_yx

    def coarser(self, factor: int) -> "Sky":
        """Return means over squares of `factor` pixels; the sides must divide."""
        if factor == 1:
            return self
        return Sky(*(square_means(f, factor) for f in self.fields))


def sky_of(
    points: Points, *, weather: Skies, sun_zenith_deg: float, sun_azimuth_deg: float, seed: int
) -> Sky:
    """Return the clouds over some points and the shadows on them.

    Azimuth from north through east. The seed is that of the day, e.g. `Forecast.key(100)`. Raises
    MisuseError for a sun below the horizon.
    """
    if not 0 <= sun_zenith_deg < 90:
        raise MisuseError("sky", expected="a sun above the horizon", got=f"zenith {sun_zenith_deg} degrees")
    low = math.radians(min(sun_zenith_deg, LOWEST_SUN_DEG))
    slant = math.tan(low)
    coarse = coarse_of(points)
    nodes, pixel_m = coarse.points, coarse.pixel_m
    toward, here = toward_sun(nodes, sun_azimuth_deg), weather.at(nodes)
    water = []
    for genus, height_m in ((CUMULUS, here.cumulus_m), (STRATUS, here.stratus_m)):
        straight, aside = (Ray(toward, shift_m) for shift_m in (0.0, height_m * slant))
        own = _key(seed, genus.number)
        cover, far_cover = (getattr(weather.at(r.end(nodes)), genus.name) for r in (straight, aside))
        above = layer(coarse, genus, straight, cover=cover, seed=own, shortest_m=_SHORTEST_PX * pixel_m)
        shadow = layer(coarse, genus, aside, cover=far_cover, seed=own, shortest_m=_SHORTEST_SUN_PX * pixel_m)
        water.append((above, shadow))
    high, shortest_m = Ray(toward, CIRRUS_M * slant).end(nodes), _SHORTEST_ICE_PX * pixel_m
    how = {"seed": _key(seed, 3)}
    # Shadows of ice are faint and soft: the waves of the nodes do.
    ice = (
        ice_depth(coarse, nodes, here.cirrus, shortest_m=shortest_m, **how),
        ice_depth(coarse, high, weather.at(high).cirrus, shortest_m=max(coarse.smooth_m, shortest_m), **how),
    )
    return coarse.in_strips(lambda part: _drawn(part, water, ice, low))


def _drawn(
    part: Coarse,
    water: list[tuple[Callable[[Coarse], Layer], Callable[[Coarse], Layer]]],
    ice: tuple[Callable[[Coarse], F32], Callable[[Coarse], F32]],
    low: float,
) -> Sky:
    """Return the sky over a part of the points; the first of each pair lies above, the second sunward."""
    tau, light, blocked = (np.zeros(part.fine.shape, np.float32) for _ in range(3))
    for straight, aside in water:
        above = straight(part)
        tau += above.tau_yx
        light += above.tau_yx * _relief(above.rise_yx, above.tau_yx, math.tan(low))
        blocked += aside(part).tau_yx
    cirrus, shading = (depth(part) for depth in ice)
    up = np.float32(math.cos(low))
    water_sun, water_lit = _down(blocked / up, 1 - _FORWARD_WATER, _DIFFUSE_WATER, _GLOW_WATER)
    ice_sun, ice_lit = _down(shading / up, 1 - _FORWARD_ICE, _DIFFUSE_ICE, _GLOW_ICE)
    shade = np.divide(light, tau, out=np.ones_like(tau), where=tau > 0)
    return Sky(tau, cirrus, water_sun * ice_sun, water_lit * ice_lit, shade)


def through(below_yx: F32, sky: Sky, *, at: BandOptics, wavelength_nm: float, sun_zenith_deg: float) -> F32:
    """Return reflectance at the top of the atmosphere (y, x), given that without clouds.

    Only light that reaches the ground straight from the sun is missing in a shadow, so shadows are bluer
    than the land around them, and the air's own light stays. Ice lies above nearly all water vapour, water
    clouds amid it: that is why only ice is seen at 1.38 um in moist air.
    """
    airmass = 1 / math.cos(math.radians(min(sun_zenith_deg, LOWEST_SUN_DEG)))
    direct = min(1.0, at.up_direct**airmass / at.down)

    def over(losses: tuple[float, ...], asymmetry: float, top_m: float) -> Slab:
        loss = float(np.interp(wavelength_nm, _LOSS_NM, losses))
        vapour = math.exp(-top_m / _VAPOUR_SCALE_M)
        # Strong bands absorb with the root of the amount.
        gas = float(max(at.gas, 1e-9) ** math.sqrt(vapour))
        return slab(loss, asymmetry, above_gas=gas, above_path=math.exp(-top_m / _AIR_SCALE_M))

    return veiled(
        below_yx,
        Parts(sky.tau_yx, sky.cirrus_yx, sky.lit_yx, sky.shade_yx),
        path=at.path,
        direct=direct,
        water=over(_LOSS_WATER, _ASYMMETRY_WATER, _LOW_TOP_M),
        ice=over(_LOSS_ICE, _ASYMMETRY_ICE, CIRRUS_M),
    )


def _down(slant_tau_yx: F32, scattered: float, diffuse: float, glow: float) -> tuple[F32, F32]:
    """Return the direct light and all light that come down, of that above the clouds."""
    sun = np.exp(np.float32(-scattered) * slant_tau_yx)
    through_all = 1 / (1 + np.float32(diffuse) * slant_tau_yx)
    return sun, sun + np.float32(glow) * np.maximum(through_all - sun, 0)


def _relief(rise_yx: F32, tau_yx: F32, slant: float) -> F32:
    """Return the light of slopes over that of a flat top; thin cloud has no sides."""
    toward = -rise_yx / np.sqrt(1 + rise_yx * rise_yx)
    contrast = np.clip(np.float32(_RELIEF * slant) * toward, _DARKEST - 1, _BRIGHTEST - 1)
    return 1 + contrast * (tau_yx / (tau_yx + np.float32(THICK)))


def _key(seed: int, number: int) -> int:
    return int(uniform(seed, number)[0] * 2**24)
