"""Our own small networks for biomass above the ground, with how sure they are, on the scale of its root.

A member says of a pixel that the root of its biomass is normal with mean m and variance v, in roots of Mg/ha.
Then biomass itself has the mean m^2 + v and the variance 4 m^2 v + 2 v^2, exactly: nothing is biased on the
way back, and nothing is negative. Intervals are m -+ bound x deviation, squared; bounds come from validation
places (`calibrated`). Axis letters: n window, m member, c channel, d feature, j level, y row, x column.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eomap.nn.mimo_unet import MimoUNet, for_every_member, members_samples
from eomap.nn.normalised import Normalised
from eomap.nn.unet import BIOMASS_ENMAP_S, UNet

OUTPUTS = ("biomass", "sigma", "low", "high")
"""All in Mg/ha; low and high bound 90 % of the truth."""
LEVELS_MG_HA = (1.0, 50.0, 150.0)
"""Mapped biomass at which bounds change: bare ground, open and closed woods, and where images saturate."""
ROOT_UNIT = 5.0
"""Roots of Mg/ha that a network's number of 1 stands for, so that its numbers are of the order of 1."""
LEAST_VARIANCE = 0.01
"""Of a root: its deviation of 0.1 is less than the step in which a biomass near 0 is stored."""
_NORMAL_90 = 1.645
_LOG_VARIANCE_MAX = 4.0
SHARED = 0.5
"""Share of training windows that both members see; the others they see one each."""


@dataclass(frozen=True, slots=True, eq=False)
class Roots:
    """What the members of a network say of roots of biomass, (n, m, y, x)."""

    mean: Tensor
    """Of the root, (Mg/ha)^0.5, never negative."""
    variance: Tensor
    """Of the root, Mg/ha."""


class _Members(nn.Module):
    """Several U-Nets in one (`MimoUNet`); in training each has windows of its own."""

    def __init__(self, n_in: int, *, members: int, width: int) -> None:
        super().__init__()
        self.unet = MimoUNet(n_in, members=members, width=width)

    def forward(self, x: Tensor) -> tuple[Roots, Tensor]:
        members = self.unet.members
        if not self.training:
            mean, log_scale, features = self.unet.forward_with_features(for_every_member(x, members))
            return _roots(mean[:, :, 0], log_scale[:, :, 0]), features
        seed = int(torch.randint(2**31 - 1, ()))
        order = members_samples(len(x), members, shared=SHARED, seed=seed).to(x.device)
        mean, log_scale, features = self.unet.forward_with_features(x[order])
        own, back = torch.arange(members, device=x.device), order.argsort(dim=0)
        # What a member said of a window, back in the row of that window.
        return _roots(mean[back, own, 0], log_scale[back, own, 0]), features


class _Alone(nn.Module):
    """A U-Net that says how sure it is, as a single member."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.unet = UNet(replace(BIOMASS_ENMAP_S, n_in=n_in, output="none"))

    def forward(self, x: Tensor) -> tuple[Roots, Tensor]:
        y, features = self.unet.forward_with_features(x)
        return _roots(y[:, :1], y[:, 1:]), features


class Biomass(nn.Module):
    """What members say, as a map: (n, 4, y, x) as in OUTPUTS. In training their roots, (n, m, 2, y, x)."""

    bound_j: Tensor
    """Half the width of a 90 % interval in deviations of the root, by level of mapped biomass."""
    sigma_factor_j: Tensor
    """What sigma is multiplied by, likewise."""

    def __init__(self, members: nn.Module) -> None:
        super().__init__()
        self.members = members
        levels = len(LEVELS_MG_HA) + 1
        self.register_buffer("bound_j", torch.full((levels,), _NORMAL_90))
        self.register_buffer("sigma_factor_j", torch.ones(levels))

    def forward(self, x: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is said, and the bottleneck's features (n, d, y / stride, x / stride)."""
        roots, features = self.members(x)
        if self.training:
            return torch.stack([roots.mean, roots.variance], dim=2), features
        return mapped(roots, bound_j=self.bound_j, sigma_factor_j=self.sigma_factor_j), features

    def calibrate(self, bounds: Sequence[float], sigma_factors: Sequence[float]) -> None:
        """Take bounds and factors of sigma, one a level; raise ValueError unless all are above 0."""
        if not len(bounds) == len(sigma_factors) == len(self.bound_j) or min(*bounds, *sigma_factors) <= 0:
            raise ValueError(f"expected {len(self.bound_j)} bounds and factors above 0")
        self.bound_j.copy_(torch.tensor(list(bounds)))
        self.sigma_factor_j.copy_(torch.tensor(list(sigma_factors)))


