"""One picture of many looks, by the method asked for.

Axis letters: t look, b band, y row (north to south), x column (west to east). Values are codes: uint16 from
1 on, 0 where unseen (`core.sensor`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from eomap.core.methods import DEVIATION_SCALES, GREENNESS_BANDS
from eomap.errors import MisuseError
from eomap.kernels.choice import Chosen, best_scored, greenest, medoid
from eomap.kernels.clearance import clearance
from eomap.kernels.days import mean_day
from eomap.kernels.deviations import deviations
from eomap.kernels.geomedian import geomedian
from eomap.kernels.levels import clear_mean, percentiles
from eomap.kernels.median import median_and_spread, median_composite
from eomap.kernels.power import mean_in_power

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]

_TOP = 65_534


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What is composed: the looks of one block."""

    code_tbyx: U16
    clear_tyx: Bool
    day_t: U16
    """Days since 1970-01-01, ascending."""
    bands: tuple[str, ...]
    edge_px: int = 0
    """Pixels that codes and mask hold beyond the block on every side."""

    def inner(self) -> "Looks":
        """Return the looks of the block itself."""
        if not self.edge_px:
            return self
        inside = (..., *(slice(self.edge_px, -self.edge_px),) * 2)
        return replace(
            self,
            code_tbyx=np.ascontiguousarray(self.code_tbyx[inside]),
            clear_tyx=np.ascontiguousarray(self.clear_tyx[inside]),
            edge_px=0,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """What many looks became."""

    code_byx: U16
    """0 where there is no look."""
    n_clear_yx: U16
    spread_yx: U16 | None = None
    """How far the looks lie apart, in codes, mean over the bands; None unless asked for."""
    day_yx: U16 | None = None
    """Day of the look that was chosen, or the mean day of the looks; 0 where there is none."""
    deviation_kyx: U16 | None = None
    """Spectral, Euclidean and Bray-Curtis deviation from the geomedian, in steps of DEVIATION_SCALES."""


def _median(looks: Looks, spread: bool) -> Composed:
    if spread:
        return Composed(*median_and_spread(looks.code_tbyx, looks.clear_tyx))
    return Composed(*median_composite(looks.code_tbyx, looks.clear_tyx))


def _mean(looks: Looks, spread: bool) -> Composed:
    return Composed(*clear_mean(looks.code_tbyx, looks.clear_tyx), _spread(looks, spread))


def _mean_in_power(looks: Looks, spread: bool) -> Composed:
    """The spread stays a deviation in dB: speckle takes a share of the power, whatever that is."""
    return Composed(*mean_in_power(looks.code_tbyx, looks.clear_tyx), _spread(looks, spread))


def _percentile(percent: int, looks: Looks, spread: bool) -> Composed:
    code_pbyx, n_clear = percentiles(looks.code_tbyx, looks.clear_tyx, [percent])
    return Composed(code_pbyx[0], n_clear, _spread(looks, spread))


def _geomedian(looks: Looks, spread: bool) -> Composed:
    centre, n_clear = geomedian(looks.code_tbyx, looks.clear_tyx)
    found = deviations(looks.code_tbyx, looks.clear_tyx, centre)
    stored = [
        np.minimum(np.rint(np.nan_to_num(values) / scale), _TOP)
        for values, scale in zip(found, DEVIATION_SCALES, strict=True)
    ]
    code = np.where(n_clear > 0, np.clip(np.floor(np.nan_to_num(centre) + 0.5), 1, _TOP), 0)
    return Composed(
        code.astype(np.uint16),
        n_clear,
        _spread(looks, spread),
        deviation_kyx=np.stack(stored).astype(np.uint16),
    )


def _chosen(choose: Callable[[Looks], Chosen], looks: Looks, spread: bool) -> Composed:
    code, n_clear, look = choose(looks)
    day = np.where(look >= 0, looks.day_t[look], 0).astype(np.uint16)
    return Composed(code, n_clear, _spread(looks.inner(), spread), day)


def _medoid(looks: Looks) -> Chosen:
    return medoid(looks.code_tbyx, looks.clear_tyx)


def _greenest(looks: Looks) -> Chosen:
    red, nir = (looks.bands.index(b) for b in GREENNESS_BANDS)
    return greenest(looks.code_tbyx, looks.clear_tyx, red=red, nir=nir)


def _best(looks: Looks) -> Chosen:
    """Take the look farthest from anything that is not clear, up to the edge; of those the latest."""
    inner, edge = looks.inner(), looks.edge_px
    score = np.stack([clearance(c, edge)[edge:-edge, edge:-edge] for c in looks.clear_tyx])
    return _latest_first(inner, score.astype(np.float32))


def _latest(looks: Looks) -> Chosen:
    return _latest_first(looks, np.zeros(looks.clear_tyx.shape, np.float32))


def _latest_first(looks: Looks, score_tyx: npt.NDArray[np.float32]) -> Chosen:
    """Ties go to the first look, so the last one has to be that."""
    found = best_scored(looks.code_tbyx[::-1], looks.clear_tyx[::-1], score_tyx[::-1])
    last = len(looks.day_t) - 1
    return found._replace(look_yx=np.where(found.look_yx < 0, found.look_yx, last - found.look_yx))


def _spread(looks: Looks, asked: bool) -> U16 | None:
    return median_and_spread(looks.code_tbyx, looks.clear_tyx)[2] if asked else None


METHODS: Mapping[str, Callable[[Looks, bool], Composed]] = {
    "median": _median,
    "geomedian": _geomedian,
    "medoid": partial(_chosen, _medoid),
    "greenest": partial(_chosen, _greenest),
    "best": partial(_chosen, _best),
    "latest": partial(_chosen, _latest),
    "mean": _mean,
    "mean_in_power": _mean_in_power,
    **{f"p{percent}": partial(_percentile, percent) for percent in (10, 25, 75, 90)},
}


def composed(method: str, looks: Looks, *, spread: bool = False, days: bool = True) -> Composed:
    """Return the composite of the looks of a block.

    Only `best` looks beyond the block, by `BEST_EDGE_PX`. Raises MisuseError on an unknown method.
    """
    if method not in METHODS:
        raise MisuseError("--method", expected=f"one of {', '.join(METHODS)}", got=method)
    made = METHODS[method](looks, spread)
    if days and made.day_yx is None:
        return replace(made, day_yx=mean_day(looks.clear_tyx, looks.day_t))
    return made
