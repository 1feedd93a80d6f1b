"""Real scenes mapped by the engine, and how shares of sealed ground tell labelled cells apart.

For bench/settlement.py. Axis letters: y, x pixels of 10 m; i, j cells of 20 m.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import rasterio
from maps import DATA
from rasterio.features import rasterize
from rasterio.transform import Affine, from_origin
from scipy.stats import rankdata

from eomap import api
from eomap.core.grid import Window
from eomap.io.cube import open_cube

sys.path.insert(0, str(Path(__file__).parents[1] / "models" / "eomap-settlement-s"))
from real import HAVEL, HAVEL_TRAIN_COLUMNS, built_share, item_codes

NETWORK = "eomap-settlement-s"
SETTLED = 0.2
"""From this share on a cell counts as settled."""
OPEN = ("forest", "farm", "meadow", "wetland", "scrub", "water", "grass")
FINE_M = 5
DENMARK, ESRI_BUILT = "Denmark_20171030", 5
F64, Bool = npt.NDArray[np.float64], npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A map on the cells of its zone, NaN or 0 where there is none."""

    window: Window
    settlement_ij: F64
    sigma_ij: F64
    lcz_ij: npt.NDArray[np.uint8]
    ood_ij: F64

    @property
    def transform(self) -> Affine:
        """From columns and rows to metres."""
        west, _, _, north = self.window.bounds
        return from_origin(west, north, self.window.cell, self.window.cell)


def mapped(catalog: Path, bbox: str, period: str, collection: str | None, *, grid: str, out: str) -> None:
    """Make a cube by the engine."""
    plan = api.plan(
        bbox=bbox,
        catalog=str(catalog),
        collection=collection,
        period=period,
        product="settlement",
        model=NETWORK,
        grid=grid,
    )
    api.run(plan, out, engine="inline")


def scene_map(name: str, collection: str) -> Made:
    """Return the map of one scene of the shared catalogue, on the cells of its zone."""
    item = json.loads((DATA / "catalog" / collection / name / f"{name}.json").read_text())
    day = item["properties"]["datetime"][:10]
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/map.zarr"
        bbox = ",".join(map(str, item["bbox"]))
        mapped(DATA / "catalog", bbox, f"{day}/{day}", collection, grid="utm", out=out)
        return read(out)


def read(out: str) -> Made:
    """Return what a cube holds, cut to where it is mapped."""
    cube = open_cube(out)
    window = cube.extents[0].window
    raw = {name: cube.read(name, window) for name in ("settlement", "sigma", "lcz", "ood")}
    there = np.argwhere(raw["settlement"] != 65_535)
    (top, left), (bottom, right) = there.min(axis=0), there.max(axis=0) + 1
    part = np.s_[top:bottom, left:right]
    share, sigma = (
        np.where(raw[n][part] == 65_535, np.nan, raw[n][part] * 1e-4) for n in ("settlement", "sigma")
    )
    ood = np.where(raw["ood"][part] == 255, np.nan, raw["ood"][part] / 250)
    cut = Window(
        window.step,
        window.row0 + top,
        window.row0 + bottom,
        window.col0 + left,
        window.col0 + right,
        window.epsg,
    )
    return Made(cut, share, sigma, np.where(raw["lcz"][part] == 255, 0, raw["lcz"][part]), ood)


def on_cells(made: Made, value_yx: F64, transform: Affine) -> F64:
    """Return a raster of 10 m of the same zone as means on a map's cells, NaN beyond it."""
    height, width = made.window.shape
    fine = np.full((2 * height, 2 * width), np.nan)
    west, _, _, north = made.window.bounds
    col, row = (round(v) for v in ((transform.c - west) / 10, (north - transform.f) / 10))
    r0, c0 = max(row, 0), max(col, 0)
    r1, c1 = min(row + value_yx.shape[0], 2 * height), min(col + value_yx.shape[1], 2 * width)
    fine[r0:r1, c0:c1] = value_yx[r0 - row : r1 - row, c0 - col : c1 - col]
    return fine.reshape(height, 2, width, 2).mean(axis=(1, 3))


