"""Naturalness as an index: what people do to the land, told by a land cover and the lights at night.

A fuzzy sum of what takes from naturalness, as in the global human modification index (Kennedy and others
2019, doi:10.1111/gcb.14549). Every share and every weight is written here. Axis letters: y and x pixels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.ports import F32, U16, Predictor
from eomap.core.product import Inputs, Need, Product
from eomap.errors import MisuseError
from eomap.nn.mapping import FILL_U8, Cells, counted
from eomap.products.naturalness.codes import FILL_U16, as_code

Values = npt.NDArray[Any] | float
CROP, PASTURE, ROAD, CLEARED = 0.55, 0.30, 0.40, 0.50
"""What a field, a pasture, a road and a clearing take; sealed ground takes all."""
PRESSURE_MOST, PASTURE_FROM = 0.45, 0.12
"""What nearness to people takes at most; grass is pasture where it takes more than this."""
WET = 0.5
"""Of what nearness to people takes, this is taken from water."""


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """What people do to each pixel, as shares 0 to 1."""

    sealed: Values
    """Share under roofs and pavement."""
    crop: Values = 0.0
    pasture: Values = 0.0
    road: Values = 0.0
    cleared: Values = 0.0
    pressure: Values = 0.0
    """What nearness to people takes, 0 to PRESSURE_MOST."""
    water: Values = 0.0


def naturalness_of(of: Components) -> F32:
    """Return the product of 1 - a over all that people do: 0 sealed to 1 untouched."""
    left = 1 - np.asarray(of.sealed, np.float32)
    for share, takes in ((of.crop, CROP), (of.pasture, PASTURE), (of.road, ROAD), (of.cleared, CLEARED)):
        left = left * (1 - np.float32(takes) * np.asarray(share, np.float32))
    wet = 1 - np.float32(1 - WET) * np.asarray(of.water, np.float32)
    return (left * (1 - np.asarray(of.pressure, np.float32) * wet)).astype(np.float32)


_RADIANCE_NW, _PER_LOG = 0.028, 0.057
"""Fitted to woods of training places of the twin (bench/naturalness.py): synthetic, not the real Earth."""


def pressure_of(radiance_nw: npt.NDArray[Any]) -> F32:
    """Return what nearness to people takes where nights are so bright, nW cm-2 sr-1.

    >>> [round(float(p), 2) for p in pressure_of(np.array([0.0, 1.0, 10.0, 1e6]))]
    [0.0, 0.21, 0.34, 0.45]
    """
    pressure = _PER_LOG * np.log1p(np.asarray(radiance_nw, np.float32) / np.float32(_RADIANCE_NW))
    return np.minimum(pressure, np.float32(PRESSURE_MOST))


@dataclass(frozen=True, slots=True)
class LandCover:
    """What classes of a land cover come to; classes that are not named are untouched but for pressure."""

    sealed: Mapping[int, float]
    crop: Mapping[int, float]
    grass: tuple[int, ...]
    water: tuple[int, ...]
    sigma: float
    """Root of the mean square error of the index, with lights, over training places of the twin (synthetic);
    for WorldCover of a land cover without errors."""
    sigma_unlit: float
    """The same without lights."""


LAND_COVERS: Mapping[str, LandCover] = MappingProxyType(
    {
        # Built-up is sealed for 71 % in the twin; the rest as the classes are defined.
        "worldcover": LandCover({50: 0.71}, {40: 1.0}, (30,), (80,), 0.092, 0.162),
        # Definitions of the IGBP: urban 30 to 100 % sealed, cropland 60 to 100 %, mosaic 40 to 60 %.
        "modis-12q1": LandCover({13: 0.65}, {12: 0.8, 14: 0.5}, (10,), (17,), 0.196, 0.232),
    }
)
_CLASSES = 256


def components_of(code_yx: U16, lights_yx: U16 | None, cover: LandCover) -> Components:
    """Return components of classes and of codes of lights (None: no lights anywhere, and so no pasture).

    Roads and clearings are finer than land covers tell: none. Pixels without lights have no pressure.
    """
    from eomap.sensors.nightlights import SENSOR

    lit = np.zeros_like(code_yx) if lights_yx is None else lights_yx
    radiance_nw = np.float32(SENSOR.scale) * np.maximum(lit, 1) + np.float32(SENSOR.offset)
    pressure = pressure_of(np.maximum(radiance_nw, 0))
    return Components(
        sealed=_table(cover.sealed)[code_yx],
        crop=_table(cover.crop)[code_yx],
        pasture=_table(dict.fromkeys(cover.grass, 1.0))[code_yx] * (pressure > PASTURE_FROM),
        pressure=pressure,
        water=_table(dict.fromkeys(cover.water, 1.0))[code_yx],
    )


def _table(shares: Mapping[int, float]) -> F32:
    table = np.zeros(_CLASSES, np.float32)
    for code, share in shares.items():
        table[code] = share
    return table


@dataclass(frozen=True, slots=True)
class Indexed:
    """What makes the index of one land cover; a value, so that products with it are equal and travel."""

    of: str

    def __call__(self, inputs: Inputs, predict: Predictor | None = None) -> dict[str, npt.NDArray[Any]]:
        """Return the stored layers (y, x); no network is asked. Fill where the land cover has no class."""
        cells, cover = Cells.of(inputs, 1), LAND_COVERS[self.of]
        code, lights = inputs.dn_byx[0], inputs.seen[1]
        value = naturalness_of(components_of(code, None if lights is None else lights.code_byx[0], cover))
        sigma = cover.sigma_unlit if lights is None else cover.sigma
        known = code > 0
        return {
            "naturalness": cells.placed(as_code(value), fill=FILL_U16, known_rc=known),
            "sigma": cells.placed(as_code(np.full_like(value, sigma)), fill=FILL_U16, known_rc=known),
            "ood": cells.placed(np.full(code.shape, FILL_U8, np.uint8), fill=FILL_U8),
            "n_clear": cells.placed(counted(inputs.n_clear_yx), fill=FILL_U16),
        }


def made_by(product: Product, method: str, sensor: str) -> Product:
    """Return the product itself, or its index; see `products.naturalness.variant`."""
    if method not in ("network", "index"):
        raise MisuseError("--method", expected="network or index", got=method)
    if method == "network":
        if sensor not in ("", product.needs[0].of):
            raise MisuseError("--sensor", expected=f"{product.needs[0].of}, or --method index", got=sensor)
        return product
    of = sensor or next(iter(LAND_COVERS))
    if of not in LAND_COVERS:
        raise MisuseError("--sensor", expected=f"a land cover: {', '.join(LAND_COVERS)}", got=of)
    compute: Callable[..., Mapping[str, Any]] = Indexed(of)
    return replace(
        product,
        title="Naturalness by index",
        needs=(
            Need(of=of, bands=("class",), halo_px=0, method="latest"),
            Need(of="night-lights", bands=("radiance",), halo_px=0, method="latest", optional=True),
        ),
        compute=compute,
        models=(),
        models_by_level={},
    )
