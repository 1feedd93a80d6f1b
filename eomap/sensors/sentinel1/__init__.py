"""What Sentinel-1 items mean: polarisations, units, orbits, deliveries, borders. No I/O."""

from eomap.core.sensor import Sensor
from eomap.sensors.sentinel1 import border
from eomap.sensors.sentinel1.border import border_noise
from eomap.sensors.sentinel1.decibels import OFFSET, SCALE, coded, meaning_of, unit_doubt
from eomap.sensors.sentinel1.names import BANDS, asset_names, level_of, orbit_of, platform_of
from eomap.sensors.sentinel1.scenes import newest_delivery, scenes_of, to_scene

SENSOR = Sensor(
    name="sentinel-1",
    title="Sentinel-1",
    collections=("sentinel-1-rtc", "sentinel1-rtc", "s1_rtc", "sentinel-1-grd", "sentinel1-grd"),
    bands=BANDS,
    default_bands=("VV", "VH"),
    step=1,
    quantity="backscatter",
    scale=SCALE,
    offset=OFFSET,
    unit="dB",
    masks=border.MASKS,
    methods=("mean", "median", "p10", "p25", "p75", "p90", "latest"),
    scenes_of=scenes_of,
    coded=coded,
    mask_bands=border.mask_bands,
    clear=border.clear,
    margin_px=border.margin_px,
    doubt=lambda scene, darkest: unit_doubt(darkest, scene.bands),
)
SENSORS = (SENSOR,)

__all__ = [
    "BANDS",
    "OFFSET",
    "SCALE",
    "SENSOR",
    "SENSORS",
    "asset_names",
    "border_noise",
    "coded",
    "level_of",
    "meaning_of",
    "newest_delivery",
    "orbit_of",
    "platform_of",
    "scenes_of",
    "to_scene",
    "unit_doubt",
]
