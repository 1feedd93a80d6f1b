"""What lies where: relief, water, plants and fields, as functions of place and seed.

Two levels, as in real land: a **zone** is what a map of local climate zones should say (100 m and more in
size), a **cover** is what one 10 m pixel mostly is (codes of ESA WorldCover). Coast, climate and large cities
are real on a quarter of a degree, everything finer is made up. Axis letters: y row, x column.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from eomap.kernels.nearest import nearest_site
from eomap.kernels.parcels import Plots, parcels
from eomap.twin.climate import climate_at, land_share, of_climate, strangers
from eomap.twin.earth import F32, F64, Points, around, points_at, sites, uniform

U8 = npt.NDArray[np.uint8]
I32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]
DENSE_TREES, SCATTERED_TREES, BUSH, LOW_PLANTS, ROCK, SAND, WATER = range(11, 18)
"""Local climate zones A to G."""
PARISH_M = 1_700.0
"""Spacing of the regions that share the direction of their fields."""
CROP_SHARE = 0.68
"""Parcels whose own number is below it are fields, the others pasture."""
RIVER_M, STREAM_M = 70_000.0, 11_000.0
"""Wavelengths of the fields whose zero lines are rivers and streams."""


class Cover(IntEnum):
    """Land cover, codes of ESA WorldCover v200 (doi:10.5281/zenodo.7254221)."""

    TREES, SHRUB, GRASS, CROP, BUILT, BARE, SNOW, WATER = range(10, 90, 10)
    WETLAND, MANGROVE, MOSS = 90, 95, 100


@dataclass(frozen=True, slots=True)
class Relief:
    """The shape of the ground and what stands or flows on it."""

    height_m_yx: F32
    """Above the sea, of the ground."""
    slope_yx: F32
    """Rise over run."""
    east_yx: F32
    """Rise over run towards the east, and towards the north."""
    north_yx: F32
    sea_yx: Bool
    water_yx: Bool
    """Sea, lakes and rivers."""
    river_yx: F32
    """Distance from the nearest river's middle, in half-widths: 1 at the bank."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Farmland: parcels that share a direction within a parish."""

    parcel_yx: F32
    """A number in [0, 1) that each parcel has to itself."""
    lane_yx: Bool


@dataclass(frozen=True, slots=True)
class Wild:
    """Land without its towns."""

    relief: Relief
    climate_yx: U8
    zone_yx: U8
    cover_yx: U8
    fields: Fields
    conifer_yx: F32
    """Share of needles among the trees, 0 to 1."""
    canopy_m_yx: F32
    """Height that trees reach here; 0 where there are none."""
    road_yx: Bool


def wild_land(
    points: Points,
    seed: int,
    *,
    pixel_m: float = 10.0,
    skew_yx: F32 | None = None,
    foreign: bool = False,
) -> Wild:
    """Return the land of some points, without the outermost row and column, which give it its slopes.

    `skew_yx` (of what is returned): metres to the east that a step of one metre north along the columns
    takes, none on a frame. `foreign` gives every place the plants of the climate least like its own.
    """
    inside = points.part(slice(1, -1), slice(1, -1))
    group = climate_at(inside, seed + 10)
    group = strangers()[group] if foreign else group
    relief = _relief(points, inside, seed, pixel_m, skew_yx)
    zone, cover = _plants(inside, seed + 30, group, relief)
    fields = _fields(inside, seed + 60)
    _farm(inside, seed + 80, group, relief, (zone, cover), fields)
    _shores(inside, seed + 90, group, relief, (zone, cover))
    needles = 1.3 * inside.fractal(2_500, seed + 40, octaves=6, gain=0.7)
    share = of_climate(group, "conifer")
    conifer = np.clip(share + (share > 0) * (share < 1) * needles * np.float32(0.35), 0, 1)
    canopy = of_climate(group, "canopy_m") * np.clip(
        1 + 0.28 * inside.fractal(900, seed + 41, octaves=5, gain=0.7), 0.25, 1.6
    )
    canopy *= np.isin(zone, (DENSE_TREES, SCATTERED_TREES)) | (cover == Cover.MANGROVE)
    road = (np.abs(inside.fractal(26_000, seed + 95, octaves=3)) < 0.0022) & ~relief.water_yx
    road &= of_climate(group, "people") > 0.15
    return Wild(relief, group, zone, cover, fields, conifer.astype(np.float32), canopy, road)


