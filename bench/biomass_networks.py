"""Teach a network of biomass, set its bounds on validation places, and write its bundle.

    python bench/biomass_networks.py sentinel models/eomap-biomass-s --half --steps 1300
    python bench/biomass_networks.py sentinel models/eomap-biomass-s --half --more 400
    python bench/biomass_networks.py enmap models/eomap-biomass-enmap-s --half --steps 900

Samples are the twin's (synthetic), kept in EOMAP_CACHE. Checkpoints lie in OUT.training; `--more` goes on
from there on a longer course, whose rate rises again, and `--more 0` only sets bounds and writes. The last
state is taken, not the best of validation: woods there are seven, lower ones than the others, and to pick by
them would be to pick low maps.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from eomap.core.recipe import Recipe
from eomap.nn.biomass_s import moments, pooled
from eomap.products.biomass import training
from eomap.products.biomass.calibration import Judged, calibrated
from eomap.training import checkpoint
from eomap.training.bundle import Figure, Told, write_bundle
from eomap.training.loop import Course, built, train
from eomap.training.twin_samples import parsed, twin_samples
from eomap.training.windows import Windows

RECIPES = {"sentinel": training.RECIPE, "enmap": training.ENMAP}
SPARSE = {"sentinel": training.SPARSE}
ON = "synthetic test windows, 4 of each place in regions that were not trained on"


def groups(network: torch.nn.Module, decay: float) -> list[dict]:
    """Return the parameters as the loop groups them, so that its optimiser's state fits."""
    kernels, others = ([p for p in network.parameters() if (p.ndim > 1) is many] for many in (True, False))
    return [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def corners(windows: Windows, split: str) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield number of the sample, codes (1, c, y, x) and truth (1, 1, y, x) of the four corners of each."""
    last = windows.places - 1
    for n in windows.samples.of(split):
        for at in ((0, 0), (0, last), (last, 0), (last, last)):
            code, _, target = windows.window(int(n), at)
            if code[: windows.recipe.pictures[0].channels].any():
                yield int(n), code[None], target[None]


def judged(network, windows: Windows, split: str) -> Judged:
    """Return what a network says of the corners of a split's samples, without its own factors."""
    kept = []
    hook = network.body.members.register_forward_hook(lambda _, __, out: kept.append(out[0]))
    found = []
    network.eval()
    for n, code, target in corners(windows, split):
        with torch.inference_mode():
            network(torch.from_numpy(code), torch.zeros(1, 0))
            roots = kept.pop()
            (root, deviation), (biomass, variance) = pooled(roots), moments(roots)
        seen = (code[0, : windows.recipe.pictures[0].channels] > 0).all(axis=0) & np.isfinite(target[0, 0])
        rows = (root, deviation, biomass, variance.sqrt())
        found.append([*(a[0].double().numpy()[seen] for a in rows), target[0, 0][seen].astype(np.float64),
                      np.full(int(seen.sum()), n)])  # fmt: skip
    hook.remove()
    return Judged(*(np.concatenate(c) for c in zip(*found, strict=True)))


def tested(network, windows: Windows) -> tuple[Figure, ...]:
    """Return the figures of the test split."""
    answers, targets = [], []
    with torch.inference_mode():
        for _, code, target in corners(windows, "test"):
            seen = (code[:, : windows.recipe.pictures[0].channels] > 0).all(axis=1, keepdims=True)
            answers.append(network(torch.from_numpy(code), torch.zeros(1, 0))[0].numpy())
            targets.append(np.where(seen, target, np.nan))
    found = windows.recipe.figures(np.concatenate(answers), np.concatenate(targets))
    return tuple(Figure(k, v, len(answers), ON, synthetic=True) for k, v in found.items())


def lengthened(folder: Path, recipe: Recipe, about: dict, more: int) -> int:
    """Make a finished training one that goes on for so many steps; return its steps in all."""
    network = built(recipe.architecture)
    optimiser = torch.optim.AdamW(groups(network, recipe.decay))
    progress = checkpoint.load(folder, network, optimiser, about)
    progress.steps = progress.step + more
    checkpoint.save(folder, network, optimiser, progress, about)
    return progress.steps


def last(folder: Path, recipe: Recipe, about: dict) -> torch.nn.Module:
    """Return the network in the state after the last step."""
    network = built(recipe.architecture)
    checkpoint.load(folder, network, torch.optim.AdamW(groups(network, recipe.decay)), about)
    return network.eval()


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    ask.add_argument("variant", choices=tuple(RECIPES))
    ask.add_argument("out", type=Path)
    ask.add_argument("--data", default="twin://places=240,seed=7")
    ask.add_argument("--steps", type=int, default=0)
    ask.add_argument("--more", type=int, help="steps after those of a finished training")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--sparse", action="store_true", help="taught at footprints of a lidar only")
    ask.add_argument("--half", action="store_true", help="multiply in bfloat16")
    told = ask.parse_args()
    torch.set_num_threads(1)
    recipe = (SPARSE if told.sparse else RECIPES)[told.variant]
    windows = Windows(recipe, twin_samples(parsed(told.data), recipe.arrays))
    folder, began = told.out.with_name(f"{told.out.name}.training"), time.process_time()
    about = {"product": recipe.product, "architecture": recipe.architecture, "seed": told.seed,
             "batch": recipe.batch, "samples": windows.samples.name}  # fmt: skip

    def note(kind, info):
        plain = {k: round(v, 4) for k, v in info.items() if isinstance(v, int | float)}
        if kind != "train-step":
            spent = round(time.process_time() - began)
            print(json.dumps({"cpu_s": spent, "event": kind, **plain}), flush=True)

    steps = told.steps if told.more is None else lengthened(folder, recipe, about, told.more)
    course = Course(steps=steps, seed=told.seed, half=told.half)
    if told.more != 0:
        done = train(recipe, windows, course, folder=folder, resume=told.more is not None, notify=note)
        steps = done.progress.step
    network = last(folder, recipe, about)
    bounds, factors = calibrated(judged(network, windows, "val"))
    network.body.calibrate(bounds, factors)
    figures = tested(network, windows)
    on, count = "synthetic validation windows", 4 * len(windows.samples.of("val"))
    set_by = [Figure(f"bound of level {j}", b, count, on, synthetic=True) for j, b in enumerate(bounds)]
    set_by += [Figure(f"sigma of level {j}", f, count, on, synthetic=True) for j, f in enumerate(factors)]
    bundle = Told(told.out.name, "1.0.0", windows.samples.name, True, (*figures, *set_by), steps, told.seed)
    write_bundle(told.out, network, recipe, bundle, asides=0)
    for f in (*figures, *set_by):
        print(f"{f.name} {f.value:.4g}", flush=True)
    print(f"cpu_s {time.process_time() - began:.0f}", file=sys.stderr)


if __name__ == "__main__":
    main()
