"""A network that is asked as in a run, and what it said kept: what detectors and temperatures are fitted on.

Axis letters: n window, b channel in, k channel out, d feature, y and x pixels, rows and cols its parts.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from eomap.core.ports import F32, U16
from eomap.core.windows import Layout
from eomap.errors import MisuseError
from eomap.nn.predict import TorchNetwork
from eomap.nn.scored import logits_of


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A bare network that answers as ever; see `core.ports.Network`."""

    network: TorchNetwork
    _features: list[F32] = field(default_factory=list)
    _logits: list[F32] = field(default_factory=list)

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
        """Of the network."""
        return self.network.layout

    @property
    def channels(self) -> int:
        """Of the network, which has no score yet."""
        return self.network.channels

    @property
    def asides(self) -> int:
        """Of the network."""
        return self.network.asides

    def __call__(self, code_nbyx: U16, aside_nk: F32) -> F32:
        """Return what the network says, and keep its features of all parts that were wholly seen."""
        value, features = self.network.said(code_nbyx, aside_nk)
        if features is None:
            raise MisuseError(
                f"features of {self.name}",
                expected="a layer that tells how familiar a window is",
                got="none",
                hint="--layer",
            )
        grid = features.shape[2:] or (1, 1)
        seen = seen_parts(code_nbyx, self.layout, grid)
        table = np.moveaxis(features.reshape(*features.shape[:2], *grid), 1, -1)
        self._features.append(table[seen])
        if self.network.of_classes:
            self._logits.append(logits_of(value, grid).reshape(*seen.shape, -1)[seen].astype(np.float32))
        return value

    def taken(self) -> tuple[F32, F32 | None]:
        """Return features (n, d) and logits (n, k; None of other networks) since the last time."""
        found = tuple(np.concatenate(part) if part else None for part in (self._features, self._logits))
        self._features.clear()
        self._logits.clear()
        features, logits = found
        return np.empty((0, 0), np.float32) if features is None else features, logits


def seen_parts(code_nbyx: U16, layout: Layout, grid: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return which parts of windows (n, rows, cols), and `lead_px` around them, have no unseen pixel."""
    missing = (code_nbyx == 0).any(axis=1)
    sums = np.zeros((len(missing), *(s + 1 for s in missing.shape[1:])), np.int32)
    np.cumsum(missing, axis=1, out=sums[:, 1:, 1:])
    np.cumsum(sums[:, 1:, 1:], axis=2, out=sums[:, 1:, 1:])
    inner, reach = layout.side_px - 2 * layout.lead_px, 2 * layout.lead_px
    rows, cols = (np.arange(size + 1) * inner // size for size in grid)
    top, bottom, left, right = rows[:-1, None], rows[1:, None] + reach, cols[:-1], cols[1:] + reach
    there = sums[:, bottom, right] - sums[:, top, right] - sums[:, bottom, left] + sums[:, top, left]
    return np.asarray(there == 0)
