"""From what was seen of a frame, through a network, to stored layers on the cells of a window.

Axis letters: b band, k channel of the network, y and x pixels or cells of the window, rows and cols cells of
the frame.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import cell_index
from eomap.core.ports import F32, U16, Bool, Predictor
from eomap.core.product import Inputs
from eomap.nn.windows import Aside

QUANTA = 250
"""Steps of a share stored as uint8; 255 is fill."""
FILL_U8 = 255
Stored = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells of a frame, its halo left out, and which of them the window takes."""

    inputs: Inputs
    cell_px: int
    row: Any
    """With `col`: cells[..., row, col] are those of the window (y, x)."""
    col: Any

    @classmethod
    def of(cls, inputs: Inputs, cell_px: int) -> "Cells":
        """Return the cells of a frame."""
        row, col = cell_index(inputs.window, inputs.frame, cell_px=cell_px, halo_px=inputs.halo_px)
        return cls(inputs, cell_px, row, col)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        halo = 2 * self.inputs.halo_px
        height, width = ((n - halo) // self.cell_px for n in self.inputs.frame.shape)
        return height, width

    @property
    def inner(self) -> tuple[slice, slice]:
        """The pixels of the frame that lie in cells."""
        halo = self.inputs.halo_px
        return slice(halo, self.inputs.frame.height - halo), slice(halo, self.inputs.frame.width - halo)

    @property
    def origin_rc(self) -> tuple[int, int]:
        """Row and column of the first cell, counted from the zone's origin."""
        frame, side_m = self.inputs.frame, self.cell_px * self.inputs.frame.pixel_m
        halo = self.inputs.halo_px // self.cell_px
        return -frame.y0 // side_m + halo, frame.x0 // side_m + halo

    def needed(self) -> Bool:
        """Return which cells (rows, cols) the wanted part of the window takes."""
        needed = np.zeros(self.shape, bool)
        if isinstance(self.row, slice):
            needed[self.row, self.col] = self.inputs.wanted_yx
        else:
            needed[self.row[self.inputs.wanted_yx], self.col[self.inputs.wanted_yx]] = True
        return needed

    def placed(
        self, value_rc: npt.NDArray[Any], *, fill: int, known_rc: Bool | None = None
    ) -> npt.NDArray[Any]:
        """Return stored values (..., rows, cols) on the window; fill where not wanted, or not known."""
        there = self.inputs.wanted_yx
        if known_rc is not None:
            there = there & known_rc[self.row, self.col]
        return np.where(there, value_rc[..., self.row, self.col], value_rc.dtype.type(fill))


def asked(
    cells: Cells,
    predict: Predictor,
    code_byx: U16,
    wanted_rc: Bool,
    *,
    stored: Callable[[F32], Stored],
    aside: Aside | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """Return what a network says of a frame's cells, as stored values (..., rows, cols) by layer.

    `code_byx` holds the frame's pixels, halo included; only `wanted_rc` are asked. `stored` turns what the
    network says of some rows (k, n, cols) into stored values (..., n, cols), so that float32 of a whole frame
    is never held.
    """
    cut = cells.inputs.halo_px - predict.halo_px
    part = code_byx[:, cut : code_byx.shape[1] - cut, cut : code_byx.shape[2] - cut]
    made: dict[str, npt.NDArray[Any]] = {}
    for strip in predict.strips(part, wanted_rc, origin_rc=cells.origin_rc, aside=aside):
        for name, value in stored(strip.value_krc).items():
            if name not in made:
                made[name] = np.empty((*value.shape[:-2], *wanted_rc.shape), value.dtype)
            made[name][..., strip.rows, :] = value
    return made


def as_share(value: F32) -> npt.NDArray[np.uint8]:
    """Return numbers from 0 to 1 in QUANTA steps.

    >>> as_share(np.float32([0, 0.5, 1.2])).tolist()
    [0, 125, 250]
    """
    return np.rint(np.clip(value, 0, 1) * QUANTA).astype(np.uint8)


def as_ood(value_krc: F32) -> npt.NDArray[np.uint8]:
    """Return the channel that says how familiar windows are (n, cols), of those beyond a network's own.

    Fill where there is none: nothing tells.
    """
    if len(value_krc):
        return as_share(value_krc[0])
    return np.full(value_krc.shape[1:], FILL_U8, np.uint8)


def counted(n_clear_rc: npt.NDArray[Any]) -> U16:
    """Return numbers of looks as they are stored, the last one being fill."""
    return np.minimum(n_clear_rc, 65_534).astype(np.uint16)
