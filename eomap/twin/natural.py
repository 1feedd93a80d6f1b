"""What land without houses is made of, pixel by pixel: woods, bush, fields, sand, water.

Axis letters: k variation, m material, y row, x column.
"""

import numpy as np

from eomap.twin.climate import of_climate
from eomap.twin.earth import F32, Points
from eomap.twin.land import U8, Cover, Wild
from eomap.twin.materials import Material

N_MATERIALS = len(Material)
_ROAD = 0.6
"""Share of a 10 m pixel that a country road fills."""


def natural_materials(points: Points, wild: Wild, seed: int) -> U8:
    """Return the materials (m, y, x) of land at full leaf, in 255ths; the rest is shade."""
    out = np.zeros((N_MATERIALS, *points.shape), np.uint8)
    # One wave of three pixels each: woods differ from meadows by crowns that shade one another.
    crown = points.fractal(28, seed, octaves=1)
    tuft = points.fractal(30, seed + 1, octaves=1)
    wide = points.fractal(1_200, seed + 2, octaves=6, gain=0.6)
    dry = np.clip(1 - of_climate(wild.climate_yx, "grass") - of_climate(wild.climate_yx, "trees"), 0.08, 0.9)
    for cover, fill in _FILL.items():
        here = wild.cover_yx == cover
        if here.any():
            at = _Place(
                crown[here], tuft[here], wide[here], dry[here], wild.conifer_yx[here], wild.zone_yx[here]
            )
            for material, share in fill(at).items():
                out[material][here] = in_255ths(share)
    lane = wild.fields.lane_yx & (wild.cover_yx == Cover.CROP)
    for where, parts in (
        (lane, {Material.SOIL: 0.45, Material.GRASS: 0.55}),
        (wild.road_yx, {Material.ASPHALT: _ROAD, Material.GRASS: 1 - _ROAD}),
    ):
        out[:, where] = 0
        for material, filled in parts.items():
            out[material][where] = int(255 * filled)
    return out


def in_255ths(share: F32) -> U8:
    """Return shares of 1 in 255ths, down: they must not add up to more than a whole."""
    return (np.clip(share, 0, 1) * np.float32(255)).astype(np.uint8)


class _Place:
    """The fields of the pixels of one cover (n)."""

    __slots__ = ("conifer", "crown", "dry", "tuft", "wide", "zone")

    def __init__(self, crown: F32, tuft: F32, wide: F32, dry: F32, conifer: F32, zone: F32) -> None:
        self.crown, self.tuft, self.wide = crown, tuft, wide
        self.dry, self.conifer, self.zone = dry, conifer, zone


def _clip(low: float, value: F32, high: float) -> F32:
    return np.clip(value, np.float32(low), np.float32(high))


def _trees(at: _Place) -> dict[Material, F32]:
    dense = _clip(0.45, 0.81 + 0.145 * at.crown, 1)
    few = _clip(0, 1.1 * at.crown - 0.1, 0.95)
    wood = np.where(at.zone == 11, dense, few)
    open_ = np.where(at.zone == 11, 0, 0.9 * (1 - wood))  # what crowns do not shade
    return {
        Material.CONIFER: wood * at.conifer,
        Material.BROADLEAF: wood * (1 - at.conifer),
        Material.GRASS: open_ * (1 - at.dry),
        Material.NPV: open_ * at.dry * np.float32(0.5),
        Material.SOIL: open_ * at.dry * np.float32(0.5),
    }


def _shrub(at: _Place) -> dict[Material, F32]:
    bush = _clip(0.02, 0.32 + 0.09 * at.tuft + 0.12 * at.wide, 0.9)
    bare = (1 - bush) * _clip(0.05, 0.25 + 0.9 * at.dry, 0.95)
    leaves, twigs = np.float32(0.55) * bush, np.float32(0.25) * bush  # the rest is shade under them
    return {
        Material.BROADLEAF: leaves * (1 - at.conifer),
        Material.CONIFER: leaves * at.conifer,
        Material.SOIL: bare * np.float32(0.6),
        Material.NPV: bare * np.float32(0.35) + twigs,
        Material.GRASS: (1 - bush - bare) * np.float32(0.97),
    }


def _grass(at: _Place) -> dict[Material, F32]:
    bare = _clip(0, 0.55 * at.dry + 0.04 * at.tuft + 0.10 * at.wide, 0.95)
    return {
        Material.GRASS: (1 - bare) * np.float32(0.97),
        Material.SOIL: bare * np.float32(0.65),
        Material.NPV: bare * np.float32(0.35),
    }


