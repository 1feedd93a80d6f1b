"""Distil eomap-lcz-s from the published So2Sat ResNet-20: about 40 minutes on one core.

One teacher, not a mean of two: Sen2LCZ-Net-MF agrees with it on two cells of three only, and on the real
scenes at hand the ResNet is the better one (docs/explanation/lcz-havel.md).

    EOMAP_SHARED=... python models/eomap-lcz-s/train.py --out models/eomap-lcz-s/weights.safetensors

Seeds are fixed; the same torch build on the same kind of processor gives the same weights.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from crops import CELLS, crop, windows
from safetensors.torch import save_file
from scenes import training_scenes
from torch import Tensor, nn

from eomap.io.keras_h5 import keras_state
from eomap.nn import lcz_s, resnet20

SEED, N_CROPS, EPOCHS, BATCH, PEAK_RATE = 20170216, 16000, 11, 16, 4e-3
F32 = npt.NDArray[np.float32]


def teacher(shared: Path) -> nn.Module:
    """Return the So2Sat ResNet-20 with its published weights."""
    path = next((shared / "data" / "weights" / "so2sat-gul").glob("*.h5"))
    network = resnet20.so2sat_resnet20()
    state = network.state_dict()
    found = keras_state(path, resnet20.keras_layers(), {k: tuple(v.shape) for k, v in state.items()})
    network.load_state_dict(state | {k: torch.from_numpy(v) for k, v in found.items()})
    return network.eval().to(memory_format=torch.channels_last)


def labelled_crops(shared: Path, n: int) -> tuple[npt.NDArray[np.uint16], F32]:
    """Return crops (n, b, y, x) and the teacher's probabilities (n, c, rows, cols)."""
    scenes = training_scenes(shared)
    area = np.array([s.shape[1] * s.shape[2] for s in scenes.values()], float)
    chance = np.sqrt(area)
    rng = np.random.default_rng(SEED)
    network = teacher(shared)
    started = time.time()
    dn, labels = [], []
    for i in range(n):
        dn.append(crop(list(scenes.values()), chance / chance.sum(), rng))
        x = torch.from_numpy(windows(dn[-1]).astype(np.float32) / np.float32(10_000))
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            p = network(x)
        labels.append(p.reshape(CELLS, CELLS, -1).permute(2, 0, 1).numpy())
        if i % 500 == 499:
            print(f"labelled {i + 1} crops in {time.time() - started:.0f} s", flush=True)
    return np.stack(dn), np.stack(labels)


def crop_chance(labels: F32) -> F32:
    """Return how likely each crop (n, c, rows, cols) is drawn, so that rare classes are seen more often."""
    winners = labels.argmax(axis=1).reshape(len(labels), -1)
    share = np.bincount(winners.ravel(), minlength=labels.shape[1]) / winners.size
    weight = (1 / np.sqrt(share + 0.002))[winners].mean(axis=1)
    return weight / weight.sum()


def class_weights(labels: F32) -> Tensor:
    """Return how much a cell counts in the loss by the class it is labelled with: rare ones more."""
    winners = labels.argmax(axis=1).ravel()
    share = np.bincount(winners, minlength=labels.shape[1]) / winners.size
    weight = (share + 0.002) ** -0.35
    return torch.from_numpy(weight / (weight * share).sum()).float()


def turned(x: Tensor, y: Tensor, which: int) -> tuple[Tensor, Tensor]:
    """Return crops and labels in one of the eight turns and mirrors."""
    if which >= 4:
        x, y = x.flip(3), y.flip(3)
    return torch.rot90(x, which % 4, (2, 3)), torch.rot90(y, which % 4, (2, 3))


def train(dn: npt.NDArray[np.uint16], labels: F32, epochs: int) -> lcz_s.LczS:
    """Return the network trained to give the labels (n, c, rows, cols): soft cross-entropy, AdamW."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED + 1)
    network = lcz_s.LczS(folded=False).to(memory_format=torch.channels_last).train()
    steps = epochs * len(dn) // BATCH
    optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, steps, pct_start=0.15)
    chance, weights = crop_chance(labels), class_weights(labels)
    started, running = time.time(), 0.0
    for step in range(steps):
        pick = rng.choice(len(dn), BATCH, p=chance)
        x = torch.from_numpy(dn[pick].astype(np.float32) / np.float32(10_000))
        x, y = turned(x, torch.from_numpy(labels[pick]), int(rng.integers(8)))
        x = lcz_s.standardise(x).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):  # twice as fast; what is shipped is float32
            logits = network.logits(x)
        weight = weights[y.argmax(dim=1)]
        loss = -(weight * (y * torch.log_softmax(logits.float(), dim=1)).sum(dim=1)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        running += (float(loss.detach()) - running) / min(step + 1, 200)
        if step % 200 == 199:
            print(f"step {step + 1}/{steps}: loss {running:.3f}, {time.time() - started:.0f} s", flush=True)
    return network.eval()


def main() -> None:
    """Label, train, fold the normalisation, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=os.environ.get("EOMAP_SHARED", "../shared"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="keep the labelled crops in this .npz between runs")
    parser.add_argument("--crops", type=int, default=N_CROPS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.cache and args.cache.exists():
        with np.load(args.cache) as kept:
            dn, labels = kept["dn"], kept["labels"]
    else:
        dn, labels = labelled_crops(args.shared, args.crops)
        if args.cache:
            np.savez(args.cache, dn=dn, labels=labels)
    state = lcz_s.folded_state(train(dn, labels, args.epochs))
    save_file({k: v.contiguous() for k, v in state.items()}, args.out)


if __name__ == "__main__":
    main()