def pooled(roots: Roots) -> tuple[Tensor, Tensor]:
    """Return mean and deviation (n, y, x) of the root by all members: their own spread, and how far they
    lie apart (unbiased; 0 of one)."""
    apart = roots.mean.var(dim=1, unbiased=True) if roots.mean.shape[1] > 1 else 0.0
    return roots.mean.mean(dim=1), (roots.variance.mean(dim=1) + apart).sqrt()


def moments(roots: Roots) -> tuple[Tensor, Tensor]:
    """Return mean and variance (n, y, x) of biomass by all members, Mg/ha and its square.

    The variance is what the members expect (aleatoric) and the unbiased one of their means (epistemic).
    """
    square = roots.mean.square()
    means = square + roots.variance
    aleatoric = (4 * square * roots.variance + 2 * roots.variance.square()).mean(dim=1)
    epistemic = means.var(dim=1, unbiased=True) if means.shape[1] > 1 else torch.zeros_like(aleatoric)
    return means.mean(dim=1), aleatoric + epistemic


def levels(biomass: Tensor) -> Tensor:
    """Return the level of mapped biomass, from 0.

    >>> levels(torch.tensor([0.0, 1.0, 60.0, 400.0])).tolist()
    [0, 1, 2, 3]
    """
    return torch.bucketize(biomass, torch.tensor(LEVELS_MG_HA, device=biomass.device), right=True)


def mapped(roots: Roots, *, bound_j: Tensor, sigma_factor_j: Tensor) -> Tensor:
    """Return biomass, sigma, low and high (n, 4, y, x), Mg/ha, of what members say."""
    biomass, variance = moments(roots)
    root, deviation = pooled(roots)
    level = levels(biomass)
    reach = bound_j[level] * deviation
    low, high = (root - reach).clamp_min(0).square(), (root + reach).square()
    return torch.stack([biomass, variance.sqrt() * sigma_factor_j[level], low, high], dim=1)


def roots_nll(y: Tensor, target: Tensor, valid: Tensor, *, beta: float = 0.5) -> Tensor:
    """Return the loss of roots (n, m, 2, y, x) against biomass (n, 1, y, x): a normal likelihood of the root.

    Each pixel counts v^beta, without a gradient, as in Seitzer and others (2022), arXiv:2203.09168: at 0
    pixels with a large variance hardly count and stay badly fitted. Mean over valid pixels and members.
    """
    mean, variance = y.unbind(dim=2)
    root = target.clamp_min(0).sqrt()
    weight = (variance.detach() / ROOT_UNIT**2) ** beta * valid
    loss = 0.5 * weight * (variance.log() + (root - mean).square() / variance)
    return loss.sum() / (valid.sum() * y.shape[1]).clamp_min(1)


def interval_score(y: Tensor, target: Tensor, valid: Tensor, *, coverage: float = 0.9) -> Tensor:
    """Return the mean interval score of low and high (n, 4, y, x), Mg/ha: width + 20 times what lies beyond.

    Gneiting and Raftery (2007), doi:10.1198/016214506000001437, equation 43: least for the true quantiles.
    """
    low, high = y[:, 2:3], y[:, 3:4]
    beyond = (low - target).clamp_min(0) + (target - high).clamp_min(0)
    score = (high - low) + 2 / (1 - coverage) * beyond
    return (score * valid).sum() / valid.sum().clamp_min(1)


def biomass_s() -> Normalised:
    """Return the network of Sentinel-2 (ten bands) and Sentinel-1 (VV, VH), weights not yet loaded."""
    groups = (10, 2)
    members = _Members(sum(groups) + len(groups), members=2, width=8)
    return Normalised(Biomass(members), [0.0] * 12, [1.0] * 12, groups=groups)


def biomass_enmap_s() -> Normalised:
    """Return the network of EnMAP's 202 bands, weights not yet loaded."""
    return Normalised(Biomass(_Alone(203)), [0.0] * 202, [1.0] * 202, groups=(202,))


def _roots(mean: Tensor, log_variance: Tensor) -> Roots:
    variance = log_variance.float().clamp(-_LOG_VARIANCE_MAX * 3, _LOG_VARIANCE_MAX).exp()
    return Roots(F.softplus(mean.float()) * ROOT_UNIT, variance * ROOT_UNIT**2 + LEAST_VARIANCE)
