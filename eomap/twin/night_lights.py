"""The lights of the twin at night, as a radiometer with a wide eye sees them: a function of place and towns.

Light comes from where people live (a kernel around each town) and from what is built there, then blooms: the
air and the optic spread it over kilometres. On the grid of VNP46, 15 arc seconds of longitude and latitude,
2400 pixels to a tile of 10 degrees. Axis letters: y row (north to south), x column (west to east).
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.noise import white
from eomap.twin.earth import F32, Points, around, from_site, points_at
from eomap.twin.people import Settlement
from eomap.twin.sinusoidal import area_mean

PER_DEGREE = 240
MARGIN_PX = 8
"""Pixels around the wanted ones from which light blooms into them."""
_CORE_M_PER_ROOT = 4.0
"""Radius of a town's kernel, metres, per square root of its people: a million live within 4 km."""
_REACH = 4.0
"""Radii at which a town's own light is taken to end."""
_DENSITY = 0.006
"""People per m2 in the middle of a town that gives one unit of `_GLOW`."""
_GLOW = 40.0
"""nW cm-2 sr-1 over buildings of one storey that cover the ground a third, at that density."""
_USUAL_VOLUME_M = 1.0
"""Built volume per area of such ground, m3/m2."""
_TIGHT_PX, _WIDE_PX, _WIDE_SHARE = 0.8, 3.0, 0.25
"""The blooming: a bell of the optic and a wider one of the air, and the share of light in the wider."""
_NOISE = 0.3


def light_points(rows: slice, cols: slice, *, per_px: int = 1) -> Points:
    """Return the middles of per_px x per_px parts of pixels; row 0 touches 90 N, column 0 180 W."""
    step = 1 / (PER_DEGREE * per_px)
    lat = 90 - (np.arange(rows.start * per_px, rows.stop * per_px) + 0.5) * step
    lon = -180 + (np.arange(cols.start * per_px, cols.stop * per_px) + 0.5) * step
    return points_at(lon[None, :], lat[:, None])


def people_density(points: Points, towns: Sequence[Settlement]) -> F32:
    """Return people per square metre (y, x) by the towns' kernels, a bell of each around its site."""
    out = np.zeros(points.shape, np.float32)
    for town in sorted(towns, key=lambda t: t.site.key):  # any order of the list gives the same bits
        radius = _CORE_M_PER_ROOT * math.sqrt(town.population)
        west, south, east, north = around(points, _REACH * radius)
        if not (west <= town.site.lon_deg <= east and south <= town.site.lat_deg <= north):
            continue
        u, v = from_site(points, town.site)
        far2 = (np.square(u) + np.square(v)) / radius**2
        peak = town.population / (math.pi * radius**2)
        out += np.where(far2 < _REACH**2, peak * np.exp(-far2), 0).astype(np.float32)
    return out


def emitted(density_yx: F32, volume_m_yx: F32) -> F32:
    """Return light as it leaves the ground (y, x), nW cm-2 sr-1.

    `volume_m_yx`: built volume per area, roofs times height, m3/m2. The square root: lamps light streets, of
    which towers have no more than houses.
    """
    lamps = np.sqrt(np.maximum(volume_m_yx, 0) / np.float32(_USUAL_VOLUME_M))
    return (np.float32(_GLOW / _DENSITY) * density_yx * lamps).astype(np.float32)


def bloomed(emitted_yx: F32) -> F32:
    """Return light as it is seen, without the MARGIN_PX outermost pixels; the sum of light is kept."""
    side = 2 * MARGIN_PX + 1
    if min(emitted_yx.shape) < side:
        raise MisuseError("blooming", expected=f"{side} pixels or more each way", got=str(emitted_yx.shape))
    return _smeared(emitted_yx, _TIGHT_PX) * np.float32(1 - _WIDE_SHARE) + _smeared(
        emitted_yx, _WIDE_PX
    ) * np.float32(_WIDE_SHARE)


@cache
def _bell(width_px: float) -> npt.NDArray[np.float32]:
    weight = np.exp(-0.5 * np.square(np.arange(-MARGIN_PX, MARGIN_PX + 1) / width_px))
    return (weight / weight.sum()).astype(np.float32)


def _smeared(light: F32, width_px: float) -> F32:
    height, width = (n - 2 * MARGIN_PX for n in light.shape)
    lines = np.zeros((height, light.shape[1]), np.float32)
    for k, w in enumerate(_bell(width_px)):
        lines += w * light[k : k + height]
    out = np.zeros((height, width), np.float32)
    for k, w in enumerate(_bell(width_px)):
        out += w * lines[:, k : k + width]
    return out


def night_lights(
    rows: slice, cols: slice, *, towns: Sequence[Settlement], volume_m_yx: F32, per_px: int, noise_seed: int
) -> F32:
    """Return radiance (y, x), nW cm-2 sr-1, of whole rows and columns of the global grid.

    `volume_m_yx`: built volume per area of the parts of `light_points`, MARGIN_PX pixels more on each side.
    The noise has a deviation of 0.3 and is cut at 0, as of one dark night.
    """

    wide = tuple(slice(s.start - MARGIN_PX, s.stop + MARGIN_PX) for s in (rows, cols))
    points = light_points(*wide, per_px=per_px)
    if volume_m_yx.shape != points.shape:
        raise MisuseError("night lights", expected=f"volumes {points.shape}", got=str(volume_m_yx.shape))
    light = area_mean(emitted(people_density(points, towns), volume_m_yx), per_px).astype(np.float32)
    noise = white(rows, cols, seed=noise_seed) + white(rows, cols, seed=noise_seed + 1) - np.float32(1)
    return np.maximum(bloomed(light) + np.float32(_NOISE * math.sqrt(6)) * noise, 0).astype(np.float32)
