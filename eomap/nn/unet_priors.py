"""A U-Net told where on Earth its window lies and what lies around it: our reading of arXiv 2406.19302.

Of that paper no code was found; what is not in its abstract is our choice and said to be. Axis letters:
n window, c channel, d feature, k output, y row, x column.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eomap.errors import MisuseError
from eomap.nn.unet import UNet, UNetShape


def geographic_encoding(lonlat_deg: Tensor) -> Tensor:
    """Return [sin lon, cos lon, sin 2 lat, cos 2 lat] (n, 4) of degrees (n, 2).

    Our reading of "cyclic encoding" in arXiv 2406.19302: the same after a turn of 360 degrees, without a step
    at the antimeridian. 0 in all four where a place is NaN: nowhere is on neither circle.

    >>> geographic_encoding(torch.tensor([[-180.0, 45.0], [180.0, 45.0]])).round().abs().tolist()
    [[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]]
    """
    # Degrees within one turn first, in float64: float32 would turn 360 degrees into another place.
    lon, lat = torch.deg2rad(torch.remainder(lonlat_deg.double(), 360.0)).unbind(dim=1)
    encoded = torch.stack([lon.sin(), lon.cos(), (2 * lat).sin(), (2 * lat).cos()], dim=1).float()
    return encoded.nan_to_num(nan=0.0)


class ContextEncoder(nn.Module):
    """A wider tile around the window, in three halvings and a mean, as one latent vector."""

    def __init__(self, n_in: int, n_latent: int) -> None:
        super().__init__()
        widths = (n_in, 16, 32, n_latent)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in widths[1:])

    def forward(self, x: Tensor) -> Tensor:
        """Return the latent (n, d) of scaled channels (n, c, y, x), pixels of any size."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        return x.mean(dim=(2, 3))


class UNetWithPriors(nn.Module):
    """A U-Net told where on Earth its window lies, or what lies around it, at the bottleneck.

    Our reading of arXiv 2406.19302, of which no code was found: encoded position and the latent of a wider
    tile are joined to every pixel of the bottleneck and mixed back to its width. The mixing starts as the
    plain U-Net, and with neither prior there is none: then the state is `unet.` and that of a `UNet`.
    The wider tile's encoder is trained with the rest, not as an autoencoder.
    """

    def __init__(self, shape: UNetShape, *, position: bool, n_context: int = 0, n_latent: int = 32) -> None:
        super().__init__()
        self.unet = UNet(shape)
        self.position, width = position, shape.widths[-1]
        self.context = ContextEncoder(n_context, n_latent) if n_context else None
        n_priors = 4 * position + (n_latent if n_context else 0)
        self.mix = nn.Conv2d(width + n_priors, width, 1) if n_priors else None
        if self.mix is not None:
            nn.init.dirac_(self.mix.weight)
            nn.init.zeros_(torch.as_tensor(self.mix.bias))

    def forward_with_features(
        self, x: Tensor, *, lonlat_deg: Tensor | None = None, context: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return outputs (n, k, y, x) and the bottleneck the decoder saw.

        `lonlat_deg`: centres of the windows (n, 2); `context`: the wider tiles (n, c, y, x), scaled as `x`.
        Raises MisuseError if a prior is missing that the network was made with, or given without.
        """
        for name, given, wanted in (
            ("lonlat_deg", lonlat_deg, self.position),
            ("context", context, self.context is not None),
        ):
            if (given is not None) != wanted:
                expected = f"{name} {'given' if wanted else 'left out'}"
                raise MisuseError("U-Net with priors", expected=expected, got="the other")
        *kept, bottleneck = self.unet.encode(x)
        priors = []
        if lonlat_deg is not None:
            priors.append(geographic_encoding(lonlat_deg).to(bottleneck.dtype))
        if self.context is not None and context is not None:
            priors.append(self.context(context))
        if self.mix is not None:
            everywhere = torch.cat(priors, dim=1)[:, :, None, None].expand(-1, -1, *bottleneck.shape[2:])
            bottleneck = self.mix(torch.cat([bottleneck, everywhere], dim=1))
        return self.unet.decode(bottleneck, kept), bottleneck

    def forward(
        self, x: Tensor, *, lonlat_deg: Tensor | None = None, context: Tensor | None = None
    ) -> Tensor:
        """Return outputs (n, k, y, x); see `forward_with_features`."""
        return self.forward_with_features(x, lonlat_deg=lonlat_deg, context=context)[0]
