"""A bundle of a tiny network of codes, whose weights are noise: what is done with it is what matters."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

from eomap.io.registry import KnownAnswer, known_input, model
from eomap.io.weights import bare_network
from eomap.products.lcz import BANDS

CLASSES, FEATURES = 17, 5
LAYOUT = "[windows]\nside_px = 32\nstep_px = 10\ncell_px = 10\nlead_px = 11\nbatch = 8\n"
VECTOR = "mean = 2000.0\namplitude = 500.0\nstep = 0.05\n"


class Tiny(nn.Module):
    """Means of bands, mixed."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(len(BANDS), FEATURES)
        self.head = nn.Linear(FEATURES, CLASSES)

    def forward(self, x, _):
        """Return probabilities (n, k, 1, 1) and features (n, d)."""
        features = self.mix(x.mean(dim=(2, 3)) / 1_000)
        return torch.softmax(self.head(features), dim=1)[:, :, None, None], features


def tiny():
    """Return the network."""
    return Tiny()


def write_bundle(folder: Path) -> Path:
    """Write a bundle of it, as `eomap train` does."""
    folder.mkdir()
    torch.manual_seed(1)
    weights = folder / "weights.safetensors"
    save_file({k: v.numpy() for k, v in Tiny().state_dict().items()}, weights)
    data = weights.read_bytes()
    about = {
        "name": "eomap-lcz-s",  # a product's networks are known by name
        "version": "1",
        "title": "Noise",
        "product": "lcz",
        "architecture": "small_network:tiny",
        "file": "weights.safetensors",
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": "none",
        "card": "card.md",
        "level": "L1C",
    }
    head = "".join(f'{k} = "{v}"\n' for k, v in about.items())
    outputs = ", ".join(f'"{k}"' for k in range(CLASSES))
    head += f"size = {len(data)}\noutputs = [{outputs}]\n"
    bands = ", ".join(f'"{b}"' for b in BANDS)
    tables = f'{LAYOUT}\n[[sources]]\nof = "sentinel-2"\nbands = [{bands}]\n\n[[test]]\n{VECTOR}'
    path = folder / "model.toml"
    path.write_text(f"{head}\n{tables}expected = [{', '.join(['0.0'] * CLASSES)}]\n")
    entry = model(str(folder))
    vector = KnownAnswer(2000.0, 500.0, 0.05, ())
    torch_network = bare_network(_untested(entry), weights)
    value, _ = torch_network.said(known_input(entry, vector)[None], np.zeros((1, 0), np.float32))
    expected = ", ".join(repr(float(v)) for v in value.ravel())
    path.write_text(f"{head}\n{tables}expected = [{expected}]\n")
    return folder


def _untested(entry):
    from dataclasses import replace

    return replace(entry, test=())
