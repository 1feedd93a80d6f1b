"""How the inputs of the published map networks are scaled before they are seen.

Constants are those of the published programs. Axis letters: n window, c channel, y row, x column.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from eomap.errors import MisuseError


@dataclass(frozen=True, slots=True)
class Scaling:
    """A mean and a deviation per channel: a network sees (value - mean) / deviation."""

    channels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.channels) == len(self.mean) == len(self.std) or min(self.std, default=0) <= 0:
            raise MisuseError("scaling", expected="a mean and a deviation above 0 each", got=repr(self))


_OPTICAL = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
SETTLEMENT_INPUT = Scaling(_OPTICAL, (0.0,) * 10, (1.0,) * 10)
"""Sen2-MT: reflectance as it is."""
NATURALNESS_INPUT = Scaling(
    (*_OPTICAL, "VV", "VH", "land_cover", "night_lights"),
    (*(0.0,) * 10, -11.05775, -18.36266, 10.0, 2.03817),
    (*(1.0,) * 10, 3.73917, 4.63934, 90.0, 12.64091),
)
"""Naturalness: reflectance, sigma naught in dB, ESA WorldCover code 10..100, VIIRS radiance in nW/cm2/sr."""
NATURALNESS_TARGET_MAX = 100.0
"""The index of MapInWild is a number up to 100; the network learns it divided by this."""


def scaled(x: Tensor, scaling: Scaling) -> Tensor:
    """Return (x - mean) / deviation of channels (n, c, y, x); raise MisuseError on another number of them."""
    if x.shape[1] != len(scaling.channels):
        raise MisuseError("scaling", expected=f"{len(scaling.channels)} channels", got=f"{x.shape[1]}")
    mean, std = (torch.tensor(v, dtype=x.dtype).view(1, -1, 1, 1) for v in (scaling.mean, scaling.std))
    return (x - mean) / std


def sen12tp_radar(backscatter_db: Tensor) -> Tensor:
    """Return backscatter as the MIMO U-Net sees it: 0 dB as 0 and -25 dB as 1, brighter is *less*.

    >>> sen12tp_radar(torch.tensor([0.0, -25.0, -12.5])).abs().tolist()
    [0.0, 1.0, 0.5]
    """
    return backscatter_db / -25.0
