"""Bounds of intervals and factors of sigma from places that were not trained on, by level of mapped biomass.

Levels are of what is mapped, the one thing known when a map is made: within each, nine of ten intervals hold
the truth of a new place (split conformal by places, `ood.calibration`). By bins of the *true* biomass they
need not. Axis letters: i pixel.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.nn.biomass_s import LEVELS_MG_HA
from eomap.ood.calibration import conformal_bound

F64 = npt.NDArray[np.float64]
COVERAGE = 0.9
FEWEST_PLACES = 10
"""A level seen at fewer takes the bound of all levels above the lowest together."""
FEW_PLACES, LEAST_BOUND = 30, 1.645
"""A level seen at fewer has no narrower bound than that of the errors which the network expects, were they
normal, and no factor of sigma below 1: the few may be easy ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a network said of pixels whose truth is known."""

    root_i: F64
    deviation_i: F64
    """Mean and deviation of the root, (Mg/ha)^0.5."""
    biomass_i: F64
    sigma_i: F64
    """As mapped without factors, Mg/ha."""
    truth_i: F64
    """Mg/ha."""
    place_i: npt.NDArray[np.int64]
    """Pixels of one place are no evidence of each other's."""


def calibrated(judged: Judged) -> tuple[list[float], list[float]]:
    """Return bounds, in deviations of the root, and factors of sigma, one for each level.

    A factor makes the mean square of sigma that of the errors. Raises MisuseError where there is no pixel.
    """
    level = np.searchsorted(LEVELS_MG_HA, judged.biomass_i, side="right")
    score = np.abs(np.sqrt(judged.truth_i) - judged.root_i) / judged.deviation_i
    square = (judged.biomass_i - judged.truth_i) ** 2
    above = level > 0
    if not above.any():
        above[:] = True
    bounds, factors = [], []
    for j in range(len(LEVELS_MG_HA) + 1):
        here = level == j
        places = np.unique(judged.place_i[here]).size
        if places < FEWEST_PLACES:
            here = above
        bound = conformal_bound(score[here], judged.place_i[here], coverage=COVERAGE)
        factor = float(np.sqrt(square[here].mean() / (judged.sigma_i[here] ** 2).mean()))
        few = places < FEW_PLACES
        bounds.append(max(bound, LEAST_BOUND) if few else bound)
        factors.append(max(factor, 1.0) if few else factor)
    return bounds, factors
