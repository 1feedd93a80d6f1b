"""The lights of the twin at night, as a radiometer with a wide eye sees them: a function of place and towns.

Light comes from where people live (a kernel around each town) and from what is built there, then blooms: the
air and the optic spread it over kilometres. On the grid of `twin.degrees`. Axis letters: y row (north to
south), x column (west to east).
"""

import math
from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.noise import white
from eomap.twin.degrees import PER_DEGREE, DegreeFrame
from eomap.twin.earth import F32, METRES_PER_DEGREE, Points, around, from_site
from eomap.twin.ground import Land, land_at
from eomap.twin.people import Settlement, settlements
from eomap.twin.sinusoid import area_mean

MARGIN_PX = 8
"""Pixels around the wanted ones from which light blooms into them."""
_CORE_M_PER_ROOT = 4.0
"""Radius of a town's kernel, metres, per square root of its people: a million live within 4 km."""
_REACH = 4.0
"""Radii at which a town's own light is taken to end."""
_DENSITY = 0.006
"""People per m2 in the middle of a town that gives one unit of `_GLOW`."""
_GLOW = 15.0
"""nW cm-2 sr-1 over buildings of one storey that cover the ground a third, at that density."""
_USUAL_VOLUME_M = 1.0
"""Built volume per area of such ground, m3/m2."""
_TIGHT_PX, _WIDE_PX, _WIDE_SHARE = 0.8, 3.0, 0.25
"""The blooming: a bell of the optic and a wider one of the air, and the share of light in the wider."""
_NOISE = 0.3
_PER_PX, _NIGHTS = 4, 100
"""Parts along a pixel at which buildings are counted; dark clear nights in a year's composite."""
_WIDEST_M = 11_000.0
"""Radius of the largest kernel: with it no town's light reaches further than towns are looked for."""


def people_density(points: Points, towns: Sequence[Settlement]) -> F32:
    """Return people per square metre (y, x) by the towns' kernels, a bell of each around its site."""
    out = np.zeros(points.shape, np.float32)
    for town in sorted(towns, key=lambda t: t.site.key):  # any order of the list gives the same bits
        radius = min(_CORE_M_PER_ROOT * math.sqrt(town.population), _WIDEST_M)
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
    frame: DegreeFrame,
    *,
    towns: Sequence[Settlement],
    volume_m_yx: F32,
    per_px: int,
    noise_seed: int,
    nights: int = 1,
) -> F32:
    """Return radiance (y, x), nW cm-2 sr-1.

    `volume_m_yx`: built volume per area of parts of pixels, MARGIN_PX pixels more on each side. The noise
    has a deviation of 0.3 over the root of the nights that were taken together, and is cut at 0.
    """
    points = frame.points(per_px=per_px, margin=MARGIN_PX * per_px)
    if volume_m_yx.shape != points.shape:
        raise MisuseError("night lights", expected=f"volumes {points.shape}", got=str(volume_m_yx.shape))
    light = area_mean(emitted(people_density(points, towns), volume_m_yx), per_px).astype(np.float32)
    rows, cols = (slice(k, k + n) for k, n in zip((frame.row0, frame.col0), frame.shape, strict=True))
    noise = white(rows, cols, seed=noise_seed) + white(rows, cols, seed=noise_seed + 1) - np.float32(1)
    noise *= np.float32(_NOISE * math.sqrt(6 / nights))
    return np.maximum(bloomed(light) + noise, 0).astype(np.float32)


def lights_of_year(frame: DegreeFrame, seed: int, *, year: int, foreign: bool = False) -> F32:
    """Return a year's mean radiance (y, x), nW cm-2 sr-1, of the twin's land; `foreign` as of `land_at`."""
    land = _parts(frame, seed, foreign)
    return night_lights(
        frame,
        towns=settlements(land.points, seed + 900),
        volume_m_yx=land.roofs_yx * land.building_m_yx,
        per_px=_PER_PX,
        noise_seed=seed + 4_000 + 2 * year,
        nights=_NIGHTS,
    )


@lru_cache(maxsize=1)
def _parts(frame: DegreeFrame, seed: int, foreign: bool) -> Land:
    points = frame.points(per_px=_PER_PX, margin=MARGIN_PX * _PER_PX + 1)
    side_m = METRES_PER_DEGREE / (PER_DEGREE * _PER_PX)
    return land_at(points, seed, pixel_m=side_m, foreign=foreign)