def osm_share(made: Made, classes: tuple[str, ...]) -> F64:
    """Return the share of each cell that lies in OpenStreetMap polygons of some classes."""
    path = next((DATA / "labels/osm_havel").glob("gis_osm*.gpkg"))
    polygons = gpd.read_file(path).to_crs(made.window.epsg)
    shapes = polygons.geometry[polygons.fclass.isin(classes)]
    by = round(made.window.cell) // FINE_M
    height, width = made.window.shape
    west, _, _, north = made.window.bounds
    fine = rasterize(
        shapes, out_shape=(height * by, width * by), transform=from_origin(west, north, FINE_M, FINE_M)
    )
    return fine.reshape(height, by, width, by).mean(axis=(1, 3))


def told_apart(score: F64, true: Bool, *, at: float) -> dict[str, float]:
    """Return how well a score tells cells apart: AUC, mean precision, precision and recall from `at` on."""
    rank, many, few = rankdata(score), int(true.sum()), int((~true).sum())
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(true[order])
    precision = right / np.arange(1, len(order) + 1)
    hit = score > at
    return {
        "auc": float((rank[true].sum() - many * (many + 1) / 2) / (many * few)),
        "mean_precision": float(precision[true[order]].mean()),
        "precision": float((hit & true).sum() / max(hit.sum(), 1)),
        "recall": float((hit & true).sum() / many),
        "mean_inside": float(score[true].mean()),
        "mean_outside": float(score[~true].mean()),
        "n_inside": many,
        "n_outside": few,
    }


def beside(made: Made, built_ij: F64, inside: Bool, outside: Bool) -> dict[str, dict[str, float]]:
    """Return how well our share and Dynamic World's probability tell some cells from others."""
    cells = (inside | outside) & np.isfinite(made.settlement_ij) & np.isfinite(built_ij)
    return {
        "eomap-settlement-s, share > .2": told_apart(made.settlement_ij[cells], inside[cells], at=SETTLED),
        "Dynamic World, built > .2": told_apart(built_ij[cells], inside[cells], at=SETTLED),
        "Dynamic World, built > .5": told_apart(built_ij[cells], inside[cells], at=0.5),
    }


def havel() -> tuple[Made, F64, dict[str, Any]]:
    """Return the map of the Havel scene, Dynamic World on its cells, and how both do against OSM."""
    made = scene_map(HAVEL, "sentinel-2-l1c")
    with rasterio.open(DATA / "catalog/sentinel-2-l1c" / HAVEL / "B02.jp2") as file:
        transform = file.transform
    built = on_cells(made, built_share(item_codes(HAVEL)).astype(float), transform)
    inside, outside = osm_share(made, ("residential",)) > 0.5, osm_share(made, OPEN) > 0.5
    east = made.window.x()[None, :] >= transform.c + HAVEL_TRAIN_COLUMNS * 10
    return (
        made,
        built,
        {
            "east third, never trained on": beside(made, built, inside & east, outside & east),
            "west, where Dynamic World taught": beside(made, built, inside & ~east, outside & ~east),
            "median sigma": float(np.nanmedian(made.sigma_ij)),
            "share of cells with ood > .95": float((made.ood_ij[np.isfinite(made.ood_ij)] > 0.95).mean()),
        },
    )


def denmark() -> dict[str, Any]:
    """Return how both do in Denmark against Esri's class `built`, by level of the scene we see."""
    found = {}
    folder = DATA / "catalog/labels/LABEL_Denmark"
    item = json.loads((folder / "LABEL_Denmark.json").read_text())
    asset = next(a for k, a in item["assets"].items() if "lulc" in k.lower())
    with rasterio.open(folder / asset["href"]) as file:
        label, transform = file.read(1), file.transform
    built_yx = built_share(item_codes(f"S2_L1C_{DENMARK}")).astype(float)
    for level in ("L1C", "L2A"):
        made = scene_map(f"S2_{level}_{DENMARK}", f"sentinel-2-{level.lower()}")
        share = on_cells(made, (label == ESRI_BUILT).astype(float), transform)
        known = on_cells(made, (label > 0).astype(float), transform) == 1
        built = on_cells(made, built_yx, transform)
        found[level] = beside(made, built, (share > 0.5) & known, (share <= 0.5) & known)
    return found
