"""Towns: which quarters they have, and what those are built of.

Quarters are the ten built local climate zones. How densely and how high each is built lies within the ranges
of Stewart and Oke 2012, table 3 (doi:10.1175/BAMS-D-11-00019.1). Axis letters: m material, y row, x column,
z zone, q quantity.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eomap.kernels.buildings import (
    LAWN,
    QUANTITIES,
    SHARE_A,
    SHARE_B,
    STREET_TREES,
    TREES,
    built_pixels,
)
from eomap.twin.earth import F32, F64, Points, from_site, uniform
from eomap.twin.land import U8, Bool
from eomap.twin.materials import Material
from eomap.twin.people import Settlement, radius_m

(_T, _G, _M, _C) = Material.TILES, Material.GREY_ROOF, Material.METAL_ROOF, Material.CONCRETE
(_A, _R, _S) = Material.ASPHALT, Material.ROCK, Material.SOIL
_QUARTERS = {
    # block uv, street, lot uv, fill uv, built, low, high; ring, open, round, steps
    1: ((95, 195, 16, 26, 31, 0.88, 0.74, 0.96, 26, 75, 0, 0.02, 0, 6), (_C, _G, _G, 0.50, 0.50)),
    2: ((95, 128, 14, 16, 26, 0.71, 0.73, 0.97, 11, 24, 18, 0.02, 0, 4), (_G, _M, _T, 0.42, 0.05)),
    3: ((63, 78, 4.5, 18, 11, 0.60, 0.94, 0.97, 3.5, 9.5, 0, 0.02, 0, 2), (_C, _T, _R, 0.25, 0.58)),
    4: ((215, 165, 11, 40, 60, 0.87, 0.37, 0.92, 27, 60, 0, 0.10, 0, 6), (_C, _R, _G, 0.40, 0.20)),
    5: ((115, 220, 10, 32, 39, 0.74, 0.45, 0.94, 11, 22, 0, 0.07, 0, 4), (_T, _G, _A, 0.40, 0.20)),
    6: ((140, 240, 8.5, 23, 35, 0.64, 0.59, 0.80, 3.5, 8.5, 0, 0.02, 0, 2), (_T, _G, _M, 0.68, 0.29)),
    7: ((60, 60, 3.2, 9, 7, 0.82, 0.97, 0.97, 2, 4, 0, 0.02, 0, 1), (_C, _T, _M, 0.35, 0.40)),
    8: ((247, 265, 20, 92, 80, 0.80, 0.80, 0.90, 5, 10, 0, 0.04, 0, 2), (_M, _G, _C, 0.25, 0.10)),
    9: ((250, 280, 6, 48, 46, 0.47, 0.44, 0.78, 3.5, 8, 0, 0.05, 0, 2), (_T, _G, _M, 0.50, 0.08)),
    10: ((220, 255, 8, 48, 60, 0.64, 0.62, 0.76, 5, 16, 0, 0.09, 0.25, 3), (_M, _T, _G, 0.10, 0.05)),
}
"""Streets and houses in the order of `eomap.kernels.buildings`, and roofs: three materials, two shares."""
_OPEN = {
    # houses roofed as their block, darkest roof; trees, paved, lawn, trees in streets
    1: (0.05, 0.38, 0.38, 0.92, 0.04, 0.34),
    2: (0.25, 0.64, 0.28, 0.86, 0.06, 0.34),
    3: (0.20, 0.88, 0.44, 0.66, 0.30, 0.28),
    4: (0.60, 0.62, 0.36, 0.32, 0.58, 0.08),
    5: (0.55, 0.65, 0.60, 0.50, 0.42, 0.18),
    6: (0.20, 0.75, 0.46, 0.26, 0.72, 0.25),
    7: (0.15, 0.70, 0.45, 0.30, 0.30, 0.10),
    8: (0.40, 0.80, 0.18, 0.80, 0.15, 0.03),
    9: (0.20, 0.62, 0.42, 0.03, 0.88, 0.25),
    10: (0.30, 0.35, 0.26, 0.80, 0.14, 0.03),
}
_TASTE = 0.15
"""How far a town's own taste in roofs moves their shares."""
_GREEN = {"desert": 0.4, "steppe": 0.7, "savanna": 0.9, "tundra": 0.3}
"""How green towns are, by climate; 1 elsewhere."""
REACH = 1.4
"""No quarter lies further from the middle of a town, in radii."""
_LEAST = 0.82
_BEND_M, _BEND_WAVE_M = {"old": 60.0, "new": 25.0, "dense": 45.0, "informal": 60.0}, 1_400.0
"""How far streets swing out of the town's plane, and on what length."""
_WARD_M, _WARD_TURN = 1_100.0, {"old": 0.8, "new": 0.12, "dense": 0.4, "informal": 0.8}
"""Size of wards, whose streets run one way, and how far at most they turn from the town's, radians."""
_SUN_ZENITH_DEG, _SUN_AZIMUTH_DEG = 42.0, 150.0
"""Streets have the shadows of a morning in late spring all year; azimuth from north, mirrored south."""
_STYLES = ("old", "new", "dense", "informal")


