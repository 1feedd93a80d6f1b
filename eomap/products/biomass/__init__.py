"""Biomass above the ground, in Mg/ha: from Sentinel-2 and Sentinel-1 at 10 m, or from EnMAP at 30 m.

Both networks were taught in the twin, a made-up world whose biomass is an allometry of our own: the product
shows path, intervals and saturation, not the biomass of the real Earth (docs/explanation/biomass.md).
"""

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from eomap.core.layer import FAMILIARITY, Layer
from eomap.core.ports import Predictor
from eomap.core.product import Inputs, Need, Product
from eomap.errors import MisuseError
from eomap.sensors import enmap

OPTICAL_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
RADAR_BANDS = ("VV", "VH")
ENMAP_BANDS = enmap.KEPT
HALO_PX, ENMAP_HALO_PX = 127, 63
"""Of windows of 128 and of 64 pixels that overlap."""
FILL, FILL_U8 = 65_535, 255


@dataclass(frozen=True, slots=True)
class Mapped:
    """What makes the layers; a value, so that products with it are equal and travel."""

    bands: tuple[int, ...]
    """Channels of each need."""

    def __call__(self, inputs: Inputs, predict: Predictor) -> dict[str, npt.NDArray[Any]]:
        """Return the stored layers of a window; see `eomap.products.biomass.layers`."""
        from eomap.products.biomass.layers import compute  # numba loads with the first task, not with a plan

        return compute(inputs, predict, bands=self.bands)


def variant(*, sensor: str = "sentinel", **others: object) -> Product:
    """Return the product of a sensor: `sentinel` (Sentinel-2 and, where it saw anything, Sentinel-1) or
    `enmap`. Raises MisuseError for others, and for any other setting."""
    if others:
        flags = ", ".join(f"--{s}" for s in sorted(others))
        raise MisuseError(flags, expected="none, for biomass has only --sensor", got="one")
    if sensor == "enmap":
        return _product("Biomass above the ground (EnMAP)", _ENMAP_NEEDS, ("eomap-biomass-enmap-s",), step=3)
    if sensor not in ("sentinel", "sentinel-2"):
        raise MisuseError("--sensor", expected="biomass: sentinel or enmap", got=sensor)
    return _product("Biomass above the ground", _NEEDS, ("eomap-biomass-s",), step=1)


_NEEDS = (
    Need(of="sentinel-2", bands=OPTICAL_BANDS, halo_px=HALO_PX),
    # As the twin's samples: the mean of four passes, in power. More would be smoother than what was learnt.
    Need(of="sentinel-1", bands=RADAR_BANDS, halo_px=HALO_PX, method="mean_in_power", most=4, optional=True),
)
_ENMAP_NEEDS = (Need(of="enmap", bands=ENMAP_BANDS, halo_px=ENMAP_HALO_PX),)


def _product(title: str, needs: tuple[Need, ...], models: tuple[str, ...], *, step: int) -> Product:
    return Product(
        name="biomass",
        version="1.0",
        title=title,
        needs=needs,
        gives=(
            _layer("biomass", "above-ground biomass", kind="value", truth="biomass"),
            _layer("sigma", "standard deviation of the error of biomass", kind="sigma", truth="biomass"),
            _layer("low", "lower end of the 90 % interval of biomass"),
            _layer("high", "upper end of the 90 % interval of biomass"),
            FAMILIARITY,
            Layer("n_clear", "uint16", "clear looks per pixel", fill=FILL),
        ),
        step=step,
        cell_px=1,
        origin_m=enmap.SENSOR.origin_m if step == 3 else 0,
        compute=Mapped(tuple(len(n.bands) for n in needs)),
        models=models,
        variant=variant,
    )


def _layer(name: str, long_name: str, *, kind: str = "", truth: str = "") -> Layer:
    return Layer(name, "uint16", long_name, fill=FILL, unit="Mg/ha", scale=0.1, kind=kind, truth=truth)


PRODUCT = variant()
