"""Inverted bottlenecks at full resolution with squeeze and excitation: the blocks of UnCRtainTS.

Sandler et al. (2018), doi:10.1109/CVPR.2018.00474, and Hu et al. (2018), doi:10.1109/CVPR.2018.00745, in
the arrangement of Ebel et al. (2023), arXiv:2304.05464. Modules are named as in the published checkpoints.
Axis letters: n image, c channel, y, x.
"""

from typing import Literal

import torch
from torch import Tensor, nn

N_GROUPS = 4
"""Groups of a group normalisation over an image."""
_SQUEEZE = 4
"""The width of a block over the width that it squeezes to."""
Norm = Literal["group", "batch"]


class MBConv(nn.Module):
    """An inverted bottleneck added to what it is given."""

    def __init__(self, width: int, expanded: int, *, norm: Norm) -> None:
        super().__init__()
        self.conv = _Inner(width, expanded, norm)

    def forward(self, x: Tensor) -> Tensor:
        """Return activations of the same shape (n, c, y, x)."""
        return self.conv(x).add_(x)


class _Inner(nn.Module):
    """Normalise, expand, filter each channel, weigh the channels, narrow."""

    def __init__(self, width: int, expanded: int, norm: Norm) -> None:
        super().__init__()
        self.norm = _normed(width, norm)
        self.fn = nn.Sequential(
            nn.Conv2d(width, expanded, 1, bias=False),
            _normed(expanded, norm),
            nn.GELU(),
            nn.Conv2d(expanded, expanded, 3, padding=1, padding_mode="reflect", groups=expanded, bias=False),
            _normed(expanded, norm),
            nn.GELU(),
            _SqueezeExcite(expanded, width // _SQUEEZE),
            nn.Conv2d(expanded, width, 1, bias=False),
            _normed(width, norm),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.fn(self.norm(x))


class _SqueezeExcite(nn.Module):
    """Channels weighed by a function of their means over the image."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(width, squeezed, bias=False),
            nn.GELU(),
            nn.Linear(squeezed, width, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        weight = self.fc(x.mean(dim=(2, 3)))[:, :, None, None]
        return x * weight if torch.is_grad_enabled() else x.mul_(weight)


def _normed(width: int, norm: Norm) -> nn.Module:
    return nn.GroupNorm(N_GROUPS, width) if norm == "group" else nn.BatchNorm2d(width)
