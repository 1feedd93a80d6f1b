"""UnCRtainTS: one clear picture of several cloudy ones with radar beside them, and its variance.

Ebel et al. (2023), "UnCRtainTS: Uncertainty Quantification for Cloud Removal in Optical Satellite Time
Series", doi:10.1109/CVPRW59228.2023.00202. Every frame passes one block at full resolution, attention says
per frame, head and coarse pixel what counts, five more blocks work on the sum. Means over the whole image
enter (squeeze, group normalisation), so a pixel depends on the window's extent: run windows of one size and
blend them. Axis letters: n series, t frame, c channel, b band, y, x.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eomap.errors import MisuseError
from eomap.nn.mbconv import N_GROUPS, MBConv
from eomap.nn.temporal_attention import TemporalAttention, gathered

Covariance = Literal["diag", "uni", "iso"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a network of this kind is; as it stands, the paper's with radar (570,010 parameters).

    The reference differs from what it says in one way, which `masked_norm=False` brings back: there, a
    frame that is missing takes part in the statistics of the temporal encoder.
    """

    bands_in: int = 15
    """The paper's: S1 VV and VH, then the 13 bands of S2 L1C."""
    bands_out: int = 13
    width: int = 128
    expanded: int = 256
    """Channels inside a block."""
    encoded: int = 256
    """Channels of the temporal encoder."""
    blocks_out: int = 5
    heads: int = 16
    key: int = 4
    pooled_px: int = 32
    """Side of the picture that attention sees; each of its pixels is the maximum of its square."""
    covariance: Covariance | None = "diag"
    """A variance per band (`diag`, `uni`: they differ in the loss only), one for all (`iso`), or none."""
    scale_by: float = 10.0
    """Values come multiplied by this; means lie between 0 and this."""
    bounded: bool = True
    """Whether means pass a sigmoid; False is what the reference's flag `--mean_nonLinearity` does."""
    dated: bool = True
    """Whether days are encoded; False is what the reference's flag `--positional_encoding` does."""
    mono: bool = False
    """One frame, no temporal encoder: the paper's pre-training."""
    masked_norm: bool = True

    def __post_init__(self) -> None:
        if self.width % self.heads or self.width % N_GROUPS or self.encoded % self.heads:
            raise MisuseError(
                "UnCRtainTS",
                expected=f"width and encoded in multiples of heads, width in multiples of {N_GROUPS}",
                got=f"width {self.width}, encoded {self.encoded}, heads {self.heads}",
            )
        if self.covariance not in (None, "diag", "uni", "iso"):
            raise MisuseError("UnCRtainTS", expected="covariance diag, uni, iso or None", got=self.covariance)

    @property
    def variances(self) -> int:
        """Variances per pixel."""
        if self.covariance is None:
            return 0
        return 1 if self.covariance == "iso" else self.bands_out

    @property
    def variance_floor(self) -> float:
        """The least variance, in the square of the scaled unit."""
        return 1e-3 if self.scale_by != 1 else 1e-9


