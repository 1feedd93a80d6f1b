"""A network that says how one look would have been without its clouds, and how far that may be off.

Clear looks of other dates, brought to the light and air of the look (`rough`), come first; UnCRtainTS
(`nn.uncrtaints`), made narrow, then adds what they lack, in pixels of 20 m: what is fine comes from the
looks. Ebel et al. (2023), doi:10.1109/CVPRW59228.2023.00202, predict the whole picture instead. So it takes
scenes of any level, and a quarter of the time.
Axis letters: n window, t look (the first is the one to be cleared), b band, p polarisation, c channel,
s source of a filled pixel (another look, none), y, x.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eomap.nn.cloud_free import BANDS, LOOKS, OBSCURED
from eomap.nn.uncrtaints import Setting, UnCRtainTS

B, POLARISATIONS = len(BANDS), 2
CHANNELS_IN = LOOKS * (B + POLARISATIONS)
OUT = 2 * B
"""Mean, then variance."""
UNIT = 20.0
"""Inside, reflectance times this: UnCRtainTS's least variance is then the square of 0.0016."""
CROP_PX = 128
COARSE = 2
"""Pixels along a side of what the body sees as one."""
_CODES = 10_000 / UNIT
_FRAME = 2 * B + POLARISATIONS + 4
_RADAR_CODES = 1e-3, -50.0
"""dB = code x first + second (`sensors.sentinel1`)."""
_LOWEST_DB = -30.0
_BRIGHTEST = 1.5
"""Reflectance; brighter clouds are taken for this."""
_SHRINK_PX, _PRIOR = 200.0, 0.1
"""Gains between looks are those of the common clear pixels and of so many more that are equal."""
_NEAR_PX = 16
_SPARE_PX = 0.05
"""Weight of a whole window against the surroundings of a pixel that no look saw clear."""
_OBSCURED_LEFT_OUT = 0.3
_FIRST_SIGMA = 0.05

SETTING = Setting(
    bands_in=_FRAME,
    bands_out=B,
    width=32,
    expanded=64,
    encoded=64,
    blocks_out=3,
    heads=8,
    pooled_px=32,
    scale_by=UNIT,
    bounded=False,
)


def network() -> "CloudFree":
    """Return the network for windows of 256 px, without weights."""
    return CloudFree(SETTING)


