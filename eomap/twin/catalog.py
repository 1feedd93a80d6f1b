"""A static STAC catalogue of made-up Sentinel-2 scenes, files and all, that reads like a real one."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from eomap.core.grid import PIXEL_M, Frame, transformer, utm_epsg
from eomap.errors import MisuseError
from eomap.sensors.sentinel2 import BANDS, SCENE_CLASS
from eomap.twin import spectra
from eomap.twin.landscape import Land, land_of
from eomap.twin.noise import F32
from eomap.twin.spectra import Sky

Bounds = tuple[float, float, float, float]
_COMMON = (
    "coastal", "blue", "green", "red", "rededge071", "rededge075", "rededge078",
    "nir", "nir08", "nir09", "cirrus", "swir16", "swir22",
)  # fmt: skip
_SNAP_M, _MARGIN_M, _OVERLAP_M = 60, 1_200, 1_800
_BASELINE, _OFFSET_DN = "05.10", 1000
_THREADS = 2
_SCENE_CLASSES = (6, *[4] * 4, *[5] * 8)
"""SCL of each `Cover`: water, vegetation, not vegetated."""
_COG = {"driver": "COG", "compress": "DEFLATE", "level": 1, "predictor": "YES", "blocksize": 512}


@dataclass(frozen=True, slots=True)
class _Ground:
    """What every date of one footprint shares."""

    frame: Frame
    name: str
    land: Land
    surface: Mapping[str, F32]
    """Band to surface reflectance (y, x) in its own pixel size."""


def write_catalog(
    folder: Path,
    *,
    bounds_deg: Bounds,
    dates: Sequence[date],
    seed: int,
    cloudy: Sequence[float],
    level: str = "L1C",
    always_cloudy: tuple[float, float, float] | None = None,
) -> Path:
    """Return the path of a new catalogue's first document; one collection, `sentinel-2-l1c` or `-l2a`.

    A date gives a western and an eastern scene that overlap and, together, cover the bounds (west, south,
    east, north in degrees; within one UTM zone); `cloudy` is the share of cloud aimed at on each date.
    `always_cloudy` is a longitude, a latitude and a radius in metres that stay under cloud on every
    date. Equal arguments give equal bytes. Raises MisuseError where dates and cloudiness do not pair.
    """
    if level not in ("L1C", "L2A") or not dates or len(cloudy) != len(dates):
        raise MisuseError(
            "made-up scenes",
            expected="a level, L1C or L2A, and one share of cloud per date",
            got=f"{level}, {len(dates)} dates, {len(cloudy)} shares",
        )
    west, south, east, north = bounds_deg
    epsg = utm_epsg((west + east) / 2, (south + north) / 2)
    always = None
    if always_cloudy is not None:
        x, y = transformer(4326, epsg).transform(*always_cloudy[:2])
        always = (x, y, always_cloudy[2])
    collection = f"sentinel-2-{level.lower()}"
    items = []
    for name, frame in _footprints(bounds_deg, epsg):
        ground = _ground_of(frame, name, seed, level)
        for i, (day, cover) in enumerate(zip(dates, cloudy, strict=True)):
            item = _write_scene(
                folder / collection, ground, day, Sky(cover, seed + 1000 * (i + 1), always), level
            )
            items.append(item["id"])
    return _write_documents(folder, collection, sorted(items), bounds_deg, dates)


def _footprints(bounds_deg: Bounds, epsg: int) -> Iterator[tuple[str, Frame]]:
    """Yield the frames of the western and the eastern scene, on multiples of 60 m."""
    box = transformer(4326, epsg).transform_bounds(*bounds_deg, densify_pts=21)
    west, south = (int((v - _MARGIN_M) // _SNAP_M) * _SNAP_M for v in box[:2])
    east, north = (-int(-(v + _MARGIN_M) // _SNAP_M) * _SNAP_M for v in box[2:])
    middle, half = (west + east) // 2 // _SNAP_M * _SNAP_M, _OVERLAP_M // 2
    for name, left, right in (("west", west, middle + half), ("east", middle - half, east)):
        yield name, Frame(epsg, left, north, (north - south) // PIXEL_M, (right - left) // PIXEL_M)


def _ground_of(frame: Frame, name: str, seed: int, level: str) -> _Ground:
    wide = land_of(frame.sub(-1, frame.height + 1, -1, frame.width + 1), seed)  # the blur needs neighbours
    inner = slice(1, -1)

    def made(band: str) -> tuple[str, F32]:
        sharp = spectra.surface(wide, band)[inner, inner]
        return band, spectra.coarser(sharp, BANDS[band] // PIXEL_M)

    with ThreadPoolExecutor(_THREADS) as pool:
        surface = dict(pool.map(made, bands_of(level)))
    land = Land(wide.zone_yx[inner, inner], wide.cover_yx[inner, inner], wide.tone_yx[inner, inner])
    return _Ground(frame, name, land, surface)


def bands_of(level: str) -> tuple[str, ...]:
    """Return the spectral bands of a level: atmospheric correction leaves no B10."""
    return tuple(b for b in BANDS if level == "L1C" or b != "B10")


def _write_scene(folder: Path, ground: _Ground, day: date, sky: Sky, level: str) -> dict[str, Any]:
    """Write one scene's files and item, and return the item."""
    product = {"L1C": "MSIL1C", "L2A": "MSIL2A"}[level]
    name = f"SYNTHETIC_{product}_{day:%Y%m%d}_{ground.name}"
    home = folder / name
    home.mkdir(parents=True)
    cloud = spectra.opacity(ground.frame, sky)
    shade = spectra.shadow(ground.frame, sky) * (1 - cloud)

    def write(band: str) -> tuple[str, dict[str, Any]]:
        factor = BANDS[band] // PIXEL_M
        covers = (spectra.coarser(field, factor) for field in (cloud, shade))
        value = spectra.seen(ground.surface[band], *covers, band=band, level=level)
        dn = np.clip(np.rint(value * 10_000) + _OFFSET_DN, 1, 65_535).astype(np.uint16)
        return band, _write_band(home / f"{band}.tif", dn, ground.frame, BANDS[band], _described(band))

    with ThreadPoolExecutor(_THREADS) as pool:
        assets = dict(pool.map(write, bands_of(level)))
    if level == "L2A":
        classes = _scene_classes(ground.land, cloud, shade)
        assets[SCENE_CLASS] = _write_band(
            home / "SCL.tif",
            classes,
            ground.frame,
            20,
            {"eo:bands": [{"name": SCENE_CLASS}], "raster:bands": [{"data_type": "uint8", "nodata": 0}]},
        )
    cover = round(100 * float((cloud > spectra.OPAQUE).mean()), 2)
    item = _item(name, folder.name, ground.frame, day, assets, (level, cover))
    (home / f"{name}.json").write_text(json.dumps(item, indent=1), encoding="utf-8")
    return item


