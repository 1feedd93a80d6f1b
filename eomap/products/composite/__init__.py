"""The clear-sky composite itself, on 10 m cells: the median of the clear looks, how many, how far apart."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import cell_index
from eomap.core.layer import Layer
from eomap.core.ports import U16, Predictor
from eomap.core.product import Inputs, Need, Product

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
FILL, NO_LOOK, LARGEST = 65_535, 0, 65_534
STRIP_ROWS = 250
"""Rows of cells placed at once: exact positions of a whole tile would take more memory than its values."""


def compute(inputs: Inputs, predict: Predictor | None = None) -> dict[str, npt.NDArray[Any]]:
    """Return the layers of the composite for the window of `inputs`, as stored values; no network is asked.

    Shapes: (y, x) cells of the window; `reflectance` (b, y, x). A cell takes what the pixel at its centre
    has, never a mixture (docs/decisions/0004). Cells outside the AOI keep the fill value; cells without
    a clear look are 0 in `reflectance` and `n_clear`; `spread` is fill where there are fewer than two looks.
    """
    window = inputs.window
    made: dict[str, U16] = {
        "reflectance": np.empty((len(inputs.dn_byx), *window.shape), np.uint16),
        "n_clear": np.empty(window.shape, np.uint16),
        "spread": np.empty(window.shape, np.uint16),
    }
    given = {"reflectance": inputs.dn_byx, "n_clear": inputs.n_clear_yx, "spread": inputs.spread_yx}
    for top in range(0, window.shape[0], STRIP_ROWS):
        rows = slice(top, min(top + STRIP_ROWS, window.shape[0]))
        strip = replace(window, row0=window.row0 + top, row1=window.row0 + rows.stop)
        row, col = cell_index(strip, inputs.frame, cell_px=1)
        wanted = inputs.wanted_yx[rows]
        for name, source in given.items():
            if source is None:
                raise ValueError(f"{name}: the composite's need asks for it, the worker did not give it")
            largest = FILL if name == "spread" else LARGEST
            made[name][..., rows, :] = np.where(wanted, np.minimum(source[..., row, col], largest), FILL)
    return dict(made)


PRODUCT = Product(
    name="composite",
    version="1.0",
    title="Clear-sky composite",
    needs=(Need(of="sentinel-2", bands=BANDS, halo_px=0, spread=True),),
    gives=(
        Layer(
            "reflectance",
            "uint16",
            "median reflectance of the clear looks",
            fill=FILL,
            scale=1e-4,
            no_look=NO_LOOK,
            bands=BANDS,
            kind="value",
            truth="surface",
        ),
        Layer("n_clear", "uint16", "clear looks per pixel", fill=FILL),
        Layer(
            "spread",
            "uint16",
            "median absolute deviation of the clear looks from the median, mean over the bands",
            fill=FILL,
            scale=1e-4,
        ),
    ),
    step=1,
    cell_px=1,
    compute=compute,
)
