"""The weights of our cloud network, which come with eomap: found, verified, loaded strictly."""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.ports import CloudClassifier
from eomap.errors import BrokenInputError
from eomap.io.registry import models_folder


@dataclass(frozen=True, slots=True)
class MaskModel:
    """A network of the registry that makes masks."""

    name: str
    version: str
    title: str
    architecture: str
    """`module:function` that returns the torch network without weights."""
    predictor: str
    """`module:class` that asks it."""
    file: str
    """Path of the weights below the models folder."""
    sha256: str
    size: int
    licence: str
    card: str
    """Path of the card below the models folder."""
    purpose: str
    trained_on: str
    test: tuple[int, ...]
    """How many pixels of `known_input` fall into each class, exactly: sums of the network are exact."""


@lru_cache(maxsize=1)
def mask_model() -> MaskModel:
    """Return the registry's network for cloud masks."""
    entry = tomllib.loads((models_folder() / "registry.toml").read_text("utf-8"))["mask"][0]
    return MaskModel(**{**entry, "test": tuple(entry["test"])})


def known_input() -> list[npt.NDArray[np.uint16]]:
    """Return the six bands (y, x) of the registry's test, uint16 reflectance x 10000."""
    y, x = np.mgrid[0:128, 0:128]
    wave = [np.abs((y + 2 * x + 30 * b) % 256 - 128) for b in range(6)]
    return [(700 + 14 * x + w * (5 + y // 6)).astype(np.uint16) for w in wave]


@lru_cache(maxsize=4)
def load_cloud_network(*, every_px: int = 2) -> CloudClassifier:
    """Return our cloud network; `every_px` is the side of its pixel in those of the bands it will be given.

    Raises BrokenInputError on weights that are not those of the registry or answer its test otherwise.
    """
    import torch
    from safetensors.torch import load

    entry = mask_model()
    network = _named(entry.architecture)()
    network.load_state_dict(load(_shipped(entry)[1]))
    network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    ask = _named(entry.predictor)
    ready: CloudClassifier = ask(entry.name, entry.sha256, network, every_px=every_px)
    found = ask(entry.name, entry.sha256, network)(known_input(), corrected=False, origin_px=(0, 0))
    counts = tuple(np.bincount(found.ravel(), minlength=len(entry.test)).tolist())
    if counts != entry.test:
        raise BrokenInputError(
            f"model {entry.name}", expected=f"the registry's test answer {entry.test}", got=str(counts)
        )
    return ready


def cloud_weights_path() -> Path:
    """Return where the weights lie; raise BrokenInputError where they are not those of the registry."""
    return _shipped(mask_model())[0]


def _shipped(entry: MaskModel) -> tuple[Path, bytes]:
    path = models_folder() / entry.file
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise BrokenInputError(
            f"weights of {entry.name}",
            expected=f"{entry.size} bytes, sha256 {entry.sha256[:16]}...",
            got=f"{len(data)} bytes of other content",
            hint="reinstall eomap",
        )
    return path, data


def _named(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