class UnCRtainTS(nn.Module):
    """The network. A frame all 0 is missing: it counts nothing.

    Under a float32 `x` means and variances are float32, under autocast too.
    """

    def __init__(self, setting: Setting | None = None) -> None:
        super().__init__()
        s = self.setting = setting or Setting()
        self.in_conv = _Layer(
            nn.Conv2d(s.bands_in, s.width, 1), nn.GroupNorm(N_GROUPS, s.width), nn.ReLU(inplace=True)
        )
        self.in_block = nn.ModuleList([MBConv(s.width, s.expanded, norm="group")])
        if not s.mono:
            self.temporal_encoder = TemporalAttention(
                s.width, s.encoded, heads=s.heads, key=s.key, dated=s.dated, masked_norm=s.masked_norm
            )
        self.dropout = nn.Dropout(0.1)
        self.out_block = nn.ModuleList(
            [MBConv(s.width, s.expanded, norm="batch") for _ in range(s.blocks_out)]
        )
        self.out_conv = _Layer(nn.Conv2d(s.width, s.bands_out + s.variances, 1))

    def forward(self, x: Tensor, days: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return mean (n, b, y, x) and variance (n, b or 1, y, x) for x (n, t, c, y, x) and days (n, t).

        Means and x are in the scaled unit, variances in its square; None without a covariance. Days are
        those since 2014-04-03 in the paper. Raises MisuseError when the shapes do not fit.
        """
        mean, variance, _ = self.forward_with_features(x, days)
        return mean, variance

    def forward_with_features(self, x: Tensor, days: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return mean, variance, and features (n, width): the frames' weighed sum, averaged over the image.

        The features are taken ahead of the last blocks; they say how familiar an input is.
        """
        self._check(x, days)
        gathered_ncyx = self._gathered(x, days)
        features = gathered_ncyx.mean(dim=(2, 3), dtype=torch.float32)
        y = gathered_ncyx
        for block in self.out_block:
            y = block(y)
        y = self.out_conv(y).float()
        bands = self.setting.bands_out
        mean = y[:, :bands]
        if self.setting.bounded:
            mean = self.setting.scale_by * torch.sigmoid(mean)
        if not self.setting.variances:
            return mean, None, features
        return mean, F.softplus(y[:, bands:]) + self.setting.variance_floor, features

    def _gathered(self, x: Tensor, days: Tensor) -> Tensor:
        n, t = x.shape[:2]
        seen = (x != 0).flatten(2).any(dim=2)
        frames = self._encoded(x.flatten(0, 1), seen.flatten())
        if self.setting.mono:
            return frames
        side = self.setting.pooled_px
        small = F.adaptive_max_pool2d(frames, (side, side)).unflatten(0, (n, t))
        weight = self.temporal_encoder(small, days, seen) * seen[None, :, :, None, None]
        return gathered(frames.unflatten(0, (n, t)), weight, self.dropout)

    def _encoded(self, x: Tensor, seen: Tensor) -> Tensor:
        """Return features (n t, c, y, x) of frames (n t, b, y, x), 0 of those not seen."""
        whole = bool(seen.all())
        y = self.in_conv(x if whole else x[seen])
        for block in self.in_block:
            y = block(y)
        if whole:
            return y
        out = y.new_zeros((len(x), *y.shape[1:]))
        out[seen] = y
        return out

    def _check(self, x: Tensor, days: Tensor) -> None:
        bands, got = self.setting.bands_in, f"{tuple(x.shape)} and {tuple(days.shape)}"
        if x.ndim != 5 or x.shape[2] != bands or days.shape != x.shape[:2]:
            raise MisuseError("UnCRtainTS", expected=f"x (n, t, {bands}, y, x) and days (n, t)", got=got)
        if self.setting.mono and x.shape[1] != 1:
            raise MisuseError("UnCRtainTS", expected="one frame, as it is mono", got=got)


class _Layer(nn.Module):
    """Modules in a row, under the names of the checkpoints."""

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        self.conv = nn.ModuleDict({"conv": nn.Sequential(*modules)})

    def forward(self, x: Tensor) -> Tensor:
        return self.conv["conv"](x)


def rename_checkpoint(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a published file under the names of `UnCRtainTS`, order kept.

    Drops the prefix `netG.` and counts blocks from 0, as newer files do: `in_block1` is `in_block.0`,
    `out_block{1..5}` are `out_block.{0..4}`. Names that are new already stay.

    >>> list(rename_checkpoint({"netG.out_block2.conv.norm.bias": torch.zeros(1)}))
    ['out_block.1.conv.norm.bias']
    """

    def new(name: str) -> str:
        name = name.removeprefix("netG.")
        return re.sub(r"^(in|out)_block(\d+)\.", lambda m: f"{m[1]}_block.{int(m[2]) - 1}.", name)

    return {new(name): tensor for name, tensor in state.items()}