@dataclass(frozen=True, slots=True)
class Town:
    """A settlement with its own street grid and character."""

    settlement: Settlement
    radius_m: float
    angle: float
    """Direction of the streets, radians counterclockwise from east."""
    green: float
    """Share of the trees and lawns of a moist climate that there are."""
    style: str
    """old: a compact core; new: sprawling; dense: towers and narrow lots; informal: huts at the edge."""


def town_of(settlement: Settlement, *, climate: str, seed: int, style: str | None = None) -> Town:
    """Return the town of a settlement; its style depends on the climate and on chance."""
    turn, kind = (float(uniform(seed + k, settlement.site.key)[0]) for k in (1, 2))
    warm = climate in ("rain forest", "savanna", "desert", "steppe")
    shares = (0.15, 0.40, 0.70, 1.0) if warm else (0.65, 0.88, 1.0, 1.0)
    chosen = style or next(s for s, edge in zip(_STYLES, shares, strict=True) if kind <= edge)
    return Town(settlement, radius_m(settlement.population), turn * math.pi, _GREEN.get(climate, 1.0), chosen)


def town_zones(points: Points, town: Town, *, seed: int) -> U8:
    """Return the quarters (y, x) of a town as LCZ codes 1 to 10, 0 outside and in its parks."""
    u, v = from_site(points, town.settlement.site, angle=town.angle)
    seed = seed + town.settlement.site.key % 100_003
    size = min(town.radius_m, 6_000)
    ragged = points.fractal(0.9 * size, seed, octaves=6, gain=0.6)
    quarter = points.fractal(max(0.45 * size, 350), seed + 1, octaves=3, gain=0.5)
    out = np.hypot(u, v) / town.radius_m * np.maximum(1 + 0.24 * ragged, _LEAST)
    side = (u / town.radius_m + 0.12 * ragged) * (1 if town.settlement.site.key % 2 else -1)
    yards = points.fractal(size, seed + 4, octaves=3)
    zones = [(where & (out < 1.35), code) for where, code in _rules(town, out, side, quarter, yards)]
    found = np.select([w for w, _ in zones], [c for _, c in zones], 0).astype(np.uint8)
    park = points.fractal(700, seed + 3, octaves=4) > 2.0
    found[park & (found != 8) & (found != 10)] = 0
    return found


def _rules(town: Town, out: F32, side: F32, quarter: F32, yards: F32) -> Iterator[tuple[Bool, int]]:
    """Yield where each quarter is, the first that holds wins."""
    people = town.settlement.population
    if people < 2_500:
        low = 3 if town.style == "dense" else 7 if town.style == "informal" and people > 1_200 else 6
        yield out < 0.72, low
        yield out < 1.1, 9
        return
    industry = (side > 0.36) & (out < 1.12) & (quarter > -0.9)
    if people > 40_000:
        yield industry & (side > 0.78) & (quarter > 0.2), 10
    yield industry & (quarter > -0.4), 8
    if people > 8_000:  # halls and yards along the roads out
        yield (np.abs(yards) < 0.22) & (out > 0.3) & (out < 1.1), 8
    if people > 600_000:
        yield out < (0.06 if town.style in ("old", "informal") else 0.1), 1
    core = {"old": 2, "new": 5, "dense": 2, "informal": 3}[town.style]
    yield out < 0.2, core
    if town.style == "dense":
        yield (out < 0.75) & (quarter > 0.75), 4
        yield out < 0.42, 2 if people > 100_000 else 3
        yield (out < 0.75) & (quarter > -0.1), 3
        yield out < 0.85, 5
    elif town.style == "informal":
        yield out < 0.4, 3
        yield (out > 0.5) & (out < 1.05) & (quarter > 0.35), 7
        yield out < 0.7, 3
    else:
        if people > 25_000:
            yield (out > 0.35) & (out < 0.85) & (quarter > 1.15), 4
        yield out < (0.34 if town.style == "old" else 0), 3 if people < 20_000 else 2
        yield (out < 0.6) & (quarter > (-0.1 if town.style == "old" else 0.9)), 5
    yield out < 0.98, 6
    yield out < 1.1, 9


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """What a town puts on the ground (y, x); 0 where it has no quarter."""

    fraction_myx: F32
    roofs_yx: F32
    """Share of the pixel under roofs."""
    height_m_yx: F32
    """Mean height of those."""
    street_angle_yx: F32
    """Direction of the streets, radians counterclockwise from east; NaN where there is no quarter."""


