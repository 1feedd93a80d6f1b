"""The steps of every U-Net of ours: two convolutions, one size down, one size up.

Convolutions are 3x3 with bias, each followed by batch normalisation and ReLU. Axis letters: n image,
d feature, y row, x column.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eomap.errors import MisuseError

Padding = Literal["zeros", "reflect"]


class DoubleConv(nn.Module):
    """Two convolutions of the same size; `n_mid` features between them, `n_out` when 0."""

    def __init__(self, n_in: int, n_out: int, *, n_mid: int = 0, padding_mode: Padding = "zeros") -> None:
        super().__init__()
        n_mid = n_mid or n_out
        self.double_conv = nn.Sequential(
            nn.Conv2d(n_in, n_mid, 3, padding=1, padding_mode=padding_mode),
            nn.BatchNorm2d(n_mid),
            nn.ReLU(inplace=True),
            nn.Conv2d(n_mid, n_out, 3, padding=1, padding_mode=padding_mode),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features (n, d, y, x)."""
        return self.double_conv(x)


class Down(nn.Module):
    """The maximum of 2x2 squares, then two convolutions."""

    def __init__(self, n_in: int, n_out: int, *, padding_mode: Padding = "zeros") -> None:
        super().__init__()
        self.conv = DoubleConv(n_in, n_out, padding_mode=padding_mode)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (n, d, y / 2, x / 2)."""
        return self.conv(F.max_pool2d(x, 2))


class RiseBilinear(nn.Module):
    """Bilinear to twice the size (corners aligned), joined behind the kept features, two convolutions."""

    def __init__(self, n_below: int, n_kept: int, n_out: int, *, padding_mode: Padding = "zeros") -> None:
        super().__init__()
        n_in = n_below + n_kept
        self.conv = DoubleConv(n_in, n_out, n_mid=n_in // 2, padding_mode=padding_mode)

    def forward(self, below: Tensor, kept: Tensor) -> Tensor:
        """Return features (n, d, 2 y, 2 x) of those below (n, d, y, x) and those kept (n, d, 2 y, 2 x)."""
        risen = F.interpolate(below, scale_factor=2.0, mode="bilinear", align_corners=True)
        return self.conv(torch.cat([kept, risen], dim=1))


class RiseTransposed(nn.Module):
    """A transposed 2x2 convolution to twice the size, joined behind the kept features, two convolutions."""

    def __init__(self, n_below: int, n_kept: int, n_out: int) -> None:
        super().__init__()
        self.rise = nn.ConvTranspose2d(n_below, n_kept, 2, stride=2)
        self.conv = DoubleConv(2 * n_kept, n_out)

    def forward(self, below: Tensor, kept: Tensor) -> Tensor:
        """Return features (n, d, 2 y, 2 x) of those below (n, d, y, x) and those kept (n, d, 2 y, 2 x)."""
        return self.conv(torch.cat([kept, self.rise(below)], dim=1))


def check_window(where: str, shape: Sequence[int], *, n_in: int, stride_px: int) -> None:
    """Raise MisuseError unless the shape ends in (n_in, y, x) with sides that are multiples of the stride."""
    channels, *sides = shape[-3:]
    if channels != n_in or any(side <= 0 or side % stride_px for side in sides):
        raise MisuseError(
            where,
            expected=f"{n_in} channels and sides that are multiples of {stride_px} pixels",
            got=f"shape {tuple(shape)}",
            hint="choose a window of such a side, or pad it with what lies around",
        )
