"""The figures that papers on local climate zones give besides overall accuracy.

Names as in Bechtel et al. (2019), doi:10.1016/j.uclim.2018.10.001, and the LCZ Generator, Demuzere et
al. (2021), doi:10.3389/fenvs.2021.637455.
"""

import numpy as np
import numpy.typing as npt

from eomap.kernels.scores import accuracy_where, merged, overall_accuracy, weighted_accuracy

F64 = npt.NDArray[np.float64]

BUILT = np.arange(17) < 10
"""LCZ 1 to 10; A to G are natural."""

_TRAITS = (
    # building share, pervious share, height of roughness elements in m, kind of cover
    (0.50, 0.05, 50.0, "built"),
    (0.55, 0.10, 17.5, "built"),
    (0.55, 0.15, 6.5, "built"),
    (0.30, 0.35, 50.0, "built"),
    (0.30, 0.30, 17.5, "built"),
    (0.30, 0.45, 6.5, "built"),
    (0.75, 0.15, 3.0, "built"),
    (0.40, 0.10, 6.5, "built"),
    (0.15, 0.70, 6.5, "built"),
    (0.25, 0.45, 10.0, "built"),
    (0.05, 0.95, 16.5, "woody"),
    (0.05, 0.95, 9.0, "woody"),
    (0.05, 0.95, 1.0, "woody"),
    (0.05, 0.95, 0.5, "low plants"),
    (0.05, 0.05, 0.1, "bare"),
    (0.05, 0.95, 0.1, "bare"),
    (0.05, 0.95, 0.0, "water"),
)
"""Middles of the ranges in table 3 of Stewart and Oke (2012), doi:10.1175/BAMS-D-11-00019.1; an open
range ends at its physical limit, heights above 25 m count as 50 m."""


def likeness() -> F64:
    """Return how alike two zones are (c, c), 0 to 1: one minus the mean difference of four traits.

    Traits: building share, pervious share, logarithm of (1 m + height), each over its range among the
    zones; kind of cover, equal or not. These are eomap's own weights: the matrix of Bechtel et al. (2017),
    which was drawn up by experts, was not at hand, so that OAw here orders maps but is not
    comparable with published OAw.
    """
    numbers = np.array([t[:3] for t in _TRAITS])
    numbers[:, 2] = np.log1p(numbers[:, 2])
    numbers /= np.ptp(numbers, axis=0)
    apart = np.abs(numbers[:, None] - numbers[None, :]).sum(axis=-1)
    cover = np.array([t[3] for t in _TRAITS])
    return 1 - (apart + (cover[:, None] != cover[None, :])) / 4


def class_figures(matrix: npt.ArrayLike) -> dict[str, float]:
    """Return OAu, OAbu and OAw of a confusion matrix (true, mapped) of the 17 zones.

    - OAu: share right of the cells whose truth is built (LCZ 1-10); mapped as natural is wrong too.
    - OAbu: share right when only built and natural are told apart.
    - OAw: mean likeness of true and mapped zone (`likeness`).
    """
    return {
        "OAu": accuracy_where(matrix, BUILT),
        "OAbu": overall_accuracy(merged(matrix, np.where(BUILT, 0, 1))),
        "OAw": weighted_accuracy(matrix, likeness()),
    }
