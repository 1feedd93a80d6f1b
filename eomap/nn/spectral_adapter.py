"""Spectra of any number of narrow bands to 128 features, pixel by pixel.

Three convolutions along the spectrum alone, as HyBiomass puts before backbones (GRSL 2025). Axis letters:
n window, b band, d feature, y row, x column.
"""

import torch
from torch import Tensor, nn

from eomap.errors import MisuseError

N_FEATURES = 128
_STEPS = ((1, 32, 7, 5), (32, 64, 7, 5), (64, N_FEATURES, 5, 3))
"""Features in and out, length of the kernel, stride; one band of padding at each end."""


class SpectralAdapter(nn.Module):
    """The three convolutions, each with batch normalisation and ReLU, and the mean along the spectrum."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.Sequential(*(layer for step in _STEPS for layer in _layers(*step)))

    def forward(self, x: Tensor) -> Tensor:
        """Return features (n, d, y, x) of scaled bands (n, b, y, x).

        A feature depends on its own pixel only. Raises MisuseError on a spectrum too short for the kernels.
        """
        if n_left(x.shape[1]) < 1:
            raise MisuseError("spectral adapter", expected="75 bands or more", got=f"{x.shape[1]}")
        return torch.mean(self.convs(x[:, None]), dim=2)


def _layers(n_in: int, n_out: int, length: int, stride: int) -> tuple[nn.Module, ...]:
    conv = nn.Conv3d(n_in, n_out, (length, 1, 1), stride=(stride, 1, 1), padding=(1, 0, 0))
    return conv, nn.BatchNorm3d(n_out), nn.ReLU(inplace=True)


def n_left(n_bands: int) -> int:
    """Return the positions along the spectrum that the convolutions leave of so many bands.

    >>> [n_left(n) for n in (74, 75, 202)]
    [0, 1, 2]
    """
    for _, _, length, stride in _STEPS:
        n_bands = (n_bands + 2 - length) // stride + 1
    return n_bands
