"""STAC items and collections in the style of the real catalogues, made-up on their face.

Sentinel-2 as Earth Search has it, Sentinel-1 and MODIS as the Planetary Computer, EnMAP as DLR; of the
lights at night no catalogue was found, so their item is like those of MODIS. Each has its own habits (a
cloud cover that is text, an EPSG code that is null, a composite without a datetime).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from eomap.core.antimeridian import polygonal
from eomap.core.grid import Frame
from eomap.io.footprints import footprint
from eomap.twin.acquisitions import ENMAP_ANGLE, ENMAP_SIDE_M
from eomap.twin.composite_items import composite_asset, composite_properties
from eomap.twin.degrees import DegreeFrame
from eomap.twin.deliveries import COMMON, LEVELS, RADAR, AssetFile, Delivery
from eomap.twin.documents import utc
from eomap.twin.earth import METRES_PER_DEGREE
from eomap.twin.files import Raster
from eomap.twin.materials import band_table
from eomap.twin.outlines import frame_outline, swath, turned_square
from eomap.twin.sinusoid import PROJ4, SinusoidFrame
from eomap.twin.sun import sun_angles

Json = dict[str, Any]
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_SCHEMA = "https://stac-extensions.github.io/{}/schema.json"
_EXTENSIONS = tuple(
    _SCHEMA.format(n)
    for n in ("eo/v1.1.0", "projection/v1.1.0", "raster/v1.1.0", "view/v1.0.0", "grid/v1.0.0", "file/v2.1.0")
)
_PLATFORMS = {
    "S2A": "sentinel-2a",
    "S2B": "sentinel-2b",
    "S1A": "SENTINEL-1A",
    "ENMAP": "enmap",
}


@dataclass(frozen=True, slots=True)
class Written:
    """What is known of a product only once its files are there."""

    checksums: Mapping[str, str]
    """By asset key."""
    covers: Mapping[str, float]
    """Shares of what was seen in percent: `cloud`, and others that a sensor tells of."""


def raster_of(delivery: Delivery, file: AssetFile) -> Raster:
    """Return how a product's file is written."""
    frame, size = delivery.frame, file.pixel_px
    a, b, c, d, e, f = frame.transform
    whole = (frame.height // size, frame.width // size)
    names: tuple[str, ...] = ()
    if file.bands > 1:
        centres = band_table("ENMAP").centre_nm.tolist()
        names = tuple(f"band {n} ({nm:g} Nanometers)" for n, nm in enumerate(centres, 1))
    crs = PROJ4 if isinstance(frame, SinusoidFrame) else f"EPSG:{_epsg(delivery)}"
    transform = (a * size, b, float(c), d, e * size, float(f))
    return Raster(whole, transform, crs, file.dtype, file.nodata, file.bands, names, file.categorical)


def outline(delivery: Delivery) -> BaseGeometry:
    """Return the polygon of what a product shows, longitudes unbroken and maybe beyond 180."""
    made, edge = delivery.acquisition, frame_outline(delivery.frame)
    if made.flight is not None:
        when = (made.moment - made.flight.node_moment).total_seconds()
        ends = made.slice_s if made.sensor == "s1" else (when - 60, when + 60)
        shown = swath(made.flight, *ends, near_lon_deg=float(shapely.centroid(edge).x))
    elif made.site is not None:
        shown = turned_square(made.site, ENMAP_SIDE_M, ENMAP_ANGLE)
        shown = shapely.affinity.translate(shown, 360 * round((edge.centroid.x - shown.centroid.x) / 360))
    else:
        shown = edge
    return polygonal(shapely.intersection(edge, shown))


def item_of(delivery: Delivery, written: Written) -> Json:
    """Return the item of a product, its assets beside it."""
    shape = footprint(shapely.geometry.mapping(outline(delivery)), None)
    shape = shapely.set_precision(shape, 1e-7) if shape is not None else shapely.Polygon()
    if delivery.kind in LEVELS:
        properties, assets = _sentinel2(delivery, written)
    elif delivery.kind in RADAR:
        properties, assets = _sentinel1(delivery, written)
    elif delivery.kind == "enmap":
        properties, assets = _enmap(delivery, written)
    else:
        properties, assets = _composite(delivery, written)
    parts = [g for g in shapely.get_parts(shape) if g.area > 0]
    simple = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": list(_EXTENSIONS),
        "id": delivery.id,
        "collection": delivery.collection,
        "geometry": shapely.geometry.mapping(simple),
        "bbox": list(simple.bounds),
        "properties": {"eomap:synthetic": True, **properties},
        "links": [
            {"rel": "root", "href": "../../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../collection.json", "type": "application/json"},
            {"rel": "collection", "href": "../collection.json", "type": "application/json"},
        ],
        "assets": assets,
    }


