"""Train eomap-clouds-s on the twin alone: half an hour on one core, scenes included.

    python models/eomap-clouds-s/train.py --out models/eomap-clouds-s/weights.safetensors --cache FOLDER

Two phases: floating point with batch normalisation; then, the normalisation merged, with weights rounded as
they are shipped. Seeds are fixed; the same torch on the same kind of processor gives the same weights.
Axis letters: n scene, b band, c class, y row, x column.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from scenes import BANDS, SIDE_PX, places, scenes_of
from torch import Tensor, nn
from torch.nn import functional as F

from eomap.nn import clouds_s

SEED, PLACES, SKIES = 20261125, 400, 3
BATCH, CROP_PX, STEPS, ROUNDED_STEPS, PEAK_RATE, ROUNDED_RATE = 12, 176, 1500, 300, 8e-3, 6e-4
_CENTRE_NM = np.array([490, 560, 665, 842, 1610, 2200], np.float32)
_UNIT = 64.0
"""Activations of 1 in the first phase are 64 of the shipped network's 255."""
U8, U16 = npt.NDArray[np.uint8], npt.NDArray[np.uint16]


def drawn(folder: Path | None, count: int, *, seed: int) -> tuple[U16, U8]:
    """Return scenes (n, level, b, y, x) and their classes (n, y, x), drawn once and kept in a folder."""
    kept = folder / f"{seed}-{count}" if folder else None
    if kept and (kept / "truth.npy").exists():
        return np.load(kept / "dn.npy", mmap_mode="r"), np.load(kept / "truth.npy")
    shape = (count * SKIES, 2, len(BANDS), SIDE_PX, SIDE_PX)
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        dn = np.lib.format.open_memmap(kept / "dn.npy", "w+", np.uint16, shape)
    else:
        dn = np.empty(shape, np.uint16)
    truth = np.empty((shape[0], SIDE_PX, SIDE_PX), np.uint8)
    n = 0
    for place in places(count, seed=seed):
        for made in scenes_of(place, SKIES):
            dn[n, 0], dn[n, 1], truth[n] = made.above_byx, made.corrected_byx, made.truth_yx
            n += 1
    if kept:
        np.save(kept / "truth.npy", truth)
    return dn, truth


