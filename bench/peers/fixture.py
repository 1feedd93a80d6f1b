"""Make the scenes that the peers are measured on: a static STAC catalogue in the folder given.

    python bench/peers/fixture.py FOLDER [--side 2400] [--dates 10]

Two places that adjoin across a UTM border (zones 32 and 33), each seen on so many days of one year: four
bands of 10 m and a scene classification of 20 m, COGs with deflate and predictor 2, discs of cloud, the edge
of an orbit on every third day, and two processing baselines, the newer with +1000 in its numbers. All of it
is made up: a smooth field of lon/lat plus noise, so that it compresses about as badly as real scenes.
"""

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pystac
import rasterio
from pyproj import Transformer
from rasterio.io import MemoryFile
from rasterio.shutil import copy
from rasterio.transform import from_origin
from rasterio.warp import transform_geom

BANDS = {"B02": 400, "B03": 600, "B04": 800, "B08": 2500}
"""Mean reflectance x 10000."""
PLACES = {"T32TXX": (32632, 11.60, 46.20), "T33TXX": (32633, 11.95, 46.20)}
"""Zone, and north-west corner in degrees."""
OLD, NEW = "03.01", "04.00"
PROJECTION = "https://stac-extensions.github.io/projection/v1.1.0/schema.json"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--side", type=int, default=2400)
    ask.add_argument("--dates", type=int, default=10)
    asked = ask.parse_args()
    print(make(asked.folder, side=asked.side, dates=asked.dates))


def make(folder: Path, *, side: int, dates: int) -> Path:
    """Write scenes and catalogue; return the path of the catalogue."""
    whole = pystac.Extent(pystac.SpatialExtent([[-180, -90, 180, 90]]), pystac.TemporalExtent([[None, None]]))
    collection = pystac.Collection("sentinel-2-l2a", "Made-up scenes", whole)
    catalog = pystac.Catalog("peers", "Made-up scenes to measure compositing on")
    catalog.add_child(collection)
    rng = np.random.default_rng(20)
    for tile, (epsg, lon, lat) in PLACES.items():
        x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
        x0, y0 = round(x / 60) * 60, round(y / 60) * 60
        ground = _ground(epsg, x0, y0, side)
        for n in range(dates):
            day = datetime(2022, 1, 1, 10, 10, 31, tzinfo=UTC) + timedelta(days=n * 365 // dates)
            collection.add_item(_scene(folder, tile, epsg, (x0, y0), ground, day, edge=n % 3 == 0, rng=rng))
    catalog.normalize_hrefs(str(folder))
    catalog.make_all_asset_hrefs_relative()
    catalog.save(pystac.CatalogType.SELF_CONTAINED)
    return folder / "catalog.json"


def _ground(epsg: int, x0: int, y0: int, side: int) -> np.ndarray:
    """Return waves over lon/lat, 0.4 to 1.6 (y, x)."""
    metres = (np.arange(side) + 0.5) * 10
    # Along the middle row and column: good enough for a field that is made up anyway.
    to = Transformer.from_crs(epsg, 4326, always_xy=True)
    lon, _ = to.transform(x0 + metres, np.full(side, y0 - side * 5.0))
    _, lat = to.transform(np.full(side, x0 + side * 5.0), y0 - metres)
    return (1 + 0.3 * np.sin(np.array(lon) * 60)[None, :] + 0.3 * np.cos(np.array(lat) * 60)[:, None]).astype(
        "f4"
    )


def _scene(folder, tile, epsg, corner, ground, day, *, edge, rng) -> pystac.Item:
    (x0, y0), side = corner, len(ground)
    half = side // 2
    classes = np.full((half, half), 4, np.uint8)
    rows, cols = np.ogrid[:half, :half]
    for _ in range(rng.integers(3, 14)):
        row, col = rng.integers(0, half, 2)
        radius = rng.integers(half // 20, half // 4)
        classes[(rows - row) ** 2 + (cols - col) ** 2 < radius**2] = 9
    if edge:
        classes[rows + cols < 0.3 * side] = 0
    fine = classes.repeat(2, axis=0).repeat(2, axis=1)
    baseline = NEW if day >= datetime(2022, 1, 25, tzinfo=UTC) else OLD
    outline = [
        [x0, y0],
        [x0 + side * 10, y0],
        [x0 + side * 10, y0 - side * 10],
        [x0, y0 - side * 10],
        [x0, y0],
    ]
    geometry = transform_geom(f"EPSG:{epsg}", "EPSG:4326", {"type": "Polygon", "coordinates": [outline]})
    lons, lats = zip(*geometry["coordinates"][0], strict=True)
    name = f"S2A_MSIL2A_{day:%Y%m%dT%H%M%S}_{tile}"
    item = pystac.Item(
        name,
        geometry,
        [min(lons), min(lats), max(lons), max(lats)],
        day,
        {
            "platform": "sentinel-2a",
            "eo:cloud_cover": float((classes == 9).mean() * 100),
            "proj:epsg": epsg,
            "proj:code": f"EPSG:{epsg}",
            "s2:processing_baseline": baseline,
            "s2:mgrs_tile": tile[1:],
        },
        stac_extensions=[PROJECTION],
    )
    (folder / name).mkdir(parents=True, exist_ok=True)
    for band, mean in BANDS.items():
        values = np.where(
            fine == 9, 7000 + rng.normal(0, 500, fine.shape), mean * ground + rng.normal(0, 30, fine.shape)
        )
        stored = np.clip(values, 1, 20_000) + (1000 if baseline == NEW else 0)
        _add(
            item,
            folder / name / f"{band}.tif",
            np.where(fine == 0, 0, stored).astype(np.uint16),
            epsg,
            corner,
            10,
        )
    _add(item, folder / name / "SCL.tif", classes, epsg, corner, 20)
    return item


def _add(item, path, values, epsg, corner, pixel_m) -> None:
    """Write a COG and let the item know of it."""
    place = from_origin(*corner, pixel_m, pixel_m)
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": values.dtype}
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", crs=f"EPSG:{epsg}", transform=place, nodata=0, **shape) as file:
            file.write(values, 1)
        with memory.open() as file:
            size = 1024 if pixel_m == 10 else 512
            copy(file, path, driver="COG", compress="DEFLATE", predictor="YES", blocksize=size)
    said = {"proj:shape": list(values.shape), "proj:transform": list(place)[:6], "gsd": pixel_m}
    said["eo:bands"] = [{"name": path.stem}]
    item.add_asset(
        path.stem, pystac.Asset(str(path), media_type=pystac.MediaType.COG, roles=["data"], extra_fields=said)
    )


if __name__ == "__main__":
    with rasterio.Env(GDAL_NUM_THREADS="1"):
        main()
