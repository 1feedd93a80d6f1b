"""Seconds of one thread that each map network takes, per window of 256 pixels and per training step; as JSON.

    python bench/map_networks.py [NAME ...]

CPU time, the least of several passes, weights and inputs made up: only the arithmetic is measured.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from eomap.nn.mimo_unet import MimoUNet
from eomap.nn.sen2mt import NARROW, Sen2MT
from eomap.nn.unet import BIOMASS_ENMAP, BIOMASS_ENMAP_S, BIOMASS_S, NATURALNESS, NATURALNESS_S, UNet

SIDE_PX, BATCH, TRAINED_SIDE_PX = 256, 4, 128
LAYOUTS = ("contiguous float32", "channels_last float32", "channels_last bfloat16 autocast")
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "sen2-mt": (Sen2MT, (10,)),
    "sen2-mt narrow": (lambda: Sen2MT(NARROW), (10,)),
    "sen2-mt width 8": (lambda: Sen2MT(8), (10,)),
    "naturalness": (lambda: UNet(NATURALNESS), (14,)),
    "naturalness narrow": (lambda: UNet(NATURALNESS_S), (14,)),
    "naturalness width 8": (lambda: UNet(replace(NATURALNESS_S, widths=(8, 16, 32, 64, 64))), (14,)),
    "biomass enmap": (lambda: UNet(BIOMASS_ENMAP), (202,)),
    "biomass enmap narrow": (lambda: UNet(BIOMASS_ENMAP_S), (202,)),
    "biomass narrow": (lambda: UNet(BIOMASS_S), (12,)),
    "mimo, 2 members": (lambda: MimoUNet(2), (2, 2)),
    "mimo narrow, 2 members": (lambda: MimoUNet(12, width=8), (2, 12)),
}
"""How each is made, and its axes between window and rows."""


def seconds(step: Callable[[], object], passes: int) -> float:
    """Return the least CPU-seconds of a step, after one for nothing."""
    step()
    taken = []
    for _ in range(passes):
        start = time.process_time()
        step()
        taken.append(time.process_time() - start)
    return round(min(taken), 4)


def laid_out(x: nn.Module | Tensor, layout: str):
    """Return a network or its input in the layout's order of memory."""
    if layout == LAYOUTS[0] or (isinstance(x, Tensor) and x.ndim != 4):
        return x
    return x.to(memory_format=torch.channels_last)


def trained(network: nn.Module, x: Tensor, layout: str) -> Callable[[], None]:
    """Return a step of training, forward, back and onward."""
    network, x = laid_out(network.train(), layout), laid_out(x, layout)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=layout == LAYOUTS[2]):
            y = network(x)
        sum(v.float().square().mean() for v in (y if isinstance(y, tuple) else (y,))).backward()
        optimiser.step()

    return step


def mapped(network: nn.Module, x: Tensor, layout: str) -> Callable[[], object]:
    """Return a pass over windows."""
    network, x = laid_out(network.eval(), layout), laid_out(x, layout)

    def step() -> object:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=layout == LAYOUTS[2]):
            return network(x)

    return step


def measured(name: str) -> dict[str, object]:
    """Return size and seconds of one network."""
    make, axes = NETWORKS[name]
    state = make().state_dict().values()
    window = torch.rand(1, *axes, SIDE_PX, SIDE_PX)
    batch = torch.rand(BATCH, *axes, TRAINED_SIDE_PX, TRAINED_SIDE_PX)
    return {
        "parameters": sum(p.numel() for p in make().parameters()),
        "megabytes": round(sum(v.numel() * v.element_size() for v in state) / 1e6, 2),
        "s_per_window": {layout: seconds(mapped(make(), window, layout), 4) for layout in LAYOUTS},
        "s_per_training_step": {layout: seconds(trained(make(), batch, layout), 2) for layout in LAYOUTS},
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    names = sys.argv[1:] or list(NETWORKS)
    setting = {
        "torch": torch.__version__,
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "window_px": SIDE_PX,
        "training_batch": [BATCH, TRAINED_SIDE_PX, TRAINED_SIDE_PX],
    }
    print(json.dumps(setting | {name: measured(name) for name in names}, indent=1))
