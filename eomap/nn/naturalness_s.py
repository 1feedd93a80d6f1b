"""Our own network of naturalness: a narrow U-Net of the MapInWild kind, told where it is, that says how sure.

Ten Sentinel-2 bands and, where there are any, two of Sentinel-1 and the lights at night; see
models/eomap-naturalness-s. Axis letters: n window, c channel, d feature, k number given, y and x pixels.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eomap.nn.scalings import NATURALNESS_INPUT
from eomap.nn.unet import NATURALNESS
from eomap.nn.unet_priors import UNetWithPriors

OUTPUTS = ("naturalness", "log_variance")
"""What it gives, in order: 0 sealed to 1 untouched, and the log of the variance of the error."""
GROUPS = (10, 2, 1)
"""Channels of Sentinel-2, Sentinel-1 and the lights at night."""
_SEEN = len(GROUPS)
SHAPE = replace(NATURALNESS, n_in=sum(GROUPS) + _SEEN, widths=(12, 24, 48, 96, 96), spread=True)
CONTEXT_FACTOR = 4
"""The whole window once more, in means of so many pixels each way, as one vector: its context."""
_LATENT = 24
_REFLECTANCE = (1_500.0, 1_500.0)
"""Mean and deviation in codes."""
_DB_PER_CODE, _DB_OF_CODE_0 = 0.001, -50.0
_RADIANCE_PER_CODE = 0.1
_NOWHERE, _JITTER_DEG = 0.2, 2.0
"""In training so many windows are not told where they are, the others not exactly: a network of few places
would learn them by heart."""
_USUAL = 0.8


class NaturalnessS(nn.Module):
    """Codes and a place in; naturalness, log-variance and the bottleneck out."""

    log_gain: Tensor
    """What is added to every log-variance."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = UNetWithPriors(SHAPE, position=True, n_context=SHAPE.n_in, n_latent=_LATENT)
        with torch.no_grad():  # the leaky half of the output teaches little: begin on the other side
            torch.as_tensor(self.maps.unet.head.bias)[0] = _USUAL
        self.register_buffer("log_gain", torch.zeros(()))

    def calibrate(self, gain: float) -> None:
        """Take every variance times so much more; raise ValueError unless it is above 0."""
        if not gain > 0:
            raise ValueError(f"a gain above 0, not {gain}")
        self.log_gain.add_(math.log(gain))

    def forward(self, x: Tensor, aside: Tensor) -> tuple[Tensor, Tensor]:
        """Return (n, 2, y, x), as OUTPUTS, and the bottleneck (n, d, y / 16, x / 16).

        `x` are codes (n, 13, y, x), 0 where unseen; `aside` the longitude and latitude in degrees of the
        windows' centres (n, 2), NaN for a window that is not told.
        """
        told = self._blurred(aside) if self.training else aside
        given = as_seen(x)
        y, bottleneck = self.maps.forward_with_features(
            given, lonlat_deg=told, context=F.avg_pool2d(given, CONTEXT_FACTOR)
        )
        return torch.cat([y[:, :1], y[:, 1:] + self.log_gain], dim=1), bottleneck

    def _blurred(self, lonlat_deg: Tensor) -> Tensor:
        moved = lonlat_deg + _JITTER_DEG * torch.randn_like(lonlat_deg)
        hidden = torch.rand(len(moved), 1, device=moved.device) < _NOWHERE
        return moved.masked_fill(hidden, torch.nan)


def as_seen(x: Tensor) -> Tensor:
    """Return what the U-Net is fed (n, 16, y, x) for codes (n, 13, y, x).

    Reflectance less its usual value, backscatter scaled as the published network has it, the logarithm of
    one more than the radiance; all 0 where unseen. The last three say where each sensor saw, 1 or 0.
    """
    optical, radar, lights = x.split(GROUPS, dim=1)
    mean, std = _REFLECTANCE
    at = [NATURALNESS_INPUT.channels.index(band) for band in ("VV", "VH")]
    mean_db, std_db = (
        torch.tensor([values[k] for k in at], dtype=x.dtype, device=x.device).view(1, 2, 1, 1)
        for values in (NATURALNESS_INPUT.mean, NATURALNESS_INPUT.std)
    )
    scaled = torch.cat(
        [
            (optical - mean) / std,
            (radar * _DB_PER_CODE + _DB_OF_CODE_0 - mean_db) / std_db,
            torch.log1p(_RADIANCE_PER_CODE * (lights - 1).clamp(min=0)),
        ],
        dim=1,
    )
    seen = [(part > 0).all(dim=1, keepdim=True).to(x.dtype) for part in (optical, radar, lights)]
    return torch.cat([torch.where(x > 0, scaled, 0.0), *seen], dim=1)


def naturalness_s() -> NaturalnessS:
    """Return the network as it is shipped, weights not yet loaded."""
    return NaturalnessS()