def crop_network() -> "CloudFree":
    """Return it for crops of CROP_PX: the same tensors, attention on pixels of the same size."""
    return CloudFree(replace(SETTING, pooled_px=SETTING.pooled_px // 2))


class CloudFree(nn.Module):
    """Asked with codes as `nn.cloud_free.shown` writes them, and the days of the looks."""

    trust_sb: Tensor
    """How much of what the body adds is added, where another look is clear, and where none is; by band."""
    spread_sb: Tensor
    """Factors of sigma. Both are 1 until they are fitted where the network was not taught."""

    def __init__(self, setting: Setting = SETTING) -> None:
        super().__init__()
        self.body = UnCRtainTS(setting)
        self.register_buffer("trust_sb", torch.ones(2, B))
        self.register_buffer("spread_sb", torch.ones(2, B))
        out = next(m for m in self.body.out_conv.modules() if isinstance(m, nn.Conv2d))
        nn.init.zeros_(out.weight)
        first = torch.tensor((_FIRST_SIGMA * UNIT) ** 2).expm1().log()
        out.bias = nn.Parameter(torch.cat([torch.zeros(B), first.expand(B)]))

    def forward(self, x: Tensor, aside: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance (n, 2 b, y, x) in codes and their square, and features (n, d).

        x: codes (n, t b + t p, y, x), 0 where unseen; aside: days of the looks (n, t).
        """
        optical = x[:, : LOOKS * B].unflatten(1, (LOOKS, B))
        radar = x[:, LOOKS * B :].unflatten(1, (LOOKS, POLARISATIONS))
        seen = (optical > 0).all(dim=2, keepdim=True)
        obscured = (optical >= OBSCURED).any(dim=2, keepdim=True) & seen
        value = ((optical - OBSCURED * obscured) / 10_000).clamp(0, _BRIGHTEST) * UNIT
        clear = seen & ~obscured
        if self.training:
            kept = torch.rand(len(x), 1, 1, 1, 1, device=x.device) >= _OBSCURED_LEFT_OUT
            obscured = obscured & kept
        base = rough(value, clear)
        frames = self._frames(value, base, clear, obscured, radar)
        days = (aside - aside[:, :1]).to(x.dtype)
        n, t, _, height, width = frames.shape
        coarse = F.avg_pool2d(frames.flatten(0, 1), COARSE).unflatten(0, (n, t))
        delta, variance, features = self.body.forward_with_features(coarse, days)
        if variance is None:
            raise ValueError("a network of cloud-free pictures gives variances")
        delta, variance = (
            F.interpolate(a, (height, width), mode="bilinear", align_corners=False) for a in (delta, variance)
        )
        known = clear.any(dim=1)
        trust, spread = (
            torch.where(known, a[0, :, None, None], a[1, :, None, None])
            for a in (self.trust_sb, self.spread_sb)
        )
        mean = (base + delta * trust).clamp_min(1 / _CODES) * _CODES
        sigma = variance.sqrt() * spread * _CODES
        return torch.cat([mean, sigma.square()], dim=1), features

    def _frames(self, value: Tensor, base: Tensor, clear: Tensor, obscured: Tensor, radar: Tensor) -> Tensor:
        """Return what the body sees of each look (n, t, c, y, x), all 0 where neither sensor saw anything."""
        there = clear | obscured
        apart = (value - base[:, None]) * there
        heard = (radar > 0).all(dim=2, keepdim=True)
        db = radar * _RADAR_CODES[0] + _RADAR_CODES[1]
        loud = (1 - db.clamp(_LOWEST_DB, 0) / _LOWEST_DB) * heard
        first = torch.zeros_like(clear)
        first[:, 0] = True
        known = torch.cat([clear, obscured, heard, first], dim=2).to(value.dtype)
        frames = torch.cat([apart, base[:, None].expand_as(value), loud, known], dim=2)
        return frames * (there | heard).flatten(2).any(dim=2)[:, :, None, None, None]


def rough(value: Tensor, clear: Tensor) -> Tensor:
    """Return the first look (n, b, y, x) with its gaps filled from the others, for values (n, t, b, y, x).

    `clear` is boolean (n, t, 1, y, x). The others are multiplied, band by band, by what makes their common
    clear pixels as bright as those of the first. Where no look is clear: the mean of what lies near.
    """
    filled, known = value[:, 0] * clear[:, 0], clear[:, 0]
    for t in range(1, value.shape[1]):
        common = clear[:, 0] & clear[:, t]
        ours, theirs = ((value[:, k] * common).sum(dim=(2, 3)) + _SHRINK_PX * _PRIOR * UNIT for k in (0, t))
        gain = (ours / theirs).clamp(0.4, 2.5)[:, :, None, None]
        new = clear[:, t] & ~known
        filled = torch.where(new, value[:, t] * gain, filled)
        known = known | new
    near = _NEAR_PX if min(value.shape[-2:]) >= _NEAR_PX else 1
    weight = F.avg_pool2d(known.to(value.dtype), near)
    total = F.avg_pool2d(filled, near)
    whole = weight.mean(dim=(2, 3), keepdim=True) + 1e-3
    everywhere = (total.mean(dim=(2, 3), keepdim=True) + 1e-3 * _PRIOR * UNIT) / whole
    for _ in range(2):  # twice, so that the middle of a cloud hears of its rim
        total, weight = (F.avg_pool2d(a, 3, 1, 1) for a in (total, weight))
    around = (total + _SPARE_PX * everywhere) / (weight + _SPARE_PX)
    smooth = F.interpolate(around, value.shape[-2:], mode="bilinear", align_corners=False)
    return torch.where(known, filled, smooth)
