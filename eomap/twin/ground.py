"""The whole land of a frame: what grew and what was built, as it lies at full leaf, and on a date.

Axis letters: k variation, m material, y row (north to south), x column (west to east).
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from eomap.core.grid import Frame
from eomap.twin.climate import CLIMATES, climate_at
from eomap.twin.earth import F32, Points, near, points_at, points_of
from eomap.twin.events import cleared, flooded
from eomap.twin.land import LOW_PLANTS, SCATTERED_TREES, U8, WATER, Bool, Cover, Wild, wild_land
from eomap.twin.materials import Material
from eomap.twin.natural import in_255ths, natural_materials, styles
from eomap.twin.optical import Ground
from eomap.twin.people import settlements
from eomap.twin.season import Season, in_season, season_of
from eomap.twin.soil import soil_brightness, soil_moisture
from eomap.twin.strips import in_strips
from eomap.twin.town import Town, built_surface, town_of, town_zones

ALL = slice(None)
CROWN_SHARE = 0.3
"""A pixel of open woodland is tree cover from this share of crowns on, grass below: where IGBP's woody
savanna begins (Loveland and others 2000, doi:10.1080/014311600210191)."""
BUILT_SHARE = 0.3
"""A pixel is built land cover from this share of roofs and pavement on."""
SOIL_SEED = 6_000
"""What is added to the world's seed for the wetness of its soil: one for radar and optics."""
_TOWN_STYLE = np.float32(0.75)
"""How much of the variation of wild land is left where each roof and garden is its own."""
_PRESSURE = 0.45
"""How much nearness to people takes from naturalness in the middle of a town."""


@dataclass(frozen=True, slots=True, eq=False)
class Land:
    """The land of a frame at full leaf, without the events of any date; every array is (y, x)."""

    points: Points
    wild: Wild
    zone_yx: U8
    """Local climate zone, 1 to 17."""
    cover_yx: U8
    """`Cover`."""
    fraction_myx: U8
    """`Material` in 255ths; what is left out is shade."""
    style_kyx: F32
    roofs_yx: F32
    """Share under roofs."""
    building_m_yx: F32
    """Mean height of buildings, 0 where there are none."""
    canopy_m_yx: F32
    """Height of the trees, 0 where there are none."""
    street_angle_yx: F32
    """Direction of the streets, radians counterclockwise from east; NaN outside towns."""
    pressure_yx: F32
    """Nearness to people, 0 to 1."""


def land_of(
    frame: Frame, seed: int, *, every_px: int = 1, foreign: bool = False, town_style: str | None = None
) -> Land:
    """Return the land of a frame, or of the middles of its squares of `every_px` pixels.

    Frames of one zone agree bit for bit wherever they overlap. `foreign` is as of `wild_land`,
    `town_style` makes all towns of one kind.
    """
    wide = frame.sub(-every_px, frame.height + every_px, -every_px, frame.width + every_px)
    points = points_of(wide, every_px=every_px)
    return land_at(points, seed, pixel_m=10.0 * every_px, foreign=foreign, town_style=town_style)


def land_at(
    wide: Points,
    seed: int,
    *,
    pixel_m: float,
    skew_yx: F32 | None = None,
    foreign: bool = False,
    town_style: str | None = None,
) -> Land:
    """Return the land of points without their outermost row and column, which say how it slopes.

    `wide` is any raster, its columns and rows `pixel_m` apart; `skew_yx` as of `wild_land`.
    """
    points = wide.part(slice(1, -1), slice(1, -1))

    def grown(rows: slice) -> tuple[Wild, U8, F32]:
        edged, part = wide.part(slice(rows.start, rows.stop + 2), ALL), points.part(rows, ALL)
        skew = None if skew_yx is None else skew_yx[rows]
        wild = wild_land(edged, seed, pixel_m=pixel_m, skew_yx=skew, foreign=foreign)
        return wild, natural_materials(part, wild, seed + 1_000), styles(part, wild, seed + 1_100)

    wild, fraction, style = in_strips(grown, points.shape[0])
    zone, cover = wild.zone_yx.copy(), wild.cover_yx.copy()
    sparse = zone == SCATTERED_TREES
    cover[sparse & (cover == Cover.TREES) & (crowns(fraction) < CROWN_SHARE)] = Cover.GRASS
    canopy = wild.canopy_m_yx.copy()
    roofs, height = (np.zeros(points.shape, np.float32) for _ in range(2))
    angle = np.full(points.shape, np.nan, np.float32)
    towns = _towns(points, seed, town_style)
    pressure = points.drawn(lambda nodes: _pressure(nodes, towns))
    for town in towns:
        rows, cols = near(points, town.settlement.site, 1.4 * town.radius_m)
        if rows.start >= rows.stop or cols.start >= cols.stop:
            continue
        part = wide.part(slice(rows.start, rows.stop + 2), slice(cols.start, cols.stop + 2))
        inner = part.part(slice(1, -1), slice(1, -1))
        quarters = town_zones(inner, town, seed=seed + 1_200)
        quarters[
            (zone[rows, cols] == WATER) | (roofs[rows, cols] > 0) | (angle[rows, cols] == angle[rows, cols])
        ] = 0
        here = quarters > 0
        if not here.any():
            continue
        built = built_surface(part, quarters, town, seed=seed + 1_300)
        zone[rows, cols][here] = quarters[here]
        fraction[:, rows, cols][:, here] = in_255ths(built.fraction_myx[:, here])
        roofs[rows, cols][here] = built.roofs_yx[here]
        height[rows, cols][here] = built.height_m_yx[here]
        canopy[rows, cols][here] = np.where(built.fraction_myx[Material.BROADLEAF] > 0, 8, 0)[here]
        angle[rows, cols][here] = built.street_angle_yx[here]
        style[:, rows, cols][:, here] *= _TOWN_STYLE
        paved = built.fraction_myx[[Material.ASPHALT, Material.CONCRETE]].sum(axis=0)
        leafy = built.fraction_myx[Material.BROADLEAF] > 0.4
        found = np.select(
            [built.roofs_yx + paved >= BUILT_SHARE, leafy], [Cover.BUILT, Cover.TREES], Cover.GRASS
        )
        cover[rows, cols][here] = found[here]
    return Land(points, wild, zone, cover, fraction, style, roofs, height, canopy, angle, pressure)


