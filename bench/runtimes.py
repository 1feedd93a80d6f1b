"""How fast each network that comes with eomap can be asked, and whether it says the same; as JSON.

    EOMAP_CACHE=... python bench/runtimes.py [NAME ...] > bench/runtimes.json

CPU-seconds of one thread for a window of 256 pixels (smaller windows: scaled by area), the least of several;
eager float32 with channels first is the measure. Agreement is that of the trained network on windows of
held-out places of the twin, against float32: the largest error of any output, by its range.
"""

import json
import platform
import sys
import time

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from eomap.io.registry import Model, models
from eomap.io.weights import load_network, weights_path
from eomap.nn.predict import TorchNetwork, example_of, single_thread
from eomap.nn.runtime import RUNTIMES, alike, there
from eomap.training.recipe import recipe, recipes
from eomap.training.twin_samples import parsed, twin_samples
from eomap.training.windows import Windows

SIDE_PX, SHOWN = 256, 12
DATA = "twin://places=240,seed=7"


def seconds(network: TorchNetwork, x: torch.Tensor, aside: torch.Tensor, passes: int = 5) -> float:
    """Return the least CPU-seconds of a call."""
    taken = []
    with torch.inference_mode():
        for _ in range(passes + 1):
            start = time.process_time()
            network.module(x, aside)
            taken.append(time.process_time() - start)
    return min(taken[1:])


def held_out(entry: Model) -> np.ndarray | None:
    """Return windows of codes (n, c, y, x) of held-out places; None for a network without a recipe."""
    found = [r for r in map(recipe, recipes()) if r.architecture == entry.architecture]
    if not found:
        return None
    windows = Windows(found[0], twin_samples(parsed(DATA), found[0].arrays))
    codes = [b.code_ncyx for b, _ in zip(windows.judged("test"), range(SHOWN), strict=False)]
    return np.concatenate(codes)[:SHOWN].astype(np.uint16)


def measured(entry: Model) -> dict:
    """Return what was measured of one network."""
    bands = sum(s.channels for s in entry.sources)
    x, aside = example_of(entry.layout, bands, len(entry.asides))
    scale = (SIDE_PX / entry.layout.side_px) ** 2 / entry.layout.batch
    path, shown = weights_path(entry), held_out(entry)
    reference = load_network(entry, path)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        reference.module(x, aside)
    gflop = counter.get_total_flops() * scale / 1e9
    reference.module.to(memory_format=torch.contiguous_format)
    eager = seconds(reference, x.contiguous(memory_format=torch.contiguous_format), aside) * scale
    rows = {
        "eager float32, channels first": {"seconds": round(eager, 4), "gflop_per_s": round(gflop / eager, 1)}
    }
    wanted = None
    for runtime in RUNTIMES:
        if not there(runtime):
            continue
        network = load_network(entry, path, runtime=runtime)
        taken = seconds(network, x, aside) * scale
        row = {
            "seconds": round(taken, 4),
            "gflop_per_s": round(gflop / taken, 1),
            "times": round(eager / taken, 2),
        }
        if shown is not None:
            beside = np.zeros((1, len(entry.asides)), np.float32)
            said = np.concatenate([network(s[None], beside)[:, : entry.channels] for s in shown])
            wanted = said if wanted is None else wanted
            row["alike"], row["enough"] = alike(wanted, said, of_classes=False)
        rows[runtime] = row
    return {"gflop_per_window": round(gflop, 2), "side_px": entry.layout.side_px, "ways": rows}


def main() -> None:
    """Print what was measured."""
    single_thread()
    names = sys.argv[1:]
    chosen = [m for m in models() if not names or m.name in names]
    found = {m.name: measured(m) for m in chosen}
    print(
        json.dumps(
            {"processor": platform.processor(), "torch": torch.__version__, "networks": found}, indent=1
        )
    )


if __name__ == "__main__":
    main()
