"""What maps of the twin should say: the truth behind every pixel, in the units of the products.

The formulas are ours and documented here; they test maps against a known answer and claim nothing about
the real Earth. Axis letters: y row (north to south), x column (west to east).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from eomap.core.grid import PIXEL_M
from eomap.core.lcz_legend import LEGEND
from eomap.twin.earth import F32
from eomap.twin.ground import Land, Scenery, crowns
from eomap.twin.land import LOW_PLANTS, U8, Cover
from eomap.twin.materials import Material

CROP, PASTURE, ROAD, CLEARED = 0.55, 0.30, 0.40, 0.50
"""What farmland, pasture among farms, a road and a clearing take from naturalness."""
AGB_FACTOR, AGB_POWER, AGB_NOISE = 1.6, 1.5, 0.12
"""Biomass of a closed canopy = factor x height ** power Mg/ha, times lognormal noise of this deviation."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of truth, as it is written."""

    name: str
    pixel_m: int
    unit: str
    kind: Literal["class", "value"]
    """class: codes; value: a quantity."""
    dtype: str
    nodata: float
    scale: float = 1.0
    """Physical value = stored x scale."""
    dated: bool = False
    meanings: Mapping[int, str] | None = None


_COVERS = {int(c): c.name.lower() for c in Cover}
_SKY = {0: "clear", 1: "thick cloud", 2: "thin cloud", 3: "cloud shadow"}
LAYERS = (
    Layer("lcz", 100, "1", "class", "uint8", 0, meanings={c.value: c.name for c in LEGEND}),
    Layer("land_cover", 10, "1", "class", "uint8", 0, meanings=_COVERS),
    Layer("settlement", 20, "1", "value", "uint16", 65535, 1e-4),
    Layer("building_height", 10, "m", "value", "uint16", 65535, 0.01),
    Layer("building_share", 10, "1", "value", "uint16", 65535, 1e-4),
    Layer("naturalness", 10, "1", "value", "uint16", 65535, 1e-4),
    Layer("canopy_height", 10, "m", "value", "uint16", 65535, 0.01),
    Layer("biomass", 10, "Mg/ha", "value", "uint16", 65535, 0.1),
    Layer("elevation", 10, "m", "value", "float32", -9999),
    Layer("cloud", 10, "1", "class", "uint8", 255, dated=True, meanings=_SKY),
    Layer("cloud_optical_thickness", 10, "1", "value", "uint16", 65535, 0.01, dated=True),
    Layer(
        "change", 10, "1", "class", "uint8", 255, dated=True, meanings={0: "none", 1: "cleared", 2: "flooded"}
    ),
    Layer(
        "shift",
        10,
        "1",
        "class",
        "uint8",
        255,
        dated=True,
        meanings={0: "usual", 1: "out of distribution"},
    ),
    Layer("surface", 10, "1", "value", "uint16", 0, 1e-4, dated=True),
)
BY_NAME = {layer.name: layer for layer in LAYERS}


def settlement_share(land: Land) -> F32:
    """Return the share of sealed ground (y, x): roofs, and pavement in towns, 0 to 1."""
    paved = _share(land, Material.ASPHALT, Material.CONCRETE)
    return np.clip(land.roofs_yx + np.where(land.zone_yx < 11, paved, 0), 0, 1).astype(np.float32)


def naturalness(land: Land, scenery: Scenery | None = None) -> F32:
    """Return how little people have changed the land (y, x): 1 untouched, 0 sealed.

    The product of 1 - a over what people do, a fuzzy sum as in the global human modification index (Kennedy
    and others 2019, doi:10.1111/gcb.14549): sealed ground a = its share, fields .55, pasture where farms
    are .30, roads .40, clearings .50, and nearness to people, at most .45.
    """
    left = 1 - settlement_share(land)
    farmed = (land.cover_yx == Cover.GRASS) & (land.pressure_yx > 0.12) & (land.zone_yx == LOW_PLANTS)
    for where, takes in ((land.cover_yx == Cover.CROP, CROP), (farmed, PASTURE), (land.wild.road_yx, ROAD)):
        left = left * (1 - np.float32(takes) * where)
    if scenery is not None:
        left = left * (1 - np.float32(CLEARED) * scenery.cleared_yx)
    dry = land.cover_yx != Cover.WATER
    return (left * (1 - land.pressure_yx * np.where(dry, 1, np.float32(0.5)))).astype(np.float32)


