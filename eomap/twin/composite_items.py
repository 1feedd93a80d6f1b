"""What the items of composites say: MODIS as in the Planetary Computer, the lights at night alike."""

from datetime import timedelta
from typing import Any

from eomap.twin.degrees import DegreeFrame
from eomap.twin.deliveries import AssetFile, Delivery, product_name
from eomap.twin.documents import utc
from eomap.twin.files import Raster
from eomap.twin.modis import Igbp
from eomap.twin.sinusoid import WKT
from eomap.twin.source import LAND_COVER, RADIANCE

Json = dict[str, Any]
_PLATFORMS = {"MOD": "terra", "MCD": "terra,aqua", "VNP": "suomi-npp"}
_COMMON = {
    "M1": ("red", 0.645), "M2": ("nir08", 0.8585), "M3": ("blue", 0.469), "M4": ("green", 0.555),
    "M5": ("lwir12", 1.24), "M6": ("swir16", 1.64), "M7": ("swir22", 2.13),
}  # fmt: skip
"""Common name and wavelength in micrometres, as the Planetary Computer has them."""


def composite_properties(delivery: Delivery, raster: Raster) -> Json:
    """Return the properties of a composite's item: it has no datetime, but a start and an end."""
    made, tile = delivery.acquisition, delivery.acquisition.place
    start, end = made.interval
    dark = isinstance(delivery.frame, DegreeFrame)
    instrument = "viirs" if dark else "modis"
    across, down = int(tile[1:3]), int(tile[4:6])
    properties: Json = {
        "datetime": None,
        "start_datetime": utc(start),
        "end_datetime": utc(end),
        "platform": _PLATFORMS[product_name(delivery.kind)[:3]],
        "instruments": [instrument],
        "proj:shape": list(raster.shape_yx),
        "proj:transform": list(raster.transform),
        f"{instrument}:horizontal-tile": across,
        f"{instrument}:vertical-tile": down,
        "created": utc(end + timedelta(days=9)),
        "updated": utc(end + timedelta(days=9)),
    }
    return (
        properties if dark else properties | {"proj:wkt2": WKT, "modis:tile-id": f"51{across:03d}{down:03d}"}
    )


def composite_asset(file: AssetFile) -> Json:
    """Return what the item says of one of its rasters, beyond what every item says."""
    if file.source in _COMMON:
        common, centre = _COMMON[file.source]
        return {"eo:bands": [{"name": file.key, "common_name": common, "center_wavelength": centre}]}
    if file.source == LAND_COVER:
        classes = [{"value": int(c), "description": c.name.lower().replace("_", " ")} for c in Igbp]
        return {"title": "IGBP land cover, a fifth of it wrong", "classification:classes": classes}
    if file.source == RADIANCE:
        return {"title": "Mean radiance of a year's nights, nW cm-2 sr-1"}
    return {}
