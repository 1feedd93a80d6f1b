"""Which layers of a cube are scored against which truth: as their product declares it."""

from dataclasses import dataclass

from eomap.core.layer import Layer
from eomap.core.product import Product
from eomap.errors import MisuseError
from eomap.io.cube import Cube
from eomap.io.truth import Truth, TruthLayer

_MAIN = ("class", "value", "score")
"""Kinds that are compared with truth themselves; the others speak of one that is."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer of a cube, those that speak of it, and the truth they are scored against."""

    kind: str
    layers: dict[str, Layer]
    """By kind; `layers[kind]` is the layer itself."""
    truth: TruthLayer
    map_bands: tuple[int, ...]
    truth_bands: tuple[int, ...]
    band_names: tuple[str, ...]

    @property
    def layer(self) -> Layer:
        """The layer that is compared with truth."""
        return self.layers[self.kind]


def pairs_of(cube: Cube, known: Truth, product: Product | None) -> tuple[list[Pair], list[str]]:
    """Return what can be scored, and the names of layers whose truth is not there."""
    # A cube made before its layers named their truth is read with what the product says today.
    today = {g.name: g for g in product.gives} if product else {}
    by_truth: dict[str, dict[str, Layer]] = {}
    for layer in cube.layers:
        said = layer if layer.truth else today.get(layer.name, layer)
        if said.truth:
            by_truth.setdefault(said.truth, {})[said.kind] = said
    mains = {t: g for t, g in by_truth.items() if any(k in g for k in _MAIN)}
    if not mains:
        raise MisuseError(
            cube.url,
            expected="a layer that names its truth",
            got=f"none among {', '.join(g.name for g in cube.layers)}",
            hint=f"truth there is: {', '.join(known.names) or 'none'}",
        )
    missing = sorted(
        next(g[k] for k in _MAIN if k in g).name
        for t, g in mains.items()
        if t.partition(":")[0] not in known.names
    )
    if len(missing) == len(mains):
        raise MisuseError(
            known.folder,
            expected=f"truth for {', '.join(sorted(mains))}",
            got=f"truth for {', '.join(known.names) or 'nothing'}",
        )
    found = [_pair(g, t, known) for t, g in mains.items() if t.partition(":")[0] in known.names]
    return found, missing


def _pair(layers: dict[str, Layer], name: str, known: Truth) -> Pair:
    """Return the pair of a layer and its truth; raise MisuseError where they cannot be compared."""
    kind = next(k for k in _MAIN if k in layers)
    layer = layers[kind]
    wanted, _, band = name.partition(":")
    truth = known.layer(wanted)
    where = f"{known.folder}: {wanted}"
    needed = "value" if kind == "value" else "class"
    if truth.kind != needed:
        raise MisuseError(where, expected=f"kind `{needed}`, for layer {layer.name}", got=f"`{truth.kind}`")
    if kind == "value" and truth.unit and truth.unit != layer.unit:
        raise MisuseError(where, expected=f"unit {layer.unit!r}, that of {layer.name}", got=repr(truth.unit))
    asked = layer.bands or ((band,) if band else ())
    if not asked and not truth.bands:
        return Pair(kind, layers, truth, (0,), (0,), ())
    names = tuple(b for b in asked if b in truth.bands)
    if not names:
        raise MisuseError(
            where,
            expected=f"a band of {', '.join(asked) or 'none: ' + layer.name + ' has no bands'}",
            got=", ".join(truth.bands) or "a raster without named bands",
        )
    mine = tuple(layer.bands.index(b) for b in names) if layer.bands else (0,)
    return Pair(
        kind, layers, truth, mine, tuple(truth.bands.index(b) for b in names), names if layer.bands else ()
    )


def counts_layer(cube: Cube, name: str) -> Layer:
    """Return a cube's layer of counts of that name; raise MisuseError where it is none."""
    fit = [g for g in cube.layers if not (g.bands or g.legend) and g.scale is None and not g.kind]
    found = next((g for g in fit if g.name == name), None)
    if found is None:
        names = ", ".join(g.name for g in fit) or "none there"
        raise MisuseError("--by", expected=f"a layer of counts: {names}", got=name)
    return found
