"""From a composite on its frame to the LCZ layers on lattice cells."""

import numpy as np
import numpy.typing as npt

from eomap.core.ports import F32, Bool, Predictor
from eomap.core.product import Inputs
from eomap.kernels.cells import cell_clear, summarise
from eomap.kernels.fill import fill_gaps
from eomap.nn.mapping import Cells, Stored, as_ood, as_share, asked, counted

CELL_PX, N_CLASSES = 10, 17
CONTEXT_PX, WINDOW_PX = 11, 32
"""A 32 x 32 window reaches 11 px beyond its 10 x 10 cell."""
FILL_RADIUS_PX = 24
SEEN_SHARE, CONTEXT_SHARE = 0.5, 0.75
"""A cell is mapped when more than half of its own pixels, and three quarters of its window, were seen.

With less, what fills the gaps decides the class: half a window of one mean reads as low plants.
"""


def compute(inputs: Inputs, predict: Predictor) -> dict[str, npt.NDArray[np.generic]]:
    """Return the layers of the LCZ product for the window of `inputs`, as stored values.

    Shapes: (y, x) cells of the window; `probability` (c, y, x). Cells outside the AOI keep the fill value;
    cells without enough clear pixels are 0 in `lcz` and fill in the scaled layers. Small gaps are
    filled with the mean of clear pixels within 240 m before the network sees them.
    """
    cells = Cells.of(inputs, CELL_PX)
    filled = fill_gaps(inputs.dn_byx, FILL_RADIUS_PX)
    share, looks = cell_clear(inputs.n_clear_yx[cells.inner], CELL_PX)
    gaps = _window_sums((filled == 0).any(axis=0), inputs.halo_px)
    context = _window_sums(inputs.n_clear_yx > 0, inputs.halo_px) / WINDOW_PX**2
    mapped = (share > SEEN_SHARE) & (context >= CONTEXT_SHARE) & (gaps == 0) & cells.needed()

    def stored(value_krc: F32) -> Stored:
        value_krc, ood = value_krc[:N_CLASSES], value_krc[N_CLASSES:]
        code, confidence, entropy = summarise(value_krc, (value_krc > 0).max(axis=0))
        return {
            "lcz": code,
            "confidence": as_share(confidence),
            "entropy": as_share(entropy),
            "probability": as_share(value_krc),
            "ood": as_ood(ood),
        }

    made = asked(cells, predict, filled, mapped, stored=stored)
    unsure = ("confidence", "entropy", "probability", "ood")
    return {
        "lcz": cells.placed(made["lcz"], fill=255),
        **{name: cells.placed(made[name], fill=255, known_rc=mapped) for name in unsure},
        "n_clear": cells.placed(counted(looks), fill=65_535),
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
