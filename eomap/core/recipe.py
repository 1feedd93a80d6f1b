"""How the network of a product is trained: a frozen value in `products/NAME/training.py`, called RECIPE.

Axis letters: n window, k output, c channel, y and x pixels, rows and cols cells.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
Loss = Callable[[Any, Any, Any], Any]
"""`loss(y, target, valid)`: tensors (n, k, rows, cols) to a scalar tensor. Targets are 0 where not valid."""
Figures = Callable[[F32, F32], Mapping[str, float]]
"""`figures(y, target)`: (n, k, rows, cols), targets NaN where not valid."""
Target = Callable[[Mapping[str, F32]], F32]
"""`target(physical)`: windows of arrays by name, in physical units, NaN where there are none, each at its own
pixel size, to what the network should say (k, rows, cols), NaN where nobody knows."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One input: what a sensor sees of a window."""

    of: str
    """Name of the sensor."""
    bands: tuple[str, ...]
    arrays: tuple[str, ...]
    """Arrays of samples that hold it; one is drawn each time, the first is what is judged with."""
    looks: int = 0
    """So many looks one after the other; 0 for one picture."""
    optional: bool = False
    """Whether the network must do without now and then, as the engine may have to."""

    @property
    def channels(self) -> int:
        """How many it takes of the network's input."""
        return max(self.looks, 1) * len(self.bands)


@dataclass(frozen=True, slots=True)
class Variation:
    """How windows are varied in training."""

    turns: bool = True
    """The eight turns and mirrors."""
    gain: float = 0.03
    """Deviation of the logarithm of reflectances' gain; a third of it again by band."""
    gaps: float = 0.1
    """Share of windows that lose a part of a picture, as behind a cloud."""
    without: float = 0.15
    """Share of windows that lose each optional picture."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One network: what it sees, what it should say, and how it is taught."""

    product: str
    title: str
    architecture: str
    """`module:function` without arguments that returns a map network (`nn.normalised`)."""
    pictures: tuple[Picture, ...]
    truth: tuple[str, ...]
    """Arrays that `target` is handed."""
    target: Target
    outputs: tuple[str, ...]
    """Names of what the network gives, in order."""
    loss: Loss
    figures: Figures
    best: str
    """The figure by which the best state is kept."""
    side_px: int
    """Of a window, in pixels of `pixel_m`."""
    step_px: int
    """From window to window when a map is made."""
    cell_px: int = 1
    """Side of an output cell."""
    lead_px: int = 0
    """Pixels of a window before its first output cell."""
    pixel_m: int = 10
    aside: tuple[str, ...] = ()
    """Numbers told beside the pixels: lon_deg, lat_deg, or an array of samples with one number a look."""
    lower_is_better: bool = True
    level: str = "L2A"
    batch: int = 8
    steps: int = 2000
    rate: float = 2e-3
    decay: float = 1e-2
    variation: Variation = field(default_factory=Variation)
    licence: str = "Apache-2.0"
    cautions: str = ""
    """What a card says of known failures, as Markdown."""
    shown: Mapping[str, int] = field(default_factory=dict)
    """For pictures of examples: `red`, `green`, `blue`: channels in; `value`, `sigma`: outputs."""

    @property
    def channels(self) -> int:
        """Of the network's input."""
        return sum(p.channels for p in self.pictures)

    @property
    def cells(self) -> int:
        """Output cells along a window."""
        return (self.side_px - 2 * self.lead_px) // self.cell_px

    @property
    def arrays(self) -> tuple[str, ...]:
        """Every array of samples that is read."""
        beside = tuple(a for a in self.aside if a not in ("lon_deg", "lat_deg"))
        return tuple(dict.fromkeys((*(a for p in self.pictures for a in p.arrays), *self.truth, *beside)))
