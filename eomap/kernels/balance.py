"""Gains and offsets that bring overlapping scenes to one level, solved for all of them at once.

Two scenes of the same ground differ by haze, sun and calibration: to first order by a gain and an offset in
each band. Axis letters: s scene, b band, k point, y row, x column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

BLOCK_PX = 8
"""Pixels are compared as medians of squares of this side: noise and misplacement of a pixel fall out."""
POINTS = 16
"""Medians of so many classes of brightness stand for an overlap."""
_ROUNDS = 12
_FIRM = 1e3
"""How firmly the mean of scenes that hang together is kept; else all gains would shrink, for less noise."""
_HUBER = 1.345
"""95 % efficient on Gaussian noise (Huber 1981), in standard deviations."""
_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two scenes say of ground that both saw."""

    first: int
    second: int
    first_kb: F64
    """The first scene's values at some levels of brightness, by band; NaN where too little was seen."""
    second_kb: F64
    weight: float
    """Blocks compared."""


@dataclass(frozen=True, slots=True)
class Balance:
    """A gain and an offset for every scene and band; in the unit of the values."""

    gain_sb: F64
    offset_sb: F64

    def applied(self, value_byx: npt.NDArray[Any], scene: int) -> F64:
        """Return a scene's values (b, y, x) at the common level."""
        return value_byx * self.gain_sb[scene][:, None, None] + self.offset_sb[scene][:, None, None]


def overlap_of(
    first: int, second: int, *, first_byx: npt.NDArray[Any], second_byx: npt.NDArray[Any], seen_yx: Bool
) -> Overlap | None:
    """Return an overlap's levels, by medians of blocks and then of classes of brightness; None if too small.

    Arrays are cut to the same ground; `seen_yx` says where both are clear. A block counts where all of it is
    seen. Classes are those of the mean of both scenes, so that neither scene's noise is favoured.
    """
    if first_byx.shape != second_byx.shape or first_byx.shape[1:] != seen_yx.shape:
        raise MisuseError(
            "overlap", expected=f"{first_byx.shape}", got=f"{second_byx.shape}, {seen_yx.shape}"
        )
    whole = _blocks(seen_yx[None])[0].all(axis=-1)
    count = int(whole.sum())
    if count < POINTS:
        return None
    a, b = (np.median(_blocks(v)[:, whole], axis=-1) for v in (first_byx, second_byx))
    levels = np.empty((2, POINTS, len(a)))
    for band, (u, v) in enumerate(zip(a, b, strict=True)):
        for k, part in enumerate(np.array_split(np.argsort(u + v, kind="stable"), POINTS)):
            levels[:, k, band] = np.median(u[part]), np.median(v[part])
    return Overlap(first, second, levels[0], levels[1], float(count))


def balanced(overlaps: Sequence[Overlap], scenes: int, *, keep: float = 1e-3) -> Balance:
    """Return the gains and offsets that make overlaps agree, close to 1 and 0 where nothing says otherwise.

    For each band the least sum of Huber's loss over all points of |g_i u + o_i - g_j v - o_j|, plus `keep` (a
    share of the points' weight) times the squared change of each scene in contrast and level; solved by
    iteratively reweighted least squares in a fixed number of rounds. What no overlap can tell is not changed:
    scenes that hang together keep their mean contrast and level. Overlaps are taken in sorted order, so the
    result does not depend on how they arrive. Raises MisuseError on an overlap with an unknown scene.
    """
    overlaps = sorted(overlaps, key=lambda o: (o.first, o.second))
    known = all(0 <= o.first < scenes and 0 <= o.second < scenes and o.first != o.second for o in overlaps)
    if not overlaps or not known:
        raise MisuseError(
            "balance", expected=f"overlaps of different scenes below {scenes}", got=f"{len(overlaps)}"
        )
    bands = overlaps[0].first_kb.shape[1]
    gain, offset = np.ones((scenes, bands)), np.zeros((scenes, bands))
    i, j = (np.repeat([getattr(o, side) for o in overlaps], POINTS) for side in ("first", "second"))
    weight = np.repeat([o.weight for o in overlaps], POINTS) / sum(o.weight for o in overlaps)
    for band in range(bands):
        u, v = (
            np.concatenate([getattr(o, side)[:, band] for o in overlaps])
            for side in ("first_kb", "second_kb")
        )
        gain[:, band], offset[:, band] = _solved(i, j, u, v, weight, scenes, keep)
    return Balance(gain, offset)


def _solved(
    i: npt.NDArray[Any], j: npt.NDArray[Any], u: F64, v: F64, weight: F64, scenes: int, keep: float
) -> tuple[F64, F64]:
    """Solve one band: unknown are each scene's changes of contrast and of level, about the points' middle."""
    points = np.concatenate([u, v])
    middle, spread = float(np.median(points)), max(float(points.std()), 1e-12)
    row = np.arange(len(u))
    design = np.zeros((len(u), 2 * scenes))
    design[row, i], design[row, scenes + i] = (u - middle) / spread, 1.0
    design[row, j], design[row, scenes + j] = -(v - middle) / spread, -1.0
    target = -(u - v) / spread
    together = _components(i, j, scenes)
    same = (together[:, None] == together[None, :]) / np.bincount(together, minlength=scenes)[together]
    strength = np.kron(np.eye(2), keep / scenes * np.eye(scenes) + _FIRM * same)
    change: npt.NDArray[Any] = np.zeros(2 * scenes)
    robust: npt.NDArray[Any] = np.ones(len(u))
    for _ in range(_ROUNDS):
        w = weight * robust
        change = np.linalg.solve(design.T @ (w[:, None] * design) + strength, design.T @ (w * target))
        miss = np.abs(design @ change - target)
        sigma = max(_TO_SIGMA * float(np.median(miss)), 1e-9)
        robust = np.minimum(1.0, _HUBER * sigma / np.maximum(miss, 1e-12))
    gain: F64 = 1 + change[:scenes]
    return gain, spread * change[scenes:] - middle * change[:scenes]


def _components(i: npt.NDArray[Any], j: npt.NDArray[Any], scenes: int) -> npt.NDArray[np.int64]:
    """Return for each scene the least scene that overlaps tie it to."""
    least = np.arange(scenes)
    for _ in range(scenes):
        before = least.copy()
        low = np.minimum(least[i], least[j])
        np.minimum.at(least, i, low)
        np.minimum.at(least, j, low)
        if np.array_equal(before, least):
            break
    return least


def _blocks(value_byx: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return whole blocks (b, rows, cols, pixels); what is left at the far edges is cut off."""
    bands, height, width = value_byx.shape
    rows, cols = height // BLOCK_PX, width // BLOCK_PX
    cut = value_byx[:, : rows * BLOCK_PX, : cols * BLOCK_PX].reshape(bands, rows, BLOCK_PX, cols, BLOCK_PX)
    return cut.swapaxes(2, 3).reshape(bands, rows, cols, BLOCK_PX**2)
