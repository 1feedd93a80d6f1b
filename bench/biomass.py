"""Figures of both networks of biomass: on the twin (synthetic), and real EnMAP over Potsdam, as JSON.

    EOMAP_SHARED=../shared python bench/biomass.py > bench/biomass.json
    python bench/biomass.py --picture docs/images/biomass.png

The twin's truth is its own allometry: figures on it say nothing about real biomass. Over Potsdam nobody knows
the biomass; the mean of each class of land cover is given, for its order alone.
"""

import argparse
import json
import os
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np

from eomap import api
from eomap.io.registry import Model, model
from eomap.io.weights import load_network, weights_path
from eomap.kernels.scores.error import Errors
from eomap.products import product
from eomap.products.biomass import training
from eomap.training.twin_samples import parsed, twin_samples
from eomap.training.windows import Windows

RECIPES = {"sentinel": training.RECIPE, "enmap": training.ENMAP}
BINS_MG_HA = (0, 0.05, 50, 100, 150, 200, 250, 300, np.inf)
"""The first is no biomass at all: two thirds of the twin's land."""
DRAWS = 500
POTSDAM = {"bbox": "12.98,52.34,13.08,52.44", "period": "2022-07", "sensor": "enmap"}
CLASSES = ("none", "roof", "pavement", "low vegetation", "tree", "soil", "water")


def network_of(variant: str) -> Model:
    """Return the default network of a variant of the product."""
    return model(product("biomass", {"sensor": variant}).models[0])


def answers(variant: str, data: str, *, without_radar: bool = False) -> dict[str, np.ndarray]:
    """Return truth, what is said, place and kind of the pixels of the test split, four windows a place."""
    recipe = RECIPES[variant]
    samples = twin_samples(parsed(data), recipe.arrays)
    windows = Windows(recipe, samples)
    known = network_of(variant)
    network = load_network(known, weights_path(known))
    first = recipe.pictures[0].channels
    last = windows.places - 1
    found = []
    for n in samples.of("test"):
        for at in ((0, 0), (0, last), (last, 0), (last, last)):
            code, _, target = windows.window(int(n), at)
            if without_radar:
                code[first:] = 0
            y = network(code[None].astype(np.uint16), np.zeros((1, 0), np.float32))[0]
            seen = (code[:first] > 0).all(axis=0) & np.isfinite(target[0])
            found.append((target[0][seen], y[:4, seen], np.full(seen.sum(), n)))
    truth, said, place = (np.concatenate(c, axis=-1) for c in zip(*found, strict=True))
    return {"truth": truth.astype(np.float64), "said": said.astype(np.float64), "place": place,
            "kind": samples.kinds_n[place]}  # fmt: skip


