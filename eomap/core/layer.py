"""Output arrays and their legends: declared once, written everywhere from here."""

from dataclasses import dataclass

import numpy as np

from eomap.core.grid import tile_cells

KINDS = {
    "class": "classes",
    "value": "measured values, in the unit of the truth",
    "sigma": "standard deviation of the error of the value layer of the same truth",
    "confidence": "probability that the class layer of the same truth is right",
    "doubt": "any number that grows as the class layer of the same truth gets less sure",
    "score": "any number that grows as the event, a truth of 1 instead of 0, gets more likely",
}
"""Kinds of layers that can be scored against truth."""


@dataclass(frozen=True, slots=True)
class LegendClass:
    """One class of a categorical layer."""

    value: int
    name: str
    """For people, e.g. 'Compact high-rise'."""
    color: str
    """Six hexadecimal digits, no '#'."""

    @property
    def meaning(self) -> str:
        """The CF flag meaning: lower case, underscores, no blanks."""
        return "".join(ch if ch.isalnum() else "_" for ch in self.name.lower()).strip("_")


@dataclass(frozen=True, slots=True)
class Layer:
    """One output array of a product.

    physical = stored * scale + offset for scaled layers. `fill` marks pixels that were never
    written; `no_look` marks pixels that were processed but never seen clearly.
    """

    name: str
    dtype: str
    long_name: str
    fill: int
    unit: str = "1"
    scale: float | None = None
    offset: float = 0.0
    no_look: int | None = None
    legend: tuple[LegendClass, ...] = ()
    bands: tuple[str, ...] = ()
    """Names along a leading axis; empty for a plain (y, x) layer."""
    kind: str = ""
    """What the numbers are, for who scores them: one of KINDS, or empty."""
    truth: str = ""
    """Truth layer that this layer is scored against, `name` or `name:band`; layers of one truth belong
    together."""


FAMILIARITY = Layer(
    "ood",
    "uint8",
    "share of familiar samples that were more familiar than this one",
    fill=255,
    scale=1 / 250,
)
"""How familiar a place was to the network that a product asks: the same layer in every product with one."""

SHARD_LIMIT_BYTES = 128 << 20
"""Of a shard, decoded: where all bands of a tile would be more, each band has a shard of its own."""


def bands_together(layer: Layer, step: int) -> int:
    """Return how many bands lie in one shard: all of them, or one where they are large; 0 without bands."""
    whole = len(layer.bands) * _plane_bytes(layer, step)
    return len(layer.bands) if whole <= SHARD_LIMIT_BYTES else 1


def bytes_of_shard(layer: Layer, step: int) -> int:
    """Return the size of one shard of a layer, decoded."""
    return max(bands_together(layer, step), 1) * _plane_bytes(layer, step)


def _plane_bytes(layer: Layer, step: int) -> int:
    return tile_cells(step) ** 2 * np.dtype(layer.dtype).itemsize
