"""Naturalness: how little people have changed the land, 0 sealed to 1 untouched, on 10 m cells.

By a network of what satellites see, or as an index of land cover and night lights (`variant`).
"""

from typing import Any

import numpy.typing as npt

from eomap.core.layer import FAMILIARITY, Layer
from eomap.core.ports import Predictor
from eomap.core.product import Inputs, Need, Product
from eomap.errors import MisuseError

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
RADAR, LIGHTS = ("VV", "VH"), ("radiance",)
HALO_PX = 256
"""A window of 256 px reaches 255 px beyond a cell."""
GIVES = (
    Layer(
        "naturalness",
        "uint16",
        "how little people have changed the land, 0 sealed to 1 untouched",
        fill=65_535,
        scale=1e-4,
        kind="value",
        truth="naturalness",
    ),
    Layer(
        "sigma",
        "uint16",
        "standard deviation of the error of naturalness",
        fill=65_535,
        scale=1e-4,
        kind="sigma",
        truth="naturalness",
    ),
    FAMILIARITY,
    Layer("n_clear", "uint16", "clear looks per cell", fill=65_535),
)


def compute(inputs: Inputs, predict: Predictor) -> dict[str, npt.NDArray[Any]]:
    """Return the stored layers of a window; see `eomap.products.naturalness.layers`."""
    from eomap.products.naturalness.layers import compute as made  # torch loads with the first task

    return made(inputs, predict)


def variant(*, method: str = "network", sensor: str = "", **others: Any) -> Product:
    """Return naturalness by the network, or by the index of a land cover (`sensor`) and night lights.

    Raises MisuseError for another method, a sensor that is no land cover, or any other setting.
    """
    from eomap.products.naturalness.index import made_by

    if others:
        flags = ", ".join(f"--{name}" for name in sorted(others))
        raise MisuseError(flags, expected="none for naturalness, but --method and --sensor", got="one")
    return made_by(PRODUCT, method, sensor)


PRODUCT = Product(
    name="naturalness",
    version="1.0",
    title="Naturalness",
    needs=(
        Need(of="sentinel-2", bands=BANDS, halo_px=HALO_PX),
        Need(of="sentinel-1", bands=RADAR, halo_px=HALO_PX, method="mean", most=4, optional=True),
        Need(of="night-lights", bands=LIGHTS, halo_px=HALO_PX, method="latest", optional=True),
    ),
    gives=GIVES,
    step=1,
    cell_px=1,
    compute=compute,
    models=("eomap-naturalness-s",),
    variant=variant,
)