def _scene_classes(land: Land, cloud: F32, shade: F32) -> npt.NDArray[np.uint8]:
    """Return the scene classification (y, x) at 20 m: cloud 9, thin cloud 8, shadow 3, else the ground."""
    classes = np.array(_SCENE_CLASSES, dtype=np.uint8)[land.cover_yx[::2, ::2]]
    classes[spectra.coarser(shade, 2) > spectra.OPAQUE] = 3
    classes[spectra.coarser(cloud, 2) > 0.1] = 8
    classes[spectra.coarser(cloud, 2) > spectra.OPAQUE] = 9
    return classes


def _described(band: str) -> dict[str, Any]:
    return {
        "eo:bands": [{"name": band, "common_name": _COMMON[tuple(BANDS).index(band)]}],
        "raster:bands": [
            {"data_type": "uint16", "scale": 1e-4, "offset": -_OFFSET_DN * 1e-4, "nodata": 0},
        ],
    }


def _write_band(
    path: Path, values: npt.NDArray[Any], frame: Frame, size_m: int, described: Mapping[str, Any]
) -> dict[str, Any]:
    """Write one band as a cloud-optimised GeoTIFF and return its asset."""
    import rasterio
    from rasterio.transform import Affine

    transform = (float(size_m), 0.0, float(frame.x0), 0.0, -float(size_m), float(frame.y0))
    height, width = values.shape
    shape = {"height": height, "width": width, "count": 1, "dtype": values.dtype.name}
    place = {"crs": f"EPSG:{frame.epsg}", "transform": Affine(*transform), "nodata": 0}
    with rasterio.open(path, "w", **shape, **place, **_COG) as file:
        file.write(values, 1)
        file.update_tags(SYNTHETIC="made up by eomap.twin; no satellite took this")
    return {
        "href": f"./{path.name}",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "roles": ["data"],
        "gsd": size_m,
        "proj:shape": [height, width],
        "proj:transform": list(transform),
        "file:checksum": "1220" + hashlib.sha256(path.read_bytes()).hexdigest(),
        **described,
    }