def tree_share(land: Land) -> F32:
    """Return the share of the ground under tree crowns (y, x)."""
    return crowns(land.fraction_myx)


def _share(land: Land, *materials: Material) -> F32:
    total = np.zeros(land.points.shape, np.float32)
    for material in materials:
        total += land.fraction_myx[material]
    return total / np.float32(255)


def canopy_height_m(land: Land, scenery: Scenery | None = None) -> F32:
    """Return the mean height of the trees (y, x), metres; 0 where there are none, or no longer any."""
    height = np.where(tree_share(land) > 0.05, land.canopy_m_yx, 0)
    return (height if scenery is None else np.where(scenery.cleared_yx, 0, height)).astype(np.float32)


def biomass_mg_ha(land: Land, seed: int, scenery: Scenery | None = None) -> F32:
    """Return above-ground biomass (y, x), Mg/ha: 1.6 height ** 1.5 per crown cover, with noise.

    Of the order of published lidar regressions, but round numbers of ours; the noise is what height does not
    say, correlated over 150 m, so no map made from images can be without error.
    """
    height = canopy_height_m(land, scenery)
    noise = np.exp(np.float32(AGB_NOISE) * land.points.fractal(150, seed + 3_000, octaves=2))
    share = np.minimum(tree_share(land), 1)
    return (np.float32(AGB_FACTOR) * np.power(height, np.float32(AGB_POWER)) * share * noise).astype(
        np.float32
    )


def majority(codes_yx: U8, factor: int) -> U8:
    """Return the commonest code of each square of `factor` pixels, the smallest of equally common ones."""
    height, width = codes_yx.shape
    cells = codes_yx.reshape(height // factor, factor, width // factor, factor)
    best = np.zeros((height // factor, width // factor), np.int32)
    out = np.zeros(best.shape, np.uint8)
    for code in np.unique(codes_yx):
        count = (cells == code).sum(axis=(1, 3), dtype=np.int32)
        out[count > best] = code
        np.maximum(best, count, out=best)
    return out


def static_truth(land: Land, seed: int) -> dict[str, npt.NDArray[Any]]:
    """Return the stored values of every layer that has no date, at its own pixel size.

    The frame's sides are multiples of 100 m, its corner lies on one.
    """
    share = settlement_share(land)
    pairs = share.reshape(share.shape[0] // 2, 2, share.shape[1] // 2, 2).mean(axis=(1, 3))
    values = {
        "lcz": majority(land.zone_yx, BY_NAME["lcz"].pixel_m // PIXEL_M),
        "land_cover": land.cover_yx,
        "settlement": pairs,
        "building_height": land.building_m_yx,
        "building_share": land.roofs_yx,
        "naturalness": naturalness(land),
        "canopy_height": canopy_height_m(land),
        "biomass": biomass_mg_ha(land, seed),
        "elevation": land.wild.relief.height_m_yx,
    }
    return {name: stored(BY_NAME[name], value) for name, value in values.items()}


def stored(layer: Layer, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return physical values as a layer stores them; what is too large for it is at the limit."""
    if layer.kind != "value" or layer.dtype == "float32":
        return value.astype(layer.dtype)
    top = np.iinfo(layer.dtype).max - (1 if layer.nodata else 0)
    low = 0 if layer.nodata else 1
    return np.clip(np.rint(value / layer.scale), low, top).astype(layer.dtype)
