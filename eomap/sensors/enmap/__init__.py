"""What EnMAP items mean: bands by wavelength, their codes, quality rasters. No I/O."""

from types import MappingProxyType

from eomap.core.sensor import Sensor
from eomap.sensors.enmap.bands import CENTRE_NM, FWHM_NM, KEPT, NO_LIGHT, PIXEL_M
from eomap.sensors.enmap.scenes import (
    MASKS,
    SCALE,
    clear,
    coded,
    mask_bands,
    newest_version,
    scenes_of,
    to_scene,
)

SENSOR = Sensor(
    name="enmap",
    title="EnMAP",
    collections=("enmap",),
    bands=MappingProxyType(dict.fromkeys(CENTRE_NM, PIXEL_M)),
    default_bands=KEPT,
    step=3,
    quantity="reflectance",
    scale=SCALE,
    offset=0.0,
    unit="1",
    masks=MASKS,
    methods=("median", "mean", "p10", "p25", "p75", "p90", "latest"),
    scenes_of=scenes_of,
    coded=coded,
    mask_bands=mask_bands,
    clear=clear,
    margin_px=lambda _, __: 0,
    origin_m=15,  # pixel centres, not corners, lie at multiples of 30 m
)
SENSORS = (SENSOR,)

__all__ = [
    "CENTRE_NM",
    "FWHM_NM",
    "KEPT",
    "NO_LIGHT",
    "SENSOR",
    "SENSORS",
    "clear",
    "coded",
    "mask_bands",
    "newest_version",
    "scenes_of",
    "to_scene",
]
