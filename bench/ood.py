"""Measure how well post-hoc scores tell unfamiliar real windows from familiar ones, as JSON and a table.

    EOMAP_SHARED=../shared python bench/ood.py [--json FILE]

The shift is known for certain: surface reflectance (L2A) given to networks of L1C, at one place on one day;
and scenes wholly under cloud. Detectors are fitted on clear L1C windows of all other places, so that the
known windows of the tested place come from a place never seen; in set-ups `fitted on too` the left half of
its known scenes is fitted on as well. Left halves of the fit scenes fit, right halves draw the familiarity
curve; every method is tested on the right half of the tested place. TARDIS alone is given the left half,
L1C and L2A or clear and cloudy mixed, unlabelled. Windows overlap, so n is not a number of independent
samples, and eomap-lcz-s was trained on most of these L1C scenes. One thread, about five minutes.
"""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
import torch
from rasterio.enums import Resampling
from safetensors.torch import load_file

SHARED = Path(os.environ.get("EOMAP_SHARED", Path(__file__).parents[2] / "shared"))
DATA = SHARED / "data"
os.environ.setdefault("EOMAP_MODEL_MIRROR", str(DATA / "weights"))

from eomap.io.weights import models, weights_path  # noqa: E402
from eomap.nn.features import rows, with_features  # noqa: E402
from eomap.ood import METHODS, Familiarity, Samples, detection_figures, fit, risk_figures  # noqa: E402
from eomap.sensors.cloudmask import bands_needed, clear_mask  # noqa: E402

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
SIDE_PX = 42
"""What eomap-lcz-s sees; the other networks see the 32 px inside."""
L1C, L2A = "sentinel-2-l1c", "sentinel-2-l2a"
HAVEL = "S2A_MSIL1C_20170216T102101_T33UUU_clip"
PUNJAB = "S2_{}_20200604T054639_20200604T054831_T43RCP"
LAYERS = {
    "so2sat-resnet20": ("stem", "blocks.1", "norm", "head"),
    "sen2lcz-mf": ("stages.0.1", "stages.1.10", "stages.3.10", "heads.3"),
    "eomap-lcz-s": ("convs.0", "convs.2", "convs.5", "head"),
}
"""Early, middle and last layer before their non-linearity, and the logits."""
PLACES = {
    "Tanzania": ("S2_{}_Tanzania_20230610", 8),
    "Brazil": ("S2_{}_Brazil_20210723", 8),
    "Denmark": ("S2_{}_Denmark_20171030", 8),
    "Punjab": (PUNJAB, 8),
}
"""Scene of both levels, and px from one window to the next."""
SLOVENIA_CLEAR = ("20150711", "20150830", "20150909")
SLOVENIA_CLOUDY = ("20150731", "20150820")
FLAG = 0.95


@dataclass(frozen=True)
class Windows:
    """Windows (n, b, y, x), reflectance, of a scene, and which lie in its left half and in its right half."""

    pixels: F32
    left: npt.NDArray[np.bool_]
    right: npt.NDArray[np.bool_]


def scene_bands(collection: str, name: str, bands: tuple[str, ...]) -> dict[str, F32]:
    """Return reflectance by band at 10 m, offsets removed, coarser bands interpolated."""
    folder = DATA / "catalog" / collection / name
    assets = json.loads((folder / f"{name}.json").read_text())["assets"]
    with rasterio.open(folder / assets["B02"]["href"]) as file:
        shape = file.shape
    made = {}
    for band in bands:
        claim = assets[band]["raster:bands"][0]
        with rasterio.open(folder / assets[band]["href"]) as file:
            dn = file.read(1, out_shape=shape, resampling=Resampling.bilinear)
        value = dn * np.float32(claim["scale"]) + np.float32(claim["offset"])
        made[band] = np.clip(value, 0, None).astype(np.float32)
    return made


