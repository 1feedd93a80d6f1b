"""How much each date counts: temporal attention with learned queries, for each head and coarse pixel.

L-TAE, Garnot and Landrieu (2020), arXiv:2007.00586, without its values, as UnCRtainTS uses it: Ebel et al.
(2023), arXiv:2304.05464. Axis letters: n series, t frame, c channel, h head, p pixel of a series, y, x.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_PERIOD = 1000.0
"""Base of the wavelengths of the encoded days."""
_MISSING = -1e3
"""Score of a frame that is not there."""


class TemporalAttention(nn.Module):
    """Weights of the frames of a series, summing to 1 at every pixel and head.

    With `masked_norm` features are normalised over the frames that are there; without, as in the reference,
    over missing ones too, so that adding an empty frame changes the weights of the others.
    """

    def __init__(
        self, width: int, encoded: int, *, heads: int, key: int, dated: bool, masked_norm: bool
    ) -> None:
        super().__init__()
        self.inconv = nn.Conv1d(width, encoded, 1)
        self.attention_heads = _Queries(encoded, heads, key)
        self.in_norm = nn.GroupNorm(heads, width)
        self.dated, self.masked_norm = dated, masked_norm

    def forward(self, x: Tensor, days: Tensor, seen: Tensor) -> Tensor:
        """Return weights (h, n, t, y, x) for features (n, t, c, y, x), days and whether seen (n, t)."""
        n, t, _, height, width = x.shape
        series = x.permute(0, 3, 4, 2, 1).flatten(0, 2)  # (n p, c, t)
        there = seen.repeat_interleave(height * width, dim=0)
        if self.masked_norm and not bool(seen.all()):
            series = masked_group_norm(series, self.in_norm, there)
        else:
            series = self.in_norm(series)
        code = self.inconv(series).mT  # (n p, t, c)
        if self.dated:
            heads = self.attention_heads.heads
            place = encoded_days(days, code.shape[-1] // heads).repeat(1, 1, heads)
            code = code + place.repeat_interleave(height * width, dim=0).to(code.dtype)
        weight = self.attention_heads(code, there)  # (n p, h, t)
        return weight.view(n, height, width, -1, t).permute(3, 0, 4, 1, 2)


class _Queries(nn.Module):
    """One learned query a head, compared with a key of every frame."""

    def __init__(self, encoded: int, heads: int, key: int) -> None:
        super().__init__()
        self.heads, self.key = heads, key
        self.Q = nn.Parameter(torch.empty(heads, key))
        self.fc1_k = nn.Linear(encoded, heads * key)
        for weight in (self.Q, self.fc1_k.weight):
            nn.init.normal_(weight, 0.0, math.sqrt(2.0 / key))

    def forward(self, code: Tensor, there: Tensor) -> Tensor:
        """Return weights (p, h, t) for codes (p, t, c) and whether the frame is there (p, t)."""
        keys = self.fc1_k(code).unflatten(-1, (self.heads, self.key))
        scores = torch.einsum("pthk,hk->pht", keys, self.Q.to(keys.dtype)) / math.sqrt(self.key)
        return torch.softmax(scores.masked_fill(~there[:, None, :], _MISSING), dim=-1)


def encoded_days(days: Tensor, size: int) -> Tensor:
    """Return days (n, t) as (n, t, size) sines (even places) and cosines (odd), float32.

    Place i has the angle day / 1000^(2 (i // 2) / size): Vaswani et al. (2017), arXiv:1706.03762, section
    3.5, with base 1000.
    """
    place = torch.arange(size, device=days.device)
    wavelength = torch.pow(torch.tensor(_PERIOD, device=days.device), 2 * (place // 2) / size)
    angle = days.float()[..., None] / wavelength
    return torch.where(place % 2 == 0, angle.sin(), angle.cos())


def masked_group_norm(x: Tensor, norm: nn.GroupNorm, there: Tensor) -> Tensor:
    """Return (p, c, t) normalised by the mean and variance of each group over the frames that are there.

    `there` is boolean (p, t). What is not there becomes finite, and has no influence on the rest. Where all
    is there, this is `norm` itself: Wu and He (2018), doi:10.1007/978-3-030-01261-8_1.
    """
    grouped = x.unflatten(1, (norm.num_groups, -1))
    counts = there[:, None, None, :].to(x.dtype)
    n = (counts.sum(dim=-1, keepdim=True) * grouped.shape[2]).clamp_min(1)
    mean = (grouped * counts).sum(dim=(2, 3), keepdim=True) / n
    apart = (grouped - mean) * counts
    variance = apart.square().sum(dim=(2, 3), keepdim=True) / n
    normal = (apart / torch.sqrt(variance + norm.eps)).flatten(1, 2)
    return normal * norm.weight[:, None] + norm.bias[:, None]


def gathered(x: Tensor, weight: Tensor, dropout: nn.Module) -> Tensor:
    """Return one picture (n, c, y, x) of many (n, t, c, y, x): the weighed sum over the frames.

    Weights (h, n, t, y, x) of any size are resized linearly, then pass `dropout`. The channels are shared
    out to the heads in order, c / h to each. A frame at a time, so that no copy of the series is made.
    """
    heads, size = len(weight), x.shape[3:]
    out = torch.zeros_like(x[:, 0])
    for t in range(x.shape[1]):
        share = F.interpolate(weight[:, :, t].transpose(0, 1), size, mode="bilinear", align_corners=False)
        share = dropout(share).repeat_interleave(x.shape[2] // heads, dim=1)
        out = torch.addcmul(out, x[:, t], share.to(x.dtype))
    return out
