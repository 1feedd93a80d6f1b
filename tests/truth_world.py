"""A made-up map and its truth: functions of longitude and latitude, across the border of two zones."""

import json

import numpy as np

from eomap.core.grid import Tile, tile_cells, tile_epsg, tile_window, transformer
from eomap.core.layer import Layer, LegendClass
from eomap.io.cube import Extent, create

TILES = (Tile(75, 383), Tile(75, 384))
"""11.5 to 12 E in zone 32 and 12 to 12.5 E in zone 33; 52 to 52.5 N."""
STEP = 50
LEGEND = (
    LegendClass(1, "City", "d10000"),
    LegendClass(2, "Trees", "006a00"),
    LegendClass(3, "Water", "6a6aff"),
)
LAYERS = (
    Layer("cover", "uint8", "land cover", fill=255, no_look=0, legend=LEGEND, kind="class", truth="cover"),
    Layer("sure", "uint8", "how sure", fill=255, scale=1 / 250, kind="confidence", truth="cover"),
    Layer("unsure", "uint8", "how unsure", fill=255, scale=1 / 250, kind="doubt", truth="cover"),
    Layer("n_clear", "uint16", "clear looks", fill=65535),
    Layer("height", "uint16", "tree height", fill=65535, unit="m", scale=0.1, kind="value", truth="height"),
    Layer("spread", "uint16", "its error", fill=65535, unit="m", scale=0.1, kind="sigma", truth="height"),
    Layer(
        "surface",
        "uint16",
        "surface reflectance",
        fill=65535,
        scale=1e-4,
        bands=("B02", "B03", "B04", "B08"),
        kind="value",
        truth="surface",
    ),
    Layer("odd", "uint8", "how unfamiliar", fill=255, scale=1 / 250, kind="score", truth="strange"),
)
BANDS = ("B04", "B03", "B02")
"""Those of the truth: another order, and one fewer."""


def height_m(lon, lat):
    """Return a smooth height: steep enough that a cell differs from its neighbour."""
    return 20 + 9 * np.sin(lon * 40) + 8 * np.cos(lat * 50)


def cover(lon, lat):
    """Return class 1, 2 or 3 in patches of some kilometres."""
    return (np.floor(lon * 14 + np.sin(lat * 25)).astype(int) + np.floor(lat * 11).astype(int)) % 3 + 1


def reflectance(lon, lat, band):
    """Return surface reflectance of a band."""
    level = {"B02": 0.05, "B03": 0.08, "B04": 0.07, "B08": 0.3}[band]
    return level * (1 + 0.5 * np.sin(lon * 60 + level * 9) * np.cos(lat * 45))


def strange(lon, lat):
    """Return 1 in a corner, else 0."""
    return ((lon > 12.2) & (lat > 52.2)).astype(int)


def write_truth(folder, *, pixel_m=100, synthetic=True, only=None):
    """Write truth for both zones, each frame reaching a little over its tile; `only` keeps some layers."""
    import rasterio
    from rasterio.transform import Affine

    frames = []
    for tile in TILES:
        epsg = tile_epsg(tile)
        west, south, east, north = transformer(4326, epsg).transform_bounds(*tile.bounds_deg, densify_pts=21)
        x0, y0 = int(west // 1000 * 1000), int(-(-north // 1000) * 1000)
        cols, rows = int((east + 1000 - x0) // pixel_m), int((y0 - south + 1000) // pixel_m)
        x, y = np.meshgrid(x0 + (np.arange(cols) + 0.5) * pixel_m, y0 - (np.arange(rows) + 0.5) * pixel_m)
        lon, lat = transformer(epsg, 4326).transform(x, y)
        made = {
            "cover": ([cover(lon, lat).astype(np.uint8)], {"kind": "class", "nodata": 0}),
            "height": ([height_m(lon, lat).astype(np.float32)], {"kind": "value", "unit": "m"}),
            "surface": (
                [np.rint(reflectance(lon, lat, b) * 1e4).astype(np.uint16) for b in BANDS],
                {"kind": "value", "scale": 1e-4, "nodata": 0, "bands": list(BANDS), "date": "2024-06-15"},
            ),
            "strange": ([strange(lon, lat).astype(np.uint8)], {"kind": "class", "nodata": 255}),
        }
        name = f"{epsg}-{x0}-{y0}"
        (folder / name).mkdir(parents=True, exist_ok=True)
        layers = {}
        for layer, (planes, said) in made.items():
            if only and layer not in only:
                continue
            with rasterio.open(
                folder / name / f"{layer}.tif",
                "w",
                driver="GTiff",
                height=rows,
                width=cols,
                count=len(planes),
                dtype=planes[0].dtype,
                crs=f"EPSG:{epsg}",
                transform=Affine(pixel_m, 0, x0, 0, -pixel_m, y0),
                tiled=True,
                blockxsize=256,
                blockysize=256,
                compress="deflate",
            ) as file:
                file.write(np.stack(planes))
            layers[layer] = {
                "href": f"./{name}/{layer}.tif",
                "pixel_m": pixel_m,
                "synthetic": synthetic,
                **said,
            }
        frames.append({"id": name, "epsg": epsg, "x0": x0, "y0": y0, "layers": layers})
    (folder / "truth.json").write_text(json.dumps({"synthetic": synthetic, "frames": frames}))
    return folder


def stored_layers(tile, *, seed=0):
    """Return the map of a tile: the truth, and errors that shrink as clear looks grow."""
    rng = np.random.default_rng([seed, tile.row, tile.col])
    window, n = tile_window(tile, STEP), tile_cells(STEP)
    lon, lat = np.meshgrid(window.lon(), window.lat())
    looks = rng.integers(0, 9, (n, n))
    seen = looks > 0
    sigma_m = 6 / np.sqrt(np.maximum(looks, 1))
    height = np.clip(height_m(lon, lat) + rng.normal(0, sigma_m), 0, None)
    wrong = rng.random((n, n)) < 0.4 / np.maximum(looks, 1)
    kinds = np.where(wrong, cover(lon, lat) % 3 + 1, cover(lon, lat))
    sure = np.clip(np.rint(250 * (1 - 0.4 / np.maximum(looks, 1))), 0, 250)
    odd = np.clip(np.rint(100 + 60 * strange(lon, lat) + rng.normal(0, 30, (n, n))), 0, 250)
    planes = [reflectance(lon, lat, b) + rng.normal(0, 0.01, (n, n)) for b in LAYERS[6].bands]

    def where_seen(values, fill, dtype):
        return np.where(seen, values, fill).astype(dtype)

    return {
        "cover": where_seen(kinds, 0, np.uint8),
        "sure": where_seen(sure, 255, np.uint8),
        "unsure": where_seen(250 - sure, 255, np.uint8),
        "n_clear": looks.astype(np.uint16),
        "height": where_seen(np.rint(height * 10), 65535, np.uint16),
        "spread": where_seen(np.rint(sigma_m * 10), 65535, np.uint16),
        "surface": where_seen(np.clip(np.rint(np.stack(planes) * 1e4), 0, 65534), 65535, np.uint16),
        "odd": where_seen(odd, 255, np.uint8),
    }


def write_cube(path, *, layers=LAYERS, **attributes):
    """Write the map over both tiles and return the cube."""
    cube = create(str(path), Extent.of_tiles(list(TILES), STEP), layers, attributes)
    for tile in TILES:
        made = stored_layers(tile)
        cube.write(tile, {g.name: made[g.name] for g in layers})
    return cube