def crowns(fraction_myx: U8) -> F32:
    """Return the share of the ground under the crowns of trees (y, x), at full leaf."""
    both = fraction_myx[Material.BROADLEAF].astype(np.float32) + fraction_myx[Material.CONIFER]
    return both / np.float32(255)


def _towns(points: Points, seed: int, style: str | None) -> list[Town]:
    found = settlements(points, seed + 900)
    if not found:
        return []
    middles = points_at([[s.site.lon_deg for s in found]], [[s.site.lat_deg for s in found]])
    names = [CLIMATES[k].name for k in climate_at(middles, seed + 10)[0].tolist()]
    return [town_of(s, climate=n, seed=seed + 950, style=style) for s, n in zip(found, names, strict=True)]


def _pressure(points: Points, towns: list[Town]) -> F32:
    """Return nearness to people (y, x): strongest in the middle of a town, a third of it two radii away."""
    out = np.zeros(points.shape, np.float32)
    for town in towns:
        site = town.settlement.site
        here = points_at(site.lon_deg, site.lat_deg)
        far = np.sqrt(
            np.square(points.x_m - float(here.x_m))
            + np.square(points.y_m - float(here.y_m))
            + np.square(points.z_m - float(here.z_m))
        )
        around_town = np.exp(-far / (1.8 * town.radius_m)).astype(np.float32)
        np.maximum(out, np.float32(_PRESSURE) * around_town, out=out)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Scenery:
    """The land on a date."""

    ground: Ground
    season: Season
    cleared_yx: Bool
    flooded_yx: Bool
    zone_yx: U8
    cover_yx: U8


def scenery(land: Land, day: date, seed: int) -> Scenery:
    """Return the land on a day: its season, woods cleared by then, floods that stand."""
    wild = land.wild
    woods = (land.cover_yx == Cover.TREES) & (land.zone_yx > 10) | (land.zone_yx == SCATTERED_TREES)
    felled = cleared(land.points, day, seed + 2_000) & woods
    wet = flooded(
        land.points, day, seed + 2_100, river_yx=wild.relief.river_yx, slope_yx=wild.relief.slope_yx
    ) & (land.zone_yx > 10)
    fraction = land.fraction_myx
    if felled.any() or wet.any():
        fraction = fraction.copy()
        fraction[:, felled | wet] = 0
        for material, filled in ((Material.SOIL, 140), (Material.NPV, 76), (Material.GRASS, 30)):
            fraction[material][felled] = filled
        fraction[Material.WATER][wet] = 255

    def dated(rows: slice) -> tuple[U8, Season]:
        season = season_of(
            day,
            lat_deg=land.points.lat_deg[rows],
            climate_yx=wild.climate_yx[rows],
            height_m_yx=wild.relief.height_m_yx[rows],
            parcel_yx=wild.fields.parcel_yx[rows],
            patch_yx=land.style_kyx[0, rows],
        )
        moisture = soil_moisture(
            land.points.part(rows, ALL),
            day,
            seed + SOIL_SEED,
            climate_yx=wild.climate_yx[rows],
            green_yx=season.green_yx,
        )
        bright = soil_brightness(moisture, wild.climate_yx[rows])
        return in_season(fraction[:, rows], season, soil_yx=bright), season

    shares, season = in_strips(dated, fraction.shape[1])
    zone, cover = land.zone_yx.copy(), land.cover_yx.copy()
    zone[felled], cover[felled] = LOW_PLANTS, Cover.BARE
    zone[wet], cover[wet] = WATER, Cover.WATER
    ground = Ground(shares, land.style_kyx, wild.relief.east_yx, wild.relief.north_yx)
    return Scenery(ground, season, felled, wet, zone, cover)


_ROOFS = (Material.TILES, Material.GREY_ROOF, Material.METAL_ROOF, Material.CONCRETE)


def drowned(seen: Scenery, where_yx: Bool) -> Scenery:
    """Return a scenery with water over all but roofs where told: a flood that no river explains."""
    old = seen.ground.fraction_myx
    fraction = old.copy()
    fraction[:, where_yx] = 0
    for material in _ROOFS:
        fraction[material][where_yx] = np.where(seen.zone_yx < 11, old[material], 0)[where_yx]
    fraction[Material.WATER][where_yx] = 255 - fraction.sum(axis=0, dtype=np.int32)[where_yx]
    wet = where_yx & (seen.zone_yx > 10)
    zone, cover = np.where(wet, WATER, seen.zone_yx), np.where(wet, Cover.WATER, seen.cover_yx)
    return replace(
        seen,
        ground=replace(seen.ground, fraction_myx=fraction),
        flooded_yx=seen.flooded_yx | where_yx,
        zone_yx=zone.astype(np.uint8),
        cover_yx=cover.astype(np.uint8),
    )
