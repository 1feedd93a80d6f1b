"""Checkpoints of a training: all that the next step depends on, as safetensors. Nothing is pickled."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from eomap.errors import MisuseError

FILE = "checkpoint.safetensors"


@dataclass(slots=True)
class Progress:
    """How far a training is, and what it has come to."""

    step: int = 0
    """Steps done."""
    steps: int = 0
    """Steps in all: the rate depends on it."""
    history: list[dict[str, float]] = field(default_factory=list)
    """Step, mean loss since the last entry, and figures of validation."""
    best_figure: float | None = None
    best_step: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    """State of the network at its best."""


def save(
    folder: Path,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    progress: Progress,
    about: dict[str, Any],
) -> None:
    """Write a checkpoint, whole or not at all; `about` says what training it is of."""
    from safetensors.torch import save_file

    tensors = {f"network/{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"best/{k}": v for k, v in progress.best.items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{number}/{k}": v for k, v in state.items()}
    tensors["random"] = torch.get_rng_state()
    said = {
        "step": progress.step,
        "steps": progress.steps,
        "history": progress.history,
        "best_figure": progress.best_figure,
        "best_step": progress.best_step,
        "about": about,
    }
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{FILE}.{os.getpid()}"
    plain = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    save_file(plain, part, metadata={"training": json.dumps(said)})
    part.replace(folder / FILE)


def load(
    folder: Path, network: nn.Module, optimiser: torch.optim.Optimizer, about: dict[str, Any]
) -> Progress:
    """Set network, optimiser and random numbers to those of a checkpoint; return how far it was.

    Raises MisuseError where there is none, or where it is of another training than `about`, unless that is
    empty.
    """
    from safetensors import safe_open

    path = folder / FILE
    if not path.is_file():
        raise MisuseError("--resume", expected=f"a training begun in {folder}", got=f"no {FILE}")
    with safe_open(path, "pt") as file:
        said = json.loads(file.metadata()["training"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    if about and said["about"] != about:
        differing = sorted(k for k in {*said["about"], *about} if said["about"].get(k) != about.get(k))
        raise MisuseError(
            "--resume",
            expected=f"the same training as in {folder}",
            got=f"another {', '.join(differing)}",
            hint="the words of the first call, or another --out",
        )
    network.load_state_dict(_under("network/", tensors))
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in _under("optimiser/", tensors).items():
        number, _, key = name.partition("/")
        states.setdefault(int(number), {})[key] = value
    optimiser.load_state_dict({"state": states, "param_groups": optimiser.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random"])
    return Progress(
        said["step"],
        said["steps"],
        said["history"],
        said["best_figure"],
        said["best_step"],
        _under("best/", tensors),
    )


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
