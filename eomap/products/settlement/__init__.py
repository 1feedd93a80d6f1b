"""Settlement: the share of sealed ground on 20 m cells, and the local climate zone of each."""

from typing import Any

import numpy.typing as npt

from eomap.core.layer import FAMILIARITY, Layer
from eomap.core.lcz_legend import LEGEND
from eomap.core.ports import Predictor
from eomap.core.product import Inputs, Need, Product

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")


def compute(inputs: Inputs, predict: Predictor) -> dict[str, npt.NDArray[Any]]:
    """Return the stored layers of a window; see `eomap.products.settlement.layers`."""
    from eomap.products.settlement.layers import compute as made  # numba loads with the first task

    return made(inputs, predict)


PRODUCT = Product(
    name="settlement",
    version="1.0",
    title="Settlement",
    # A window of 128 px reaches 126 px beyond a cell, and gaps are filled from 24 px around them.
    needs=(Need(of="sentinel-2", bands=BANDS, halo_px=150),),
    gives=(
        Layer(
            "settlement",
            "uint16",
            "share of sealed ground: roofs and the pavement of towns",
            fill=65_535,
            scale=1e-4,
            kind="value",
            truth="settlement",
        ),
        Layer(
            "sigma",
            "uint16",
            "standard deviation of the error of settlement",
            fill=65_535,
            scale=1e-4,
            kind="sigma",
            truth="settlement",
        ),
        Layer(
            "lcz",
            "uint8",
            "local climate zone",
            fill=255,
            no_look=0,
            legend=LEGEND,
            kind="class",
            truth="lcz",
        ),
        Layer(
            "confidence",
            "uint8",
            "probability of the most likely zone",
            fill=255,
            scale=1 / 250,
            kind="confidence",
            truth="lcz",
        ),
        FAMILIARITY,
        Layer("n_clear", "uint16", "clear looks per cell, lower median over its pixels", fill=65_535),
    ),
    step=2,
    cell_px=2,
    compute=compute,
    models=("eomap-settlement-s",),
)
