"""What MODIS makes of the twin: composites of some days, and a land cover map with errors.

Values are means of parts of each pixel, as of an instrument that sees its square from straight above and
nothing else: the triangular response along the scan and errors of atmospheric correction are left out.
Axis letters: b band, y row (north to south), x column.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.mixing import mixed
from eomap.twin.atmosphere import Air, boa, optics, toa
from eomap.twin.earth import F32, Points, uniform
from eomap.twin.ground import Land, Scenery, land_at
from eomap.twin.land import Cover
from eomap.twin.materials import BandTable, band_table
from eomap.twin.optical import Ground, Sun, illumination
from eomap.twin.shift import Laid
from eomap.twin.sinusoid import TILE_ROWS, SinusoidFrame, area_mean
from eomap.twin.sky import CLEAR, Sky, through
from eomap.twin.sun import sun_angles

U8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
GOOD, MARGINAL, SNOW, CLOUDY = range(4)
"""Reliability of a pixel, as numbered in MOD13Q1."""
ERROR_SHARE = 0.20
"""Share of wrong labels in a land cover map; MCD12Q1 is right in about 74 % of pixels (Sulla-Menashe and
others 2019, doi:10.1016/j.rse.2018.12.013), 15 to 25 % is what is offered."""
_PART_M = 58.0
"""Parts are about this long: four to a pixel of 250 m, eight to one of 500 m."""
_AIR = Air(0.12, 2.0)
_BLOB_M = 6_000.0
_TROPIC_DEG, _COLD_DEG = 23.4, 52.0


class Igbp(IntEnum):
    """Classes of the International Geosphere-Biosphere Programme, as numbered in MCD12Q1."""

    EVERGREEN_NEEDLE, EVERGREEN_BROAD, DECIDUOUS_NEEDLE, DECIDUOUS_BROAD, MIXED_FOREST = range(1, 6)
    CLOSED_SHRUB, OPEN_SHRUB, WOODY_SAVANNA, SAVANNA, GRASSLAND, WETLAND, CROPLAND = range(6, 13)
    URBAN, MOSAIC, SNOW, BARREN, WATER = range(13, 18)


_I = Igbp
LOOKALIKES: Mapping[Igbp, tuple[Igbp, Igbp]] = {
    _I.EVERGREEN_NEEDLE: (_I.MIXED_FOREST, _I.WOODY_SAVANNA),
    _I.EVERGREEN_BROAD: (_I.WOODY_SAVANNA, _I.DECIDUOUS_BROAD),
    _I.DECIDUOUS_NEEDLE: (_I.MIXED_FOREST, _I.WOODY_SAVANNA),
    _I.DECIDUOUS_BROAD: (_I.MIXED_FOREST, _I.WOODY_SAVANNA),
    _I.MIXED_FOREST: (_I.DECIDUOUS_BROAD, _I.WOODY_SAVANNA),
    _I.CLOSED_SHRUB: (_I.OPEN_SHRUB, _I.WOODY_SAVANNA),
    _I.OPEN_SHRUB: (_I.GRASSLAND, _I.BARREN),
    _I.WOODY_SAVANNA: (_I.SAVANNA, _I.MIXED_FOREST),
    _I.SAVANNA: (_I.WOODY_SAVANNA, _I.GRASSLAND),
    _I.GRASSLAND: (_I.SAVANNA, _I.CROPLAND),
    _I.WETLAND: (_I.GRASSLAND, _I.WATER),
    _I.CROPLAND: (_I.MOSAIC, _I.GRASSLAND),
    _I.URBAN: (_I.MOSAIC, _I.CROPLAND),
    _I.MOSAIC: (_I.CROPLAND, _I.GRASSLAND),
    _I.SNOW: (_I.BARREN, _I.GRASSLAND),
    _I.BARREN: (_I.OPEN_SHRUB, _I.GRASSLAND),
    _I.WATER: (_I.WETLAND, _I.BARREN),
}
"""What each class is taken for when it is taken for another, by our judgement."""


def parts_along(frame: SinusoidFrame) -> int:
    """Return the parts along a pixel's side."""
    return round(frame.pixel_m / _PART_M)


@lru_cache(maxsize=2)
def parts_land(frame: SinusoidFrame, seed: int, foreign: bool = False, town_style: str | None = None) -> Land:
    """Return the land of a frame's parts; the last two are kept, for dates come one after another."""
    per_px = parts_along(frame)
    wide = frame.points(per_px=per_px, margin=1)
    skew = frame.skew(wide)[1:-1, 1:-1].astype(np.float32)
    part_m = frame.pixel_m / per_px
    return land_at(wide, seed, pixel_m=part_m, skew_yx=skew, foreign=foreign, town_style=town_style)