def _relief(points: Points, inside: Points, seed: int, pixel_m: float, skew_yx: F32 | None) -> Relief:
    mountains = np.clip(0.1 + 0.45 * points.fractal(350_000, seed, octaves=3), 0.04, 1.2) ** 2
    rough = points.fractal(26_000, seed + 1, octaves=9, gain=0.47)
    ridges = np.float32(1) - np.abs(rough) * np.float32(0.75)
    rolling = points.fractal(6_000, seed + 2, octaves=7, gain=0.42)
    river = np.abs(points.fractal(RIVER_M, seed + 3, octaves=8, gain=0.48))
    stream = np.abs(points.fractal(STREAM_M, seed + 4, octaves=6, gain=0.5))
    share = land_share(points)
    shore = (share - np.float32(0.5)) * np.float32(2.4) + np.float32(0.42) * points.fractal(
        24_000, seed + 5, octaves=9, gain=0.5
    )
    valley = 1 - np.float32(0.9) * np.exp(-np.square(river / np.float32(0.28)))
    valley *= 1 - np.float32(0.22) * np.exp(-np.square(stream / np.float32(0.25)))
    rise = np.clip(shore * np.float32(2.5), 0, 1)
    height = rise * (15 + valley * (mountains * (200 + 900 * ridges) + 22 * rolling + 45))
    height = np.maximum(height, np.float32(0.3)).astype(np.float32)
    # A slope from both neighbours, so that a cut loses one pixel on each side.
    east = (height[1:-1, 2:] - height[1:-1, :-2]) / np.float32(2 * pixel_m)
    north = (height[:-2, 1:-1] - height[2:, 1:-1]) / np.float32(2 * pixel_m)
    if np.any(skew_yx):
        north -= np.asarray(skew_yx, np.float32) * east
    inner = (slice(1, -1), slice(1, -1))
    wide, narrow = 0.0035 * (1.2 - 0.5 * np.clip(mountains, 0, 1)), 0.0035
    banks = np.minimum(river[inner] / wide[inner], stream[inner] / np.float32(narrow)).astype(np.float32)
    lakes = inside.fractal(9_000, seed + 6, octaves=8, gain=0.52) > 2.35
    sea = shore[inner] < 0
    water = sea | (banks < 1) | (lakes & (height[inner] < 700))
    east[water], north[water] = 0, 0
    return Relief(height[inner], np.hypot(east, north), east, north, sea, water, banks)


def _plants(points: Points, seed: int, climate: U8, relief: Relief) -> tuple[U8, U8]:
    """Return zone and cover (y, x) as nature would have them."""
    rank = _rank(points.fractal(5_000, seed, octaves=8, gain=0.58))
    rank = np.clip(rank - np.float32(0.12) * (np.clip(relief.slope_yx * 3, 0, 1)), 0, 0.9999)
    zone = np.full(points.shape, SAND, np.uint8)
    edge = np.zeros(points.shape, np.float32)
    free = np.ones(points.shape, bool)
    for code, name in ((11, "trees"), (12, "scattered"), (13, "bush"), (14, "grass")):
        edge += of_climate(climate, name)
        here = free & (rank < edge)
        zone[here] = code
        free &= ~here
    cold_c = of_climate(climate, "mean_c") - np.float32(0.0065) * relief.height_m_yx
    zone[(cold_c < -2) & (zone < BUSH)] = BUSH
    zone[(cold_c < -6) & (zone < LOW_PLANTS)] = LOW_PLANTS
    bare = (relief.slope_yx > 0.85 + 0.2 * points.fractal(400, seed + 1, octaves=4)) | (cold_c < -12)
    zone[bare & (zone != WATER)] = ROCK
    zone[(zone == SAND) & (points.fractal(7_000, seed + 2, octaves=5) > 0.5)] = ROCK
    ice = (cold_c < -17) | (of_climate(climate, "mean_c") < -20)
    zone[ice] = SAND
    of_zone = np.zeros(18, np.uint8)
    of_zone[11:18] = (Cover.TREES, Cover.TREES, Cover.SHRUB, Cover.GRASS, Cover.BARE, Cover.BARE, Cover.WATER)
    cover = of_zone[zone]
    cover[(cover == Cover.GRASS) & (cold_c < -4)] = Cover.MOSS
    cover[ice] = Cover.SNOW
    return zone, cover


