"""Our own small network for clouds, their shadows and snow, in six bands of any optical satellite.

A U-Net of separable convolutions on pixels of about 20 m, five sizes down to 320 m, trained on the twin only
(models/eomap-clouds-s). All of its numbers are small whole ones: activations 0 to 255, weights a whole number
up to 127 times a power of two. Every sum is then exact in float32, in any order, so that the same pixels give
the same answer on any machine, however an image is cut at multiples of STRIDE_PX: a pixel depends on nothing
beyond MARGIN_PX. Axis letters: n image, b band, f feature, c class, y row, x column.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLEAR, THIN, THICK, SHADOW, SNOW = range(5)
CLASSES = ("clear", "thin cloud", "thick cloud", "cloud shadow", "snow")
IGNORED = 255
"""In truth: what lies between two classes."""
N_BANDS, N_FEATURES = 6, 11
"""Blue, green, red, near infrared, 1.6 and 2.2 um; see `features`."""
STRIDE_PX, MARGIN_PX = 16, 64
"""In the network's pixels: squares of its coarsest size, and the distance beyond which nothing counts."""
FEATURE_MAX, ACTIVATION_MAX, WEIGHT_MAX = 1023, 255, 127
_EXACT = 2**24
"""Whole numbers up to here are exact in float32."""
_WIDTHS = (16, 32, 48, 64, 96)
_BLOCKS = (0, 2, 2, 1, 1)
_DN_MAX, _ROOT_STEPS = 14_400.0, 8.5
_RATIOS = ((1, 4), (3, 2), (0, 2), (4, 5))
"""Pairs of bands: NDSI, NDVI, blue against red, and the two in the infrared."""


class Block(nn.Module):
    """A separable 3 x 3 convolution added to what it was given."""

    def __init__(self, width: int, *, trained: bool) -> None:
        super().__init__()
        self.near = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=not trained)
        self.near_norm = _norm(width, trained)
        self.mix = nn.Conv2d(width, width, 1, bias=not trained)
        self.mix_norm = _norm(width, trained)

    def forward(self, x: Tensor) -> Tensor:
        """Return activations of the same shape."""
        inner = activation(self.near_norm(self.near(x)))
        return activation(self.mix_norm(self.mix(inner)).add_(x))


