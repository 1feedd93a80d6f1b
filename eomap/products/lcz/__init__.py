"""Local climate zones (LCZ) after Stewart and Oke (2012), doi:10.1175/BAMS-D-11-00019.1, on 100 m cells."""

from typing import Any

import numpy.typing as npt

from eomap.core.layer import FAMILIARITY, Layer
from eomap.core.lcz_legend import LEGEND
from eomap.core.ports import Predictor
from eomap.core.product import Inputs, Need, Product

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
"""The ten Sentinel-2 bands of So2Sat LCZ42, in its order (doi:10.1109/MGRS.2020.2964708)."""


def compute(inputs: Inputs, predict: Predictor) -> dict[str, npt.NDArray[Any]]:
    """Return the stored layers of a window; see `eomap.products.lcz.layers`."""
    from eomap.products.lcz.layers import compute as made  # numba loads with the first task, not with a plan

    return made(inputs, predict)


def class_figures(matrix: npt.ArrayLike) -> dict[str, float]:
    """Return OAu, OAbu and OAw of a confusion matrix; see `eomap.products.lcz.figures`."""
    from eomap.products.lcz.figures import class_figures as made

    return made(matrix)


PRODUCT = Product(
    name="lcz",
    version="1.1",
    title="Local climate zones",
    needs=(Need(of="sentinel-2", bands=BANDS, halo_px=40),),
    gives=(
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
            "probability of the most likely class",
            fill=255,
            scale=1 / 250,
            kind="confidence",
            truth="lcz",
        ),
        Layer(
            "entropy",
            "uint8",
            "entropy of the class probabilities, 0 sure to 1 unsure",
            fill=255,
            scale=1 / 250,
            kind="doubt",
            truth="lcz",
        ),
        FAMILIARITY,
        Layer("n_clear", "uint16", "clear looks per cell, lower median over its pixels", fill=65535),
        Layer(
            "probability",
            "uint8",
            "probability of each class",
            fill=255,
            scale=1 / 250,
            bands=tuple(c.meaning for c in LEGEND),
        ),
    ),
    step=10,
    cell_px=10,
    compute=compute,
    models=("so2sat-resnet20", "sen2lcz-mf", "eomap-lcz-s"),
    optional=("probability",),
    class_figures=class_figures,
    models_by_level={"L2A": "sen2lcz-mf"},  # measured: docs/explanation/lcz-havel.md
)
