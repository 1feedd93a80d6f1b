"""What Sentinel-2 items mean: bands, levels, the +1000 offset, scenes, clear looks. No I/O."""

from eomap.sensors.sentinel2.names import BANDS, LCZ_BANDS, SCENE_CLASS, asset_names, baseline_of, level_of
from eomap.sensors.sentinel2.offset import OffsetDecision, offset_doubt, offset_of
from eomap.sensors.sentinel2.scenes import reflectance_dn, to_scene
from eomap.sensors.sentinel2.sensor import SENSOR
from eomap.sensors.sentinel2.twins import newest_baseline, tile_of

SENSORS = (SENSOR,)

__all__ = [
    "BANDS",
    "LCZ_BANDS",
    "SCENE_CLASS",
    "SENSORS",
    "OffsetDecision",
    "asset_names",
    "baseline_of",
    "level_of",
    "newest_baseline",
    "offset_doubt",
    "offset_of",
    "reflectance_dn",
    "tile_of",
    "to_scene",
]
