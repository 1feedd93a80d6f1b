"""Probabilities per 100 m cell of a frame, by windows (published networks) or in one pass (ours).

Law: the bits of a cell do not depend on how a zone is cut into frames, nor on which other cells are
wanted. Windows: one network call always has the same shape, and a sample's bits do not depend on its
place in the batch. Dense: macro windows of fixed size lie on a grid anchored to the zone's origin, so
that a cell is always computed at the same place of the same shape.

Axis letters: b band, c class, n window, y and x pixels, rows and cols cells.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]

CELL_PX = 10
WINDOW_PX = 32
N_CLASSES = 17
_WINDOW_HALO_PX = 11  # window columns of a cell: 10 cell - 11 ... 10 cell + 20
_BATCH = 32  # windows per call: the activations of 32 stay in the cache, 64 ran a fifth slower
_MACRO_CELLS = 32
_PER_DN = np.float32(10_000)


def single_thread() -> None:
    """Make torch use one thread in this process: workers are processes, and each owns one core."""
    torch.set_num_threads(1)


class WindowPredictor:
    """A patch network run on the 32x32 window around every wanted cell."""

    def __init__(self, name: str, sha256: str, network: nn.Module, *, device: str = "cpu") -> None:
        self.name, self.sha256, self.halo_px = name, sha256, _WINDOW_HALO_PX
        self._network, self._device = _ready(network, device)

    def __call__(self, dn_byx: U16, wanted_rc: Bool, *, origin_rc: tuple[int, int]) -> F32:
        """Return probabilities (c, rows, cols), 0 where not wanted; see `core.ports.Predictor`."""
        _check_shape(dn_byx, wanted_rc, self.halo_px)
        out = np.zeros((N_CLASSES, *wanted_rc.shape), np.float32)
        rows, cols = np.nonzero(wanted_rc)
        windows = np.lib.stride_tricks.sliding_window_view(dn_byx, (WINDOW_PX, WINDOW_PX), axis=(1, 2))
        batch = np.zeros((_BATCH, dn_byx.shape[0], WINDOW_PX, WINDOW_PX), np.uint16)
        for first in range(0, len(rows), _BATCH):
            r, c = rows[first : first + _BATCH], cols[first : first + _BATCH]
            batch[: len(r)] = windows[:, r * CELL_PX, c * CELL_PX].swapaxes(0, 1)
            batch[len(r) :] = 0
            out[:, r, c] = _run(self._network, batch, self._device)[: len(r)].T
        return out


class DensePredictor:
    """A valid, fully convolutional network of total stride 10 run on macro windows of 32x32 cells."""

    def __init__(
        self, name: str, sha256: str, network: nn.Module, *, halo_px: int, device: str = "cpu"
    ) -> None:
        self.name, self.sha256, self.halo_px = name, sha256, halo_px
        self._network, self._device = _ready(network, device)

    def __call__(self, dn_byx: U16, wanted_rc: Bool, *, origin_rc: tuple[int, int]) -> F32:
        """Return probabilities (c, rows, cols), 0 where not wanted; see `core.ports.Predictor`."""
        _check_shape(dn_byx, wanted_rc, self.halo_px)
        out = np.zeros((N_CLASSES, *wanted_rc.shape), np.float32)
        side = _MACRO_CELLS * CELL_PX + 2 * self.halo_px
        for row0 in _macro_starts(origin_rc[0], wanted_rc.shape[0]):
            for col0 in _macro_starts(origin_rc[1], wanted_rc.shape[1]):
                cells = (_overlap(row0, wanted_rc.shape[0]), _overlap(col0, wanted_rc.shape[1]))
                wanted = wanted_rc[cells]
                if not wanted.any():
                    continue
                # Zeros stand in for pixels beyond the frame: no wanted cell has them in its view.
                macro = np.zeros((1, dn_byx.shape[0], side, side), np.uint16)
                rows, at_row = _shared_pixels(row0, side, dn_byx.shape[1])
                cols, at_col = _shared_pixels(col0, side, dn_byx.shape[2])
                macro[0, :, at_row, at_col] = dn_byx[:, rows, cols]
                probabilities = _run(self._network, macro, self._device)[0]
                here = probabilities[(slice(None), _inside(cells[0], row0), _inside(cells[1], col0))]
                out[(slice(None), *cells)] = np.where(wanted, here, np.float32(0))
        return out


def _macro_starts(origin: int, n_cells: int) -> Iterator[int]:
    """Yield the frame cell (may be negative) at which each macro window that meets the frame begins."""
    first = -(origin % _MACRO_CELLS)
    yield from range(first, n_cells, _MACRO_CELLS)


def _overlap(start: int, n_cells: int) -> slice:
    """Return the frame cells that a macro window beginning at `start` covers."""
    return slice(max(start, 0), min(start + _MACRO_CELLS, n_cells))


def _inside(cells: slice, start: int) -> slice:
    """Return where those frame cells lie inside the macro window."""
    return slice(cells.start - start, cells.stop - start)


def _shared_pixels(start: int, side: int, n_px: int) -> tuple[slice, slice]:
    """Return the frame pixels that a macro window reads, and where in the window they go."""
    first = start * CELL_PX
    low, high = max(first, 0), min(first + side, n_px)
    return slice(low, high), slice(low - first, high - first)


def _check_shape(dn_byx: U16, wanted_rc: Bool, halo_px: int) -> None:
    expected = tuple(n * CELL_PX + 2 * halo_px for n in wanted_rc.shape)
    if dn_byx.dtype != np.uint16 or dn_byx.shape[1:] != expected:
        raise ValueError(f"expected uint16 pixels (b, {expected}), got {dn_byx.dtype} {dn_byx.shape}")


def _ready(network: nn.Module, device: str) -> tuple[Any, str]:
    if device.startswith("cuda"):
        # The fastest algorithm may differ from call to call; the same bits must come every time.
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False
    placed: Any = network.eval().to(device)
    return placed.to(memory_format=torch.channels_last), device


def _run(network: Any, dn: U16, device: str) -> F32:
    x: Tensor = torch.from_numpy(dn.astype(np.float32) / _PER_DN)
    with torch.inference_mode():
        y = network(x.to(device).contiguous(memory_format=torch.channels_last))
    return y.cpu().numpy()
