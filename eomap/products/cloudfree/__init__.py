"""One look of Sentinel-2 without its clouds: what was seen stays, what clouds hid is filled, and how well."""

from dataclasses import replace
from typing import Any

import numpy.typing as npt

from eomap.core.layer import FAMILIARITY, Layer, LegendClass
from eomap.core.ports import Predictor
from eomap.core.product import Inputs, Need, Product
from eomap.nn.cloud_free import BANDS, FROM_ANOTHER, HALO_PX, LOOKS, MADE, MODEL, NOISE, RADAR, SEEN


def compute(inputs: Inputs, predict: Predictor) -> dict[str, npt.NDArray[Any]]:
    """Return the stored layers of a window; see `eomap.products.cloudfree.layers`."""
    from eomap.products.cloudfree.layers import compute as made  # as little as can be loads with a plan

    return made(inputs, predict)


PRODUCT = Product(
    name="cloudfree",
    version="1.0",
    title="One look without its clouds",
    needs=(
        Need("sentinel-2", BANDS, HALO_PX, looks=LOOKS),
        Need("sentinel-1", RADAR, HALO_PX, looks=LOOKS, optional=True),
    ),
    gives=(
        Layer(
            "reflectance",
            "uint16",
            "reflectance of the least cloudy look, filled where it is not clear",
            fill=65_535,
            scale=1e-4,
            no_look=0,
            bands=BANDS,
            kind="value",
            truth="surface",
        ),
        Layer(
            "sigma",
            "uint16",
            f"standard deviation of the error of reflectance; {NOISE / 10_000:g} where it is as seen",
            fill=65_535,
            scale=1e-4,
            bands=BANDS,
            kind="sigma",
            truth="surface",
        ),
        Layer(
            "source",
            "uint8",
            "where a pixel is from",
            fill=255,
            no_look=0,
            legend=(
                LegendClass(SEEN, "As seen", "2c7bb6"),
                LegendClass(FROM_ANOTHER, "Filled, clear on another date", "fdae61"),
                LegendClass(MADE, "Filled, clear on no date", "d7191c"),
            ),
        ),
        Layer("n_clear", "uint16", f"clear ones of {LOOKS} looks", fill=65_535),
        replace(FAMILIARITY, long_name=f"{FAMILIARITY.long_name}; 0 where as seen"),
    ),
    step=1,
    cell_px=1,
    compute=compute,
    models=(MODEL,),
)
