"""From what was seen of a frame to the layers of biomass on lattice cells."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eomap.core.ports import F32, U16, Predictor
from eomap.core.product import Inputs
from eomap.nn.mapping import Cells, Stored, as_ood, asked, counted

OUTPUTS = ("biomass", "sigma", "low", "high")
PER_MG_HA, LARGEST, FILL, FILL_U8 = 10, 65_534, 65_535, 255


def compute(
    inputs: Inputs, predict: Predictor, *, bands: Sequence[int]
) -> dict[str, npt.NDArray[np.generic]]:
    """Return the stored layers (y, x) of the window of `inputs`; `bands` are the channels of each need.

    A cell is a pixel of the frame. Cells that the first sensor never saw clearly, and those outside the AOI,
    are fill; `n_clear` is 0 where nothing was seen. A sensor that saw nothing is all 0, as in training.
    """
    cells = Cells.of(inputs, 1)
    seen = inputs.n_clear_yx[cells.inner] > 0
    known = seen & cells.needed()

    def stored(value_krc: F32) -> Stored:
        layers: dict[str, npt.NDArray[np.generic]] = {
            name: as_tenths(value) for name, value in zip(OUTPUTS, value_krc, strict=False)
        }
        return {**layers, "ood": as_ood(value_krc[len(OUTPUTS) :])}

    made = asked(cells, predict, codes(inputs, bands), known, stored=stored)
    return {
        **{name: cells.placed(made[name], fill=FILL, known_rc=known) for name in OUTPUTS},
        "ood": cells.placed(made["ood"], fill=FILL_U8, known_rc=known),
        "n_clear": cells.placed(counted(inputs.n_clear_yx[cells.inner]), fill=FILL),
    }


def codes(inputs: Inputs, bands: Sequence[int]) -> U16:
    """Return the network's channels on the frame (b, y, x): all needs in order, 0 where nothing was seen."""
    if len(bands) == 1:
        return inputs.dn_byx
    shape = inputs.frame.shape
    parts = [
        np.zeros((n, *shape), np.uint16) if s is None else s.code_byx
        for n, s in zip(bands, inputs.seen, strict=True)
    ]
    return np.concatenate(parts)


def as_tenths(mg_ha: F32) -> U16:
    """Return biomass in steps of 0.1 Mg/ha, 65534 at most.

    >>> as_tenths(np.float32([0, 12.34, 9999])).tolist()
    [0, 123, 65534]
    """
    return np.minimum(np.rint(np.maximum(mg_ha, 0) * PER_MG_HA), LARGEST).astype(np.uint16)
