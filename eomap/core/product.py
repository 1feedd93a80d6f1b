"""A product: one map, declared once as a frozen value."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from eomap.core.grid import PIXEL_M, Frame, Window
from eomap.core.layer import Layer
from eomap.core.ports import U16, Bool


@dataclass(frozen=True, slots=True)
class Need:
    """What a product reads: a source (or, later, another product), its bands and its halo."""

    of: str
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


@dataclass(frozen=True, slots=True)
class Inputs:
    """What `compute` is handed for one task: a composite on its frame and where its cells go."""

    frame: Frame
    halo_px: int
    """Pixels of the frame beyond its cells, on every side."""
    dn_byx: U16
    """Clear-sky composite, codes of the bands (Sentinel-2: reflectance x 10000); 0 where never seen."""
    n_clear_yx: U16
    """Clear looks per pixel."""
    window: Window
    """The lattice cells to give layers for."""
    wanted_yx: Bool
    """Which cells of the window lie in the AOI; the others keep the fill value."""
    spread_yx: U16 | None = None
    """Spread of the looks, in codes (kernels.median); None unless the need asks for it."""
    day_yx: U16 | None = None
    """Day of the composite, counted from 1970-01-01; None unless the need asks for it."""
    deviation_kyx: U16 | None = None
    """Spectral, Euclidean, Bray-Curtis (kernels.composite); None unless the need asks for them."""


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
