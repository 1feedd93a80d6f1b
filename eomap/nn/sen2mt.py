"""Sen2-MT: settlement share at 20 m and local climate zones at 10 m from one pass over Sentinel-2.

Qiu et al., "Multitask learning for human settlement extent regression and local climate zone
classification", in the size of the authors' network; it was published without weights. Ours: a width.
Axis letters: n window, b band, c class, d feature, y row, x column.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eomap.nn.double_conv import check_window

N_BANDS, N_CLASSES, STRIDE_PX = 10, 17, 8
NARROW = 12
"""Ours: a width for training and maps without a GPU, under 4 MB; 16 is the published one."""
_KERAS_EPS = 1e-3
_REDUCTION = 8
"""Features per hidden unit of the channel attention."""
_LOG_FLOOR = 1e-7


class Separable(nn.Module):
    """A 3x3 convolution per feature, a mix of features, batch normalisation and ReLU."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(n_in, n_in, 3, padding=1, groups=n_in, bias=False)
        self.mix = nn.Conv2d(n_in, n_out, 1)
        self.norm = nn.BatchNorm2d(n_out, eps=_KERAS_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (n, d, y, x)."""
        return F.relu_(self.norm(self.mix(self.near(x))))


class Attention(nn.Module):
    """CBAM: features weighed by what they are, then pixels by where they are (arXiv 1807.06521)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = max(width // _REDUCTION, 1)
        self.channels = nn.Sequential(
            nn.Conv2d(width, hidden, 1), nn.ReLU(inplace=True), nn.Conv2d(hidden, width, 1)
        )
        self.pixels = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the weighed features, of the same shape."""
        mean, most = x.mean(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
        x = x * torch.sigmoid(self.channels(mean) + self.channels(most))
        drawn = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.pixels(drawn))


@dataclass(frozen=True, slots=True, eq=False)
class TwoMaps:
    """What one pass gives."""

    settlement: Tensor
    """Share of settled ground 0..1, (n, 1, y / 2, x / 2)."""
    lcz: Tensor
    """Probabilities of the 17 zones (n, c, y, x), the mean of four heads; class c is zone c + 1."""
    features: Tensor
    """What both tasks share (n, d, y / 2, x / 2), before any attention."""


class Sen2MT(nn.Module):
    """The network; `width` features at the window's size, 16 as published."""

    def __init__(self, width: int = 16, *, attention: bool = True) -> None:
        super().__init__()
        w = width
        self.first = nn.Conv2d(N_BANDS, w, 3, padding=1)
        self.first_norm = nn.BatchNorm2d(w, eps=_KERAS_EPS)
        self.fine = nn.Sequential(Separable(w, w), Separable(w, 2 * w), Separable(2 * w, 2 * w))
        steps = ((4 * w, 8 * w), (8 * w, 8 * w), (8 * w, 16 * w), (16 * w, 16 * w))
        self.shared = nn.Sequential(*(Separable(a, b) for a, b in steps))
        self.settlement_attention = Attention(16 * w) if attention else nn.Identity()
        self.lcz_attention = Attention(16 * w) if attention else nn.Identity()
        self.settlement_head = nn.Conv2d(16 * w, 1, 1)
        self.coarse = Separable(32 * w, 32 * w)
        self.coarsest = Separable(64 * w, 64 * w)
        self.lcz_heads = nn.ModuleList(nn.Conv2d(n * w, N_CLASSES, 1) for n in (4, 32, 64, 64))

    def maps(self, x: Tensor) -> TwoMaps:
        """Return both maps and the shared features for reflectance (n, b, y, x) in 0..1.

        Raises MisuseError on other bands, or sides that are no multiples of STRIDE_PX.
        """
        check_window("Sen2-MT", x.shape, n_in=N_BANDS, stride_px=STRIDE_PX)
        halved = both_pools(self.fine(F.relu_(self.first_norm(self.first(x)))))
        shared = self.shared(halved)
        settlement = torch.sigmoid(self.settlement_head(self.settlement_attention(shared)))
        quartered = both_pools(self.lcz_attention(shared))
        eighth = both_pools(self.coarse(quartered))
        seen = (halved, quartered, eighth, self.coarsest(eighth))
        heads = zip(self.lcz_heads, seen, strict=True)
        *finer, lcz = [torch.softmax(head(features), dim=1) for head, features in heads]
        for p in reversed(finer):
            # Coarse to fine, so that only the sum is ever enlarged; the mean is the same.
            lcz = _enlarged(lcz, p.shape[2]) + p
        return TwoMaps(settlement, _enlarged(lcz, x.shape[2]) / len(seen), shared)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return settlement (n, 1, y / 2, x / 2) and LCZ probabilities (n, c, y, x); see `maps`."""
        maps = self.maps(x)
        return maps.settlement, maps.lcz


def both_pools(x: Tensor) -> Tensor:
    """Return the maximum and the mean of 2x2 squares, one behind the other (n, 2 d, y / 2, x / 2)."""
    return torch.cat([F.max_pool2d(x, 2), F.avg_pool2d(x, 2)], dim=1)


def _enlarged(x: Tensor, rows: int) -> Tensor:
    """Return each pixel as a square, so that there are so many rows."""
    factor = rows // x.shape[2]
    return x if factor == 1 else F.interpolate(x, scale_factor=float(factor), mode="nearest")


def lcz_cross_entropy(probabilities_ncyx: Tensor, labels_nyx: Tensor) -> Tensor:
    """Return the mean of -log p over labelled pixels, 0 where there are none.

    Labels are 0..16, negative where unknown. The network gives probabilities, not logits: the mean of
    several softmaxes has none.
    """
    known = labels_nyx >= 0
    p = probabilities_ncyx.gather(1, labels_nyx.clamp_min(0)[:, None])[:, 0]
    loss = -torch.where(known, p, 1.0).clamp_min(_LOG_FLOOR).log()
    return loss.sum() / known.sum().clamp_min(1)


class TaskWeights(nn.Module):
    """Learnt weights of a regression and a classification (homoscedastic, arXiv 1705.07115).

    Two logs of variances s, at first 0: half of the first loss and the whole second.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_variances = nn.Parameter(torch.zeros(2))

    def forward(self, regression: Tensor, classification: Tensor) -> Tensor:
        """Return both losses together; see `weighed`."""
        return weighed(self.log_variances, regression, classification)


def weighed(log_variances: Tensor, regression: Tensor, classification: Tensor) -> Tensor:
    """Return exp(-s1) / 2 * regression + s1 / 2 + exp(-s2) * classification + s2 / 2."""
    s1, s2 = log_variances.unbind()
    return 0.5 * (torch.exp(-s1) * regression + s1 + s2) + torch.exp(-s2) * classification
