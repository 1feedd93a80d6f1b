"""Which pixels of one Sentinel-2 scene show the ground: clear-sky masks, True where clear.

`dn` is a mapping from band name to a (y, x) uint16 array at 10 m, reflectance x 10000 with any offset
already removed, 0 for nodata; coarser bands are repeated to 10 m. Nothing here looks at a whole scene:
a pixel's answer depends on the pixels within `MARGIN_PX` of it, so frames may be read in blocks (cut at
multiples of 10 px). docs/explanation/cloud-masks.md gives the rule's figures on real scenes.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.sensors.boxes import box_sum, dilate, erode

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]
Bands = Mapping[str, U16]

METHODS = ("auto", "scl", "spectral", "s2cloudless", "none")
MARGIN_PX = 40
"""Beyond this distance no pixel changes any mask: 4 + 2 cells of s2cloudless are 30 px, the rule's 12."""

SCL_CLEAR = (2, 4, 5, 6, 7, 11)
"""Scene classes taken as clear: vegetation, bare, water, snow, and two that need a reason.

2 (dark area; topographic shadow since baseline 04.00) and 7 (unclassified) are mostly roofs, asphalt, dark
soil and shaded slopes: the same pixels in every look, so that leaving them out would punch permanent
holes into cities. Not clear: 0 nodata, 1 saturated, 3 cloud shadow, 8 and 9 cloud, 10 thin cirrus.
"""

SPECTRAL_BANDS = ("B02", "B03", "B04", "B08", "B11")
S2CLOUDLESS_BANDS = ("B01", "B02", "B04", "B05", "B08", "B8A", "B09", "B10", "B11", "B12")
S2CLOUDLESS_CELL_PX = 5
"""s2cloudless sees 50 m cells, near its usual 60 m: 5 px divide the 100 m that frames align to."""

_SMOOTH_PX, _OPEN_PX, _BUFFER_PX = 2, 2, 6
_RULE_MARGIN_PX = _SMOOTH_PX + 2 * _OPEN_PX + _BUFFER_PX
_STRIP_ROWS = 256

# Thresholds are reflectance x 10000 and integer ratios, so that the same pixels give the same bits.
_CLEAR_LINE = MappingProxyType({"L1C": 1190, "L2A": 800})
_BLUE_OVER_RED_TENTHS = MappingProxyType({"L1C": 9, "L2A": 8})
_HOT_CLOUD, _HOT_CIRRUS, _CIRRUS, _BRIGHT_NIR, _SNOW_NIR = 850, 600, 25, 3000, 1100


def clear_mask(dn: Bands, scl_yx: U8 | None, *, level: str, method: str) -> tuple[Bool, str]:
    """Return the clear mask (y, x) and the method that made it.

    `auto` takes the scene classification where there is one (`scl_yx` at 10 m), else the spectral rule.
    `none` calls every pixel clear that is nonzero in all bands of `dn`. Raises MisuseError on an unknown
    method or level, on `scl` without a classification and on what the methods themselves refuse.
    """
    if method not in METHODS:
        raise MisuseError("cloud mask", expected=" or ".join(METHODS), got=repr(method))
    used = ("spectral" if scl_yx is None else "scl") if method == "auto" else method
    if used == "scl":
        if scl_yx is None:
            raise MisuseError("cloud mask scl", expected="a scene with SCL", got="none", hint="use auto")
        return scl_clear(scl_yx) & _seen(dn, tuple(dn)), used
    if used == "spectral":
        return clear_by_spectrum(dn, level), used
    if used == "s2cloudless":
        return clear_by_s2cloudless(dn, level), used
    return _seen(dn, tuple(dn)), used


def bands_needed(level: str, method: str) -> tuple[str, ...]:
    """Return the bands that a method reads; SCL among them is taken only where the scene has it.

    >>> bands_needed("L1C", "auto")
    ('B02', 'B03', 'B04', 'B08', 'B11', 'B10')
    """
    _vet_level(level)
    spectral = (*SPECTRAL_BANDS, "B10") if level == "L1C" else SPECTRAL_BANDS
    automatic = (*spectral, "SCL") if level == "L2A" else spectral
    needed = {
        "auto": automatic,
        "scl": ("SCL",),
        "spectral": spectral,
        "s2cloudless": S2CLOUDLESS_BANDS,
        "none": (),
    }
    if method not in needed:
        raise MisuseError("cloud mask", expected=" or ".join(METHODS), got=repr(method))
    return needed[method]


def scl_clear(scl_yx: U8) -> Bool:
    """Return True where the scene classification (Sen2Cor) names one of `SCL_CLEAR`."""
    return _SCL_CLEAR[scl_yx.astype(np.uint8, copy=False)]


_SCL_CLEAR = np.isin(np.arange(256), SCL_CLEAR)


def clear_by_spectrum(dn: Bands, level: str) -> Bool:
    """Return True (y, x) where the spectrum shows no cloud: the rule for scenes without classification.

    Bands are averaged over 5 x 5 seen pixels. Cloud, then, is
    - hazy: blue minus 0.3 red above .119 (L1C) or .080 (L2A), and on L1C blue minus half of red above .085,
      the haze-optimised transform's clear line (Zhu and Woodcock 2012, doi:10.1016/j.rse.2011.10.028);
    - no redder than white: blue above .9 (L1C) or .8 (L2A) of red, which spares soil, sand and roofs;
    - no snow or water: NDSI below .4 (same source), and NDVI above .07 or near infrared above .3;
    or, on L1C, cirrus: B10 above .0025 with a haze transform above .06, NDSI above -.29 and no snow (NDSI
    above .4 on a near infrared above .11). Dry high ground shines in B10 too, hence the other two tests.
    What is narrower than 5 pixels is dropped, what remains grows by 6 pixels. Cloud shadow is not sought.
    B10 is used when `dn` has it. Raises MisuseError where a band is missing.
    """
    _vet_level(level)
    names = (*SPECTRAL_BANDS, "B10") if level == "L1C" and "B10" in dn else SPECTRAL_BANDS
    _vet_bands(dn, names)
    return _in_strips({n: dn[n] for n in names}, lambda part: _clear_strip(part, level))


