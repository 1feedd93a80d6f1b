"""From a composite on its frame to the LCZ layers on lattice cells."""

import numpy as np
import numpy.typing as npt

from eomap.core.grid import PIXEL_M, cell_index
from eomap.core.ports import Bool, Predictor
from eomap.core.product import Inputs
from eomap.kernels.cells import cell_clear, summarise
from eomap.kernels.fill import fill_gaps

CELL_PX = 10
CONTEXT_PX, WINDOW_PX = 11, 32
"""A 32 x 32 window reaches 11 px beyond its 10 x 10 cell."""
FILL_RADIUS_PX = 24
SEEN_SHARE, CONTEXT_SHARE = 0.5, 0.75
"""A cell is mapped when more than half of its own pixels, and three quarters of its window, were seen.

With less, what fills the gaps decides the class: half a window of one mean reads as low plants.
"""
QUANTA = 250


def compute(inputs: Inputs, predict: Predictor) -> dict[str, npt.NDArray[np.generic]]:
    """Return the layers of the LCZ product for the window of `inputs`, as stored values.

    Shapes: (y, x) cells of the window; `probability` (c, y, x). Cells outside the AOI keep the fill value;
    cells without enough clear pixels are 0 in `lcz` and fill in the scaled layers. Small gaps are
    filled with the mean of clear pixels within 240 m before the network sees them.
    """
    halo_px = inputs.halo_px
    filled = fill_gaps(inputs.dn_byx, FILL_RADIUS_PX)
    inner = slice(halo_px, -halo_px)
    share, looks = cell_clear(inputs.n_clear_yx[inner, inner], CELL_PX)
    gaps = _window_sums((filled == 0).any(axis=0), halo_px)
    context = _window_sums(inputs.n_clear_yx > 0, halo_px) / WINDOW_PX**2
    mappable = (share > SEEN_SHARE) & (context >= CONTEXT_SHARE) & (gaps == 0)
    row, col = cell_index(inputs.window, inputs.frame, cell_px=CELL_PX, halo_px=halo_px)
    needed = np.zeros_like(mappable)
    np.logical_or.at(needed, (row, col), inputs.wanted_yx)
    cut = halo_px - predict.halo_px
    probability = predict(
        np.ascontiguousarray(filled[:, cut : filled.shape[1] - cut, cut : filled.shape[2] - cut]),
        mappable & needed,
        origin_rc=(
            -inputs.frame.y0 // (CELL_PX * PIXEL_M) + halo_px // CELL_PX,
            inputs.frame.x0 // (CELL_PX * PIXEL_M) + halo_px // CELL_PX,
        ),
    )
    code, confidence, entropy = summarise(probability, mappable & needed)
    seen = (mappable & needed)[row, col] & inputs.wanted_yx

    def scaled(values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
        return np.where(seen, np.rint(values[..., row, col] * QUANTA), 255).astype(np.uint8)

    return {
        "lcz": np.where(seen, code[row, col], np.where(inputs.wanted_yx, 0, 255)).astype(np.uint8),
        "confidence": scaled(confidence),
        "entropy": scaled(entropy),
        "n_clear": np.where(inputs.wanted_yx, np.minimum(looks, 65534)[row, col], 65535).astype(np.uint16),
        "probability": scaled(probability),
    }


def _window_sums(mask_yx: Bool, halo_px: int) -> npt.NDArray[np.int32]:
    """Return how many pixels of each cell's 32 x 32 window are true (rows, cols)."""
    rows, cols = ((n - 2 * halo_px) // CELL_PX for n in mask_yx.shape)
    sums = np.zeros((mask_yx.shape[0] + 1, mask_yx.shape[1] + 1), dtype=np.int32)
    np.cumsum(mask_yx, axis=0, out=sums[1:, 1:])
    np.cumsum(sums[1:, 1:], axis=1, out=sums[1:, 1:])
    top = halo_px - CONTEXT_PX + CELL_PX * np.arange(rows)[:, None]
    left = halo_px - CONTEXT_PX + CELL_PX * np.arange(cols)[None, :]
    bottom, right = top + WINDOW_PX, left + WINDOW_PX
    return sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
