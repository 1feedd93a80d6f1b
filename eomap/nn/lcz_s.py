"""Our own small network: local climate zones in one pass over a frame of Sentinel-2 L1C.

Fully convolutional, valid padding everywhere, total stride 10 pixels: one output per 100 m cell, each
a function of its own 42x42 pixels only, so that a part of a frame gives exactly what the whole gives.
Distilled from the published teachers; see models/eomap-lcz-s. Axis letters: n frame, b band, c class.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

N_BANDS, N_CLASSES = 10, 17
CELL_PX, HALO_PX = 10, 16
_WIDTHS = (32, 64, 96, 64, 128, 128)
# What the scenes it was trained on look like on average: reflectance per band, B02 ... B12.
_MEAN = (0.125, 0.105, 0.095, 0.115, 0.175, 0.205, 0.195, 0.225, 0.165, 0.105)
_STD = (0.05, 0.05, 0.06, 0.06, 0.08, 0.09, 0.09, 0.10, 0.09, 0.08)


class LczS(nn.Module):
    """Six convolutions and a classifier; `folded` has the normalisation merged into the kernels."""

    def __init__(self, *, folded: bool = True) -> None:
        super().__init__()
        n0, n1, n2, n3, n4, n5 = _WIDTHS
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(N_BANDS, n0, 2, stride=2),  # 10 m pixels to the 20 m grid
                nn.Conv2d(n0, n1, 3),
                nn.Conv2d(n1, n2, 3),
                nn.Conv2d(n2, n3, 3),
                nn.Conv2d(n3, n4, 5, stride=5),  # the 20 m grid to 100 m cells
                nn.Conv2d(n4, n5, 3),
            ]
        )
        self.norms = nn.ModuleList([nn.Identity() if folded else nn.BatchNorm2d(n) for n in _WIDTHS])
        self.head = nn.Conv2d(n5, N_CLASSES, 1)

    def logits(self, x: Tensor) -> Tensor:
        """Return logits (n, c, rows, cols) for reflectance (n, b, 10 rows + 32, 10 cols + 32)."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        return self.head(x)

    def forward(self, x: Tensor) -> Tensor:
        """Return probabilities (n, c, rows, cols) for reflectance 0..1."""
        return torch.softmax(self.logits(x), dim=1)


def lcz_s() -> LczS:
    """Return the network as it is shipped, weights not yet loaded."""
    return LczS(folded=True)


def standardise(x: Tensor) -> Tensor:
    """Return reflectance as the training run feeds it; `folded_state` merges this into the first kernel."""
    mean = torch.tensor(_MEAN, dtype=x.dtype).view(1, -1, 1, 1)
    std = torch.tensor(_STD, dtype=x.dtype).view(1, -1, 1, 1)
    return (x - mean) / std


def folded_state(network: LczS) -> Mapping[str, Tensor]:
    """Return the state dict of `lcz_s()` that does what a trained network with normalisation does."""
    mean, std = torch.tensor(_MEAN, dtype=torch.float64), torch.tensor(_STD, dtype=torch.float64)
    state = {f"head.{k}": v for k, v in network.head.state_dict().items()}
    pairs: list[tuple[Any, Any]] = list(zip(network.convs, network.norms, strict=True))
    for i, (conv, norm) in enumerate(pairs):
        weight, bias = conv.weight.detach().double(), conv.bias.detach().double()
        if i == 0:
            weight = weight / std.view(1, -1, 1, 1)
            bias = bias - (weight * mean.view(1, -1, 1, 1)).sum(dim=(1, 2, 3))
        gain = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
        bias = (bias - norm.running_mean.double()) * gain + norm.bias.detach().double()
        state[f"convs.{i}.weight"] = (weight * gain.view(-1, 1, 1, 1)).float()
        state[f"convs.{i}.bias"] = bias.float()
    return state
