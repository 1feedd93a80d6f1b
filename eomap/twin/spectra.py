"""What Sentinel-2 would see of the made-up land: reflectance per band, an atmosphere, clouds and shadows.

Round numbers of the order seen in real summer scenes; nothing is fitted to any network. Axis letters:
y row (north to south), x column (west to east).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from eomap.core.grid import PIXEL_M, Frame
from eomap.sensors.sentinel2 import BANDS
from eomap.twin.landscape import Cover, Land
from eomap.twin.noise import F32, centres_m, fractal

# Surface reflectance in the order of BANDS: B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12.
_SURFACE: Mapping[Cover, tuple[float, ...]] = {
    Cover.WATER: (0.030, 0.032, 0.033, 0.020, 0.018, 0.012, 0.011, 0.010, 0.009, 0.008, 0, 0.005, 0.004),
    Cover.BROADLEAF: (0.015, 0.018, 0.036, 0.021, 0.060, 0.20, 0.26, 0.27, 0.29, 0.29, 0.25, 0.135, 0.060),
    Cover.CONIFER: (0.012, 0.015, 0.026, 0.018, 0.042, 0.12, 0.15, 0.155, 0.17, 0.17, 0.15, 0.075, 0.033),
    Cover.GRASS: (0.030, 0.035, 0.065, 0.052, 0.105, 0.23, 0.28, 0.29, 0.31, 0.31, 0.3, 0.225, 0.125),
    Cover.CROP: (0.022, 0.026, 0.060, 0.032, 0.090, 0.30, 0.39, 0.40, 0.43, 0.43, 0.4, 0.190, 0.090),
    Cover.RIPE: (0.050, 0.060, 0.095, 0.125, 0.165, 0.21, 0.235, 0.25, 0.265, 0.27, 0.3, 0.310, 0.210),
    Cover.SOIL: (0.060, 0.070, 0.095, 0.120, 0.140, 0.16, 0.175, 0.185, 0.200, 0.20, 0.2, 0.260, 0.220),
    Cover.BEACH: (0.140, 0.165, 0.220, 0.260, 0.275, 0.28, 0.290, 0.300, 0.310, 0.31, 0.3, 0.380, 0.340),
    Cover.TILES: (0.055, 0.065, 0.090, 0.145, 0.165, 0.18, 0.195, 0.210, 0.220, 0.22, 0.2, 0.250, 0.220),
    Cover.GREY_ROOF: (0.085, 0.095, 0.110, 0.120, 0.125, 0.13, 0.135, 0.140, 0.145, 0.15, 0.1, 0.160, 0.150),
    Cover.HALL: (0.130, 0.145, 0.170, 0.190, 0.195, 0.20, 0.205, 0.215, 0.215, 0.22, 0.2, 0.230, 0.210),
    Cover.ASPHALT: (0.060, 0.065, 0.075, 0.082, 0.086, 0.09, 0.095, 0.100, 0.105, 0.10, 0.1, 0.125, 0.115),
    Cover.CONCRETE: (0.110, 0.125, 0.150, 0.165, 0.175, 0.18, 0.190, 0.200, 0.205, 0.20, 0.2, 0.240, 0.220),
}
_PATH = (0.100, 0.066, 0.036, 0.021, 0.017, 0.013, 0.011, 0.008, 0.006, 0.003, 0.001, 0.001, 0.001)
_THROUGH = (0.86, 0.89, 0.91, 0.93, 0.94, 0.94, 0.95, 0.96, 0.97, 0.35, 0.002, 0.96, 0.95)
"""Light scattered into the view, and the share that gets through: B09 sits in water vapour, B10 in cirrus."""
_CLOUD = (0.62, 0.60, 0.58, 0.58, 0.59, 0.61, 0.62, 0.63, 0.64, 0.40, 0.012, 0.42, 0.32)
SKYLIGHT = (0.45, 0.40, 0.34, 0.30, 0.28, 0.26, 0.25, 0.23, 0.22, 0.22, 0.2, 0.15, 0.14)
"""Share of the light that is left in a cloud's shadow, bluest first."""
CLOUD_SIZE_M, SHADOW_EAST_M, SHADOW_NORTH_M = 7_000, -500, 700
OPAQUE = 0.5
"""A pixel counts as cloud from this opacity on."""
_INDEX = {name: i for i, name in enumerate(BANDS)}


@dataclass(frozen=True, slots=True)
class Sky:
    """One date's weather."""

    cover: float
    """Share of a wide area under cloud, 0 to 1."""
    seed: int
    always: tuple[float, float, float] | None = None
    """A cloud that every date has: easting, northing and radius in metres of the scene's zone."""


def surface(land: Land, band: str) -> F32:
    """Return surface reflectance (y, x) at 10 m, blurred over 3 x 3 pixels as an optic does.

    The outermost pixels lack neighbours: read land with a margin of one pixel.
    """
    table = np.array([_SURFACE[c][_INDEX[band]] for c in Cover], dtype=np.float32)
    sharp = table[land.cover_yx] * land.tone_yx
    rows = sharp.copy()
    rows[1:-1] = (sharp[:-2] + 2 * sharp[1:-1] + sharp[2:]) / 4
    out = rows.copy()
    out[:, 1:-1] = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4
    return out


def coarser(field_yx: F32, factor: int) -> F32:
    """Return means over squares of `factor` pixels; the sides must divide."""
    height, width = field_yx.shape
    cells = field_yx.reshape(height // factor, factor, width // factor, factor)
    return cells.mean(axis=3, dtype=np.float32).mean(axis=1, dtype=np.float32)


def opacity(frame: Frame, sky: Sky) -> F32:
    """Return how much of the ground (y, x) clouds hide, 0 to 1."""
    out = np.zeros(frame.shape, dtype=np.float32)
    if sky.cover > 0:
        field = fractal(frame, CLOUD_SIZE_M, sky.seed, octaves=6, gain=0.55)
        level = NormalDist().inv_cdf(1 - min(sky.cover, 0.999))
        out = np.clip((field - np.float32(level)) / 0.5 + np.float32(OPAQUE), 0, 1)
    if sky.always:
        x, y = centres_m(frame)
        east, north, radius_m = sky.always
        ragged = np.hypot(x - east, y - north) / radius_m + 0.12 * fractal(frame, 800, sky.seed, octaves=4)
        out = np.maximum(out, np.clip((1 - ragged) * 6 + OPAQUE, 0, 1).astype(np.float32))
    return out * np.float32(0.97)


def shadow(frame: Frame, sky: Sky) -> F32:
    """Return how much of the sun (y, x) clouds take: their opacity, thrown to the north-west."""
    dx, dy = SHADOW_EAST_M // PIXEL_M, SHADOW_NORTH_M // PIXEL_M
    return opacity(frame.sub(dy, frame.height + dy, -dx, frame.width - dx), sky)


def seen(ground: F32, cloud: F32, shade: F32, *, band: str, level: str) -> F32:
    """Return what a scene shows of a band: top of atmosphere for L1C, without the air for L2A."""
    i = _INDEX[band]
    lit = ground * (1 - shade * np.float32(1 - SKYLIGHT[i]))
    if level == "L1C":
        lit = np.float32(_PATH[i]) + np.float32(_THROUGH[i]) * lit
    return lit + cloud * (np.float32(_CLOUD[i]) * (np.float32(0.75) + np.float32(0.25) * cloud) - lit)
