"""Maps of land cover as sensors: names of classes, taken whole, the latest map first. No I/O.

Codes are the classes of the map itself. Classes have no mean and no median: the only method is `latest`.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.sensor import U16, Ask, Sensor
from eomap.core.source import Band, Item, Scene
from eomap.sensors.auxiliary import clear_where_seen, no_mask_bands, scenes_by
from eomap.sensors.modis.igbp import IGBP, igbp_codes

WORLDCOVER: Mapping[int, str] = MappingProxyType(
    {
        10: "tree cover", 20: "shrubland", 30: "grassland", 40: "cropland", 50: "built-up",
        60: "bare or sparse vegetation", 70: "snow and ice", 80: "permanent water", 90: "herbaceous wetland",
        95: "mangroves", 100: "moss and lichen",
    }
)  # fmt: skip
"""Classes of ESA WorldCover (product user manual 2.0); 0 is nodata."""
_KNOWN = np.zeros(256, np.uint16)
_KNOWN[list(WORLDCOVER)] = list(WORLDCOVER)


def worldcover_codes(raw_yx: npt.NDArray[Any], band: Band) -> U16:
    """Return the classes of WorldCover (y, x), 0 for numbers that are none."""
    return _KNOWN[np.asarray(raw_yx).astype(np.uint8)]


def _igbp(raw_yx: npt.NDArray[Any], band: Band) -> U16:
    return igbp_codes(raw_yx, "MCD12Q1")


def _maps_of(
    assets: Sequence[str], nodata: float
) -> Callable[[Sequence[Item], Ask], tuple[list[Scene], list[str]]]:
    return scenes_by(assets, lambda name, asset: Band(name, asset.href, 1.0, 0.0, nodata, categorical=True))


def _map(
    name: str,
    title: str,
    collections: tuple[str, ...],
    *,
    asset: str,
    nodata: float,
    pixel_m: float,
    step: int,
    coded: Callable[[npt.NDArray[Any], Band], U16],
) -> Sensor:
    """Return the sensor of one map of classes."""
    return Sensor(
        name=name,
        title=title,
        collections=collections,
        bands=MappingProxyType({"class": pixel_m}),
        default_bands=("class",),
        step=step,
        quantity="land_cover",
        scale=1.0,
        offset=0.0,
        unit="class",
        masks=("auto", "none"),
        methods=("latest",),
        scenes_of=_maps_of((asset,), nodata),
        coded=coded,
        mask_bands=no_mask_bands,
        clear=clear_where_seen,
        margin_px=lambda _, __: 0,
    )


SENSORS = (
    _map(
        "worldcover",
        "ESA WorldCover",
        ("worldcover",),
        asset="map",
        nodata=0.0,
        pixel_m=10.0,
        step=1,
        coded=worldcover_codes,
    ),
    _map(
        "modis-12q1",
        "MODIS land cover, IGBP",
        ("modis-12q1", "mcd12q1"),
        asset="LC_Type1",
        nodata=255.0,
        pixel_m=463.312717,
        step=50,
        coded=_igbp,
    ),
)

__all__ = ["IGBP", "SENSORS", "WORLDCOVER", "worldcover_codes"]