def varied(dn: U16, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return a scene (b, y, x) under another calibration, haze and sharpness, float32 reflectance x 10000."""
    x = np.asarray(dn, np.float32)
    gain = np.exp(0.06 * rng.normal() + 0.03 * rng.normal(size=len(x)))
    haze = 40 * rng.normal() * (490 / _CENTRE_NM) ** 2 + 30 * rng.normal(size=len(x))
    x = x * gain.astype(np.float32)[:, None, None] + haze.astype(np.float32)[:, None, None]
    if rng.random() < 0.5:
        share = np.float32(rng.uniform(0.05, 0.25))
        for axis in (1, 2):
            x = (1 - 2 * share) * x + share * (np.roll(x, 1, axis) + np.roll(x, -1, axis))
    if rng.random() < 0.5:
        x = x + rng.normal(0, rng.uniform(5, 40), x.shape).astype(np.float32)
    x = np.clip(np.rint(x), 1, 30_000)
    if rng.random() < 0.3:  # beyond the edge of an image there is nothing
        row, col = np.mgrid[: x.shape[1], : x.shape[2]]
        turn = rng.choice((0, 0.5, 1, 1.5, rng.uniform(0, 2))) * np.pi
        across = np.cos(turn) * (row - x.shape[1] / 2) + np.sin(turn) * (col - x.shape[2] / 2)
        x[:, across > rng.uniform(10, x.shape[1] / 2 - 1)] = 0
    return x


def batch(dn: U16, truth: U8, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return features (n, f, y, x) and classes; mirrored north to south, for the sun stays in the east."""
    xs, ys = [], []
    for _ in range(BATCH):
        n, level = int(rng.integers(len(truth))), int(rng.integers(2))
        row, col = (int(v) for v in rng.integers(0, SIDE_PX - CROP_PX + 1, 2))
        part = slice(row, row + CROP_PX), slice(col, col + CROP_PX)
        x, y = varied(dn[n, level][(slice(None), *part)], rng), truth[n][part].astype(np.int64)
        y[x[0] == 0] = clouds_s.IGNORED
        if rng.random() < 0.5:
            x, y = x[:, ::-1], y[::-1]
        x = torch.from_numpy(np.ascontiguousarray(x))[None]
        xs.append(clouds_s.features(x, corrected=bool(level)))
        ys.append(torch.from_numpy(np.ascontiguousarray(y)))
    return torch.cat(xs), torch.stack(ys)


def class_weights(truth: U8) -> Tensor:
    """Return how much a pixel counts by its class: rare ones more."""
    share = (
        np.bincount(truth[truth != clouds_s.IGNORED].ravel(), minlength=len(clouds_s.CLASSES)) / truth.size
    )
    weight = (share + 0.01) ** -0.5
    # A veil or a shadow that is missed is worse than a clear pixel lost.
    weight[clouds_s.THIN] *= 1.15
    weight[clouds_s.SHADOW] *= 2
    return torch.from_numpy(weight / (weight * share).sum()).float()


class Plain:
    """Swaps the whole-number activations for smooth ones, a 64th as large, while the first phase runs."""

    def __enter__(self) -> None:
        self._kept = clouds_s.whole, clouds_s.ACTIVATION_MAX
        clouds_s.whole, clouds_s.ACTIVATION_MAX = (lambda x: x), self._kept[1] / _UNIT  # type: ignore

    def __exit__(self, *_: object) -> None:
        clouds_s.whole, clouds_s.ACTIVATION_MAX = self._kept


def merged(trained: clouds_s.CloudsS) -> clouds_s.CloudsS:
    """Return the network without normalisation that does what the trained one does, in the units it ships."""
    out = clouds_s.clouds_s()
    norms = dict(trained.named_modules())
    state = {}
    for name, conv, _ in clouds_s.convolutions(trained):
        weight = conv.weight.detach().double()
        bias = torch.zeros(len(weight)) if conv.bias is None else conv.bias.detach()
        norm = norms.get(_norm_name(name))
        if isinstance(norm, nn.BatchNorm2d):
            gain = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
            weight = weight * gain.view(-1, 1, 1, 1)
            bias = (bias.double() - norm.running_mean.double()) * gain + norm.bias.detach().double()
        if name == "head":
            weight = weight / _UNIT
        else:
            bias = bias * _UNIT
        state[f"{name}.weight"], state[f"{name}.bias"] = weight.float(), bias.float()
    out.load_state_dict(state)
    return out


def _norm_name(conv: str) -> str:
    head, _, last = conv.rpartition(".")
    if last.isdigit():  # downs.0 has down_norms.0
        return f"{head.removesuffix('s')}_norms.{last}"
    return f"{conv}_norm"


def rounded(network: clouds_s.CloudsS) -> dict[str, Tensor]:
    """Return the weights as they are shipped: whole numbers times a power of two; gradients pass."""
    state = {}
    for name, conv, _ in clouds_s.convolutions(network):
        step = clouds_s.steps_of(conv.weight)
        for part, value, unit in (("weight", conv.weight, step), ("bias", conv.bias, step.flatten())):
            state[f"{name}.{part}"] = value + ((value / unit).round() * unit - value).detach()
    return state


def train(
    dn: U16, truth: U8, *, steps: int, rounded_steps: int, start: Path | None = None
) -> clouds_s.CloudsS:
    """Return the network as it is shipped; with `start` only the second phase is run, from there."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    weights = class_weights(truth)
    if start:
        shipped = clouds_s.clouds_s()
        shipped.load_state_dict(load_file(start))
        return _rounded_phase(shipped, dn, truth, rng, weights, rounded_steps)
    trained = clouds_s.CloudsS(trained=True).to(memory_format=torch.channels_last).train()

    def smooth(x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found: Tensor = trained(x / _UNIT)
        return found

    with Plain():
        _descend(trained, smooth, dn, truth, rng, weights, steps=steps, peak=PEAK_RATE)
    return _rounded_phase(merged(trained.eval()), dn, truth, rng, weights, rounded_steps)


def _rounded_phase(
    shipped: clouds_s.CloudsS, dn: U16, truth: U8, rng: np.random.Generator, weights: Tensor, steps: int
) -> clouds_s.CloudsS:
    def as_shipped(x: Tensor) -> Tensor:
        found: Tensor = torch.func.functional_call(shipped, rounded(shipped), (x,))
        return found

    _descend(shipped, as_shipped, dn, truth, rng, weights, steps=steps, peak=ROUNDED_RATE, bias_unit=_UNIT)
    shipped.load_state_dict({k: v.detach() for k, v in rounded(shipped).items()})
    return shipped.eval().requires_grad_(False)


def _descend(
    network: nn.Module,
    run: object,
    dn: U16,
    truth: U8,
    rng: np.random.Generator,
    weights: Tensor,
    *,
    steps: int,
    peak: float,
    bias_unit: float = 1.0,
) -> None:
    kernels, others = ([p for p in network.parameters() if (p.ndim > 1) is many] for many in (True, False))
    groups = [{"params": kernels, "weight_decay": 1e-3}, {"params": others, "weight_decay": 0.0}]
    rates = [peak, peak * bias_unit]
    optimiser = torch.optim.AdamW(groups, lr=peak)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, steps, pct_start=0.15)
    started, running = time.time(), 0.0
    for step in range(steps):
        x, y = batch(dn, truth, rng)
        scores = run(x.contiguous(memory_format=torch.channels_last))  # type: ignore[operator]
        loss = F.cross_entropy(scores.float(), y, weight=weights, ignore_index=clouds_s.IGNORED)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        running += (float(loss.detach()) - running) / min(step + 1, 100)
        if step % 40 == 39:
            print(f"step {step + 1}/{steps}: loss {running:.3f}, {time.time() - started:.0f} s", flush=True)


def main() -> None:
    """Draw, train, check, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="keep the drawn scenes here between runs")
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--rounded-steps", type=int, default=ROUNDED_STEPS)
    parser.add_argument("--start", type=Path, help="weights to go on from, in the second phase alone")
    args = parser.parse_args()
    torch.set_num_threads(1)
    dn, truth = drawn(args.cache, args.places, seed=SEED)
    network = train(dn, truth, steps=args.steps, rounded_steps=args.rounded_steps, start=args.start)
    if not clouds_s.is_exact(network):
        raise SystemExit("a sum may be rounded: lower the weights")
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, args.out)


if __name__ == "__main__":
    main()
