"""Measure the settlement product, as JSON, and draw it: docs/explanation/settlement.md.

    export EOMAP_SHARED=../shared
    eomap twin build --bbox 47.007,40.731,47.055,40.767 --period 2024-06-10/2024-06-24 --seed 7 --out TWIN
    python bench/settlement.py --twin TWIN --picture docs/images/settlement.png > bench/settlement.json

Test places of the twin (synthetic; `eomap train` keeps them), one place of the twin mapped and scored by the
engine, then real scenes: the Havel against OpenStreetMap, Denmark against Esri's land cover, Dynamic World
beside ours on the same cells. The west of the Havel scene was taught by Dynamic World; its east third and
Denmark were never seen in training.
Axis letters: b band, y, x pixels of 10 m; i, j cells of 20 m.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import torch
from maps import DATA
from PIL import Image, ImageDraw, ImageFont
from settlement_scenes import HAVEL, NETWORK, SETTLED, Made, denmark, havel, item_codes, mapped, on_cells

from eomap import api
from eomap.io.registry import model
from eomap.io.weights import load_network, weights_path
from eomap.kernels.scores import confusion
from eomap.products.settlement.training import RECIPE, figures
from eomap.training.twin_samples import TwinOrder, twin_samples
from eomap.training.windows import Windows

TWIN_BBOX, TWIN_PERIOD = "47.007,40.731,47.055,40.767", "2024-06-10/2024-06-24"
"""A city of 4 x 4 km in a region of the test split."""
ARRAYS = {"s2_l2a_year": "L2A, year", "s2_l2a_season_1": "L2A, season", "s2_l1c_year": "L1C, year"}
F64 = npt.NDArray[np.float64]


def disagreement(matrix: npt.NDArray[np.int64]) -> dict[str, float]:
    """Return how much of all cells is wrong by number and by place (Pontius and Millones 2011).

    doi:10.1080/01431161.2011.552923; the two sum to 1 - overall accuracy.
    """
    m = matrix / matrix.sum()
    quantity = float(np.abs(m.sum(axis=1) - m.sum(axis=0)).sum() / 2)
    return {"quantity": quantity, "allocation": float(1 - np.trace(m) - quantity)}


def at_places() -> dict[str, Any]:
    """Return figures of the test places of the twin, by what is seen of them."""
    twin, found = twin_samples(TwinOrder(), RECIPE.arrays), {}
    network = load_network(model(NETWORK), weights_path(model(NETWORK)))
    for array, what in ARRAYS.items():
        how = recipe_of(array)
        y, target = [], []
        for batch in Windows(how, twin).judged("test"):
            for n in range(len(batch.code_ncyx)):
                one = batch.code_ncyx[n : n + 1].astype(np.uint16)
                y.append(network(one, np.zeros((1, 0), np.float32))[:, : len(RECIPE.outputs)])
            target.append(batch.target_nkrc)
        said, true = np.concatenate(y), np.concatenate(target)
        known, zoned = np.isfinite(true[:, 0]), np.isfinite(true[:, 1])
        settled = confusion(true[:, 0][known] > SETTLED, said[:, 0][known] > SETTLED, classes=[False, True])
        zones = confusion(
            true[:, 1][zoned].astype(int), said[:, 2:].argmax(axis=1)[zoned] + 1, classes=np.arange(1, 18)
        )
        found[what] = {
            "windows": len(said),
            "cells": int(known.sum()),
            **figures(said, true),
            "settled_disagreement": disagreement(settled),
            "lcz_disagreement": disagreement(zones),
        }
    return found


def recipe_of(array: str) -> Any:
    """Return the recipe with one array to judge with."""
    return replace(RECIPE, pictures=(replace(RECIPE.pictures[0], arrays=(array,)),))


def speed() -> dict[str, float]:
    """Return CPU-seconds of one thread for 256 x 256 pixels: seen once, and as mapped with overlap."""
    torch.set_num_threads(1)
    network = load_network(model(NETWORK), weights_path(model(NETWORK)))
    layout, code = network.layout, np.full((1, 10, 128, 128), 1500, np.uint16)
    seconds = []
    for _ in range(12):
        begun = time.process_time()
        network(code, np.zeros((1, 0), np.float32))
        seconds.append(time.process_time() - begun)
    each = sorted(seconds)[len(seconds) // 2]
    return {"seen": each * 4, "mapped": each * (256 / layout.step_px) ** 2}


def twin_score(folder: Path) -> dict[str, Any]:
    """Return the score of a place of the twin, mapped by the engine on the lattice."""
    with tempfile.TemporaryDirectory() as place:
        out = f"{place}/map.zarr"
        mapped(folder / "catalog.json", TWIN_BBOX, TWIN_PERIOD, None, grid="lattice", out=out)
        found = api.score(out, str(folder))
        return {k: v for k, v in found.items() if k not in ("cube", "truth", "run")}


def picture(path: Path, made: Made, built_ij: F64) -> None:
    """Draw the Havel: what was seen, our share, its sigma, Dynamic World's `built`."""
    with rasterio.open(DATA / "catalog/sentinel-2-l1c" / HAVEL / "B02.jp2") as file:
        transform = file.transform
    code = item_codes(HAVEL)[[2, 1, 0]].astype(float)
    seen = np.stack([on_cells(made, band, transform) for band in code], axis=-1)
    low, high = np.nanpercentile(seen, [1, 98])
    colour = np.nan_to_num(np.clip((seen - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    panels = {
        "Sentinel-2 L1C, 16 February 2017": colour,
        "eomap-settlement-s: share of sealed ground, 0 to .6": ramp(made.settlement_ij / 0.6),
        "its sigma, 0 to .3": ramp(made.sigma_ij / 0.3),
        "Dynamic World: probability of built, 0 to .7": ramp(built_ij / 0.7),
    }
    height, width = made.window.shape
    sheet = Image.new("RGB", (2 * width + 6, 2 * (height + 22)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for n, (title, panel) in enumerate(panels.items()):
        x, y = n % 2 * (width + 6), n // 2 * (height + 22)
        draw.text((x + 2, y + 2), title, "black", font)
        sheet.paste(Image.fromarray(panel), (x, y + 20))
    sheet.reduce(2).quantize(160).save(path, optimize=True)


def ramp(share: F64) -> npt.NDArray[np.uint8]:
    """Return colours from dark to bright (after magma), grey where nothing is known."""
    stops = np.array([(8, 6, 30), (80, 18, 123), (182, 54, 121), (251, 136, 97), (252, 253, 191)], float)
    at = np.nan_to_num(np.clip(share, 0, 1)) * (len(stops) - 1)
    rgb = np.stack([np.interp(at, np.arange(len(stops)), stops[:, k]) for k in range(3)], axis=-1)
    rgb[~np.isfinite(share)] = 150
    return rgb.astype(np.uint8)


def rounded(value: Any) -> Any:
    """Return the same with numbers of four digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def for_card(place: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """Return figures as a card lists them."""
    return [
        {"name": f"{key}, {who}", "value": value, "n": int(said["n_inside"] + said["n_outside"]), "on": where}
        for who, said in place.items()
        for key, value in said.items()
        if not key.startswith("n_")
    ]


def main() -> None:
    """Print the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--twin", type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    made, built, on_havel = havel()
    if given.picture:
        picture(given.picture, made, built)
    on_denmark = denmark()
    cards = for_card(
        on_havel["east third, never trained on"], "Havel, east third, OSM residential, 20 m cells"
    )
    for level, said in on_denmark.items():
        cards += for_card(said, f"Denmark {level}, Esri built, 20 m cells")
    entry = model(NETWORK)
    report = {
        "network": {"name": entry.name, "version": entry.version, "sha256": entry.sha256},
        "cpu_s_per_256_px": speed(),
        "synthetic": {
            "test places": at_places(),
            "engine on a place": twin_score(given.twin) if given.twin else None,
        },
        "real": cards,
        "havel": on_havel,
        "denmark": on_denmark,
    }
    print(json.dumps(rounded(report), indent=1))


if __name__ == "__main__":
    main()
