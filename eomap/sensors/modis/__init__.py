"""What MODIS items mean: products on the sinusoidal grid, valid numbers, quality bits, land cover. No I/O."""

from types import MappingProxyType

from eomap.core.sensor import Sensor
from eomap.sensors.modis.igbp import IGBP, igbp_codes
from eomap.sensors.modis.kinds import DAILY, INDICES, NADIR, SCALE, SURFACE, Kind
from eomap.sensors.modis.scenes import MASKS, clear, coded, mask_bands, platform_of, scenes_of, to_scene


def _sensor(kind: Kind) -> Sensor:
    return Sensor(
        name=f"modis-{kind.key.lower()}",
        title=kind.title,
        collections=(f"modis-{kind.key.lower()}", f"mod{kind.key.lower()}", f"mcd{kind.key.lower()}"),
        bands=MappingProxyType(dict.fromkeys(kind.bands, kind.pixel_m)),
        default_bands=kind.default_bands,
        step=kind.step,
        quantity=kind.quantity,
        scale=SCALE,
        offset=kind.offset,
        unit=kind.unit,
        masks=MASKS,
        methods=("median", "mean", "p10", "p25", "p75", "p90", "latest"),
        scenes_of=scenes_of(kind),
        coded=coded(kind),
        mask_bands=mask_bands,
        clear=clear(kind),
        margin_px=lambda _, __: 0,
    )


SENSORS = tuple(_sensor(kind) for kind in (INDICES, SURFACE, DAILY, NADIR))

__all__ = [
    "DAILY",
    "IGBP",
    "INDICES",
    "NADIR",
    "SENSORS",
    "SURFACE",
    "Kind",
    "igbp_codes",
    "platform_of",
    "to_scene",
]
