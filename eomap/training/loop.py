"""The one training loop, whatever the product: AdamW under one cycle of the rate, the best state kept.

Deterministic: recipe, samples, seed and steps give the same weights on one kind of machine, interrupted or
not. A step's windows are drawn from the seed and its number alone. Axis letters: n window, k output.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from eomap.core.recipe import Recipe
from eomap.errors import BrokenInputError
from eomap.nn.normalised import Normalised
from eomap.training import checkpoint
from eomap.training.checkpoint import Progress
from eomap.training.windows import Batch, Windows

Notify = Callable[[str, Mapping[str, Any]], None]
WARM_SHARE, FLOOR = 0.1, 0.01
"""The rate rises over the first tenth of the steps and falls to a hundredth of its peak along a cosine."""
_TIMED_STEPS = 4
_CLIP = 1.0


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which of several processes this is; each takes its share of every batch."""

    rank: int = 0
    count: int = 1
    share: Callable[[nn.Module], nn.Module] = lambda network: network
    """Makes gradients the mean over the processes."""


@dataclass(frozen=True, slots=True)
class Course:
    """How long and on what a training runs."""

    steps: int = 0
    """0: the recipe's."""
    minutes: float = 0.0
    """Where given, so many steps as fit into it, measured on the first ones."""
    seed: int = 1
    device: str = "cpu"
    half: bool = False
    """Multiply in bfloat16: faster where the processor has units for it."""
    val_every: int = 0
    """Steps from validation to validation; 0: twenty of them."""
    val_most: int = 64
    """Windows that a validation looks at."""
    ranks: Ranks = Ranks()


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What a training came to."""

    network: nn.Module
    """In its best state, eval mode."""
    progress: Progress
    figures: Mapping[str, float]
    """Of the test split."""
    tested: int
    """Windows of it."""
    seconds: float


def built(architecture: str) -> nn.Module:
    """Return the network of `module:function`, weights as it makes them."""
    module, _, function = architecture.partition(":")
    network: nn.Module = getattr(import_module(module), function)()
    return network


def train(
    recipe: Recipe,
    windows: Windows,
    course: Course = Course(),
    *,
    folder: Path | None = None,
    resume: bool = False,
    notify: Notify = lambda *_: None,
) -> Trained:
    """Return the network taught; checkpoints are written into `folder`, and gone on from with `resume`.

    `notify` is told `train-begin`, `train-step` and `train-val`. Raises BrokenInputError where the loss is no
    number, MisuseError where a training cannot be gone on with.
    """
    started = time.perf_counter()
    torch.manual_seed(course.seed)
    network = built(recipe.architecture)
    if isinstance(network, Normalised):
        network.restate(*windows.measured())
    network = network.to(course.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(_groups(network, recipe.decay), lr=recipe.rate)
    about = _about(recipe, course) | {"samples": windows.samples.name}
    progress = Progress(steps=course.steps or recipe.steps)
    if resume and folder is not None:
        progress = checkpoint.load(folder, network, optimiser, about)
    elif course.minutes:
        progress.steps = _fitting(recipe, windows, course)
    shared = course.ranks.share(network)
    every = course.val_every or max(1, progress.steps // 20)
    notify("train-begin", {"steps": progress.steps, "done": progress.step})
    losses: list[float] = []
    while progress.step < progress.steps:
        batch = windows.batch(course.seed, progress.step, part=_part(recipe.batch, course.ranks))
        rate = rate_at(progress.step, progress.steps, recipe.rate)
        losses.append(_stepped(shared, optimiser, recipe, batch, course, rate))
        progress.step += 1
        notify("train-step", {"step": progress.step, "loss": losses[-1], "rate": rate})
        if progress.step % every == 0 or progress.step == progress.steps:
            if course.ranks.rank == 0:
                _validated(network, recipe, windows, course, progress, losses, notify)
                if folder is not None:
                    checkpoint.save(folder, network, optimiser, progress, about)
            losses = []
    if progress.best:
        network.load_state_dict(progress.best)
    tested = list(windows.judged("test")) if course.ranks.rank == 0 else []
    figures = judged(network, recipe, tested, course)[0] if tested else {}
    count = sum(len(b.code_ncyx) for b in tested)
    return Trained(network.eval(), progress, figures, count, time.perf_counter() - started)


def resumed(recipe: Recipe, folder: Path, course: Course) -> tuple[nn.Module, Progress]:
    """Return the network of a checkpoint in its best state, and how far its training was."""
    network = built(recipe.architecture)
    progress = checkpoint.load(folder, network, torch.optim.AdamW(_groups(network, recipe.decay)), {})
    network.load_state_dict(progress.best)
    return network, progress


def _about(recipe: Recipe, course: Course) -> dict[str, Any]:
    """Return what tells one training from another."""
    return {
        "product": recipe.product,
        "architecture": recipe.architecture,
        "seed": course.seed,
        "batch": recipe.batch,
    }


def rate_at(step: int, steps: int, peak: float) -> float:
    """Return the learning rate of a step, a function of nothing else.

    >>> rate_at(0, 100, 1.0), rate_at(10, 100, 1.0), round(rate_at(99, 100, 1.0), 3)
    (0.1, 1.0, 0.01)
    """
    warm = max(1, round(WARM_SHARE * steps))
    if step < warm:
        return peak * (step + 1) / warm
    along = (step - warm) / max(1, steps - warm)
    return peak * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * along)))


def said(network: nn.Module, batch: Batch, course: Course) -> tuple[Tensor, Any]:
    """Return what a network says of windows (n, k, rows, cols), float32, and its features."""
    x = torch.from_numpy(batch.code_ncyx).to(course.device).contiguous(memory_format=torch.channels_last)
    aside = torch.from_numpy(batch.aside_na).to(course.device)
    with torch.autocast(course.device.partition(":")[0], dtype=torch.bfloat16, enabled=course.half):
        y, features = network(x, aside)
    return y.float(), features


def judged(
    network: nn.Module, recipe: Recipe, batches: Iterable[Batch], course: Course
) -> tuple[Mapping[str, float], float]:
    """Return the recipe's figures over some windows, and the mean loss."""
    network.eval()
    answers, targets, losses = [], [], []
    with torch.inference_mode():
        for batch in batches:
            y, _ = said(network, batch, course)
            losses.append(float(_loss(recipe, y, batch)) * len(batch.code_ncyx))
            answers.append(y.cpu().numpy())
            targets.append(batch.target_nkrc)
    network.train()
    figures = recipe.figures(np.concatenate(answers), np.concatenate(targets))
    return {k: float(v) for k, v in figures.items()}, sum(losses) / sum(len(a) for a in answers)


