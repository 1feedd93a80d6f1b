"""Overlapping windows of class probabilities blended into one map.

Weights and probabilities are whole numbers, so sums are exact: windows add up to the same bits in every order
and however they are cut and grouped. Axis letters: c class, y row, x column.
"""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

Bool = npt.NDArray[np.bool_]
U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]
F32 = npt.NDArray[np.float32]

WEIGHT_TOP = 64
"""Weight along one axis in the inner part of a window; 1 is the least."""
UNIT_F32 = 65_535
"""Steps to which probabilities of float32 are rounded; those of uint8 are taken as they are, in 255 steps."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """Weighted probabilities summed over a raster, not yet divided by weights; windows are added in place."""

    sum_cyx: U32
    weight_yx: U32
    ood_yx: F32
    """Largest out-of-distribution score of any window; 0 where none saw the pixel."""
    count_yx: U16
    """How many windows saw the pixel."""
    corner: tuple[int, int]
    """Row and column of the first pixel, counted as the windows' are."""

    def __add__(self, other: "Canvas") -> "Canvas":
        """Merge two canvases of the same raster; raise MisuseError on another."""
        if (self.sum_cyx.shape, self.corner) != (other.sum_cyx.shape, other.corner):
            raise MisuseError(
                "mosaic",
                expected=f"a canvas of {self.sum_cyx.shape} at {self.corner}",
                got=f"{other.sum_cyx.shape} at {other.corner}",
            )
        return Canvas(
            self.sum_cyx + other.sum_cyx,
            self.weight_yx + other.weight_yx,
            np.maximum(self.ood_yx, other.ood_yx),
            self.count_yx + other.count_yx,
            self.corner,
        )


@dataclass(frozen=True, slots=True)
class Window:
    """What a network said of one window."""

    prob_cyx: U8 | F32
    """uint8 (255 is 1) or float32, 0 to 1; all windows of a map alike."""
    corner: tuple[int, int]
    """Row and column of its first pixel."""
    weight_y: U8
    """Along each axis, 1 to WEIGHT_TOP: see `feather`."""
    weight_x: U8
    ood_yx: F32 | None = None
    seen_yx: Bool | None = None
    """False where the window has nothing to say; None for nowhere."""


def blank(shape_cyx: tuple[int, int, int], corner: tuple[int, int] = (0, 0)) -> Canvas:
    """Return a canvas that has seen nothing; it takes 4 bytes for each class and 10 more per pixel."""
    yx = shape_cyx[1:]
    return Canvas(
        np.zeros(shape_cyx, np.uint32),
        np.zeros(yx, np.uint32),
        np.zeros(yx, np.float32),
        np.zeros(yx, np.uint16),
        corner,
    )


def wiped(canvas: Canvas, corner: tuple[int, int]) -> Canvas:
    """Return the canvas blank again, at another corner: the same memory, which costs far less than new."""
    for layer in (canvas.sum_cyx, canvas.weight_yx, canvas.ood_yx, canvas.count_yx):
        layer[...] = 0
    return Canvas(canvas.sum_cyx, canvas.weight_yx, canvas.ood_yx, canvas.count_yx, corner)


