"""A made-up catalogue on disk: small Sentinel-2 GeoTIFFs across the border of two tiles, for whole runs."""

import json
import sys
from pathlib import Path

import numpy as np
from made_up import Means

from eomap.sensors.sentinel2 import BANDS

EPSG, WEST_M, NORTH_M, SIDE_M = 32633, 336_000, 5_821_000, 6_000
"""A square of 6 km around 12.62 E, 52.50 N, where tiles r074c385 and r075c385 meet."""
AREA = "12.60,52.493,12.625,52.507"
TILES = ("r074c385", "r075c385")
PERIOD = "2024"
COLLECTION = "sentinel-2-l2a"
NAMES = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12", "SCL")


def footprint():
    """Return the scenes' outline in degrees."""
    import shapely
    from pyproj import Transformer

    to_degrees = Transformer.from_crs(EPSG, 4326, always_xy=True)
    box = shapely.box(WEST_M, NORTH_M - SIDE_M, WEST_M + SIDE_M, NORTH_M)
    return shapely.transform(box.segmentize(1000), to_degrees.transform, interleaved=False)


def write_tif(path, values, *, epsg=EPSG, west=WEST_M, north=NORTH_M, pixel_m=10, **options):
    """Write a (y, x) array as a small tiled GeoTIFF."""
    import rasterio
    from rasterio.transform import Affine

    settings = dict(tiled=True, blockxsize=256, blockysize=256, compress="deflate") | options
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype=values.dtype,
        crs=f"EPSG:{epsg}",
        transform=Affine(pixel_m, 0, west, 0, -pixel_m, north),
        **settings,
    ) as file:
        file.write(values, 1)


def pixels(name, day):
    """Return the digital numbers of a band on a day: smooth, never 0; SCL has scattered clouds."""
    pixel_m = BANDS.get(name, 20)
    side = SIDE_M // pixel_m
    y, x = np.mgrid[0:side, 0:side] * pixel_m
    if name == "SCL":
        return np.where((x // 400 * 7 + y // 500 * 11 + day * 5) % 6 == 0, 9, 4).astype(np.uint8)
    number = NAMES.index(name)
    return (1500 + 90 * number + (x // 70 + y // 90 * 3 + day * 11) % 800).astype(np.uint16)


def item(name, day, *, links=(), **properties):
    """Return the STAC item of a scene; its assets lie beside it."""
    import shapely

    shape = footprint()
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": COLLECTION,
        "bbox": list(shape.bounds),
        "geometry": json.loads(shapely.to_geojson(shape)),
        "properties": {
            "datetime": f"2024-06-{day:02d}T10:20:30Z",
            "platform": "sentinel-2a",
            "s2:processing_baseline": "05.10",
            "s2:product_type": "S2MSI2A",
            "s2:mgrs_tile": "33UUU",
            "eo:cloud_cover": 10 * (day % 9),
            **properties,
        },
        "links": list(links),
        "assets": {n: {"href": f"./{n}.tif", "type": "image/tiff; application=geotiff"} for n in NAMES},
    }


def write_catalog(folder, days=(3, 13, 23)):
    """Write the catalogue, one scene a day, and return the path of its first document."""
    folder = Path(folder)
    names = {day: f"S2A_33UUU_202406{day:02d}_0_L2A" for day in days}
    for day, name in names.items():
        place = folder / name
        place.mkdir(parents=True)
        for band in NAMES:
            write_tif(place / f"{band}.tif", pixels(band, day), pixel_m=BANDS.get(band, 20), nodata=0)
        (place / "item.json").write_text(json.dumps(item(name, day)))
    root = folder / "catalog.json"
    root.write_text(
        json.dumps(
            {"type": "Catalog", "id": "small", "links": [{"rel": "child", "href": "./collection.json"}]}
        )
    )
    (folder / "collection.json").write_text(
        json.dumps(
            {
                "type": "Collection",
                "id": COLLECTION,
                "extent": {},
                "links": [{"rel": "item", "href": f"./{n}/item.json"} for n in names.values()],
            }
        )
    )
    return root


def without_weights(monkeypatch):
    """Let runs in this process use `made_up.Means` instead of a network."""
    from eomap.api import running

    monkeypatch.setattr(running, "_weights", lambda plan, notify: "")
    monkeypatch.setattr(running, "_network", lambda runtime, weights, name, device: Means())


def command(monkeypatch, capsys, *words):
    """Run `eomap WORDS` in this process; return exit code, stdout and stderr; other exceptions pass."""
    from eomap.cli import main

    monkeypatch.setattr(sys, "argv", ["eomap", *map(str, words)])
    capsys.readouterr()
    try:
        main()
    except SystemExit as ended:
        said = capsys.readouterr()
        return ended.code, said.out, said.err
    raise AssertionError("main() returned without an exit code")


def contents(folder):
    """Return every path below a folder with its bytes, so that two moments can be compared."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None
        for p in sorted(Path(folder).rglob("*"))
    }