def figures(truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Return errors in Mg/ha and how often the truth lies within interval and sigma."""
    value, sigma, low, high = said
    found = Errors.of(value, truth)
    return {
        "n": int(truth.size),
        "truth_mean": found.truth_mean,
        "rmse": found.rmse,
        "rrmse": found.rmse / found.truth_mean if found.truth_mean else None,
        "mae": found.mae,
        "bias": found.bias,
        "r2": found.r2,
        "coverage_90": float(((low <= truth) & (truth <= high)).mean()),
        "width": float((high - low).mean()),
        "within_sigma": float((np.abs(value - truth) <= sigma).mean()),
        "rms_of_error_over_sigma": float(np.sqrt((((value - truth) / sigma) ** 2).mean())),
    }


def binned(by: np.ndarray, found: dict[str, np.ndarray]) -> list[dict[str, object]]:
    rows = []
    for low, high in pairwise(BINS_MG_HA):
        here = (by >= low) & (by < high)
        if here.any():
            row = figures(found["truth"][here], found["said"][:, here])
            del row["r2"]  # within a bin the truth hardly varies
            rows.append({"from": low, "to": None if np.isinf(high) else high,
                         "places": int(np.unique(found["place"][here]).size), **row})  # fmt: skip
    return rows


def bootstrap(found: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Return 95 % intervals of RMSE, bias and coverage by drawing places."""
    value, _, low, high = found["said"]
    truth = found["truth"]
    _, at = np.unique(found["place"], return_inverse=True)
    sums = np.stack([np.bincount(at), np.bincount(at, (value - truth) ** 2), np.bincount(at, value - truth),
                     np.bincount(at, (low <= truth) & (truth <= high))])  # fmt: skip
    rng = np.random.default_rng(0)
    drawn = sums[:, rng.integers(0, sums.shape[1], (DRAWS, sums.shape[1]))].sum(axis=2)
    made = {
        "rmse": np.sqrt(drawn[1] / drawn[0]),
        "bias": drawn[2] / drawn[0],
        "coverage_90": drawn[3] / drawn[0],
    }
    return {k: [float(q) for q in np.percentile(v, (2.5, 97.5))] for k, v in made.items()}


def of_twin(variant: str, data: str) -> dict[str, object]:
    """Return all figures of a variant on the twin's test places."""
    found = answers(variant, data)
    known = network_of(variant)
    made = {
        "network": known.name,
        "sha256": known.sha256,
        "synthetic": True,
        "places": int(np.unique(found["place"]).size),
        "all": figures(found["truth"], found["said"]),
        "ci_95": bootstrap(found),
        "with_biomass": figures(*(a[..., found["truth"] > 0] for a in (found["truth"], found["said"]))),
        "by_truth": binned(found["truth"], found),
        "by_map": binned(found["said"][0], found),
        "by_kind": {k: figures(*(a[..., found["kind"] == k] for a in (found["truth"], found["said"])))
                    for k in sorted(set(found["kind"].tolist()))},
    }  # fmt: skip
    if variant == "sentinel":
        bare = answers(variant, data, without_radar=True)
        made["without_radar"] = figures(bare["truth"], bare["said"])
    return made


def potsdam_map(folder: str) -> object:
    """Return the cube of real EnMAP over Potsdam, as `eomap run --sensor enmap` makes it."""
    catalog = str(Path(os.environ["EOMAP_SHARED"]) / "data/catalog/catalog.json")
    plan = api.plan(catalog=catalog, product="biomass", **POTSDAM)
    out = str(Path(folder) / "potsdam-biomass.zarr")
    summary = api.run(plan, out, engine="inline")
    if not summary.complete or api.verify(out):
        raise SystemExit(f"{out}: not complete, or not what was written")
    return api.open_cube(out)


def potsdam_labels() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return longitude, latitude and class of every labelled pixel."""
    import rasterio
    from rasterio.warp import transform

    lon, lat, label = [], [], []
    folder = Path(os.environ["EOMAP_SHARED"]) / "data/catalog/enmap-hsi-l2a"
    for path in sorted(folder.glob("enmap_potsdam_tile_*/landcover.tif")):
        with rasterio.open(path) as file:
            classes = file.read(1)
            row, col = np.indices(classes.shape)
            x, y = rasterio.transform.xy(file.transform, row.ravel(), col.ravel())
            there = transform(file.crs, "EPSG:4326", x, y)
        lon.append(there[0])
        lat.append(there[1])
        label.append(classes.ravel())
    return np.concatenate(lon), np.concatenate(lat), np.concatenate(label)


def of_potsdam() -> dict[str, object]:
    """Return the mean map of each class of land cover (real EnMAP, 2022-07-24)."""
    import xarray as xr

    with tempfile.TemporaryDirectory() as folder:
        cube = potsdam_map(folder)[["biomass", "sigma", "low", "high", "n_clear"]].load()
    lon, lat, label = potsdam_labels()
    there = cube.sel(x=xr.DataArray(lon, dims="pixel"), y=xr.DataArray(lat, dims="pixel"), method="nearest")
    value = there.biomass.to_numpy()
    rows = {}
    for code, name in enumerate(CLASSES):
        here = (label == code) & np.isfinite(value)
        if here.any():
            rows[name] = {
                "n": int(here.sum()),
                "mean": float(value[here].mean()),
                "median": float(np.median(value[here])),
                "p10_p90": [float(q) for q in np.percentile(value[here], (10, 90))],
                "sigma_mean": float(there.sigma.to_numpy()[here].mean()),
                "interval_mean": [float(there[b].to_numpy()[here].mean()) for b in ("low", "high")],
            }
    return {"synthetic": False, "what": "mean map by land cover; its biomass is not known", "classes": rows}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    ask.add_argument("--data", default="twin://places=240,seed=7")
    ask.add_argument("--picture", type=Path, help="draw instead of measuring")
    told = ask.parse_args()
    if told.picture:
        from biomass_picture import draw

        draw(told.picture, told.data)
        return
    made: dict[str, object] = {"twin": {v: of_twin(v, told.data) for v in RECIPES}}
    if os.environ.get("EOMAP_SHARED"):
        made["potsdam"] = of_potsdam()
    print(json.dumps(_rounded(made), indent=1))


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
