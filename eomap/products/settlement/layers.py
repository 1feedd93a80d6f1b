"""From a composite on its frame to the layers of settlement on lattice cells."""

import numpy as np
import numpy.typing as npt

from eomap.core.ports import F32, Predictor
from eomap.core.product import Inputs
from eomap.kernels.cells import cell_clear, summarise
from eomap.kernels.fill import fill_gaps
from eomap.nn.mapping import Cells, Stored, as_ood, as_share, asked, counted
from eomap.nn.settlement_s import CELL_PX, OUTPUTS

FILL_RADIUS_PX = 24
SEEN_SHARE = 0.5
"""A cell is mapped when more than half of its own pixels were seen: a share is of ground, not of context."""
PER_UNIT = 10_000
"""Stored value of a share of 1."""
FILL_U16 = 65_535


def compute(inputs: Inputs, predict: Predictor) -> dict[str, npt.NDArray[np.generic]]:
    """Return the layers of the settlement product for the window of `inputs`, as stored values.

    Shapes: (y, x) cells of the window. Cells outside the AOI keep the fill value; cells without enough clear
    pixels are 0 in `lcz` and fill in the other layers. Small gaps are filled with the mean of clear pixels
    within 240 m before the network sees them; larger ones it knows as unseen.
    """
    cells = Cells.of(inputs, CELL_PX)
    filled = fill_gaps(inputs.dn_byx, FILL_RADIUS_PX)
    share, looks = cell_clear(inputs.n_clear_yx[cells.inner], CELL_PX)
    mapped = (share > SEEN_SHARE) & cells.needed()
    made = asked(cells, predict, filled, mapped, stored=stored)
    fills = {"settlement": FILL_U16, "sigma": FILL_U16, "confidence": 255, "ood": 255}
    return {
        **{name: cells.placed(made[name], fill=fill, known_rc=mapped) for name, fill in fills.items()},
        "lcz": cells.placed(made["lcz"], fill=255),
        "n_clear": cells.placed(counted(looks), fill=FILL_U16),
    }


def stored(value_krc: F32) -> Stored:
    """Return stored values (n, cols) of what the network says of some rows (k, n, cols), k as OUTPUTS.

    Windows are blended as they are: shares and variances by their means, so sigma is the root of a mean.
    """
    lcz, ood = np.ascontiguousarray(value_krc[2 : len(OUTPUTS)]), value_krc[len(OUTPUTS) :]
    code, confidence, _ = summarise(lcz, (lcz > 0).max(axis=0))
    return {
        "settlement": _as_code(value_krc[0]),
        "sigma": _as_code(np.sqrt(np.maximum(value_krc[1], 0))),
        "lcz": code,
        "confidence": as_share(confidence),
        "ood": as_ood(ood),
    }


def _as_code(share: F32) -> npt.NDArray[np.uint16]:
    return np.rint(np.clip(share, 0, 6) * PER_UNIT).astype(np.uint16)
