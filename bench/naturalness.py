"""How good maps of naturalness are, by network and by index, on held-out regions of the twin; as JSON.

    EOMAP_CACHE=... python bench/naturalness.py [BUNDLE] > bench/naturalness.json

All samples are synthetic (`eomap train naturalness` makes them): the figures are those of a made-up world.
BUNDLE is the folder of another network than eomap-naturalness-s. Axis letters: n window, c channel,
k number given, y and x pixels.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from eomap.io.registry import model
from eomap.io.weights import load_network, weights_path
from eomap.kernels.scores.ranks import rank_correlation
from eomap.nn.modalities import influences
from eomap.nn.naturalness_s import GROUPS
from eomap.products.naturalness.index import LAND_COVERS, components_of, naturalness_of
from eomap.products.naturalness.training import RECIPE, figures
from eomap.training.twin_samples import TwinOrder, twin_samples
from eomap.training.windows import Windows
from eomap.twin.land import Cover

LEVELS = {"L2A": "s2_l2a_year", "L1C": "s2_l1c_year", "L2A, 90 days": "s2_l2a_season_2"}
RADAR, LIGHTS = slice(10, 12), slice(12, 13)
SEED = 1


def rounded(value: Any) -> Any:
    """Return numbers with four digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float | np.floating) else value


