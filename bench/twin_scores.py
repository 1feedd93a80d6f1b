"""How well a map agrees with labels, with intervals: for the judges of bench/twin_judges.py.

Intervals: 95 %, bootstrap over squares of 32 x 32 pixels. Axis letters: y row, x column.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from twin_samples import NAMES

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
Interval = tuple[float, float, float]
"""A figure and its 2.5 and 97.5 % bounds."""
BLOCK_PX, CODES, DRAWS, FEWEST_PX = 32, 10, 1000, 300


@dataclass(frozen=True, slots=True)
class Score:
    """Agreement of a map with labels on one scene, each figure with its interval."""

    scene: str
    accuracy: Interval
    kappa: Interval
    found: dict[str, float]
    """Share of each class's pixels that is called so (producer's accuracy)."""
    right: dict[str, float]
    """Share of what is called so that is so (user's accuracy)."""


def confusions(truth_yx: U8, said_yx: U8) -> F64:
    """Return confusion matrices (square, truth, said); what has no label is left out."""
    blocks = []
    for row in range(0, truth_yx.shape[0], BLOCK_PX):
        for col in range(0, truth_yx.shape[1], BLOCK_PX):
            cut = slice(row, row + BLOCK_PX), slice(col, col + BLOCK_PX)
            truth, said = truth_yx[cut].astype(int).ravel(), said_yx[cut].astype(int).ravel()
            pairs = (truth * CODES + said)[np.isin(truth, list(NAMES))]
            blocks.append(np.bincount(pairs, minlength=CODES**2).reshape(CODES, CODES))
    return np.array(blocks, np.float64)


def accuracy(matrix: F64) -> float:
    return float(np.trace(matrix) / matrix.sum())


def kappa(matrix: F64) -> float:
    """Return Cohen's kappa; 0 where truth and map know one class only."""
    chance = float((matrix.sum(0) * matrix.sum(1)).sum() / matrix.sum() ** 2)
    return (accuracy(matrix) - chance) / (1 - chance) if chance < 1 else 0.0


def with_interval(blocks: F64, figure: Callable[[F64], float]) -> Interval:
    """Return a figure of the sum of all blocks and its 2.5 and 97.5 % bounds."""
    rng = np.random.default_rng(0)
    draws = [figure(blocks[rng.integers(0, len(blocks), len(blocks))].sum(0)) for _ in range(DRAWS)]
    low, high = np.quantile(draws, (0.025, 0.975))
    return figure(blocks.sum(0)), float(low), float(high)


def score(scene: str, blocks: F64) -> Score:
    m = blocks.sum(0)
    known = [c for c in NAMES if m[c].sum() >= FEWEST_PX]
    said = [c for c in NAMES if m[:, c].sum() >= FEWEST_PX]
    return Score(
        scene,
        with_interval(blocks, accuracy),
        with_interval(blocks, kappa),
        {NAMES[c]: float(m[c, c] / m[c].sum()) for c in known},
        {NAMES[c]: float(m[c, c] / m[:, c].sum()) for c in said},
    )
