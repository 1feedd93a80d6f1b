"""What each thing that a network is told does to its map: put nothing in its place, and map the difference.

After the modality influence of the MapInWild naturalness study (LGRS 2024); see `nn.occlusion`. Axis letters:
n window, b channel in, g modality, rows and cols cells.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eomap.core.ports import F32, U16, Bool, Strip
from eomap.core.windows import Layout
from eomap.errors import MisuseError
from eomap.nn.occlusion import occluded
from eomap.nn.predict import TorchNetwork
from eomap.nn.windows import Aside, Windowed

COORDINATES, ALL = "coordinates", "all"
PLACE = ("lon_deg", "lat_deg")
"""What networks are told beside the pixels that says where they are."""


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What a product asked a network for a frame; see `core.ports.Predictor`."""

    code_byx: U16
    wanted_rc: Bool
    origin_rc: tuple[int, int]
    aside: Aside | None


@dataclass(frozen=True, slots=True, eq=False)
class Overheard:
    """A predictor that answers as it would, and keeps what it was asked."""

    predict: Windowed
    requests: list[Request] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of the network."""
        return self.predict.name

    @property
    def sha256(self) -> str:
        """Of its weights."""
        return self.predict.sha256

    @property
    def halo_px(self) -> int:
        """Pixels needed around the cells of a frame."""
        return self.predict.halo_px

    def __call__(
        self, code_byx: U16, wanted_rc: Bool, *, origin_rc: tuple[int, int], aside: Aside | None = None
    ) -> F32:
        """Return what the network says (k, rows, cols)."""
        strips = list(self.strips(code_byx, wanted_rc, origin_rc=origin_rc, aside=aside))
        return np.concatenate([s.value_krc for s in strips], axis=1)

    def strips(
        self, code_byx: U16, wanted_rc: Bool, *, origin_rc: tuple[int, int], aside: Aside | None = None
    ) -> Iterator[Strip]:
        """Yield the same in strips of whole rows."""
        self.requests.append(Request(code_byx, wanted_rc, origin_rc, aside))
        yield from self.predict.strips(code_byx, wanted_rc, origin_rc=origin_rc, aside=aside)


@dataclass(frozen=True, slots=True, eq=False)
class Influences:
    """A network that says, in place of a map, what each modality does to it; see `core.ports.Network`.

    For every modality two numbers a cell: the length of the difference of the window's features (of its
    answer where it gives no features), then how much its first number changes without the modality, or of
    class probabilities how much probability moves. Instead of channels nothing was seen, code 0; instead of
    the place there is none, NaN.
    """

    network: TorchNetwork
    channels_of: Mapping[str, Sequence[int]]
    """Channels of each sensor."""
    place: tuple[int, ...] = ()
    """Which of the numbers told beside the pixels say where a window is."""

    @property
    def name(self) -> str:
        """Of the network."""
        return self.network.name

    @property
    def sha256(self) -> str:
        """Of its weights."""
        return self.network.sha256

    @property
    def layout(self) -> Layout:
        """The windows that it takes."""
        return self.network.layout

    @property
    def asides(self) -> int:
        """How many numbers it is told per window beside the pixels."""
        return self.network.asides

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities: sensors, the coordinates where it is told any, and all at once."""
        return (*self.channels_of, *((COORDINATES,) if self.place else ()), ALL)

    @property
    def channels(self) -> int:
        """Two for each modality: lengths first, then changes."""
        return 2 * len(self.names)

    def __call__(self, code_nbyx: U16, aside_nk: F32) -> F32:
        """Return lengths and changes (n, 2 g, rows, cols)."""
        device = self.network.device
        x = torch.from_numpy(code_nbyx.astype(np.float32)).to(device)
        aside = torch.from_numpy(aside_nk).to(device)
        lengths, changes = [], []
        with torch.inference_mode():
            answer, features = self._said(x, aside)
            for without_x, without_aside in self._without(x, aside):
                other, moved = self._said(without_x, without_aside)
                if not torch.isfinite(other).all():
                    raise MisuseError(
                        f"network {self.name}", expected="an answer without its place", got="none"
                    )
                length = torch.linalg.vector_norm((moved - features).flatten(start_dim=1), dim=1)
                lengths.append(length[:, None, None].expand(answer[:, 0].shape))
                changes.append(self._change(answer, other))
        made: F32 = torch.stack([*lengths, *changes], dim=1).float().cpu().numpy()
        return made

    def _without(self, x: Tensor, aside: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield what is told without each modality, as `names`."""
        unseen, nowhere = torch.zeros_like(x), aside.clone()
        nowhere[:, list(self.place)] = torch.nan
        for channels in self.channels_of.values():
            yield occluded(x, channels, unseen), aside
        if self.place:
            yield x, nowhere
        yield unseen, nowhere

    def _said(self, x: Tensor, aside: Tensor) -> tuple[Tensor, Tensor]:
        answer, features = self.network.module(x.contiguous(memory_format=torch.channels_last), aside)
        return answer, answer if features is None else features

    def _change(self, answer: Tensor, other: Tensor) -> Tensor:
        if self.network.of_classes:
            return 0.5 * (other - answer).abs().sum(dim=1)
        return other[:, 0] - answer[:, 0]


def influences(network: Any, sources: Sequence[tuple[str, int]], asides: Sequence[str]) -> Influences:
    """Return what maps the influence of a network's modalities.

    `sources`: names of its sensors and how many channels each has, in order; `asides`: names of what it is
    told beside them.
    """
    channels: dict[str, range] = {}
    at = 0
    for name, count in sources:
        channels[name] = range(at, at + count)
        at += count
    return Influences(network, channels, tuple(k for k, name in enumerate(asides) if name in PLACE))
