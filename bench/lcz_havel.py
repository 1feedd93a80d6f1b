"""Print how the LCZ maps of the Havel scene do against OpenStreetMap: docs/explanation/lcz-havel.md.

    EOMAP_SHARED=../shared python bench/lcz_havel.py

Every network with weights at hand, with and without the cloud mask, by the engine itself. A cell takes
part where one OSM class covers more than half of it (exact polygon overlay); scored on the 100 m cells of
the UTM zone, which networks see, and on the cells of the lattice, which cubes hold. Two minutes.
"""

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import rasterio
import shapely
from maps import BARE, BUILT, BUSH, DATA, LOW_PLANTS, TREES, WATER, LczMap, item, lcz_map, networks
from pyproj import Transformer

SCENE = "S2A_MSIL1C_20170216T102101_T33UUU_clip"
EPSG, CELL_M = 32633, 100
OSM = {
    "residential": ("residential",),
    "open land": ("farm", "meadow", "grass"),
    "forest": ("forest",),
    "water": ("water",),
    "wetland": ("wetland",),
    "scrub": ("scrub",),
}
"""Names used here: the OSM classes in them. A cell belongs to a name when one of its classes covers it."""
RIGHT = {"residential": BUILT, "open land": LOW_PLANTS, "forest": TREES, "water": WATER}
GROUPS = {
    "built 1-10": BUILT,
    "trees A B": TREES,
    "bush C": BUSH,
    "low plants D": LOW_PLANTS,
    "bare E F": BARE,
    "water G": WATER,
    "no look": (0,),
}


def landuse(epsg: int) -> dict[str, shapely.Geometry]:
    """Return the union of the polygons of each OSM class."""
    path = next((DATA / "labels/osm_havel").glob("gis_osm*.gpkg"))
    polygons = gpd.read_file(path).to_crs(epsg)
    return {k: shapely.union_all(shapely.make_valid(g.geometry)) for k, g in polygons.groupby("fclass")}


def labels(boxes: npt.NDArray[np.object_], epsg: int) -> npt.NDArray[np.str_]:
    """Return the name of each cell, empty where no class covers more than half of it."""
    out = np.full(boxes.shape, "", dtype="U12")
    polygons = landuse(epsg)
    for name, classes in OSM.items():
        for each in classes:
            near = shapely.STRtree(boxes).query(polygons[each], predicate="intersects")
            share = shapely.area(shapely.intersection(boxes[near], polygons[each])) / shapely.area(
                boxes[near]
            )
            out[near[share > 0.5]] = name
    return out