def surface(ground: Ground, bands: Sequence[str], *, sun: Sun, per_px: int, table: BandTable) -> F32:
    """Return reflectance (b, y, x) of pixels, given the ground of their parts; bands of M1 to M7."""
    lit = illumination(ground, sun)
    out = []
    for band in (table.names.index(b) for b in bands):
        parts = mixed(
            ground.fraction_myx,
            ground.style_kyx,
            mean_m=np.ascontiguousarray(table.mean_mb[:, band]),
            spread_km=np.ascontiguousarray(table.spread_kmb[:, :, band]),
        )
        out.append(area_mean(parts * lit, per_px).astype(np.float32))
    return np.stack(out)


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """The skies of a composite's days over some pixels (y, x)."""

    clear_yx: npt.NDArray[np.int64]
    """On how many days neither cloud nor shadow lay on the pixel."""
    tau_yx: F32
    """Optical thickness of the water clouds on the clearest day, of the ice clouds, and light below them."""
    cirrus_yx: F32
    lit_yx: F32


def sun_of(frame: SinusoidFrame, day: date, *, noon: bool = False) -> Sun:
    """Return the sun at half past ten, or at noon, over the middle of a frame's tile; its pixels share it."""
    lat = 90 - (frame.v + 0.5) * 180 / TILE_ROWS
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=12 if noon else 10.5)
    zenith, azimuth = sun_angles(0.0, lat, moment)
    return Sun(min(float(zenith), 84.0), float(azimuth))


def looks_of(skies: Iterable[Sky]) -> Looks:
    """Return what is left of the skies of some days, at least one."""
    found: Looks | None = None
    for sky in skies:
        clear = (sky.classes() == CLEAR).astype(np.int64)
        if found is None:
            found = Looks(clear, sky.tau_yx, sky.cirrus_yx, sky.lit_yx)
            continue
        better = sky.tau_yx + sky.cirrus_yx < found.tau_yx + found.cirrus_yx
        found = Looks(
            found.clear_yx + clear,
            np.where(better, sky.tau_yx, found.tau_yx),
            np.where(better, sky.cirrus_yx, found.cirrus_yx),
            np.where(better, sky.lit_yx, found.lit_yx),
        )
    if found is None:
        raise MisuseError("MODIS composite", expected="at least one day", got="none")
    return found


def composite(
    frame: SinusoidFrame,
    ground: Ground,
    looks: Looks,
    bands: Sequence[str],
    *,
    sun: Sun,
    table: BandTable | None = None,
    laid: Laid | None = None,
) -> dict[str, F32]:
    """Return the surface (y, x) where a day was clear, elsewhere what the clearest day's clouds show of it.

    `ground` is that of the frame's parts, `looks` has one pixel more on each side than the frame. `table`:
    other responses than those of MODIS; `laid`: a shift that lasts for all days.
    """
    inner, table = (slice(1, -1), slice(1, -1)), table or band_table("MODIS")
    clear = surface(ground, bands, sun=sun, per_px=parts_along(frame), table=table)
    found = dict(zip(bands, clear, strict=True))
    hidden = looks.clear_yx[inner] == 0
    touched = hidden if laid is None else hidden | (laid.share_yx > 0)
    if not touched.any():
        return found
    air = optics("MODIS", sun.zenith_deg, _AIR)
    lit, even = looks.lit_yx[inner], np.ones(hidden.shape, np.float32)
    sky = Sky(looks.tau_yx[inner], looks.cirrus_yx[inner], lit, lit, even)
    for band, below in found.items():
        at, nm = air.band(band), float(table.centre_nm[table.names.index(band)])
        top = np.asarray(toa(below, below, at), np.float32)
        veiled = through(top, sky, at=at, wavelength_nm=nm, sun_zenith_deg=sun.zenith_deg)
        seen = np.where(hidden, veiled, top)
        if laid is not None:
            seen = laid.over(seen, centre_nm=nm)
        below[touched] = boa(seen[touched], at)
    return found


def reliability(surface: Mapping[str, F32], clear_yx: npt.NDArray[np.int64]) -> U8:
    """Return GOOD, MARGINAL, SNOW or CLOUDY for each pixel (y, x), given M2, M4 and M6.

    `clear_yx`: days without cloud, one pixel more on each side. CLOUDY without any such day, MARGINAL with
    one, or beside a pixel without. SNOW by the snow index > .4 and near infrared > .11 (Hall and others
    1995, doi:10.1016/0034-4257(95)00137-P).
    """
    nir, green, swir = (surface[k] for k in ("M2", "M4", "M6"))
    wide = tuple(n + 2 for n in nir.shape)
    if clear_yx.shape != wide:
        raise MisuseError("clouds of a composite", expected=str(wide), got=str(clear_yx.shape))
    own = clear_yx[1:-1, 1:-1]
    snow = ((green - swir) > 0.4 * np.maximum(green + swir, 1e-6)) & (nir > 0.11)
    rules = ((own == 0, CLOUDY), (snow, SNOW), (_near(clear_yx == 0) | (own == 1), MARGINAL))
    return np.select([r[0] for r in rules], [r[1] for r in rules], GOOD).astype(np.uint8)