def _rank(field: F32) -> F32:
    """Return the share of a standard normal below each value (logistic approximation, within 0.01)."""
    return (1 / (1 + np.exp(np.float32(-1.702) * field))).astype(np.float32)


def _fields(points: Points, seed: int) -> Fields:
    near = list(sites(around(points, 3 * PARISH_M), PARISH_M, seed))
    middles = points_at([s.lon_deg for s in near], [s.lat_deg for s in near])
    middle_sx = np.stack([middles.x_m, middles.y_m, middles.z_m], axis=1)
    owner, border_m = nearest_site(points.x_m, points.y_m, points.z_m, middle_sx)
    keys = np.array([s.key for s in near], np.int64)
    turn, size = (uniform(seed + k, keys).astype(np.float64) for k in (1, 2))
    plots = Plots(middle_sx, _axes(middles, turn * np.pi), 90 + 230 * size, keys)
    number, lane = parcels(points.x_m, points.y_m, points.z_m, owner, plots, seed=seed + 3)
    return Fields(number, lane | (border_m < 5))


def _axes(at: Points, angle: F64) -> F64:
    """Return unit vectors (s, 2, 3) in the planes that touch the Earth at sites, turned from the east."""
    lam, phi = np.radians(at.lon_deg), np.radians(at.lat_deg)
    east = np.stack([-np.sin(lam), np.cos(lam), 0 * lam], axis=1)
    north = np.stack([-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)], axis=1)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return np.stack([east * cos + north * sin, north * cos - east * sin], axis=1)


def _farm(
    points: Points, seed: int, climate: U8, relief: Relief, land: tuple[U8, U8], fields: Fields
) -> None:
    """Turn flat land where people live into fields, woods left here and there."""
    zone, cover = land
    share = of_climate(climate, "crops")
    open_ = _rank(points.fractal(15_000, seed, octaves=7, gain=0.55)) < share * np.float32(1.25)
    flat = relief.slope_yx < 0.16
    wood = (zone == DENSE_TREES) & (points.fractal(2_200, seed + 1, octaves=7, gain=0.6) > 0.35)
    farm = open_ & flat & ~wood & (zone < ROCK)
    zone[farm] = LOW_PLANTS
    cover[farm] = np.where(fields.parcel_yx < CROP_SHARE, Cover.CROP, Cover.GRASS)[farm]


def _shores(points: Points, seed: int, climate: U8, relief: Relief, land: tuple[U8, U8]) -> None:
    """Put water, beaches, wetland and mangrove."""
    zone, cover = land
    ragged = points.fractal(2_600, seed, octaves=6)
    low = ~relief.sea_yx & (relief.height_m_yx < 1.7 + 1.4 * ragged)
    beach = low & (points.fractal(5_000, seed + 1, octaves=3) > -0.2)
    zone[beach], cover[beach] = SAND, Cover.BARE
    warm = of_climate(climate, "mean_c") > 22
    mangrove = low & ~beach & warm
    zone[mangrove], cover[mangrove] = DENSE_TREES, Cover.MANGROVE
    wet = (relief.river_yx < 1.6 + 0.9 * ragged) & (relief.slope_yx < 0.05) & (zone == LOW_PLANTS)
    cover[wet] = Cover.WETLAND
    zone[relief.water_yx], cover[relief.water_yx] = WATER, Cover.WATER
