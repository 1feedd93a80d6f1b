"""How much a group of channels moves a network: put something else in its place and look.

"Modality influence" of the MapInWild naturalness study (LGRS 2024): the length of the difference of the
bottleneck with and without a modality. Axis letters: n window, c channel, k output, y row, x column.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from eomap.errors import MisuseError

NetworkFeatures = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Outputs and features of one pass over x, such as `UNet.forward_with_features` of a network in eval mode."""
Fill = Literal["zero", "one", "uniform", "gaussian", "mean"]
NATURALNESS_GROUPS: Mapping[str, range] = {
    "sentinel-2": range(0, 10),
    "sentinel-1": range(10, 12),
    "land-cover": range(12, 13),
    "night-lights": range(13, 14),
    "all": range(0, 14),
}
"""Channels of the modalities of the naturalness network."""


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """What became of a network's answer without each group of channels."""

    features: Mapping[str, Tensor]
    """Length of the difference of the features, per window (n,); 0 where nothing changed."""
    outputs: Mapping[str, Tensor]
    """Outputs without the group less outputs with it (n, k, y, x), in the outputs' unit."""


def influence(
    network_features: NetworkFeatures,
    x: Tensor,
    groups: Mapping[str, Sequence[int]],
    fill: Fill | Tensor,
    *,
    seed: int = 0,
) -> Influence:
    """Return the influence of each group of channels of x (n, c, y, x): one pass, and one per group.

    `fill` takes the place of a group: a value of the *scaled* channels, uniform 0..1 or standard normal noise
    (same seed, same noise, whatever the groups), a channel's mean over all windows and pixels, or a tensor
    that broadcasts to x. Raises MisuseError on a channel that x has not.
    """
    unknown = {c for channels in groups.values() for c in channels if not 0 <= c < x.shape[1]}
    if unknown:
        raise MisuseError("occlusion", expected=f"channels 0 to {x.shape[1] - 1}", got=f"{sorted(unknown)}")
    instead = filling(x, fill, seed=seed)
    features: dict[str, Tensor] = {}
    outputs: dict[str, Tensor] = {}
    with torch.no_grad():
        intact_output, intact_features = network_features(x)
        for name, channels in groups.items():
            output, feature = network_features(occluded(x, channels, instead))
            difference = (feature - intact_features).flatten(start_dim=1)
            features[name] = torch.linalg.vector_norm(difference, dim=1)
            outputs[name] = output - intact_output
    return Influence(features, outputs)


def occluded(x: Tensor, channels: Sequence[int], instead: Tensor) -> Tensor:
    """Return a copy of x (n, c, y, x) with the channels of another tensor of its shape."""
    out = x.clone()
    index = list(channels)
    out[:, index] = instead[:, index]
    return out


def filling(x: Tensor, fill: Fill | Tensor, *, seed: int) -> Tensor:
    """Return what may take the place of each channel of x, in its shape; see `influence`."""
    if isinstance(fill, Tensor):
        return fill.expand_as(x)
    noise = torch.Generator().manual_seed(seed)
    match fill:
        case "zero":
            return torch.zeros_like(x)
        case "one":
            return torch.ones_like(x)
        case "uniform":
            return torch.rand(x.shape, generator=noise, dtype=x.dtype)
        case "gaussian":
            return torch.randn(x.shape, generator=noise, dtype=x.dtype)
        case "mean":
            return x.mean(dim=(0, 2, 3), keepdim=True).expand_as(x)
    raise MisuseError("occlusion", expected="zero, one, uniform, gaussian, mean or a tensor", got=repr(fill))