def _asset(delivery: Delivery, file: AssetFile, written: Written, **more: Any) -> Json:
    """Return one asset with what every provider says of its rasters."""
    raster = raster_of(delivery, file)
    metres = METRES_PER_DEGREE if isinstance(delivery.frame, DegreeFrame) else 1
    band: Json = {"data_type": file.dtype, "spatial_resolution": round(raster.transform[0] * metres, 3)}
    band |= {} if file.nodata is None else {"nodata": file.nodata}
    band |= {} if file.scale is None else {"scale": file.scale}
    band |= {} if file.offset is None else {"offset": file.offset}
    return {
        "href": f"./{file.filename}",
        "type": _COG,
        "roles": ["data"],
        "proj:shape": list(raster.shape_yx),
        "proj:transform": list(raster.transform),
        "raster:bands": [band] * file.bands,
        "file:checksum": written.checksums[file.key],
        **more,
    }


def _views(delivery: Delivery) -> Json:
    """Return where the sun stood in the middle of the product."""
    x, y = shapely.get_coordinates(shapely.centroid(outline(delivery)))[0]
    zenith, azimuth = sun_angles(x, y, delivery.acquisition.moment)
    return {"view:sun_azimuth": round(float(azimuth), 4), "view:sun_elevation": round(90 - float(zenith), 4)}


def _epsg(delivery: Delivery) -> int | None:
    if isinstance(delivery.frame, DegreeFrame):
        return 4326
    return delivery.frame.epsg if isinstance(delivery.frame, Frame) else None


def _sentinel2(delivery: Delivery, written: Written) -> tuple[Json, Json]:
    made, level = delivery.acquisition, delivery.kind
    generated = made.moment + timedelta(hours=6, days=900 * delivery.sequence)
    square, when = made.place, f"{made.moment:%Y%m%dT%H%M%S}"
    baseline = delivery.baseline.replace(".", "")
    product = f"SYNTHETIC_{made.platform}_MSI{level}_{when}_N{baseline}_R{made.relative_orbit:03d}_T{square}"
    properties = {
        "datetime": utc(made.moment),
        "platform": _PLATFORMS[made.platform],
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "eo:cloud_cover": written.covers["cloud"],
        "proj:epsg": _epsg(delivery),
        "mgrs:utm_zone": int(square[:2]),
        "mgrs:latitude_band": square[2],
        "mgrs:grid_square": square[3:],
        "grid:code": f"MGRS-{square}",
        "sat:relative_orbit": made.relative_orbit,
        **_views(delivery),
        "s2:product_type": f"S2MSI{level[1:]}",
        "s2:processing_baseline": delivery.baseline,
        "s2:product_uri": f"{product}_{generated:%Y%m%dT%H%M%S}.SAFE",
        "s2:generation_time": utc(generated),
        "s2:sequence": str(delivery.sequence),
        "created": utc(generated),
        "updated": utc(generated),
    }
    assets = {}
    for file in delivery.files:
        if file.source in COMMON:
            name, common, centre, width = COMMON[file.source]
            bands = [
                {
                    "name": name,
                    "common_name": common,
                    "center_wavelength": centre,
                    "full_width_half_max": width,
                }
            ]
            more: Json = {"eo:bands": bands, "gsd": 10 * file.pixel_px, "roles": ["data", "reflectance"]}
        else:
            more = {"title": "Scene classification map (SCL)"}
        assets[file.key] = _asset(delivery, file, written, **more)
    return properties, assets