def _near(wide: Bool) -> Bool:
    """Return the inner pixels of a mask that are in it or touch one that is."""
    height, width = (n - 2 for n in wide.shape)
    return np.logical_or.reduce([wide[y : y + height, x : x + width] for y in range(3) for x in range(3)])


def land_cover(frame: SinusoidFrame, cover_yx: U8, *, per_px: int, conifer_yx: F32 | None = None) -> U8:
    """Return the true IGBP class of each pixel (y, x) by the covers of its parts; 255 off the Earth.

    `cover_yx`: codes of ESA WorldCover of the parts; `conifer_yx` (y, x of pixels):
    share of needles among trees, by latitude if not given. The first rule that holds, after the user guide
    of MCD12Q1 (Sulla-Menashe and Friedl 2018) as far as shares go: half water or snow, 30 % built, half
    wetland, 60 % bare, 60 % trees, 60 and 40 % crops, 30 % trees, 60 and 30 % shrubs, 10 % trees; else grass.
    """
    expected = tuple(n * per_px for n in frame.shape)
    if cover_yx.shape != expected:
        raise MisuseError("parts of a land cover", expected=str(expected), got=str(cover_yx.shape))
    share = {c: area_mean((cover_yx == c).astype(np.float32), per_px) for c in Cover}
    trees = share[Cover.TREES] + share[Cover.MANGROVE]
    crops, shrubs = share[Cover.CROP], share[Cover.SHRUB]
    points = frame.points()
    rules = (
        (share[Cover.WATER] >= 0.5, Igbp.WATER),
        (share[Cover.SNOW] >= 0.5, Igbp.SNOW),
        (share[Cover.BUILT] >= 0.3, Igbp.URBAN),
        (share[Cover.WETLAND] >= 0.5, Igbp.WETLAND),
        (share[Cover.BARE] >= 0.6, Igbp.BARREN),
        (trees >= 0.6, _forest(points, conifer_yx)),
        (crops >= 0.6, Igbp.CROPLAND),
        (crops >= 0.4, Igbp.MOSAIC),
        (trees >= 0.3, Igbp.WOODY_SAVANNA),
        (shrubs >= 0.6, Igbp.CLOSED_SHRUB),
        (shrubs + share[Cover.MOSS] >= 0.3, Igbp.OPEN_SHRUB),
        (trees >= 0.1, Igbp.SAVANNA),
    )
    found = np.select([r[0] for r in rules], [r[1] for r in rules], Igbp.GRASSLAND)
    return np.where(frame.on_earth(), found, 255).astype(np.uint8)


def land_cover_map(frame: SinusoidFrame, land: Land, made: Scenery, seed: int) -> U8:
    """Return the land cover (y, x) of a year as a map has it, wrong labels included; floods are no water."""
    cover = np.where(made.flooded_yx, land.cover_yx, made.cover_yx)
    per_px = parts_along(frame)
    needles = area_mean(land.wild.conifer_yx, per_px).astype(np.float32)
    return mistaken(frame, land_cover(frame, cover, per_px=per_px, conifer_yx=needles), seed)


def _forest(points: Points, conifer_yx: F32 | None) -> npt.NDArray[np.int64]:
    far = np.abs(points.lat_deg)
    needles = (far > _COLD_DEG) * 0.9 if conifer_yx is None else conifer_yx
    broad = np.where(far < _TROPIC_DEG, Igbp.EVERGREEN_BROAD, Igbp.DECIDUOUS_BROAD)
    return np.select([needles > 0.6, needles > 0.4], [Igbp.EVERGREEN_NEEDLE, Igbp.MIXED_FOREST], broad)


def mistaken(frame: SinusoidFrame, class_yx: U8, seed: int, *, share: float = ERROR_SHARE) -> U8:
    """Return a land cover map (y, x) in which about that share of the labels is wrong, in blobs of some km.

    A wrong label is one of the two LOOKALIKES of the right one, the same over a blob; single pixels too are
    wrong, a quarter of all errors. A function of place and seed; 255 stays.
    """
    if not 0 <= share <= 0.5:
        raise MisuseError("errors of a land cover", expected="a share of 0 to 0.5", got=str(share))
    points = frame.points()
    field = points.fractal(_BLOB_M, seed, octaves=4, gain=0.6)
    rank = 1 / (1 + np.exp(-1.702 * field))
    row = frame.v * frame.tile_px + frame.row0 + np.arange(frame.height)
    col = frame.h * frame.tile_px + frame.col0 + np.arange(frame.width)
    single = uniform(seed + 1, row[:, None], col[None, :])
    wrong = (rank < 0.75 * share) | (single < 0.25 * share / (1 - 0.75 * share))
    second = points.fractal(2 * _BLOB_M, seed + 2, octaves=2) > 0
    table = np.arange(256, dtype=np.uint8)[None, :].repeat(2, axis=0)
    for code, others in LOOKALIKES.items():
        table[:, code] = others
    return np.where(wrong, table[second.astype(np.intp), class_yx], class_yx).astype(np.uint8)
