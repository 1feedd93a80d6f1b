"""How the weights beside this file were made: small windows first, whole ones at the end, then calibrated.

    EOMAP_CACHE=... python models/eomap-naturalness-s/train.py OUT --minutes 37

`eomap train naturalness` does the same with whole windows only; small ones show more places in the same time,
and whole ones teach the context. The rate follows the minutes, so another machine takes other steps: weights
are not the same twice. Everything seen is synthetic. Axis letters: n window, k number given.
"""

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eomap.products.naturalness.training import RECIPE
from eomap.training import loop
from eomap.training.bundle import Figure, Told, write_bundle
from eomap.training.twin_samples import TwinOrder, twin_samples
from eomap.training.windows import Batch, Windows

SMALL, SMALL_SHARE = replace(RECIPE, side_px=128, step_px=96, batch=8), 0.8
"""The first windows, and for how much of the time."""
WARM_SHARE = 0.06
COURSE = loop.Course(half=True)
HOW = """
Taught by train.py beside this card: for {share:.0%} of the time windows of 128 pixels, eight a step, then
whole ones, four a step; then every variance times {gain:.3f}, so that 68.3 % of the errors on validation
places lie within a sigma.
"""
SEED, TOLD_EVERY_S = 1, 240.0


def rate_at(along: float) -> float:
    """Return the rate when so much of the time is gone, 0 to 1."""
    if along < WARM_SHARE:
        return RECIPE.rate * max(along / WARM_SHARE, 0.05)
    return RECIPE.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(along, 1.0))))


def stepped(network: Any, optimiser: Any, batch: Batch, rate: float) -> float:
    """Take one step; return the loss before it."""
    network.train()
    for group in optimiser.param_groups:
        group["lr"] = rate
    y, _ = loop.said(network, batch, COURSE)
    target = torch.from_numpy(batch.target_nkrc)
    valid = torch.isfinite(target)
    loss = RECIPE.loss(y, torch.where(valid, target, 0.0), valid)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def taught(network: Any, samples: Any, minutes: float, folder: Path) -> int:
    """Teach a network for some minutes; return the steps taken."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=RECIPE.rate, weight_decay=RECIPE.decay)
    small, whole = Windows(SMALL, samples), Windows(RECIPE, samples)
    looked = list(whole.judged("val", most=20))
    begun, told, step, losses = time.monotonic(), 0.0, 0, []
    while (along := (time.monotonic() - begun) / (60 * minutes)) < 1:
        windows = small if along < SMALL_SHARE else whole
        losses.append(stepped(network, optimiser, windows.batch(SEED, step), rate_at(along)))
        step += 1
        if time.monotonic() - told > TOLD_EVERY_S or step == 50:
            told = time.monotonic()
            figures, _ = loop.judged(network, RECIPE, looked, COURSE)
            print(
                f"{along:.2f} step {step} loss {np.mean(losses):.4f} cpu {time.process_time():.0f} s", figures
            )
            losses = []
            torch.save(network.state_dict(), folder / "state.pt")
    torch.save(network.state_dict(), folder / "state.pt")
    return step


def gain_of(network: Any, batches: Sequence[Batch]) -> float:
    """Return what variances are to be taken times, so that 68.3 % of errors lie within a sigma."""
    network.eval()
    ratios = []
    with torch.inference_mode():
        for batch in batches:
            y, _ = loop.said(network, batch, loop.Course())
            error = np.abs(y[:, 0].numpy() - batch.target_nkrc[:, 0])
            ratios.append((error / np.exp(0.5 * y[:, 1].numpy()))[np.isfinite(batch.target_nkrc[:, 0])])
    return float(np.quantile(np.concatenate(ratios), 0.683) ** 2)


def main() -> None:
    """Teach, calibrate, judge, write."""
    words = argparse.ArgumentParser()
    words.add_argument("out", type=Path)
    words.add_argument("--minutes", type=float, required=True)
    words.add_argument("--state", type=Path, help="Take this state.pt and teach no more.")
    words.add_argument("--steps", type=int, default=0, help="That it was taught, with --state.")
    asked = words.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    samples = twin_samples(TwinOrder(), RECIPE.arrays)
    network = loop.built(RECIPE.architecture).to(memory_format=torch.channels_last)
    folder = asked.out.with_name(f"{asked.out.name}.training")
    folder.mkdir(parents=True, exist_ok=True)
    if asked.state:
        network.load_state_dict(torch.load(asked.state, weights_only=True))
        steps = asked.steps
    else:
        steps = taught(network, samples, asked.minutes, folder)
    windows = Windows(RECIPE, samples)
    network.calibrate(gain := gain_of(network, list(windows.judged("val"))))
    figures, _ = loop.judged(network, RECIPE, windows.judged("test"), loop.Course())
    print(f"{steps} steps, variance x {gain:.3f}", figures)
    count = len(samples.of("test"))
    on = "synthetic test windows, in regions that were not trained on"
    told = Told(
        asked.out.name,
        "1.0.0",
        samples.name,
        True,
        tuple(Figure(name, value, count, on, True) for name, value in figures.items()),
        steps,
        SEED,
    )
    recipe = replace(RECIPE, cautions=RECIPE.cautions + HOW.format(share=SMALL_SHARE, gain=gain))
    write_bundle(asked.out, network, recipe, told, asides=len(RECIPE.aside))


if __name__ == "__main__":
    main()
