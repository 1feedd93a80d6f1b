"""One family of U-Nets for maps of a number: naturalness, biomass above the ground.

`NATURALNESS` and `BIOMASS_ENMAP` have the size of the published networks (naturalness index of MapInWild,
LGRS 2024; U-Net of HyBiomass, GRSL 2025), which came without weights; the narrow ones are our own, for
training and maps without a GPU. Axis letters: n window, c channel, d feature, k output, y row, x column.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from eomap.errors import MisuseError
from eomap.nn.double_conv import DoubleConv, Down, RiseBilinear, RiseTransposed, check_window

Output = Literal["none", "leaky_relu", "relu", "softplus"]
_OUTPUTS = {"none": nn.Identity, "leaky_relu": nn.LeakyReLU, "relu": nn.ReLU, "softplus": nn.Softplus}
LOG_VARIANCE_MAX = 15.0
"""Beyond this, either way, a log-variance is cut: of no use, and its exponential would leave float32."""


@dataclass(frozen=True, slots=True)
class UNetShape:
    """What a U-Net is made of; two equal shapes make networks with the same state."""

    n_in: int
    widths: tuple[int, ...]
    """Features of each size, from the window's own down to the bottleneck's."""
    up: Literal["bilinear", "transposed"]
    output: Output
    """What outputs pass through at last; "softplus" is ours: never negative, and never without gradient."""
    n_out: int = 1
    spread: bool = False
    """Ours: as many outputs more, behind the others, each the log of the variance of one."""
    stem: int = 0
    """Ours: the channels are first mixed to so many, pixel by pixel; 0 for no such step."""

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(self.n_in, self.n_out, *self.widths) < 1 or self.stem < 0:
            raise MisuseError("U-Net", expected="two or more widths, and counts of 1 or more", got=repr(self))

    @property
    def stride_px(self) -> int:
        """Pixels of the window on one side of a pixel of the bottleneck."""
        return 2 ** (len(self.widths) - 1)


NATURALNESS = UNetShape(14, (64, 128, 256, 512, 512), up="bilinear", output="leaky_relu")
NATURALNESS_OPTICAL = replace(NATURALNESS, n_in=10)
BIOMASS_ENMAP = UNetShape(202, (32, 64, 128, 256, 512), up="transposed", output="relu")
NATURALNESS_S = replace(NATURALNESS, widths=(16, 32, 64, 128, 128), spread=True)
BIOMASS_ENMAP_S = UNetShape(202, (16, 32, 64, 128), up="transposed", output="softplus", spread=True, stem=16)
BIOMASS_S = UNetShape(12, (16, 32, 64, 128, 128), up="bilinear", output="softplus", spread=True)


class UNet(nn.Module):
    """Encoder, bottleneck and decoder of a shape."""

    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        self.shape = shape
        n_in, widths = shape.stem or shape.n_in, shape.widths
        self.stem = nn.Conv2d(shape.n_in, n_in, 1) if shape.stem else nn.Identity()
        self.first = DoubleConv(n_in, widths[0])
        self.downs = nn.ModuleList(Down(a, b) for a, b in pairwise(widths))
        self.rises = nn.ModuleList()
        below = widths[-1]
        for k in reversed(range(len(widths) - 1)):
            if shape.up == "bilinear":
                # Published so: the step up already ends at the width of the next one.
                n_out = widths[max(k - 1, 0)]
                self.rises.append(RiseBilinear(below, widths[k], n_out))
            else:
                n_out = widths[k]
                self.rises.append(RiseTransposed(below, widths[k], n_out))
            below = n_out
        self.head = nn.Conv2d(below, shape.n_out * (2 if shape.spread else 1), 1)
        self.output = _OUTPUTS[shape.output]()

    def encode(self, x: Tensor) -> list[Tensor]:
        """Return the features kept at each size, the bottleneck (n, d, y / stride, x / stride) last.

        Raises MisuseError on other channels, or sides that are no multiples of the stride.
        """
        check_window("U-Net", x.shape, n_in=self.shape.n_in, stride_px=self.shape.stride_px)
        kept = [self.first(self.stem(x))]
        for down in self.downs:
            kept.append(down(kept[-1]))
        return kept

    def decode(self, bottleneck: Tensor, kept: list[Tensor]) -> Tensor:
        """Return outputs (n, k, y, x) of a bottleneck and the features of the sizes above it."""
        x = bottleneck
        for rise, beside in zip(self.rises, reversed(kept), strict=True):
            x = rise(x, beside)
        x = self.head(x)
        if not self.shape.spread:
            return self.output(x)
        mean, log_variance = x.split(self.shape.n_out, dim=1)
        limited = log_variance.clamp(-LOG_VARIANCE_MAX, LOG_VARIANCE_MAX)
        return torch.cat([self.output(mean), limited], dim=1)

    def forward_with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs (n, k, y, x) and the bottleneck (n, d, y / stride, x / stride) of one pass."""
        *kept, bottleneck = self.encode(x)
        return self.decode(bottleneck, kept), bottleneck

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (n, k, y, x) for scaled channels (n, c, y, x); with `spread` log-variances last."""
        return self.forward_with_features(x)[0]