def built_surface(points: Points, zone_yx: U8, town: Town, *, seed: int) -> Built:
    """Return the materials of a town's quarters.

    `points` has one more row and column on every side than `zone_yx`: they say how the town's plane lies.
    """
    seed = seed + town.settlement.site.key % 100_003
    bend = [
        points.fractal(_BEND_WAVE_M, seed + k, octaves=3) * np.float32(_BEND_M[town.style]) for k in (0, 1)
    ]
    plain = from_site(points, town.settlement.site, angle=town.angle)
    bent = np.stack([a + b for a, b in zip(plain, bend, strict=True)])
    inner = (slice(None), slice(1, -1), slice(1, -1))
    slope = np.stack(
        [(bent[:, 1:-1, 2:] - bent[:, 1:-1, :-2]) / 2, (bent[:, 2:, 1:-1] - bent[:, :-2, 1:-1]) / 2], axis=1
    )
    turn = _ward_turn(bent[inner] + 3 * np.stack(bend)[inner], _WARD_TURN[town.style], seed)
    toward = _sun_uv(town)[:, None, None] * np.ones(zone_yx.shape)
    made = built_pixels(
        zone_yx,
        _turned(bent[inner], turn),
        _turned(slope, turn),
        quarters_zq=_quarters(town, seed),
        sun_uv=_turned(toward, turn),
        seed=seed,
    )
    return Built(*made, np.where(zone_yx > 0, town.angle + turn, np.nan).astype(np.float32))


def _ward_turn(plane_uv: F64, most: float, seed: int) -> F64:
    """Return how far the streets of each ward (y, x) are turned out of the town's plane, radians."""
    row = np.floor(plane_uv[1] / _WARD_M)
    col = np.floor(plane_uv[0] / _WARD_M + uniform(seed + 3, row))
    return (uniform(seed + 4, row, col) - np.float64(0.5)) * (2 * most)


def _turned(uv: F64, turn_yx: F64) -> F64:
    """Return vectors (2, ..., y, x) in axes turned counterclockwise."""
    cos, sin = np.cos(turn_yx), np.sin(turn_yx)
    return np.stack([uv[0] * cos + uv[1] * sin, uv[1] * cos - uv[0] * sin])


def _sun_uv(town: Town) -> F64:
    """Return the way towards the sun in the town's plane, metres per metre of height."""
    azimuth = math.radians(_SUN_AZIMUTH_DEG if town.settlement.site.lat_deg >= 0 else 180 - _SUN_AZIMUTH_DEG)
    sun = np.array([math.sin(azimuth), math.cos(azimuth)]) * math.tan(math.radians(_SUN_ZENITH_DEG))
    return _turned(sun, np.asarray(town.angle))


def _quarters(town: Town, seed: int) -> F32:
    """Return the quantities of a town's quarters (z, q): those of `_QUARTERS`, by its taste and climate."""
    table = np.zeros((11, QUANTITIES), np.float32)
    for code, (streets, roofs) in _QUARTERS.items():
        table[code] = (*streets, *roofs, *_OPEN[code])
    taste = (2 * uniform(seed + 2, np.arange(11), [[0], [1]]) - 1) * np.float32(_TASTE)
    table[1:, SHARE_A : SHARE_B + 1] = np.clip(table[1:, SHARE_A : SHARE_B + 1] + taste.T[1:], 0, 1)
    table[:, [TREES, LAWN, STREET_TREES]] *= np.float32(town.green)
    return table
