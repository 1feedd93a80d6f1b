"""What MODIS makes of the twin: reflectance seen from above, greenness, a land cover map with errors.

Values are means of parts of each pixel, as of an instrument that sees its square and nothing else: the
triangular response along the scan is left out. Axis letters: b band, y row (north to south), x column.
"""

from collections.abc import Callable, Mapping
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.twin.earth import F32, F64, Points, uniform
from eomap.twin.land import Cover
from eomap.twin.sinusoidal import Patch, area_mean, sinusoidal_points

I8 = npt.NDArray[np.int8]
I16 = npt.NDArray[np.int16]
U8 = npt.NDArray[np.uint8]
Surface = Callable[[Points, float], F32]
"""Reflectance (7 bands M1 to M7, y, x) of places, as seen by pixels of that many metres."""
SCALE, NBAR_FILL, NDVI_FILL = 1e-4, 32_767, -3_000
FILL, GOOD, MARGINAL, SNOW, CLOUDY = -1, 0, 1, 2, 3
"""Pixel reliability of MOD13Q1."""
ERROR_SHARE = 0.20
"""Share of wrong labels in a land cover map; MCD12Q1 is right in about 74 % of pixels (Sulla-Menashe and
others 2019, doi:10.1016/j.rse.2018.12.013), 15 to 25 % is what is offered."""
_RED, _NIR, _GREEN, _SWIR = 0, 1, 3, 5
"""Places of 645, 858, 555 and 1640 nm among M1 to M7."""
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


def nbar(patch: Patch, surface: Surface, *, per_px: int = 4) -> I16:
    """Return reflectance of M1 to M7 (b, y, x), 1e-4, NBAR_FILL off the Earth: as MCD43A4, without its QA."""
    mean, on_earth = _seen(patch, surface, per_px)
    return np.where(on_earth, _stored(mean, 0, 16_000), NBAR_FILL).astype(np.int16)


def ndvi(
    patch: Patch, surface: Surface, *, per_px: int = 4, cloud_yx: npt.NDArray[np.bool_] | None = None
) -> tuple[I16, I8]:
    """Return the vegetation index (y, x), 1e-4, NDVI_FILL off the Earth, and its pixel reliability.

    As MOD13Q1, of mean red and near infrared. `cloud_yx` marks pixels that no date showed free of clouds:
    they take the index of a cloud and CLOUDY, their neighbours are MARGINAL; it has one pixel more on each
    side. SNOW by the snow index > .4 and near infrared > .11 (Hall and others 1995,
    doi:10.1016/0034-4257(95)00137-P).
    """
    mean, on_earth = _seen(patch, surface, per_px)
    red, nir, green, swir = (mean[k] for k in (_RED, _NIR, _GREEN, _SWIR))
    index = (nir - red) / np.maximum(nir + red, 1e-6)
    snow = ((green - swir) > 0.4 * np.maximum(green + swir, 1e-6)) & (nir > 0.11)
    quality = np.where(snow, SNOW, GOOD)
    if cloud_yx is not None:
        wide = tuple(n + 2 for n in patch.shape)
        if cloud_yx.shape != wide:
            raise MisuseError("clouds of an index", expected=str(wide), got=str(cloud_yx.shape))
        quality = np.where(_near(cloud_yx) & (quality == GOOD), MARGINAL, quality)
        cloudy = cloud_yx[1:-1, 1:-1]
        index, quality = np.where(cloudy, 0.03, index), np.where(cloudy, CLOUDY, quality)
    stored = np.where(on_earth, _stored(index, -2_000, 10_000), NDVI_FILL)
    return stored.astype(np.int16), np.where(on_earth, quality, FILL).astype(np.int8)


def _seen(patch: Patch, surface: Surface, per_px: int) -> tuple[F64, npt.NDArray[np.bool_]]:
    points, on_earth = sinusoidal_points(patch, per_px=per_px)
    inside = area_mean(on_earth.astype(np.float64), per_px) > 0.5
    return area_mean(surface(points, patch.pixel_m / per_px), per_px), inside


def _stored(value: F64, low: int, high: int) -> F64:
    return np.clip(np.rint(value / SCALE), low, high)


def _near(wide: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the inner pixels of a mask that are in it or touch one that is."""
    height, width = (n - 2 for n in wide.shape)
    return np.logical_or.reduce([wide[y : y + height, x : x + width] for y in range(3) for x in range(3)])


def land_cover(patch: Patch, cover_yx: U8, *, per_px: int, conifer_yx: F32 | None = None) -> U8:
    """Return the true IGBP class of each pixel (y, x) by the covers of its parts; 255 off the Earth.

    `cover_yx`: codes of ESA WorldCover of the parts of `sinusoidal_points`; `conifer_yx` (y, x of pixels):
    share of needles among trees, by latitude if not given. The first rule that holds, after the user guide
    of MCD12Q1 (Sulla-Menashe and Friedl 2018) as far as shares go: half water or snow, 30 % built, half
    wetland, 60 % bare, 60 % trees, 60 and 40 % crops, 30 % trees, 60 and 30 % shrubs, 10 % trees; else grass.
    """
    expected = tuple(n * per_px for n in patch.shape)
    if cover_yx.shape != expected:
        raise MisuseError("parts of a land cover", expected=str(expected), got=str(cover_yx.shape))
    share = {c: area_mean((cover_yx == c).astype(np.float32), per_px) for c in Cover}
    trees = share[Cover.TREES] + share[Cover.MANGROVE]
    crops, shrubs = share[Cover.CROP], share[Cover.SHRUB]
    points, on_earth = sinusoidal_points(patch)
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
    return np.where(on_earth, found, 255).astype(np.uint8)


def _forest(points: Points, conifer_yx: F32 | None) -> npt.NDArray[np.int64]:
    far = np.abs(points.lat_deg)
    needles = (far > _COLD_DEG) * 0.9 if conifer_yx is None else conifer_yx
    broad = np.where(far < _TROPIC_DEG, Igbp.EVERGREEN_BROAD, Igbp.DECIDUOUS_BROAD)
    return np.select([needles > 0.6, needles > 0.4], [Igbp.EVERGREEN_NEEDLE, Igbp.MIXED_FOREST], broad)


def mistaken(patch: Patch, class_yx: U8, seed: int, *, share: float = ERROR_SHARE) -> U8:
    """Return a land cover map (y, x) in which about that share of the labels is wrong, in blobs of some km.

    A wrong label is one of the two LOOKALIKES of the right one, the same over a blob; single pixels too are
    wrong, a quarter of all errors. A function of place and seed; 255 stays.
    """
    if not 0 <= share <= 0.5:
        raise MisuseError("errors of a land cover", expected="a share of 0 to 0.5", got=str(share))
    points, _ = sinusoidal_points(patch)
    field = points.fractal(_BLOB_M, seed, octaves=4, gain=0.6)
    rank = 1 / (1 + np.exp(-1.702 * field))
    row, col = (np.arange(s.start, s.stop) for s in (patch.rows, patch.cols))
    single = uniform(
        seed + 1, (patch.v * patch.tile_px + row)[:, None], (patch.h * patch.tile_px + col)[None, :]
    )
    wrong = (rank < 0.75 * share) | (single < 0.25 * share / (1 - 0.75 * share))
    second = points.fractal(2 * _BLOB_M, seed + 2, octaves=2) > 0
    table = np.arange(256, dtype=np.uint8)[None, :].repeat(2, axis=0)
    for code, others in LOOKALIKES.items():
        table[:, code] = others
    return np.where(wrong, table[second.astype(np.intp), class_yx], class_yx).astype(np.uint8)