def _item(
    name: str, collection: str, frame: Frame, day: date, assets: Mapping[str, Any], sky: tuple[str, float]
) -> dict[str, Any]:
    level, cover = sky
    outline = shapely.segmentize(shapely.box(*frame.bounds_m), 5_000.0)
    x, y = shapely.get_coordinates(outline).T
    lon, lat = transformer(frame.epsg, 4326).transform(x, y)
    ring = [[round(a, 7), round(b, 7)] for a, b in zip(lon, lat, strict=True)]
    taken = datetime.combine(day, time(12, 30), tzinfo=UTC).isoformat().replace("+00:00", "Z")
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
            "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
            "https://stac-extensions.github.io/file/v2.1.0/schema.json",
        ],
        "id": name,
        "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(lon), min(lat), max(lon), max(lat)],
        "properties": {
            "datetime": taken,
            "platform": "eomap-twin",
            "instruments": ["msi"],
            "eomap:synthetic": True,
            "eo:cloud_cover": cover,
            "s2:product_type": f"S2MSI{level[1:]}",
            "s2:processing_baseline": _BASELINE,
            "proj:code": f"EPSG:{frame.epsg}",
        },
        "links": [
            {"rel": "root", "href": "../../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../collection.json", "type": "application/json"},
            {"rel": "collection", "href": "../collection.json", "type": "application/json"},
        ],
        "assets": dict(assets),
    }


def _write_documents(
    folder: Path, collection: str, items: Sequence[str], bounds_deg: Bounds, dates: Sequence[date]
) -> Path:
    """Write collection and catalogue, and return the catalogue's path."""
    words = "Scenes made up by eomap.twin: no satellite took them and the place does not exist."
    root = {"rel": "root", "type": "application/json"}
    links = [{"rel": "item", "href": f"./{n}/{n}.json", "type": "application/geo+json"} for n in items]
    ends = [f"{d.isoformat()}T00:00:00Z" for d in (min(dates), max(dates))]
    documents = {
        folder / collection / "collection.json": {
            "type": "Collection",
            "id": collection,
            "stac_version": "1.1.0",
            "description": words,
            "license": "CC0-1.0",
            "extent": {"spatial": {"bbox": [list(bounds_deg)]}, "temporal": {"interval": [ends]}},
            "links": [{**root, "href": "../catalog.json"}, *links],
        },
        folder / "catalog.json": {
            "type": "Catalog",
            "id": "eomap-twin",
            "stac_version": "1.1.0",
            "description": words,
            "links": [
                {**root, "href": "./catalog.json"},
                {"rel": "child", "href": f"./{collection}/collection.json", "type": "application/json"},
            ],
        },
    }
    for path, document in documents.items():
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return folder / "catalog.json"
