"""Spectra that masks take for cloud shadow too easily: snow in the shade, and water.

`dn` is as in `sensors.cloudmask`; whole numbers only. Axis letters: y row, x column.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]
_SNOW_GREEN, _SNOW_NIR, _WATER_SWIR = 1_000, 1_100, 500


def is_snow(dn: Mapping[str, U16]) -> Bool:
    """Return True (y, x) where the spectrum is that of snow or bright ice, in the sun or not.

    NDSI above .4, green above .10 and near infrared above .11 (Hall and others 1995,
    doi:10.1016/0034-4257(95)00137-P).
    """
    green, swir = dn["B03"].astype(np.int64), dn["B11"].astype(np.int64)
    return (3 * green > 7 * swir) & (green > _SNOW_GREEN) & (dn["B08"] > _SNOW_NIR)


def is_water(dn: Mapping[str, U16]) -> Bool:
    """Return True (y, x) where the spectrum is that of water, in the sun or not.

    NDWI above .1 (McFeeters 1996, doi:10.1080/01431169608948714) less than .05 at 1.6 um and
    less than .11 in the near infrared, which snow exceeds even in the shade.
    """
    green, nir = dn["B03"].astype(np.int64), dn["B08"].astype(np.int64)
    return (9 * green > 11 * nir) & (dn["B11"] < _WATER_SWIR) & (dn["B08"] < _SNOW_NIR)
