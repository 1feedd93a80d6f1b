"""The window scheduler: one way to run any network over a raster of any size, whatever it maps.

Windows lie where `core.windows.Layout` says; those that no wanted cell lies in are left out. Overlapping ones
are blended by weights that fall towards a window's edge. Memory is that of a few rows of windows.

Law: the bits of a cell do not depend on how a zone is cut into frames, nor on which other cells are wanted: a
window has the same pixels wherever it is cut from, calls have one size, windows are added up in one order.

Axis letters: n window, b channel in, k channel out, y and x pixels, rows and cols cells.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.core.ports import F32, U16, Bool, Network, Strip
from eomap.kernels.mosaic import feather

Aside = Callable[[int, int], Sequence[float]]
"""What a window is told beside its pixels, from row and column of its first cell from the zone's origin."""


@dataclass(slots=True, eq=False)
class _Sums:
    """Weighted sums of the rows that are not finished, from row `top` of the frame on."""

    top: int
    sum_krc: F32
    weight_rc: F32


@dataclass(frozen=True, slots=True)
class Windowed:
    """A network that maps frames, window by window; see `core.ports.Predictor`."""

    network: Network

    @property
    def name(self) -> str:
        """Of the network."""
        return self.network.name

    @property
    def sha256(self) -> str:
        """Of its weights."""
        return self.network.sha256

    @property
    def halo_px(self) -> int:
        """Pixels needed around the cells of a frame."""
        return self.network.layout.halo_px

    def __call__(
        self, code_byx: U16, wanted_rc: Bool, *, origin_rc: tuple[int, int], aside: Aside | None = None
    ) -> F32:
        """Return what the network says (k, rows, cols), 0 where not wanted."""
        strips = list(self.strips(code_byx, wanted_rc, origin_rc=origin_rc, aside=aside))
        return np.concatenate([s.value_krc for s in strips], axis=1)

    def strips(
        self, code_byx: U16, wanted_rc: Bool, *, origin_rc: tuple[int, int], aside: Aside | None = None
    ) -> Iterator[Strip]:
        """Yield the same in strips of whole rows from north to south, so that only some are in memory."""
        layout = self.network.layout
        _check_shape(code_byx, wanted_rc, layout.cell_px, layout.halo_px)
        weight_rc = _weight(layout.cells, layout.overlap)
        height, width = wanted_rc.shape
        sums = _Sums(
            0, np.zeros((self.network.channels, 0, width), np.float32), np.zeros((0, width), np.float32)
        )
        places = list(_places(self.network, wanted_rc, origin_rc))
        for after in range(layout.batch, len(places) + layout.batch, layout.batch):
            group = places[after - layout.batch : after]
            said = self._said(code_byx, group, origin_rc, aside)
            for (row, col), value_krc in zip(group, said, strict=True):
                _reach(sums, min(row + layout.cells, height))
                _add(sums, value_krc, weight_rc, (row, col))
            done = places[after][0] if after < len(places) else height
            if done > sums.top:
                yield _finished(sums, done, wanted_rc)
        if sums.top < height:
            yield _finished(sums, height, wanted_rc)

    def _said(
        self, code_byx: U16, group: Sequence[tuple[int, int]], origin_rc: tuple[int, int], aside: Aside | None
    ) -> F32:
        layout = self.network.layout
        x = np.zeros((len(group), len(code_byx), layout.side_px, layout.side_px), code_byx.dtype)
        beside = np.zeros((len(group), self.network.asides), np.float32)
        for n, (row, col) in enumerate(group):
            rows, at_row = _shared(row, layout.cell_px, layout.side_px, self._margin, code_byx.shape[1])
            cols, at_col = _shared(col, layout.cell_px, layout.side_px, self._margin, code_byx.shape[2])
            x[n, :, at_row, at_col] = code_byx[:, rows, cols]
            if aside is not None:
                beside[n] = aside(origin_rc[0] + row, origin_rc[1] + col)
        return self.network(x, beside)

    @property
    def _margin(self) -> int:
        """Pixels of a frame before the first pixel of a window that begins at its first cell."""
        return self.network.layout.halo_px - self.network.layout.lead_px


def _places(network: Network, wanted_rc: Bool, origin_rc: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield row and column (may be negative) of the first cell of each window with a wanted cell."""
    layout, (height, width) = network.layout, wanted_rc.shape
    rows, cols = (layout.first(o) - o for o in origin_rc)
    for row in range(rows, height, layout.step):
        band = wanted_rc[max(row, 0) : row + layout.cells]
        if not band.any():
            continue
        for col in range(cols, width, layout.step):
            if band[:, max(col, 0) : col + layout.cells].any():
                yield row, col


def _shared(cell: int, cell_px: int, side: int, margin: int, n_px: int) -> tuple[slice, slice]:
    """Return the frame pixels that a window reads along one axis, and where in the window they go."""
    first = cell * cell_px + margin
    low, high = max(first, 0), min(first + side, n_px)
    return slice(low, high), slice(low - first, high - first)


def _weight(cells: int, overlap: int) -> F32:
    along = feather(cells, overlap).astype(np.float32)
    return np.outer(along, along)


def _reach(sums: _Sums, bottom: int) -> None:
    """Make room down to a row of the frame."""
    more = bottom - sums.top - len(sums.weight_rc)
    if more > 0:
        k, _, width = sums.sum_krc.shape
        sums.sum_krc = np.concatenate([sums.sum_krc, np.zeros((k, more, width), np.float32)], axis=1)
        sums.weight_rc = np.concatenate([sums.weight_rc, np.zeros((more, width), np.float32)])


def _add(sums: _Sums, value_krc: F32, weight_rc: F32, place: tuple[int, int]) -> None:
    row, col = place[0] - sums.top, place[1]
    height, width = sums.weight_rc.shape
    rows, cols = (
        slice(max(row, 0), min(row + len(weight_rc), height)),
        slice(max(col, 0), min(col + len(weight_rc), width)),
    )
    part = (slice(rows.start - row, rows.stop - row), slice(cols.start - col, cols.stop - col))
    sums.sum_krc[:, rows, cols] += value_krc[:, *part] * weight_rc[part]
    sums.weight_rc[rows, cols] += weight_rc[part]


def _finished(sums: _Sums, bottom: int, wanted_rc: Bool) -> Strip:
    """Return the rows down to one of the frame, and let go of them."""
    _reach(sums, bottom)
    rows, n = slice(sums.top, bottom), bottom - sums.top
    wanted = wanted_rc[rows]
    value = np.where(wanted, sums.sum_krc[:, :n] / np.where(wanted, sums.weight_rc[:n], 1), np.float32(0))
    sums.top, sums.sum_krc, sums.weight_rc = bottom, sums.sum_krc[:, n:], sums.weight_rc[n:]
    return Strip(rows, value)


def _check_shape(code_byx: npt.NDArray[np.generic], wanted_rc: Bool, cell_px: int, halo_px: int) -> None:
    expected = tuple(n * cell_px + 2 * halo_px for n in wanted_rc.shape)
    if code_byx.dtype != np.uint16 or code_byx.shape[1:] != expected:
        raise ValueError(f"expected uint16 pixels (b, {expected}), got {code_byx.dtype} {code_byx.shape}")