def _loss(recipe: Recipe, y: Tensor, batch: Batch) -> Tensor:
    target = torch.from_numpy(batch.target_nkrc).to(y.device)
    valid = torch.isfinite(target)
    loss: Tensor = recipe.loss(y, torch.where(valid, target, 0.0), valid)
    return loss


def _stepped(
    network: nn.Module, optimiser: Any, recipe: Recipe, batch: Batch, course: Course, rate: float
) -> float:
    """Take one step; return the loss before it."""
    network.train()
    for group in optimiser.param_groups:
        group["lr"] = rate
    y, _ = said(network, batch, course)
    loss = _loss(recipe, y, batch)
    if not torch.isfinite(loss):
        raise BrokenInputError(
            f"training of {recipe.product}",
            expected="a loss that is a number",
            got=str(float(loss.detach())),
            hint="a lower rate in the recipe",
        )
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
    optimiser.step()
    return float(loss.detach())


def _validated(
    network: nn.Module,
    recipe: Recipe,
    windows: Windows,
    course: Course,
    progress: Progress,
    losses: list[float],
    notify: Notify,
) -> None:
    kept = torch.get_rng_state()  # a validation must change nothing that follows
    figures, loss = judged(network, recipe, windows.judged("val", most=course.val_most), course)
    torch.set_rng_state(kept)
    entry = {"step": progress.step, "loss": float(np.mean(losses)), "val_loss": loss, **figures}
    progress.history.append(entry)
    sign = 1 if recipe.lower_is_better else -1
    figure = figures[recipe.best]
    if math.isfinite(figure) and (
        progress.best_figure is None or sign * figure < sign * progress.best_figure
    ):
        progress.best_figure, progress.best_step = figure, progress.step
        progress.best = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
    notify("train-val", {**entry, "network": network})


def _fitting(recipe: Recipe, windows: Windows, course: Course) -> int:
    """Return how many steps fit into the minutes, by a few taken with a network that is thrown away."""
    network = built(recipe.architecture).to(course.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.0)
    seconds = []
    for step in range(_TIMED_STEPS):
        begun = time.perf_counter()
        batch = windows.batch(course.seed, step, part=_part(recipe.batch, course.ranks))
        _stepped(network, optimiser, recipe, batch, course, 0.0)
        seconds.append(time.perf_counter() - begun)
    torch.manual_seed(course.seed)
    usual = sorted(seconds)[len(seconds) // 2 - 1]
    return max(1, round(course.minutes * 60 / usual * 0.9))  # a tenth is for validation


def _groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Return the parameters: those of kernels decay, offsets and gains do not."""
    kernels, others = ([p for p in network.parameters() if (p.ndim > 1) is many] for many in (True, False))
    return [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _part(batch: int, ranks: Ranks) -> slice:
    return slice(ranks.rank, batch, ranks.count)