def _crop(at: _Place) -> dict[Material, F32]:
    return {Material.CROP: np.full(at.tuft.shape, 1, np.float32)}


def _bare(at: _Place) -> dict[Material, F32]:
    rocky = at.zone == 15
    stone = np.where(rocky, _clip(0.6, 0.95 + 0.03 * at.tuft, 1), _clip(0, 0.06 + 0.06 * at.tuft, 0.3))
    plants = np.where(rocky, 0.5, _clip(0, 0.03 + 0.04 * at.tuft, 0.2)) * (1 - stone)
    sandy = np.where(rocky, 0, np.where(at.dry > 0.6, 0.75, 0.9)) * (1 - stone - plants)
    # Cracks and boulders shade the rest; the pavement of deserts is evener than bare mountains.
    lit = np.where(rocky, np.where(at.dry > 0.6, np.float32(0.88), np.float32(0.68)), np.float32(1))
    return {
        Material.ROCK: stone * lit,
        Material.GRASS: plants,
        Material.SAND: sandy,
        Material.SOIL: 1 - stone - plants - sandy,
    }


def _snow(at: _Place) -> dict[Material, F32]:
    return {Material.SNOW: _clip(0.9, 0.98 + 0.02 * at.wide, 1)}


def _water(at: _Place) -> dict[Material, F32]:
    return {Material.WATER: np.ones(at.tuft.shape, np.float32)}


def _wetland(at: _Place) -> dict[Material, F32]:
    pool = _clip(0, 0.22 + 0.3 * at.crown, 0.9)
    return {Material.WATER: pool, Material.GRASS: (1 - pool) * 0.75, Material.NPV: (1 - pool) * 0.2}


def _mangrove(at: _Place) -> dict[Material, F32]:
    wood = _clip(0.3, 0.78 + 0.15 * at.crown, 1)
    return {Material.BROADLEAF: wood, Material.WATER: (1 - wood) * 0.7}


def _moss(at: _Place) -> dict[Material, F32]:
    stone = _clip(0, 0.18 + 0.18 * at.tuft, 0.8)
    return {Material.GRASS: (1 - stone) * 0.6, Material.NPV: (1 - stone) * 0.36, Material.ROCK: stone}


_FILL = {
    Cover.TREES: _trees,
    Cover.SHRUB: _shrub,
    Cover.GRASS: _grass,
    Cover.CROP: _crop,
    Cover.BARE: _bare,
    Cover.SNOW: _snow,
    Cover.WATER: _water,
    Cover.WETLAND: _wetland,
    Cover.MANGROVE: _mangrove,
    Cover.MOSS: _moss,
}


_WILD_STYLE, _PARCEL_STYLE, _FIELD_STYLE = np.float32(0.38), np.float32(0.65), np.float32(0.25)
_GRAIN_STYLE = np.array([0.14, 0.10, 0.06], np.float32)


def styles(points: Points, wild: Wild, seed: int) -> F32:
    """Return the variation of spectra (k, y, x), deviation about 0.4 and at most 2.

    A parcel has its own, woods and pastures change slowly, water hardly; every pixel adds a little.
    Deviations of 1 span the materials of a world library, those of one scene about half of that.
    """
    farmed, wet = wild.cover_yx == Cover.CROP, wild.cover_yx == Cover.WATER
    own = wild.fields.parcel_yx
    grain = points.fractal(25, seed + 9, octaves=1)
    out = np.empty((3, *points.shape), np.float32)
    for k in range(3):
        slow = points.fractal(2_800 if k else 1_400, seed + k, octaves=6, gain=0.65)
        parcel = np.float32(613 + 97 * k) * own
        parcel = (parcel - np.floor(parcel) - np.float32(0.5)) * np.float32(3.0)
        out[k] = np.where(farmed, _PARCEL_STYLE * parcel + _FIELD_STYLE * slow, _WILD_STYLE * slow)
        out[k] += _GRAIN_STYLE[k] * grain
        if wet.any():
            calm = points.fractal(14_000, seed + 20 + k, octaves=7, gain=0.45)
            out[k] = np.where(wet, 0.6 * calm - 0.2, out[k])
    return np.clip(out, -2, 2, out=out)
