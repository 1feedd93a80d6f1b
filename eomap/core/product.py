"""A product: one map, declared once as a frozen value."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from eomap.core.grid import PIXEL_M, Frame, Window
from eomap.core.layer import Layer
from eomap.core.ports import U16, Bool


@dataclass(frozen=True, slots=True)
class Need:
    """What a product reads of one sensor: its bands, its halo, one picture of its looks or the looks."""

    of: str
    """Name of the sensor; no two needs of a product name the same."""
    bands: tuple[str, ...]
    halo_px: int
    """Pixels that a frame reads beyond its tile on every side."""
    spread: bool = False
    """Whether it needs to know how far the looks lie from the composite."""
    days: bool = False
    """Whether it needs to know of which days the composite is."""
    deviations: bool = False
    """Whether it needs to know how the looks deviate from the composite in colour and brightness."""
    method: str = "median"
    """How many looks become one; see `kernels.composite`."""
    speckle: str = "none"
    """How radar looks are filtered before they become one; see `kernels.despeckle`."""
    orbit: str = ""
    """A direction or a relative orbit (three digits): looks from others are left out; empty keeps all."""
    looks: int = 0
    """So many looks are given themselves, not one picture of all; 0 for the picture."""
    most: int = 0
    """At most so many looks are taken for the picture, the best ones; 0 for all."""
    optional: bool = False
    """Whether a map can be made where this sensor saw nothing; never the first need."""


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What a sensor saw of a frame, look by look, from the one to be preferred on."""

    code_tbyx: U16
    """0 where a look does not reach, or lacks a band."""
    clear_tyx: Bool
    day_t: U16
    """Counted from 1970-01-01."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one need got on a frame."""

    code_byx: U16
    """Composite of the clear looks, codes of the bands (Sentinel-2: reflectance x 10000); 0 where never seen.
    No rows where looks are asked for."""
    n_clear_yx: U16
    """Clear looks per pixel."""
    spread_yx: U16 | None = None
    """Spread of the looks, in codes (kernels.median); None unless the need asks for it."""
    day_yx: U16 | None = None
    """Day of the composite, counted from 1970-01-01; None unless the need asks for it."""
    deviation_kyx: U16 | None = None
    """Spectral, Euclidean, Bray-Curtis (kernels.composite); None unless the need asks for them."""
    looks: Looks | None = None
    """None unless the need asks for them."""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What `compute` is handed for one task: what was seen on its frame, and where its cells go."""

    frame: Frame
    halo_px: int
    """Pixels of the frame beyond its cells, on every side."""
    seen: tuple[Seen | None, ...]
    """One a need, in the product's order; None where an optional one saw nothing."""
    window: Window
    """The lattice cells to give layers for."""
    wanted_yx: Bool
    """Which cells of the window lie in the AOI; the others keep the fill value."""

    @property
    def first(self) -> Seen:
        """What the product's first need got; there always is something."""
        seen = self.seen[0]
        if seen is None:
            raise ValueError("the first need of a product is never optional")
        return seen

    @property
    def dn_byx(self) -> U16:
        """Composite of the first need."""
        return self.first.code_byx

    @property
    def n_clear_yx(self) -> U16:
        """Clear looks of the first need."""
        return self.first.n_clear_yx


@dataclass(frozen=True, slots=True)
class PictureBy:
    """How a network makes the picture of a product's first need, of its looks; see `nn.cloud_free`."""

    model: str
    bands: tuple[str, ...]
    """What the product itself needs of the picture."""
    halo_px: int
    """Pixels that the frame holds for this network, beyond what the product needs."""
    radar: bool
    """Whether the last need is the radar beside the looks, for this network only."""


@dataclass(frozen=True, slots=True)
class Product:
    """One map. `compute(inputs, predict)` is a pure, module-level function."""

    name: str
    version: str
    title: str
    needs: tuple[Need, ...]
    gives: tuple[Layer, ...]
    step: int
    """Cell size as an integer multiple of the lattice's 1/12000 degree."""
    cell_px: int
    """Cell size inside a frame, in its pixels."""
    compute: Callable[..., Mapping[str, Any]]
    models: tuple[str, ...] = ()
    """Names of the networks that can make it, the default first; none where `compute` needs no `predict`."""
    optional: tuple[str, ...] = ()
    """Names of layers written only on request."""
    models_by_level: Mapping[str, str] = field(default_factory=dict)
    """The default where scenes are of a processing level on which another network does better."""

    origin_m: int = 0
    """Where its frames' cells begin, east and north of a whole number of cells from the zone's origin."""
    picture: PictureBy | None = None
    """What makes the picture of its first need, where that is a network."""
    variant: "Callable[..., Product] | None" = None
    """`variant(**settings)` returns the product made another way: of another sensor, by another method."""
    class_figures: Callable[[Any], Mapping[str, float]] | None = None
    """Figures of its map's own, by name, from the confusion matrix (true, mapped) in legend order."""

    @property
    def pixel_m(self) -> int:
        """Side of the pixels of its frames, in metres."""
        return PIXEL_M * self.step // self.cell_px

    def layers(self, extra: tuple[str, ...] = ()) -> tuple[Layer, ...]:
        """Return the layers that a run writes: all but the optional ones not asked for."""
        return tuple(g for g in self.gives if g.name not in self.optional or g.name in extra)

    def default_model(self, levels: Collection[str]) -> str:
        """Return the network to take for scenes of these levels when none is asked for; empty without any."""
        if not self.models:
            return ""
        chosen = {self.models_by_level.get(level, self.models[0]) for level in levels}
        return chosen.pop() if len(chosen) == 1 else self.models[0]