def _sentinel1(delivery: Delivery, written: Written) -> tuple[Json, Json]:
    made, flight = delivery.acquisition, delivery.acquisition.flight
    start, end = made.interval
    properties: Json = {
        "datetime": utc(made.moment),
        "start_datetime": utc(start),
        "end_datetime": utc(end),
        "platform": _PLATFORMS[made.platform],
        "constellation": "Sentinel-1",
        "sat:orbit_state": flight.orbit_state if flight else "",
        "sat:relative_orbit": made.relative_orbit,
        "sar:instrument_mode": "IW",
        "sar:frequency_band": "C",
        "sar:center_frequency": 5.405,
        "sar:polarizations": ["VV", "VH"],
        "sar:product_type": "GRD",
        "sar:observation_direction": "right",
        "sar:looks_equivalent_number": 4.4,
    }
    assets = {}
    for file in delivery.files:
        what = (
            "gamma nought, linear power"
            if delivery.kind == "rtc"
            else "amplitude, 1000 x root of sigma nought"
        )
        assets[file.key] = _asset(delivery, file, written, title=f"{file.source}: {what}")
    if delivery.kind == "rtc":
        raster = raster_of(delivery, delivery.files[0])
        properties |= {"proj:epsg": _epsg(delivery), "proj:shape": list(raster.shape_yx)}
        properties |= {"proj:transform": list(raster.transform)}
    else:  # the Planetary Computer says nothing of where its GRD pixels lie
        for asset in assets.values():
            for key in ("proj:shape", "proj:transform", "raster:bands"):
                del asset[key]
    return properties, assets


def _enmap(delivery: Delivery, written: Written) -> tuple[Json, Json]:
    made = delivery.acquisition
    start, end = made.interval
    properties = {
        "datetime": utc(made.moment),
        "start_datetime": utc(start),
        "end_datetime": utc(end),
        "platform": _PLATFORMS[made.platform],
        "proj:epsg": None,
        "sat:orbit_state": "DESCENDING",
        **{f"eo:{k}_cover": str(round(written.covers.get(k, 0.0))) for k in ("cloud", "snow")},
        "enmap:nodata": "-32768",
        "enmap:haze_cover": str(round(written.covers.get("haze", 0.0))),
        "enmap:cirrus_cover": str(round(written.covers.get("cirrus", 0.0))),
        **_views(delivery),
        "processing:level": "L2A",
        "version": "01.04.02",
    }
    assets = {}
    for file in delivery.files:
        place: Json = {"proj:epsg": _epsg(delivery), "title": file.key.replace("_", " ").capitalize()}
        if file.bands > 1:
            centres = band_table("ENMAP").centre_nm.tolist()
            place["eo:bands"] = [
                {
                    "name": n,
                    "center_wavelength": round(nm, 3),
                    "enmap:gain_of_band": 1e-4,
                    "enmap:offset_of_band": 0,
                }
                for n, nm in enumerate(centres, 1)
            ]
        assets[file.key] = _asset(delivery, file, written, **place)
    return properties, assets


def _composite(delivery: Delivery, written: Written) -> tuple[Json, Json]:
    properties = {
        "proj:epsg": _epsg(delivery),
        **composite_properties(delivery, raster_of(delivery, delivery.files[0])),
    }
    return properties, {f.key: _asset(delivery, f, written, **composite_asset(f)) for f in delivery.files}
