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

_STEPS_APART = (
    (1, 2, 4, 5, 6, 5, 3, 7, 3, 8, 9, 11, 12, 9, 12, 12),
    (1, 5, 4, 5, 4, 2, 7, 2, 7, 8, 9, 11, 8, 11, 11),
    (6, 5, 4, 3, 1, 5, 1, 6, 7, 8, 10, 7, 10, 10),
    (1, 2, 3, 6, 3, 5, 6, 5, 6, 8, 11, 8, 8),
    (1, 2, 4, 2, 4, 5, 4, 6, 7, 10, 7, 7),
    (1, 3, 1, 3, 4, 3, 4, 5, 9, 6, 6),
    (4, 2, 4, 3, 4, 5, 7, 10, 7, 7),
    (3, 1, 7, 6, 7, 9, 6, 8, 8),
    (4, 5, 4, 3, 5, 8, 5, 5),
    (7, 6, 7, 9, 6, 8, 8),
    (1, 2, 4, 7, 4, 4),
    (1, 3, 6, 3, 3),
    (2, 5, 2, 2),
    (3, 1, 1),
    (3, 3),
    (1,),
)
"""How far each zone is from those after it, twelfths: figure 3 of Bechtel, Demuzere and Stewart (2020)."""


def likeness() -> F64:
    """Return how alike two zones are (c, c), 0 to 1: the weights of the published OAw.

    Bechtel, Demuzere and Stewart (2020), doi:10.3390/rs12111769, count up to twelve steps: openness and
    height one per degree, pervious or not three, buildings or plants three. They print two decimals, as
    here rounded; later revisions of theirs may differ by a step. The paper itself was not at hand: the
    numbers are those in which independent copies of its matrix agree.
    """
    apart = np.zeros((17, 17))
    apart[np.triu_indices(17, 1)] = np.concatenate(_STEPS_APART)
    return np.round(1 - (apart + apart.T) / 12, 2)


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