def windows(samples: Any, array: str, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return codes, places and truth of the middle window of every sample of a split."""
    first, *others = RECIPE.pictures
    recipe = replace(RECIPE, pictures=(replace(first, arrays=(array,)), *others))
    found = list(Windows(recipe, samples).judged(split))
    return tuple(
        np.concatenate([getattr(b, name) for b in found]) for name in ("code_ncyx", "aside_na", "target_nkrc")
    )


def said(network: Any, code: np.ndarray, aside: np.ndarray) -> np.ndarray:
    """Return what the network says of windows, one after the other as the engine asks."""
    return np.concatenate(
        [network(code[n : n + 1].astype(np.uint16), aside[n : n + 1]) for n in range(len(code))]
    )


def without(code: np.ndarray, *gone: slice) -> np.ndarray:
    """Return codes with channels unseen."""
    code = code.copy()
    for channels in gone:
        code[:, channels] = 0
    return code


def by_cover(y: np.ndarray, truth: np.ndarray, cover: np.ndarray) -> dict[str, Any]:
    """Return mean truth and mean map of every land cover, and whether their order agrees (Spearman)."""
    found = {
        Cover(c).name.lower(): {
            "share": float((cover == c).mean()),
            "truth": float(truth[cover == c].mean()),
            "map": float(y[cover == c].mean()),
        }
        for c in np.unique(cover)
    }
    means = np.array([[v["truth"], v["map"]] for v in found.values()])
    return {"order": rank_correlation(*means.T), "classes": found}


def of_network(network: Any, samples: Any) -> dict[str, Any]:
    """Return the figures of a network: by level, without what it may do without, of shuffled places."""
    made: dict[str, Any] = {}
    answers = {}
    for level, array in LEVELS.items():
        code, aside, truth = windows(samples, array, "test")
        answers[level] = said(network, code, aside)
        made[level] = {"windows": len(code), **figures(answers[level], truth)}
    code, aside, truth = windows(samples, LEVELS["L2A"], "test")
    y = answers["L2A"]
    turned = np.random.default_rng(SEED).permutation(len(aside))
    nowhere = np.full_like(aside, np.nan)
    trials: dict[str, Callable[[], np.ndarray]] = {
        "without radar": lambda: said(network, without(code, RADAR), aside),
        "without lights": lambda: said(network, without(code, LIGHTS), aside),
        "Sentinel-2 alone": lambda: said(network, without(code, RADAR, LIGHTS), aside),
        "Sentinel-2 alone, no place": lambda: said(network, without(code, RADAR, LIGHTS), nowhere),
        "no place": lambda: said(network, code, nowhere),
        "places shuffled": lambda: said(network, code, aside[turned]),
    }
    made["trials, L2A"] = {name: figures(trial(), truth) for name, trial in trials.items()}
    kinds = samples.kinds_n[samples.of("test")]
    made["by kind of place, L2A"] = {
        str(k): {"windows": int((kinds == k).sum()), **figures(y[kinds == k], truth[kinds == k])}
        for k in np.unique(kinds)
    }
    made["by land cover, L2A"] = by_cover(y[:, 0], truth[:, 0], middle(samples, "land_cover", "test"))
    return made


def middle(samples: Any, name: str, split: str) -> np.ndarray:
    """Return the pixels of an array (n, y, x) that the judged windows have."""
    rows, cut = samples.array(name).rows, (270 - 256) // 2
    part = slice(cut, cut + 256)
    return np.stack([np.asarray(rows[int(n)])[..., part, part] for n in samples.of(split)]).squeeze()


def of_index(samples: Any, split: str) -> dict[str, Any]:
    """Return the figures of the index of a land cover without errors, and of one with those of MODIS."""
    truth = middle(samples, "naturalness", split)[:, None] * 1e-4
    lights = middle(samples, "lights", split)
    covers = {"worldcover": "land_cover", "modis-12q1": "igbp"}
    made = {}
    for name, array in covers.items():
        code = middle(samples, array, split).astype(np.uint16)
        for words, lit in (("with lights", lights), ("without lights", None)):
            value = naturalness_of(components_of(code, lit, LAND_COVERS[name]))[:, None]
            sigma = LAND_COVERS[name].sigma if lit is not None else LAND_COVERS[name].sigma_unlit
            y = np.concatenate([value, np.full_like(value, 2 * np.log(sigma))], axis=1)
            made[f"{name} {words}"] = {"windows": len(truth), **figures(y, truth.astype(np.float32))}
    return made


def of_pressure(samples: Any) -> dict[str, float]:
    """Return the fit of pressure by lights over woods of training places, outside towns."""
    from scipy.optimize import curve_fit

    woods = (middle(samples, "land_cover", "train") == Cover.TREES) & (_sealed(samples) == 0)
    pressure = 1 - middle(samples, "naturalness", "train")[woods] * 1e-4
    radiance = (middle(samples, "lights", "train")[woods].astype(np.float64) - 1) * 0.1
    some = slice(None, None, 16)
    (nw, per_log), _ = curve_fit(
        lambda x, nw, per_log: per_log * np.log1p(x / nw), radiance[some], pressure[some], p0=(0.03, 0.05)
    )
    built = middle(samples, "land_cover", "train") == Cover.BUILT
    return {
        "radiance_nw": nw,
        "per_log": per_log,
        "sealed share of built": float(_sealed(samples)[built].mean()),
    }


def _sealed(samples: Any) -> np.ndarray:
    rows = samples.array("settlement").rows
    whole = np.stack([np.asarray(rows[int(n)]).repeat(2, 0).repeat(2, 1) for n in samples.of("train")])
    return whole[:, 7:263, 7:263] * 1e-4


def of_modalities(network: Any, samples: Any) -> dict[str, Any]:
    """Return the mean influence of every modality over the test windows."""
    code, aside, _ = windows(samples, LEVELS["L2A"], "test")
    sources = list(zip(("sentinel-2", "sentinel-1", "night-lights"), GROUPS, strict=True))
    made = influences(network, sources, ("lon_deg", "lat_deg"))
    count = len(made.names)
    total = np.zeros((3, count))
    for n in range(len(code)):
        value = made(code[n : n + 1].astype(np.uint16), aside[n : n + 1])[0]
        change = value[count:].mean(axis=(1, 2)), np.abs(value[count:]).mean(axis=(1, 2))
        total += np.stack([value[:count].mean(axis=(1, 2)), *change]) / len(code)
    return {
        name: {"influence": total[0, k], "change": total[1, k], "absolute_change": total[2, k]}
        for k, name in enumerate(made.names)
    }


def seconds_per_window(network: Any) -> float:
    """Return the least CPU-seconds of several windows."""
    code, taken = np.full((1, sum(GROUPS), 256, 256), 1_500, np.uint16), []
    for _ in range(7):
        begun = time.process_time()
        network(code, np.zeros((1, 2), np.float32))
        taken.append(time.process_time() - begun)
    return min(taken)


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    entry = model(sys.argv[1] if len(sys.argv) > 1 else "eomap-naturalness-s")
    network = load_network(entry, weights_path(entry))
    arrays = {*RECIPE.arrays, *LEVELS.values(), "land_cover", "igbp", "lights", "settlement"}
    samples = twin_samples(TwinOrder(), sorted(arrays))
    made = {
        "synthetic": True,
        "samples": samples.name,
        "split": "test: regions of 15 degrees that were not trained on; the middle 2.56 km of every place",
        "model": entry.name,
        "sha256": entry.sha256,
        "bytes": entry.size,
        "cpu_s_per_window": seconds_per_window(network),
        "network": of_network(network, samples),
        "index": {split: of_index(samples, split) for split in ("train", "test")},
        "fit of the index, train": of_pressure(samples),
        "influence": of_modalities(network, samples),
    }
    print(json.dumps(rounded(made), indent=1))


if __name__ == "__main__":
    main()
