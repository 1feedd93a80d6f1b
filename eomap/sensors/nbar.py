"""Reflectance as if seen from straight above (NBAR): the c-factor of Sentinel-2's bands.

One set of weights for all land, from MODIS: Roy and others 2016, doi 10.1016/j.rse.2016.01.023; for
Sentinel-2 the same, 2017, doi 10.1016/j.rse.2017.06.019, and its red edge doi 10.3390/rs9121325. The sun
stays where it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.brdf import relative_to_nadir

U16 = npt.NDArray[np.uint16]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """Reflectance = iso + vol x Ross-Thick + geo x Li-Sparse-Reciprocal, unitless."""

    iso: float
    geo: float
    vol: float


WEIGHTS: Mapping[str, Weights] = {
    "B02": Weights(0.0774, 0.0079, 0.0372),
    "B03": Weights(0.1306, 0.0178, 0.0580),
    "B04": Weights(0.1690, 0.0227, 0.0574),
    "B05": Weights(0.2085, 0.0256, 0.0845),
    "B06": Weights(0.2316, 0.0273, 0.1003),
    "B07": Weights(0.2599, 0.0294, 0.1197),
    "B08": Weights(0.3093, 0.0330, 0.1535),
    "B11": Weights(0.3430, 0.0453, 0.1154),
    "B12": Weights(0.2658, 0.0387, 0.0639),
}
"""By band; none were published for B01, B8A, B09 and B10."""


def c_factor(
    band: str,
    *,
    sun_zenith_deg: npt.ArrayLike,
    view_zenith_deg: npt.ArrayLike,
    relative_azimuth_deg: npt.ArrayLike,
) -> F64:
    """Return what to multiply a band's reflectance by; arrays broadcast. Raises MisuseError on other bands.

    >>> factor = c_factor("B08", sun_zenith_deg=45, view_zenith_deg=10, relative_azimuth_deg=140)
    >>> round(float(factor), 4)
    1.0425
    """
    if band not in WEIGHTS:
        raise MisuseError("NBAR", expected=f"one of {', '.join(WEIGHTS)}", got=band)
    weights = WEIGHTS[band]
    seen = relative_to_nadir(
        sun_zenith_deg,
        view_zenith_deg,
        relative_azimuth_deg,
        iso=weights.iso,
        vol=weights.vol,
        geo=weights.geo,
    )
    return 1 / seen


def to_nadir(code_yx: U16, factor_yx: npt.ArrayLike) -> U16:
    """Return codes times their c-factor, rounded half up and kept within 1 to 65535; 0 stays 0.

    Codes have to be proportional to reflectance.

    >>> to_nadir(np.array([0, 1000], np.uint16), 1.0425).tolist()
    [0, 1043]
    """
    scaled = np.clip(np.floor(code_yx * np.asarray(factor_yx, np.float64) + 0.5), 1, 65_535)
    return np.where(code_yx > 0, scaled, 0).astype(np.uint16)
