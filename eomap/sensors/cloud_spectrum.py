"""The spectral rule: which pixels are cloud by their colour alone, True where clear.

`dn` is as in `sensors.cloudmask`. docs/explanation/cloud-masks.md gives the rule's figures on real scenes.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.sensors.boxes import box_sum, dilate, erode

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]
Bands = Mapping[str, U16]

SPECTRAL_BANDS = ("B02", "B03", "B04", "B08", "B11")
_SMOOTH_PX, _OPEN_PX, _BUFFER_PX = 2, 2, 6
MARGIN_PX = _SMOOTH_PX + 2 * _OPEN_PX + _BUFFER_PX
_STRIP_ROWS = 256

# Thresholds are reflectance x 10000 and integer ratios, so that the same pixels give the same bits.
_CLEAR_LINE = MappingProxyType({"L1C": 1190, "L2A": 800})
_BLUE_OVER_RED_TENTHS = MappingProxyType({"L1C": 9, "L2A": 8})
_HOT_CLOUD, _HOT_CIRRUS, _CIRRUS, _BRIGHT_NIR, _SNOW_NIR = 850, 600, 25, 3000, 1100


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
    vet_level(level)
    names = (*SPECTRAL_BANDS, "B10") if level == "L1C" and "B10" in dn else SPECTRAL_BANDS
    vet_bands(dn, names)
    return _in_strips({n: dn[n] for n in names}, lambda part: _clear_strip(part, level))


def _clear_strip(dn: Bands, level: str) -> Bool:
    there = has_data(dn, tuple(dn))
    opaque = erode(_cloudy(dn, there, level) | ~there, _OPEN_PX) & there
    return there & ~dilate(opaque, _OPEN_PX + _BUFFER_PX)


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
        first, last = max(row - MARGIN_PX, 0), min(row + _STRIP_ROWS + MARGIN_PX, height)
        part = clear({name: band[first:last] for name, band in dn.items()})
        mask[row : row + _STRIP_ROWS] = part[row - first : row - first + _STRIP_ROWS]
    return mask


def has_data(dn: Bands, names: tuple[str, ...]) -> Bool:
    """Return True (y, x) where all of these bands hold data."""
    # B10 is so dark over wet ground that a true 0 is common there: it never says nodata.
    return np.logical_and.reduce([dn[name] > 0 for name in names if name != "B10"])


def vet_level(level: str) -> None:
    """Raise MisuseError on any level but L1C and L2A."""
    if level not in _CLEAR_LINE:
        raise MisuseError("cloud mask", expected="level L1C or L2A", got=repr(level))


def vet_bands(dn: Bands, names: tuple[str, ...]) -> None:
    """Raise MisuseError where one of these bands is missing or has another shape."""
    missing = [name for name in names if name not in dn]
    shapes = {dn[name].shape for name in names if name in dn}
    if missing or len(shapes) != 1 or any(len(shape) != 2 for shape in shapes):
        got = f"no {', '.join(missing)}" if missing else f"shapes {sorted(shapes)}"
        raise MisuseError("cloud mask", expected=f"bands {', '.join(names)} on one (y, x)", got=got)
