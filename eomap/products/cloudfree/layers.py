"""From looks on a frame to the layers of the cloud-free picture on lattice cells.

Axis letters: b band, y and x pixels of the frame or cells of the window.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import cell_index
from eomap.core.ports import U16, Bool, Predictor
from eomap.core.product import Inputs
from eomap.nn.cloud_free import cleared
from eomap.nn.mapping import FILL_U8, as_share, counted

FILL = 65_535
_STRIP_ROWS = 250
"""Rows of cells placed at once: exact positions of a whole tile would take more memory than its values."""
_Cells = Iterator[tuple[slice, Any, Any]]


def compute(inputs: Inputs, predict: Predictor) -> dict[str, npt.NDArray[Any]]:
    """Return the layers of the window of `inputs`, as stored values.

    Shapes: (y, x) cells of the window, with bands (b, y, x). A cell takes what the pixel at its
    centre has. Cells outside the AOI keep the fill value; cells that no look saw are 0 in `reflectance`,
    `source` and `n_clear`, and fill in the others.
    """
    optical, radar = inputs.first.looks, inputs.seen[1].looks if inputs.seen[1] else None
    if optical is None:
        raise ValueError("the first need of cloudfree asks for looks")
    halo, frame = inputs.halo_px, inputs.frame
    spare = halo - predict.halo_px
    if spare:
        raise ValueError(f"expected a network with a halo of {halo} px, got {predict.halo_px}")
    side_m = frame.pixel_m
    made = cleared(
        optical,
        radar,
        predict,
        wanted_yx=_wanted(inputs),
        origin_rc=(-frame.y0 // side_m + halo, frame.x0 // side_m + halo),
    )
    there = made.source_yx > 0
    share = np.full(there.shape, FILL_U8, np.uint8)
    if made.ood_yx is not None:
        share[there] = as_share(made.ood_yx[there])
    looks = counted(inputs.n_clear_yx[halo : frame.height - halo, halo : frame.width - halo])
    return {
        "reflectance": _placed(inputs, made.code_byx, FILL),
        "sigma": _placed(inputs, _or_fill(made.sigma_byx, there), FILL),
        "source": _placed(inputs, made.source_yx, FILL_U8),
        "n_clear": _placed(inputs, looks, FILL),
        "ood": _placed(inputs, share, FILL_U8),
    }


def _or_fill(value_byx: U16, there_yx: Bool) -> U16:
    return np.where(there_yx, value_byx, np.uint16(FILL))


def _strips(inputs: Inputs) -> _Cells:
    """Yield rows of the window, and rows and columns of the frame without its halo that their cells take."""
    window = inputs.window
    for top in range(0, window.shape[0], _STRIP_ROWS):
        rows = slice(top, min(top + _STRIP_ROWS, window.shape[0]))
        strip = replace(window, row0=window.row0 + top, row1=window.row0 + rows.stop)
        row, col = cell_index(strip, inputs.frame, cell_px=1, halo_px=inputs.halo_px)
        yield rows, row, col


def _wanted(inputs: Inputs) -> Bool:
    """Return which pixels of the frame without its halo the wanted part of the window takes."""
    halo = 2 * inputs.halo_px
    wanted = np.zeros((inputs.frame.height - halo, inputs.frame.width - halo), bool)
    for rows, row, col in _strips(inputs):
        inside = inputs.wanted_yx[rows]
        if isinstance(row, slice):
            wanted[row, col] |= inside
        else:
            wanted[row[inside], col[inside]] = True
    return wanted


def _placed(inputs: Inputs, value: npt.NDArray[Any], fill: int) -> npt.NDArray[Any]:
    """Return pixels (..., y, x) of the frame without its halo on the cells of the window."""
    out = np.empty((*value.shape[:-2], *inputs.window.shape), value.dtype)
    for rows, row, col in _strips(inputs):
        wanted = inputs.wanted_yx[rows]
        out[..., rows, :] = np.where(wanted, value[..., row, col], value.dtype.type(fill))
    return out