def clear_by_s2cloudless(dn: Bands, level: str) -> Bool:
    """Return True (y, x) where s2cloudless sees no cloud; L1C only, package `s2cloudless` needed.

    Probability on 50 m cells (means of seen pixels), averaged over a disk of 4 cells, cut at .4, grown
    by 2 cells: its authors' settings for coarse pixels (Sentinel Hub cloud detector). Raises MisuseError
    on L2A, where a band is missing, and where the package is not installed.
    """
    _vet_level(level)
    if level != "L1C":
        raise MisuseError(
            "cloud mask s2cloudless", expected="L1C, for which it was trained", got=level, hint="auto"
        )
    _vet_bands(dn, S2CLOUDLESS_BANDS)
    try:
        from s2cloudless import S2PixelCloudDetector
    except ImportError:
        raise MisuseError(
            "cloud mask s2cloudless",
            expected="the package s2cloudless",
            got="none",
            hint="pip install 'eomap[s2cloudless]'",
        ) from None
    seen_yx = _seen(dn, S2CLOUDLESS_BANDS)
    count = np.maximum(_cell_sum(seen_yx), 1)
    cells = np.stack([_cell_sum(np.where(seen_yx, dn[n], 0)) / count for n in S2CLOUDLESS_BANDS], axis=-1)
    detector = S2PixelCloudDetector(threshold=0.4, average_over=4, dilation_size=2)
    cloud_rc = detector.get_cloud_masks(cells[None] / 10_000, num_threads=1)[0].astype(bool)
    height, width = seen_yx.shape
    cloud_yx = np.kron(cloud_rc, np.ones((S2CLOUDLESS_CELL_PX,) * 2, bool))[:height, :width]
    return seen_yx & ~cloud_yx


def _clear_strip(dn: Bands, level: str) -> Bool:
    seen = _seen(dn, tuple(dn))
    opaque = erode(_cloudy(dn, seen, level) | ~seen, _OPEN_PX) & seen
    return seen & ~dilate(opaque, _OPEN_PX + _BUFFER_PX)


def _cloudy(dn: Bands, seen: Bool, level: str) -> Bool:
    """Compare box sums instead of means: whole numbers, so that no rounding depends on the cut."""
    s = {name: box_sum(np.where(seen, band, 0), _SMOOTH_PX).astype(np.int64) for name, band in dn.items()}
    n = box_sum(seen, _SMOOTH_PX).astype(np.int64)
    blue, green, red, nir, swir = (s[name] for name in SPECTRAL_BANDS)
    ndsi_low = 3 * green < 7 * swir
    land = (93 * nir > 107 * red) | (nir > _BRIGHT_NIR * n)
    white = 10 * blue > _BLUE_OVER_RED_TENTHS[level] * red
    cloud = (10 * blue - 3 * red > 10 * _CLEAR_LINE[level] * n) & white & ndsi_low & land
    if level == "L1C":
        cloud &= 2 * blue - red > 2 * _HOT_CLOUD * n
    if "B10" in s:
        snow = ~ndsi_low & (nir > _SNOW_NIR * n)
        moist = 129 * green > 71 * swir
        cloud |= (s["B10"] > _CIRRUS * n) & (2 * blue - red > 2 * _HOT_CIRRUS * n) & moist & ~snow
    return cloud


def _in_strips(dn: Bands, clear: Callable[[Bands], Bool]) -> Bool:
    """Bound the memory: rows in strips with a margin give the same mask as the whole."""
    height, width = next(iter(dn.values())).shape
    mask = np.empty((height, width), bool)
    for row in range(0, height, _STRIP_ROWS):
        first, last = max(row - _RULE_MARGIN_PX, 0), min(row + _STRIP_ROWS + _RULE_MARGIN_PX, height)
        part = clear({name: band[first:last] for name, band in dn.items()})
        mask[row : row + _STRIP_ROWS] = part[row - first : row - first + _STRIP_ROWS]
    return mask


def _cell_sum(value_yx: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    side = S2CLOUDLESS_CELL_PX
    height, width = value_yx.shape
    padded = np.pad(value_yx, ((0, -height % side), (0, -width % side)))
    return padded.reshape(-(-height // side), side, -(-width // side), side).sum(axis=(1, 3), dtype=np.int64)


def _seen(dn: Bands, names: tuple[str, ...]) -> Bool:
    # B10 is so dark over wet ground that a true 0 is common there: it never says nodata.
    return np.logical_and.reduce([dn[name] > 0 for name in names if name != "B10"])


def _vet_level(level: str) -> None:
    if level not in _CLEAR_LINE:
        raise MisuseError("cloud mask", expected="level L1C or L2A", got=repr(level))


def _vet_bands(dn: Bands, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in dn]
    shapes = {dn[name].shape for name in names if name in dn}
    if missing or len(shapes) != 1 or any(len(shape) != 2 for shape in shapes):
        got = f"no {', '.join(missing)}" if missing else f"shapes {sorted(shapes)}"
        raise MisuseError("cloud mask", expected=f"bands {', '.join(names)} on one (y, x)", got=got)
