"""What lies where in the made-up world: a pure function of position and seed.

Two levels, as in real land: a **zone** is what a map of local climate zones should say (codes of the LCZ
legend, 100 m and more in size); a **cover** is what one 10 m pixel is made of. Shapes are drawn, not
simulated: sea and lakes below a level, rivers along a field's zero line, woods, parcels of fields,
towns and villages around sites. Axis letters: y row (north to south), x column (west to east).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from eomap.core.grid import PIXEL_M, Frame
from eomap.twin.noise import F32, centres_m, fractal, regions, smooth, uniform

U8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
COMPACT_MID, OPEN_MID, OPEN_LOW, LARGE_LOW, SPARSE = 2, 5, 6, 8, 9
TREES, LOW_PLANTS, SAND, WATER = 11, 14, 16, 17
SEA_LEVEL, BEACH, RIVER = -0.42, 0.025, 0.012
SITE_M = 6500.0
"""Spacing of towns and villages, one site in each square of this side."""


class Cover(IntEnum):
    """What a pixel is made of."""

    WATER, BROADLEAF, CONIFER, GRASS, CROP, RIPE, SOIL, BEACH = range(8)
    TILES, GREY_ROOF, HALL, ASPHALT, CONCRETE = range(8, 13)


# Shares of covers in each built zone; what is left over is grass.
_RECIPES: dict[int, tuple[tuple[Cover, float], ...]] = {
    COMPACT_MID: (
        (Cover.TILES, 0.35),
        (Cover.GREY_ROOF, 0.4),
        (Cover.CONCRETE, 0.1),
        (Cover.BROADLEAF, 0.15),
    ),
    OPEN_MID: ((Cover.GREY_ROOF, 0.3), (Cover.CONCRETE, 0.06), (Cover.BROADLEAF, 0.34)),
    OPEN_LOW: ((Cover.TILES, 0.42), (Cover.GREY_ROOF, 0.1), (Cover.BROADLEAF, 0.18)),
    LARGE_LOW: ((Cover.HALL, 0.36), (Cover.CONCRETE, 0.1), (Cover.ASPHALT, 0.24), (Cover.BROADLEAF, 0.06)),
    SPARSE: ((Cover.TILES, 0.1), (Cover.GREY_ROOF, 0.06), (Cover.BROADLEAF, 0.2)),
}
_BUILDING_PX = {COMPACT_MID: 2, OPEN_MID: 2, OPEN_LOW: 2, LARGE_LOW: 7, SPARSE: 2}
_SHADED = (COMPACT_MID, OPEN_MID)
"""Zones whose buildings are tall enough to keep their streets in the shade."""
_STREETS_M = {COMPACT_MID: 70.0, OPEN_MID: 130.0, OPEN_LOW: 90.0, LARGE_LOW: 260.0, SPARSE: 200.0}


@dataclass(frozen=True, slots=True)
class Land:
    """A frame of the made-up world."""

    zone_yx: U8
    """LCZ code: the truth of a map."""
    cover_yx: U8
    """`Cover` of each pixel."""
    tone_yx: F32
    """How much brighter than usual its cover is here, 1 on average."""


def land_of(frame: Frame, seed: int) -> Land:
    """Return the land of a frame; frames that overlap agree, bit for bit, within a UTM zone."""
    height = fractal(frame, 15_000, seed, octaves=7, gain=0.55)
    zone = np.full(frame.shape, LOW_PLANTS, dtype=np.uint8)
    cover, tone = _fields(frame, seed + 100)
    _plant(frame, seed + 200, height, zone, cover, tone)
    water = (height < SEA_LEVEL) | (np.abs(fractal(frame, 9_000, seed + 1, octaves=4)) < RIVER)
    for site in _sites(frame, seed + 300):
        _build(frame, site, seed + 400, ~water, (zone, cover, tone))
    sandy = BEACH * np.clip(0.3 + smooth(frame, 1_800, seed + 3), 0, 2)
    beach = (height < SEA_LEVEL + sandy) & (zone != LARGE_LOW)
    zone[beach], cover[beach], tone[beach] = SAND, Cover.BEACH, 1
    zone[water], cover[water], tone[water] = WATER, Cover.WATER, 1
    grain = np.array(
        [0.03, 0.14, 0.14, 0.07, 0.06, 0.06, 0.08, 0.06, 0.15, 0.15, 0.08, 0.08, 0.12], np.float32
    )
    x, y = _pixels(frame)
    tone *= 1 + grain[cover] * (2 * uniform(seed + 2, y, x) - 1)
    return Land(zone, cover, tone)


def _pixels(frame: Frame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the whole numbers of columns (1, x) and rows (y, 1), counted from the zone's origin."""
    col, row = np.arange(frame.width), np.arange(frame.height)
    return (frame.x0 // PIXEL_M + col)[None, :], (frame.y0 // PIXEL_M - row)[:, None]


def _fields(frame: Frame, seed: int) -> tuple[U8, F32]:
    """Return farmland: cover and tone of parcels that share a direction within a region, lanes between."""
    region, border_m = regions(frame, 1_700, seed)
    x, y = centres_m(frame)
    angle = uniform(seed + 1, region) * np.float32(np.pi)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    strip = np.floor(v / 240)
    parcel = np.floor(u / (260 + 380 * uniform(seed + 2, region, strip)))
    pick = uniform(seed + 3, region, strip, parcel)
    cover = np.select(
        [pick < 0.34, pick < 0.6, pick < 0.76], [Cover.CROP, Cover.GRASS, Cover.RIPE], Cover.SOIL
    ).astype(np.uint8)
    tone = np.float32(0.85) + np.float32(0.3) * (97 * pick % 1)  # its later digits: independent of the crop
    tone += np.float32(0.04) * smooth(frame, 300, seed + 5)
    lane = border_m < 6
    cover[lane], tone[lane] = Cover.ASPHALT, 1
    return cover, tone


def _plant(frame: Frame, seed: int, height: F32, zone: U8, cover: U8, tone: F32) -> None:
    """Put woods, leafy or coniferous, more of them on high ground."""
    wood = fractal(frame, 4_500, seed, octaves=7, gain=0.6) + 0.4 * height > 0.45
    conifer = fractal(frame, 1_500, seed + 1, octaves=6, gain=0.75) > 0.6
    zone[wood] = TREES
    cover[wood] = np.where(conifer, Cover.CONIFER, Cover.BROADLEAF)[wood]
    tone[wood] = (1 + 0.11 * fractal(frame, 260, seed + 2, octaves=4, gain=0.8))[wood]


@dataclass(frozen=True, slots=True)
class _Site:
    x: float
    y: float
    radius_m: float
    angle: float


def _sites(frame: Frame, seed: int) -> Iterator[_Site]:
    """Yield the towns and villages that may reach into a frame, in a fixed order."""
    west, south, east, north = frame.bounds_m
    for row in range(int(south // SITE_M) - 1, int(north // SITE_M) + 2):
        for col in range(int(west // SITE_M) - 1, int(east // SITE_M) + 2):
            a, b, size, turn = (float(uniform(seed + k, row, col)[0]) for k in range(4))
            radius = 500 + 2_400 * size**2.5
            yield _Site(
                (col + 0.15 + 0.7 * a) * SITE_M, (row + 0.15 + 0.7 * b) * SITE_M, radius, turn * np.pi
            )


def _build(frame: Frame, site: _Site, seed: int, dry: Bool, land: tuple[U8, U8, F32]) -> None:
    """Put one town into (zone, cover, tone), on dry ground only."""
    reach = 1.6 * site.radius_m
    west, north = (site.x - reach - frame.x0) // PIXEL_M, (frame.y0 - site.y - reach) // PIXEL_M
    side = int(2 * reach // PIXEL_M) + 1
    rows = slice(int(np.clip(north, 0, frame.height)), int(np.clip(north + side, 0, frame.height)))
    cols = slice(int(np.clip(west, 0, frame.width)), int(np.clip(west + side, 0, frame.width)))
    if rows.start == rows.stop or cols.start == cols.stop:
        return
    part = frame.sub(rows.start, rows.stop, cols.start, cols.stop)
    kind = _town_zones(part, site, seed)
    made = np.nonzero((kind > 0) & dry[rows, cols])
    built, tone = _town_covers(part, site, seed + 10, kind)
    zone_yx, cover_yx, tone_yx = (a[rows, cols] for a in land)
    zone_yx[made], cover_yx[made], tone_yx[made] = kind[made], built[made], tone[made]


def _town_zones(part: Frame, site: _Site, seed: int) -> U8:
    """Return the built zones (y, x) of a town, 0 outside: rings, and a quarter of halls on one side."""
    x, y = centres_m(part)
    east, north = (x - site.x) / site.radius_m, (y - site.y) / site.radius_m
    out = np.hypot(east, north) + 0.2 * fractal(part, 900, seed, octaves=5, gain=0.6)
    town = site.radius_m > 1_100
    side = (
        east * np.cos(site.angle)
        + north * np.sin(site.angle)
        + 0.08 * fractal(part, 700, seed + 1, octaves=4)
    )
    rings = [
        (town & (side > 0.5) & (out < 1.15), LARGE_LOW),
        (town & (out < 0.36), COMPACT_MID),
        (town & (out < 0.62), OPEN_MID),
        (out < (1.0 if town else 0.8), OPEN_LOW),
        (out < 1.2, SPARSE),
    ]
    return np.select([where for where, _ in rings], [code for _, code in rings], 0).astype(np.uint8)


def _town_covers(part: Frame, site: _Site, seed: int, kind: U8) -> tuple[U8, F32]:
    """Return cover and tone (y, x) of a town's ground: streets on a turned grid, buildings, trees, grass."""
    x, y = centres_m(part)
    cos, sin = np.cos(site.angle), np.sin(site.angle)
    u, v = x * cos + y * sin, y * cos - x * sin
    cover = np.full(part.shape, Cover.GRASS, dtype=np.uint8)
    tone = np.ones(part.shape, dtype=np.float32)
    for code, recipe in _RECIPES.items():
        here = np.nonzero(kind == code)
        across, along = u[here], v[here]
        size = _BUILDING_PX[code] * PIXEL_M
        pick = uniform(seed + code, np.floor(along / size), np.floor(across / size))
        edges = np.cumsum([share for _, share in recipe])
        found = np.append([int(c) for c, _ in recipe], Cover.GRASS)[
            np.searchsorted(edges, pick, side="right")
        ]
        street = np.minimum(across % _STREETS_M[code], along % (1.4 * _STREETS_M[code])) < 12
        cover[here] = np.where(street, Cover.ASPHALT, found)
        tone[here] = 0.85 + 0.3 * uniform(seed + 50, np.floor(along / size), np.floor(across / size))
        if code in _SHADED:
            tone[here] *= np.where(street, np.float32(0.45), np.float32(1))
    return cover, tone
