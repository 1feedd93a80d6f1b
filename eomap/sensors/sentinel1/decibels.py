"""What the numbers of a backscatter file mean, decided once per item, and their codes.

Providers deliver gamma or sigma nought in decibels, in linear power, or the amplitudes that the instrument
counted, and few say which. The first of these rules that applies decides, and its name goes into the
provenance:

1. The asset states a unit (`raster:bands`, STAC 1.1 `bands`, or on the asset): dB, power, or amplitude.
2. It does not, and the item is terrain corrected (RTC): linear power, as everyone but the odd archive
   delivers it (Planetary Computer, Indigo on AWS).
3. It does not, the item is a GRD and states a scale: amplitudes to be multiplied by it, then squared.
4. It does not, and the item is a GRD: the amplitudes of ESA's own product. They need its calibration tables,
   which are no rasters: the item is refused, with a word on where calibrated ones are.

A unit is a claim. Linear power is never negative and decibels over a whole scene nearly always are: files in
decibels said to be power are refused as they are read, and `unit_doubt` reports the opposite.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.source import Asset, Band
from eomap.errors import BrokenInputError

U16 = npt.NDArray[np.uint16]
SCALE, OFFSET = 0.001, -50.0
"""dB = code * SCALE + OFFSET: -49.999 to 15.535 dB; what lies beyond is held at the end."""
DB, POWER, AMPLITUDE = "dB", "", "amplitude"
_UNITS = {
    "db": DB, "decibel": DB, "decibels": DB,
    "linear": POWER, "power": POWER, "linear power": POWER, "intensity": POWER, "1": POWER, "unitless": POWER,
    "amplitude": AMPLITUDE, "dn": AMPLITUDE,
}  # fmt: skip
_UNMEASURED_DB = -100.0
"""No receiver hears that little: a fill that nobody declared."""
_OUTSIDE_DB = -32_768.0


@dataclass(frozen=True, slots=True)
class Meaning:
    """How numbers become backscatter: physical = number * scale + offset, in `unit`; and why."""

    unit: str
    scale: float
    offset: float
    nodata: float
    rule: str


def meaning_of(asset: Asset, *, level: str, where: str) -> Meaning:
    """Return what an asset's numbers mean, by the rules above; raise BrokenInputError where nothing."""
    said = asset.unit.strip().lower()
    if said and said not in _UNITS:
        raise BrokenInputError(where, expected="backscatter in dB, linear power or amplitude", got=asset.unit)
    scale, offset = asset.scale, asset.offset or 0.0
    if said:
        unit, rule = _UNITS[said], f"unit {asset.unit.strip()}"
    elif level == "RTC":
        unit, rule = POWER, "RTC without a unit: linear power"
    else:
        unit, rule = AMPLITUDE, "GRD with a scale: amplitude"
    if unit == AMPLITUDE and scale is None:
        raise BrokenInputError(
            where,
            expected="calibrated backscatter",
            got="amplitudes that the item gives no scale for",
            hint="a collection of terrain-corrected scenes (RTC), or GRD calibrated to sigma nought",
        )
    scale = 1.0 if scale is None else scale
    if not (math.isfinite(scale) and scale > 0):
        raise BrokenInputError(where, expected="a scale above 0", got=str(scale))
    # 0 dB is a measurement: what lies beyond a file must be filled with something that is none.
    outside = _OUTSIDE_DB if unit == DB and offset >= 0 else 0.0
    return Meaning(unit, scale, offset, outside if asset.nodata is None else asset.nodata, rule)


def coded(raw_yx: npt.NDArray[Any], band: Band) -> U16:
    """Return codes (y, x) of raw numbers: (dB + 50) * 1000, 1 to 65535; 0 where unseen.

    Unseen are NaN, infinity, the band's nodata, no power and less, and decibels below -100. Raises
    BrokenInputError where most of a file that should hold power is negative: those are decibels.
    """
    raw = np.asarray(raw_yx)
    value = raw.astype(np.float64) * band.scale + band.offset
    seen = np.isfinite(value)
    if band.nodata is not None:
        seen &= raw != band.nodata
    if band.unit != DB:
        if band.unit == POWER:
            _refuse_decibels(value, seen, band)
        seen &= value > 0
        value = np.where(seen, value, 1.0)
        value = (20 if band.unit == AMPLITUDE else 10) * np.log10(value)
    seen &= value >= _UNMEASURED_DB
    code = np.rint((np.where(seen, value, 0.0) - OFFSET) / SCALE)
    return np.where(seen, np.clip(code, 1, 65_535), 0).astype(np.uint16)


def _refuse_decibels(value: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_], band: Band) -> None:
    negative = int(np.count_nonzero(seen & (value < 0)))
    if 2 * negative > int(np.count_nonzero(seen)):
        raise BrokenInputError(
            f"band {band.name}",
            expected="linear power, as the item says or leaves to be understood",
            got="mostly negative numbers, as of decibels",
        )


def unit_doubt(darkest: Mapping[str, float], bands: tuple[Band, ...]) -> str | None:
    """Return one line where the darkest pixels contradict a unit, None where they do not.

    `darkest` holds, per band, a low percentile (0.1) of the raw valid numbers. A scene whose darkest
    thousandth lies at 0 dB does not exist; nor does negative power.
    """
    for band in bands:
        number = darkest.get(band.name, math.nan)
        if band.categorical or not math.isfinite(number):
            continue
        value = number * band.scale + band.offset
        if band.unit == DB and value >= 0:
            return f"{band.name} is said to be in dB, yet its darkest pixels are at {value:.3g}, as if power"
        if band.unit == POWER and value < 0:
            return f"{band.name} is taken for power, yet its darkest pixels are at {value:.3g}, as if dB"
    return None