def zone_cells(scene: dict) -> tuple[npt.NDArray[np.object_], npt.NDArray, npt.NDArray]:
    """Return the 100 m cells of the zone that lie in the scene's box, and their centres in degrees."""
    to_zone = Transformer.from_crs(4326, EPSG, always_xy=True)
    west, south, east, north = to_zone.transform_bounds(*scene["bbox"])
    x, y = np.meshgrid(
        np.arange(west // CELL_M, east // CELL_M + 1) * CELL_M,
        np.arange(south // CELL_M, north // CELL_M + 1) * CELL_M,
    )
    boxes = shapely.box(x, y, x + CELL_M, y + CELL_M).ravel()
    lon, lat = to_zone.transform(x.ravel() + 50, y.ravel() + 50, direction="INVERSE")
    return boxes, np.asarray(lon), np.asarray(lat)


def lattice_cells(made: LczMap) -> npt.NDArray[np.object_]:
    """Return the cells of a map's window as boxes in degrees, row by row."""
    lon, lat = np.meshgrid(made.window.lon(), made.window.lat())
    half = made.window.step / 24_000
    return shapely.box(lon - half, lat - half, lon + half, lat + half).ravel()


def surroundings(boxes: npt.NDArray[np.object_], polygons: shapely.Geometry) -> npt.NDArray[np.float64]:
    """Return the share of the 320 m window around each 100 m cell that lies in the polygons."""
    west, south, east, north = shapely.bounds(boxes).T
    windows = shapely.box(west - 110, south - 110, east + 110, north + 110)
    out = np.zeros(len(boxes))
    near = shapely.STRtree(windows).query(polygons, predicate="intersects")
    out[near] = shapely.area(shapely.intersection(windows[near], polygons)) / shapely.area(windows[near])
    return out


def mean_ndvi(boxes: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    """Return the NDVI of each 100 m cell's mean reflectance; NaN for cells not wholly in the scene."""
    bands = {}
    for name in ("B04", "B08"):
        with rasterio.open(DATA / "catalog/sentinel-2-l1c" / SCENE / f"{name}.jp2") as file:
            bands[name], transform = file.read(1).astype(float), file.transform
    west, _, _, north = shapely.bounds(boxes).T
    cols = ((west - transform.c) // 10).astype(int)
    rows = ((transform.f - north) // 10).astype(int)
    height, width = bands["B04"].shape
    whole = (rows >= 0) & (cols >= 0) & (rows + 10 <= height) & (cols + 10 <= width)
    out = np.full(len(boxes), np.nan)
    for i in np.nonzero(whole)[0]:
        part = slice(rows[i], rows[i] + 10), slice(cols[i], cols[i] + 10)
        red, nir = bands["B04"][part].mean(), bands["B08"][part].mean()
        out[i] = (nir - red) / (nir + red)
    return out


def score(name: npt.NDArray[np.str_], code: npt.NDArray[np.uint8]) -> str:
    """Return the columns of one row: right of seen per name, and the precision of built."""
    seen = code > 0
    parts = []
    for label, right in RIGHT.items():
        cells = seen & (name == label)
        parts.append(f"{(np.isin(code, right) & cells).sum()} / {cells.sum()}")
    built = np.isin(code, BUILT) & (name != "")
    parts.insert(1, f"{(built & (name == 'residential')).sum() / built.sum():.3f}")
    return " | ".join(parts)


def main() -> None:
    scene = item("sentinel-2-l1c", SCENE)
    boxes, lon, lat = zone_cells(scene)
    zone_names = labels(boxes, EPSG)
    maps = {(m, mask): lcz_map(scene, m, mask) for mask in ("none", "spectral") for m in networks()}
    lattice_names = labels(lattice_cells(next(iter(maps.values()))), 4326)
    codes = {k: made.at(lon, lat) for k, made in maps.items()}
    for title, names, values in (
        ("100 m cells of the zone", zone_names, codes),
        ("cells of the lattice", lattice_names, {k: m.codes.ravel() for k, m in maps.items()}),
    ):
        print(
            f"\n| {title} | mask | residential called built | precision of built | "
            + " | ".join(
                f"{k} called {v}" for k, v in (("open land", "D"), ("forest", "A or B"), ("water", "G"))
            )
            + " |\n|---|---|---|---|---|---|---|"
        )
        for (model, mask), code in values.items():
            print(f"| {model} | {mask} | {score(names, code)} |")
    clear = codes[networks()[0], "spectral"] > 0
    print(
        "\n| what the cells are called, all / where the mask sees clear ground | n | "
        + " | ".join(GROUPS)
        + " |"
    )
    print("|---|---|" + "---|" * len(GROUPS))
    for model in networks():
        code = codes[model, "none"]
        for label in OSM:
            for words, cells in (("all", zone_names == label), ("clear", (zone_names == label) & clear)):
                counts = [int((np.isin(code, g) & cells).sum()) for g in GROUPS.values()]
                print(f"| {model}, {label}, {words} | {cells.sum()} | " + " | ".join(map(str, counts)) + " |")
    print(
        "\n| mask spectral: right, by the class's share of the 320 m window | under .5 | .5 to .75 | .75 on |"
    )
    print("|---|---|---|---|")
    polygons = landuse(EPSG)
    for label in ("forest", "water"):
        share = surroundings(boxes, polygons[label])
        for model in networks():
            code = codes[model, "spectral"]
            row = []
            for low, high in ((0, 0.5), (0.5, 0.75), (0.75, 1.01)):
                cells = (zone_names == label) & (code > 0) & (share >= low) & (share < high)
                row.append(f"{(np.isin(code, RIGHT[label]) & cells).sum()} / {cells.sum()}")
            print(f"| {model}, {label} | " + " | ".join(row) + " |")
    ndvi = mean_ndvi(boxes)
    for label in ("forest", "open land"):
        cells = (zone_names == label) & clear & np.isfinite(ndvi)
        low, middle, high = np.quantile(ndvi[cells], (0.1, 0.5, 0.9))
        print(
            f"\nNDVI of clear {label}: median {middle:.2f}, 10th to 90th percentile {low:.2f} to {high:.2f}"
        )
    code = codes[networks()[0], "spectral"]
    trees = ndvi[(zone_names == "forest") & np.isin(code, TREES)]
    print(f"\nNDVI of forest that {networks()[0]} calls trees: median {np.nanmedian(trees):.2f}")
    print(f"\nIts masked map, all cells: {(code == 11).sum()} dense trees, {(code == 17).sum()} water")
    print("\n| agreement of cells that both saw | mask | 17 classes | built or not |\n|---|---|---|---|")
    for (model, mask), code in codes.items():
        for other in networks():
            if model < other:
                pair = code, codes[other, mask]
                both = (pair[0] > 0) & (pair[1] > 0)
                same = (pair[0] == pair[1])[both].mean()
                same_built = ((pair[0] <= 10) == (pair[1] <= 10))[both].mean()
                print(f"| {model} and {other} | {mask} | {same:.3f} | {same_built:.3f} |")


if __name__ == "__main__":
    main()