def feather(size_px: int, overlap_px: int) -> U8:
    """Return weights along one axis that rise from 1 to WEIGHT_TOP over the overlap at either end.

    Linear by distance from the edge, in whole numbers.

    >>> feather(8, 3).tolist()
    [11, 32, 53, 64, 64, 53, 32, 11]
    """
    edge = np.minimum(np.arange(size_px), np.arange(size_px)[::-1])
    rise = (2 * edge + 1) * WEIGHT_TOP + overlap_px
    return np.clip(rise // max(2 * overlap_px, 1), 1, WEIGHT_TOP).astype(np.uint8)


def add_window(canvas: Canvas, window: Window) -> None:
    """Add what a window shares with the canvas; the rest of it is left out. Raises MisuseError on shapes."""
    _vet(canvas, window)
    prob = np.ascontiguousarray(window.prob_cyx)
    # One row stands for all where there is none of its own: a window may be added to many small canvases.
    row = (1, prob.shape[2])
    seen = (
        np.ones(row, np.bool_) if window.seen_yx is None else np.ascontiguousarray(window.seen_yx, np.bool_)
    )
    ood = np.zeros(row, np.float32) if window.ood_yx is None else window.ood_yx
    ood = np.ascontiguousarray(ood, np.float32)
    down, right = window.corner[0] - canvas.corner[0], window.corner[1] - canvas.corner[1]
    steps = np.float32(1 if prob.dtype == np.uint8 else UNIT_F32)
    _add(
        canvas.sum_cyx, canvas.weight_yx, canvas.ood_yx, canvas.count_yx, prob, window.weight_y,
        window.weight_x, ood, seen, down, right, steps,
    )  # fmt: skip


def add_window_numpy(canvas: Canvas, window: Window) -> None:
    """Do what `add_window` does; this plain twin defines it."""
    _vet(canvas, window)
    prob = window.prob_cyx
    down, right = window.corner[0] - canvas.corner[0], window.corner[1] - canvas.corner[1]
    (height, width), (rows, cols) = canvas.weight_yx.shape, prob.shape[1:]
    y0, y1, x0, x1 = max(0, -down), min(rows, height - down), max(0, -right), min(cols, width - right)
    if y0 >= y1 or x0 >= x1:
        return
    part, place = np.s_[y0:y1, x0:x1], np.s_[y0 + down : y1 + down, x0 + right : x1 + right]
    if prob.dtype != np.uint8:
        prob = np.floor(prob * np.float32(UNIT_F32) + np.float32(0.5))
    weight = np.outer(window.weight_y.astype(np.uint32), window.weight_x.astype(np.uint32))[part]
    seen = np.ones_like(weight) if window.seen_yx is None else window.seen_yx[part].astype(np.uint32)
    canvas.sum_cyx[:, *place] += prob[:, *part].astype(np.uint32) * (weight * seen)
    canvas.weight_yx[place] += weight * seen
    canvas.count_yx[place] += seen.astype(np.uint16)
    if window.ood_yx is not None:
        said = np.where(seen > 0, window.ood_yx[part], 0).astype(np.float32)
        canvas.ood_yx[place] = np.maximum(canvas.ood_yx[place], said)


def _vet(canvas: Canvas, window: Window) -> None:
    prob = window.prob_cyx
    shape = prob.shape[1:]
    layers = [a for a in (window.ood_yx, window.seen_yx) if a is not None]
    if (
        prob.dtype not in (np.uint8, np.float32)
        or len(prob) != len(canvas.sum_cyx)
        or (window.weight_y.size, window.weight_x.size) != shape
        or any(a.shape != shape for a in layers)
    ):
        raise MisuseError(
            "mosaic",
            expected=f"uint8 or float32 of {len(canvas.sum_cyx)} classes, weights and layers of its shape",
            got=f"{prob.dtype} {prob.shape}, {[a.shape for a in layers]}",
        )


@numba.njit(cache=True, nogil=True)
def _add(sum_cyx, weight_yx, ood_yx, count_yx, prob, weight_y, weight_x, ood, seen, down, right, steps):
    height, width = weight_yx.shape
    x0, x1 = max(0, -right), min(prob.shape[2], width - right)
    if x0 >= x1:
        return
    weight = np.empty(x1 - x0, np.uint32)
    across = weight_x[x0:x1].astype(np.uint32)
    for y in range(max(0, -down), min(prob.shape[1], height - down)):
        at, left, stop = y + down, x0 + right, x1 + right
        own_seen, own_ood = seen[min(y, len(seen) - 1), x0:x1], ood[min(y, len(ood) - 1), x0:x1]
        _weigh(
            across, np.uint32(weight_y[y]), own_seen, own_ood, weight,
            weight_yx[at, left:stop], count_yx[at, left:stop], ood_yx[at, left:stop],
        )  # fmt: skip
        for c in range(len(prob)):
            _accumulate(prob[c, y, x0:x1], weight, steps, sum_cyx[c, at, left:stop])


@numba.njit(cache=True, nogil=True)
def _weigh(across, down, seen, ood, weight, weight_sum, count, most):
    for x in range(len(weight)):
        weight[x] = across[x] * down * np.uint32(seen[x])
        weight_sum[x] += weight[x]
        count[x] += np.uint16(seen[x])
        most[x] = max(most[x], ood[x] if seen[x] else np.float32(0))


@numba.njit(cache=True, nogil=True)
def _accumulate(prob, weight, steps, total):
    half = np.float32(0.5)
    for x in range(len(prob)):
        total[x] += np.uint32(np.int32(np.float32(prob[x]) * steps + half)) * weight[x]
