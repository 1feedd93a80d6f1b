"""Classes of a block of pixels by our cloud network, by strips, however the block was cut.

The network's squares hang on the zone's origin, sums in it are exact (see `clouds_s`): two blocks that share
a pixel and hold `margin_px` more on each side of it give it the same class. Axis letters: b band, c class,
y row (north to south), x column (west to east).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from eomap.errors import MisuseError
from eomap.nn.clouds_s import IGNORED, MARGIN_PX, N_BANDS, STRIDE_PX, CloudsS, classes, features

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
F32 = npt.NDArray[np.float32]
_STRIP_PX = 500_000
"""Pixels of the network that one pass holds, about 200 MB of activations."""


@dataclass(frozen=True, slots=True, eq=False)
class CloudNetwork:
    """The network with its weights, ready to be asked; `eomap.io.cloud_weights` makes one."""

    name: str
    sha256: str
    network: CloudsS
    every_px: int = 2
    """Side of the network's pixel in those of the bands: 2 where these are 10 m wide."""

    @property
    def margin_px(self) -> int:
        """How many pixels more on each side a block needs for the same answer as the whole."""
        return MARGIN_PX * self.every_px

    def __call__(self, bands: Sequence[U16], *, corrected: bool, origin_px: tuple[int, int]) -> U8:
        """Return the class (y, x) of every pixel: `clouds_s.CLASSES`, IGNORED where a band is 0.

        `bands`: blue, green, red, near infrared, 1.6 and 2.2 um on one grid, reflectance x 10000, 0 unseen;
        `corrected` says that it is the surface's. `origin_px`: row and column of the first pixel counted from
        the zone's origin. Raises MisuseError on anything but six bands of one shape.
        """
        if len(bands) != N_BANDS or len({b.shape for b in bands}) != 1 or bands[0].ndim != 2:
            got = ", ".join(str(b.shape) for b in bands)
            raise MisuseError("cloud network", expected="six bands on one (y, x)", got=got)
        stride = STRIDE_PX * self.every_px
        top, left = (o % stride for o in origin_px)
        height, width = bands[0].shape
        sides = tuple(-(-(edge + n) // stride) * stride for edge, n in ((top, height), (left, width)))
        coarse = np.stack([_means(_placed(b, sides, top, left), self.every_px) for b in bands])
        found = np.repeat(np.repeat(self._in_strips(coarse, corrected), self.every_px, 0), self.every_px, 1)
        out = found[top : top + height, left : left + width].copy()
        out[np.logical_or.reduce([b == 0 for b in bands])] = IGNORED
        return out

    def _in_strips(self, dn_byx: F32, corrected: bool) -> U8:
        _, height, width = dn_byx.shape
        rows = max(_STRIP_PX // width // STRIDE_PX * STRIDE_PX - 2 * MARGIN_PX, STRIDE_PX)
        out = np.empty((height, width), np.uint8)
        for row in range(0, height, rows):
            first, last = max(row - MARGIN_PX, 0), min(row + rows + MARGIN_PX, height)
            with torch.inference_mode():
                x = features(torch.from_numpy(dn_byx[None, :, first:last]), corrected=corrected)
                found = classes(self.network(x.contiguous(memory_format=torch.channels_last)))
            out[row : row + rows] = found[0].numpy()[row - first :][:rows]
        return out


def _placed(band: U16, sides: tuple[int, ...], top: int, left: int) -> U16:
    """Return a band amid zeros, so that its squares are those of the zone."""
    out = np.zeros(sides, np.uint16)
    out[top : top + band.shape[0], left : left + band.shape[1]] = band
    return out


def _means(band: U16, every_px: int) -> F32:
    """Return the mean of the seen pixels of each square, rounded once; 0 where none is."""
    if every_px == 1:
        return band.astype(np.float32)
    shape = band.shape[0] // every_px, band.shape[1] // every_px
    total, seen = np.zeros(shape, np.uint32), np.zeros(shape, np.uint8)
    for row in range(every_px):
        for col in range(every_px):
            part = band[row::every_px, col::every_px]
            total += part
            seen += part > 0
    return np.divide(total, np.maximum(seen, 1), dtype=np.float32)