class CloudsS(nn.Module):
    """The network; `trained` adds the normalisation of the training run, which ships within the weights."""

    def __init__(self, *, trained: bool = False) -> None:
        super().__init__()
        sizes = range(1, len(_WIDTHS))
        self.first = nn.Conv2d(N_FEATURES, _WIDTHS[0], 1, bias=not trained)
        self.first_norm = _norm(_WIDTHS[0], trained)
        self.downs = nn.ModuleList(
            nn.Conv2d(N_FEATURES if k == 1 else _WIDTHS[k - 1], _WIDTHS[k], 2, stride=2, bias=not trained)
            for k in sizes
        )
        self.down_norms = nn.ModuleList(_norm(_WIDTHS[k], trained) for k in sizes)
        self.inward = nn.ModuleList(
            nn.Sequential(*(Block(_WIDTHS[k], trained=trained) for _ in range(_BLOCKS[k]))) for k in sizes
        )
        self.ups = nn.ModuleList(nn.Conv2d(_WIDTHS[k], _WIDTHS[k - 1], 1, bias=not trained) for k in sizes)
        self.up_norms = nn.ModuleList(_norm(_WIDTHS[k - 1], trained) for k in sizes)
        self.outward = nn.ModuleList(
            nn.Identity() if k == len(_WIDTHS) - 2 else Block(_WIDTHS[k], trained=trained)
            for k in range(len(_WIDTHS) - 1)
        )
        self.head = nn.Conv2d(_WIDTHS[0], len(CLASSES), 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (n, c, y, x) for features (n, f, y, x) whose sides are multiples of STRIDE_PX."""
        kept = [activation(self.first_norm(self.first(x)))]
        for down, norm, blocks in zip(self.downs, self.down_norms, self.inward, strict=True):
            x = blocks(activation(norm(down(x))))
            kept.append(x)
        for k in reversed(range(len(_WIDTHS) - 1)):
            risen = whole(self.up_norms[k](self.ups[k](x)))
            x = activation(F.interpolate(risen, scale_factor=2.0, mode="nearest").add_(kept[k]))
            x = self.outward[k](x)
        return self.head(x)


def clouds_s() -> CloudsS:
    """Return the network as it is shipped, weights not yet loaded."""
    return CloudsS()


def _norm(width: int, trained: bool) -> nn.Module:
    return nn.BatchNorm2d(width) if trained else nn.Identity()


class _Whole(torch.autograd.Function):
    """Rounds to whole numbers; gradients pass as if it did not."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return gradients[0]


def whole(x: Tensor) -> Tensor:
    """Return whole numbers, ties to even."""
    return _Whole.apply(x) if x.requires_grad else x.round_()


def activation(x: Tensor) -> Tensor:
    """Return whole numbers from 0 to ACTIVATION_MAX."""
    return whole(x).clamp_(0, ACTIVATION_MAX) if not x.requires_grad else whole(x).clamp(0, ACTIVATION_MAX)


def features(dn_nbyx: Tensor, *, corrected: bool) -> Tensor:
    """Return features (n, f, y, x), whole numbers up to FEATURE_MAX, of reflectance x 10000 (n, b, y, x).

    Roots of the six bands, four normalised differences, and whether reflectance is the surface's. Float32;
    each step is one correctly rounded operation, so any machine gives the same. All 0 where a band is 0.
    """
    dn = dn_nbyx.clamp(0, _DN_MAX)
    out = dn.new_zeros((len(dn), N_FEATURES, *dn.shape[2:]))
    out[:, :N_BANDS] = (dn.sqrt() * _ROOT_STEPS).round_()
    for k, (a, b) in enumerate(_RATIOS):
        first, second = dn[:, a], dn[:, b]
        out[:, N_BANDS + k] = ((first - second) / (first + second).clamp_min_(1) * 508.0).round_() + 512.0
    out[:, -1] = 1020.0 if corrected else 0.0
    return out * (dn > 0).all(dim=1, keepdim=True)


def classes(scores_ncyx: Tensor) -> Tensor:
    """Return the class of the highest score (n, y, x), uint8; of equal ones the first."""
    best = scores_ncyx[:, 0].clone()
    found = torch.zeros_like(best, dtype=torch.uint8)
    for c in range(1, scores_ncyx.shape[1]):
        better = scores_ncyx[:, c] > best
        found.masked_fill_(better, c)
        best = torch.maximum(best, scores_ncyx[:, c])
    return found


def convolutions(network: CloudsS) -> Iterator[tuple[str, nn.Conv2d, int]]:
    """Yield name, convolution and the largest input of each."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            yield name, module, FEATURE_MAX if name in ("first", "downs.0") else ACTIVATION_MAX


def steps_of(weight: Tensor) -> Tensor:
    """Return the power of two of each output channel (c, 1, 1, 1) that its weights are multiples of."""
    largest = weight.detach().abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(2.0**-20)
    return torch.exp2(torch.ceil(torch.log2(largest / WEIGHT_MAX)))


def is_exact(network: CloudsS) -> bool:
    """Say whether no sum of the network can leave the whole numbers that float32 holds."""
    for _, conv, largest in convolutions(network):
        step = steps_of(conv.weight)
        units, bias = conv.weight / step, torch.as_tensor(conv.bias) / step.flatten()
        reach = units.abs().sum(dim=(1, 2, 3)) * largest + bias.abs()
        if not torch.equal(units, units.round()) or not torch.equal(bias, bias.round()):
            return False
        # What is added to a convolution is whole, and at most ACTIVATION_MAX: count it in the same units.
        if float((reach + ACTIVATION_MAX / step.flatten().clamp_max(1)).max()) >= _EXACT:
            return False
    return True
