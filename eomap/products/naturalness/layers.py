"""From what was seen of a frame, through the network, to the layers of naturalness on lattice cells.

Axis letters: c channel, k number given, y and x pixels, n and cols cells of some rows.
"""

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame, transformer
from eomap.core.ports import F32, U16, Predictor
from eomap.core.product import Inputs
from eomap.nn.mapping import FILL_U8, Cells, Stored, as_ood, asked, counted
from eomap.nn.naturalness_s import GROUPS, OUTPUTS
from eomap.nn.windows import Aside
from eomap.products.naturalness.codes import FILL_U16, as_code

SIDE_PX = 256
_SIGMA_MOST = 6.0


def compute(inputs: Inputs, predict: Predictor) -> dict[str, npt.NDArray[np.generic]]:
    """Return the layers of naturalness for the window of `inputs`, as stored values (y, x).

    Cells outside the AOI keep the fill value, and so do cells that Sentinel-2 never saw clearly, in all
    layers but `n_clear`. Gaps are not filled: the network knows them as unseen.
    """
    cells = Cells.of(inputs, 1)
    n_clear = inputs.n_clear_yx[cells.inner]
    mapped = (n_clear > 0) & cells.needed()
    made = asked(cells, predict, codes_of(inputs), mapped, stored=stored, aside=place_of(inputs.frame))
    fills = {"naturalness": FILL_U16, "sigma": FILL_U16, "ood": FILL_U8}
    return {
        **{name: cells.placed(made[name], fill=fill, known_rc=mapped) for name, fill in fills.items()},
        "n_clear": cells.placed(counted(n_clear), fill=FILL_U16),
    }


def codes_of(inputs: Inputs) -> U16:
    """Return what every need got, one behind the other (c, y, x); 0 where a sensor saw nothing."""
    code_cyx = np.zeros((sum(GROUPS), *inputs.frame.shape), np.uint16)
    at = 0
    for channels, seen in zip(GROUPS, inputs.seen, strict=True):
        if seen is not None:
            code_cyx[at : at + channels] = seen.code_byx
        at += channels
    return code_cyx


def place_of(frame: Frame) -> Aside:
    """Return what says longitude and latitude, degrees, of the middle of a window by its first cell."""

    def place(row: int, col: int) -> tuple[float, float]:
        half, pixel_m = SIDE_PX // 2, frame.pixel_m
        lon, lat = transformer(frame.epsg, 4326).transform((col + half) * pixel_m, -(row + half) * pixel_m)
        return float(lon), float(lat)

    return place


def stored(value_krc: F32) -> Stored:
    """Return stored values (n, cols) of what the network says of some rows (k, n, cols), k as OUTPUTS.

    Windows are blended as they are, so sigma is the geometric mean of those of overlapping windows.
    """
    sigma = np.exp(np.float32(0.5) * value_krc[1])
    return {
        "naturalness": as_code(np.clip(value_krc[0], 0, 1)),
        "sigma": as_code(np.minimum(sigma, np.float32(_SIGMA_MOST))),
        "ood": as_ood(value_krc[len(OUTPUTS) :]),
    }
