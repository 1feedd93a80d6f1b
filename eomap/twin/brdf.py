"""How much more the materials of the made-up ground scatter in some directions than in others."""

from collections.abc import Mapping
from dataclasses import dataclass

from eomap.twin.materials import Material


@dataclass(frozen=True, slots=True)
class Shape:
    """Weights of the two kernels for an isotropic weight of 1."""

    vol: float
    geo: float


SHAPES: Mapping[Material, Shape] = {
    Material.WATER: Shape(0.0, 0.0),
    Material.BROADLEAF: Shape(0.60, 0.13),
    Material.CONIFER: Shape(0.45, 0.20),
    Material.GRASS: Shape(0.45, 0.09),
    Material.CROP: Shape(0.55, 0.08),
    Material.NPV: Shape(0.35, 0.12),
    Material.SOIL: Shape(0.20, 0.10),
    Material.SAND: Shape(0.15, 0.06),
    Material.ROCK: Shape(0.15, 0.15),
    Material.TILES: Shape(0.10, 0.15),
    Material.GREY_ROOF: Shape(0.10, 0.15),
    Material.METAL_ROOF: Shape(0.05, 0.12),
    Material.ASPHALT: Shape(0.10, 0.08),
    Material.CONCRETE: Shape(0.10, 0.10),
    Material.SNOW: Shape(0.05, -0.02),
}
"""One shape per material for all bands. Chosen, not measured: vegetation lies around the global means of
MODIS (Roy and others 2016, doi 10.1016/j.rse.2016.01.023: vol 0.24 to 0.50, geo 0.10 to 0.15 of iso), more
volume scattering where leaves are dense, more shadow where crowns or roofs stand apart, little of either
on bare ground; snow scatters slightly forward. Still water is taken as flat: glint is not modelled."""