def windows(collection: str, name: str, step_px: int, *, clear: bool = False) -> Windows:
    """Return the windows of a scene; with `clear` only those nine tenths clear by the spectral mask."""
    needed = bands_needed("L1C", "spectral") if clear else ()
    bands = scene_bands(collection, name, tuple(dict.fromkeys((*BANDS, *needed))))
    stack = np.stack([bands[b] for b in BANDS])
    height, width = stack.shape[1:]
    tops, lefts = range(0, height - SIDE_PX + 1, step_px), range(0, width - SIDE_PX + 1, step_px)
    at = [(y, x) for y in tops for x in lefts]
    if clear:
        dn = {b: np.rint(bands[b] * 10_000).astype(np.uint16) for b in needed}
        mask, _ = clear_mask(dn, None, level="L1C", method="spectral")
        at = [(y, x) for y, x in at if mask[y : y + SIDE_PX, x : x + SIDE_PX].mean() > 0.9]
    start = np.array([x for _, x in at])
    pixels = np.stack([stack[:, y : y + SIDE_PX, x : x + SIDE_PX] for y, x in at])
    return Windows(pixels, start + SIDE_PX <= width // 2, start >= width // 2)


@dataclass(frozen=True)
class Seen:
    """What a network made of a scene's windows: features by layer (n, d), logits (n, c), classes (n)."""

    features: dict[str, F64]
    logits: F64
    classes: npt.NDArray[np.int64]
    left: npt.NDArray[np.bool_]
    right: npt.NDArray[np.bool_]


def seen_by(name: str, network: torch.nn.Module, given: Windows) -> Seen:
    """Return features and answers of a network, one forward pass per batch of windows."""
    cut = slice(None) if name == "eomap-lcz-s" else slice(5, 37)
    parts: dict[str, list[F64]] = {layer: [] for layer in LAYERS[name]}
    answers = []
    for first in range(0, len(given.pixels), 64):
        x = torch.from_numpy(np.ascontiguousarray(given.pixels[first : first + 64, :, cut, cut]))
        with torch.inference_mode():
            output, found = with_features(network, x, layers=LAYERS[name])
        answers.append(output.flatten(1).argmax(dim=1).numpy())
        for layer, values in found.items():
            parts[layer].append(rows(values).numpy().astype(np.float64))
    *layers, head = LAYERS[name]
    features = {layer: np.concatenate(parts[layer]) for layer in layers}
    logits = np.concatenate(parts[head])
    return Seen(features, logits, np.concatenate(answers), given.left, given.right)


def networks() -> Iterator[tuple[str, torch.nn.Module]]:
    """Yield the LCZ networks, weights loaded."""
    for entry in models():
        module, _, function = entry.architecture.partition(":")
        network = getattr(import_module(module), function)()
        network.load_state_dict(load_file(weights_path(entry)), strict=False)
        yield entry.name, network.eval()


def scenes() -> dict[str, Windows]:
    """Return all windows by name: place or date, and level."""
    made = {"Havel L1C": windows(L1C, HAVEL, 32, clear=True)}
    for place, (pattern, step) in PLACES.items():
        made[f"{place} L1C"] = windows(L1C, pattern.format("L1C"), step)
        made[f"{place} L2A"] = windows(L2A, pattern.format("L2A"), step)
    for date in (*SLOVENIA_CLEAR, *SLOVENIA_CLOUDY):
        made[f"Slovenia {date} L1C"] = windows(L1C, f"S2A_L1C_Slovenia_{date}", 4)
    return made


def setups() -> dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    """Return per set-up the scenes that fit, the known ones of the tested place, and the unfamiliar ones."""
    slovenia = tuple(f"Slovenia {d} L1C" for d in SLOVENIA_CLEAR)
    clear = ("Havel L1C", *(f"{p} L1C" for p in PLACES), *slovenia)
    made = {
        f"L2A of {p}": (tuple(s for s in clear if not s.startswith(p)), (f"{p} L1C",), (f"{p} L2A",))
        for p in PLACES
    }
    cloudy = tuple(f"Slovenia {d} L1C" for d in SLOVENIA_CLOUDY)
    made["cloud over Slovenia"] = (tuple(s for s in clear if s not in slovenia), slovenia, cloudy)
    more = {
        f"{t}, place fitted on too": (fitting + known, known, off)
        for t, (fitting, known, off) in made.items()
    }
    return made | more


def joined(seen: dict[str, Seen], names: tuple[str, ...], layer: str | None, half: str) -> tuple:
    """Return features (None without a layer), logits and classes of one half of some scenes."""
    keep = [(seen[n], getattr(seen[n], half)) for n in names]
    features = None if layer is None else np.concatenate([s.features[layer][k] for s, k in keep])
    logits = np.concatenate([s.logits[k] for s, k in keep])
    return features, logits, np.concatenate([s.classes[k] for s, k in keep])


def figures(seen: dict[str, Seen], setup: tuple, method: str, layer: str | None) -> dict:
    """Return how one method on one layer does in one set-up."""
    fitting, known, unfamiliar = setup
    samples = Samples.of(*joined(seen, fitting, layer, "left"))
    wild = joined(seen, (*known, *unfamiliar), layer, "left")[0]
    detector = fit(method, samples, **({"wild_nd": wild} if method == "tardis" else {}))

    def score(names: tuple[str, ...]) -> F32:
        features, logits, _ = joined(seen, names, layer, "right")
        return detector.score(features, logits)

    low, high = score(known), score(unfamiliar)
    others = score(tuple(s for s in fitting if s not in known))
    curve = Familiarity.of(others)
    made = detection_figures(low, high) | {
        "n_fit": len(samples.logits_nc),
        "flagged_known": float((curve.layer(low) >= FLAG).mean()),
        "flagged_unfamiliar": float((curve.layer(high) >= FLAG).mean()),
        "new_place_auroc": detection_figures(others, low)["auroc"],
    }
    if method == "tardis":
        made |= {"k": detector.k, "shift": detector.shift, "wild": detector.n_wild}
        made |= {"surrogates": detector.n_surrogate}
    if len(known) == len(unfamiliar) == 1:  # same place, same windows: does the class drift with the level?
        drifted = joined(seen, known, layer, "right")[2] != joined(seen, unfamiliar, layer, "right")[2]
        made["drift_of_class"] = {k: round(v, 4) for k, v in risk_figures(high, drifted).items()}
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in made.items()}


