"""Networks of torch, made ready to be asked for windows.

Axis letters: n window, b channel in, k channel out, y and x pixels, rows and cols cells.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from eomap.core.ports import F32, U16
from eomap.core.windows import Layout
from eomap.nn.features import with_features
from eomap.nn.runtime import REFERENCE, runtime_of
from eomap.nn.scored import Scored
from eomap.ood.calibration import tempered

PER_UNIT = 10_000
"""Code of a reflectance of 1."""


def single_thread() -> None:
    """Make torch use one thread in this process: workers are processes, and each owns one core."""
    torch.set_num_threads(1)


class OfReflectance(nn.Module):
    """A network of reflectance 0 to 1 that gives one vector a window, or a raster: asked with codes."""

    def __init__(self, network: nn.Module, *, features: str = "", cells: int = 1) -> None:
        super().__init__()
        self.network, self.features = network, features
        self.grid = (cells, cells) if cells > 1 else None

    def forward(self, x: Tensor, _: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return (n, k, rows, cols) for codes (n, b, y, x), and what the layer `features` said, if any."""
        found = None
        if self.features:
            layers = (self.features,)
            y, said = with_features(self.network, x / PER_UNIT, layers=layers, grid=self.grid)
            found = said[self.features]
        else:
            y = self.network(x / PER_UNIT)
        return (y if y.ndim == 4 else y[:, :, None, None]), found


@dataclass(frozen=True, slots=True, eq=False)
class TorchNetwork:
    """A map network on a device; see `core.ports.Network`."""

    name: str
    sha256: str
    layout: Layout
    channels: int
    asides: int
    module: Any
    """`module(x, aside)` gives what it maps, and features; in eval mode."""
    device: str
    score: Scored | None = None
    """Says how familiar windows are; what it says is one more channel, the last."""
    of_classes: bool = False
    """Whether what it gives are probabilities of classes."""
    temperature: float = 1.0
    """Of the probabilities, which are given calibrated; scores see them as the network gave them."""

    def __call__(self, code_nbyx: U16, aside_nk: F32) -> F32:
        """Return (n, k, rows, cols) for up to `layout.batch` windows of codes."""
        raw, features = self.said(code_nbyx, aside_nk)
        value: F32 = tempered(raw, self.temperature)
        if self.score is None or features is None:
            return value
        ood = self.score(features, raw if self.of_classes else None, self.layout.cells)
        return np.concatenate([value, ood[:, None]], axis=1)

    def trusted(self, *, score: Scored | None, temperature: float = 1.0) -> "TorchNetwork":
        """Return the same network with calibrated probabilities, and one more channel for a score."""
        told = self.channels + (score is not None)
        return replace(self, score=score, temperature=temperature, channels=told)

    def said(self, code_nbyx: U16, aside_nk: F32) -> tuple[F32, F32 | None]:
        """Return what the network itself gives (n, k, rows, cols), and its features, if it gives any.

        Features are (n, d), or (n, d, rows, cols) on a grid of their own.
        """
        count, batch = len(code_nbyx), self.layout.batch
        if count < batch:  # always as many: the bits of one may depend on how many there are
            code_nbyx, aside_nk = (
                np.concatenate([a, np.zeros((batch - count, *a.shape[1:]), a.dtype)])
                for a in (code_nbyx, aside_nk)
            )
        x = torch.from_numpy(code_nbyx.astype(np.float32)).to(self.device)
        with torch.inference_mode():
            y, features = self.module(
                x.contiguous(memory_format=torch.channels_last), torch.from_numpy(aside_nk).to(self.device)
            )
        value: F32 = y[:count].float().cpu().numpy()
        return value, None if features is None else features[:count].float().cpu().numpy()


def ready(
    module: nn.Module,
    *,
    name: str,
    sha256: str,
    layout: Layout,
    channels: int,
    asides: int = 0,
    device: str = "cpu",
    of_classes: bool = False,
    bands: int = 0,
    runtime: str = REFERENCE,
) -> TorchNetwork:
    """Return a map network ready to be asked on a device; see `TorchNetwork.trusted` for scores.

    `bands` are the channels that it is shown; only another runtime than the reference has to know.
    """
    if device.startswith("cuda"):
        # The fastest algorithm may differ from call to call; the same bits must come every time.
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False
    placed: Any = module.eval().to(device)
    placed = placed.to(memory_format=torch.channels_last)
    if runtime != REFERENCE:
        placed = runtime_of(runtime, placed, example_of(layout, bands, asides))
    return TorchNetwork(name, sha256, layout, channels, asides, placed, device, of_classes=of_classes)


def example_of(layout: Layout, bands: int, asides: int) -> tuple[Tensor, Tensor]:
    """Return windows and what is told beside them, of the shape that a network is always asked with."""
    shape = (layout.batch, bands, layout.side_px, layout.side_px)
    x = torch.linspace(500, 4_000, shape[1] * shape[2] * shape[3]).reshape(1, *shape[1:])
    x = x.expand(shape).contiguous(memory_format=torch.channels_last)
    return x, torch.zeros(layout.batch, asides)