def table(measured: dict) -> str:
    """Return AUROC as Markdown: a row per network, layer and method, a column per set-up."""
    names = list(setups())
    lines = ["| network | layer | method | " + " | ".join(names) + " |", "|---" * (3 + len(names)) + "|"]
    for network, by_layer in measured.items():
        for layer, by_method in by_layer.items():
            for method, made in by_method.items():
                row = " | ".join(f"{made[s]['auroc']:.3f}" for s in names)
                lines.append(f"| {network} | {layer} | {method} | {row} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    out = parser.parse_args().json
    torch.set_num_threads(1)
    pixels = scenes()
    from_logits = ("energy", "max-logit", "max-softmax", "entropy")
    measured: dict = {}
    for name, network in networks():
        seen = {scene: seen_by(name, network, given) for scene, given in pixels.items()}
        measured[name] = {}
        for layer in (*LAYERS[name][:-1], None):
            methods = [m for m in METHODS if (m in from_logits) == (layer is None)]
            measured[name][layer or LAYERS[name][-1]] = {
                m: {title: figures(seen, setup, m, layer) for title, setup in setups().items()}
                for m in methods
            }
        print(f"{name} done", flush=True)
    print(table(measured))
    if out:
        windows_of = {n: [int(w.left.sum()), int(w.right.sum())] for n, w in pixels.items()}
        lines = [
            json.dumps({"network": network, "layer": layer, "method": method, "setup": setup, **made})
            for network, by_layer in measured.items()
            for layer, by_method in by_layer.items()
            for method, by_setup in by_method.items()
            for setup, made in by_setup.items()
        ]
        head = f'{{"windows_left_right": {json.dumps(windows_of)},\n"flag": {FLAG},\n"rows": [\n'
        out.write_text(head + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
