"""One picture of many looks, by the method asked for.

Axis letters: t look, b band, y row (north to south), x column (west to east). Values are codes: uint16 from
1 on, 0 where unseen (`core.sensor`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.days import mean_day
from eomap.kernels.median import median_and_spread, median_composite
from eomap.kernels.power import mean_in_power

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """What many looks became."""

    code_byx: U16
    """0 where there is no look."""
    n_clear_yx: U16
    spread_yx: U16 | None
    """How far the looks lie apart, in codes, mean over the bands; None unless asked for."""
    day_yx: U16
    """Day of the look that was chosen, or the mean day of the looks; 0 where there is none."""


def _median(code_tbyx: U16, look_tyx: Bool, day_t: U16, spread: bool) -> Composed:
    day = mean_day(look_tyx, day_t)
    if spread:
        return Composed(*median_and_spread(code_tbyx, look_tyx), day)
    return Composed(*median_composite(code_tbyx, look_tyx), None, day)


def _mean_in_power(code_tbyx: U16, look_tyx: Bool, day_t: U16, spread: bool) -> Composed:
    """The spread stays a deviation in dB: speckle takes a share of the power, whatever that is."""
    apart = median_and_spread(code_tbyx, look_tyx)[2] if spread else None
    return Composed(*mean_in_power(code_tbyx, look_tyx), apart, mean_day(look_tyx, day_t))


def _first(code_tbyx: U16, look_tyx: Bool, day_t: U16, spread: bool) -> Composed:
    """Take the latest look of each pixel, whole; names of classes survive. It has no spread."""
    made = Composed(
        np.zeros(code_tbyx.shape[1:], np.uint16),
        look_tyx.sum(axis=0, dtype=np.uint16),
        None,
        np.zeros(look_tyx.shape[1:], np.uint16),
    )
    for t in np.argsort(day_t, kind="stable"):  # the later overwrites the earlier
        np.copyto(made.code_byx, code_tbyx[t], where=look_tyx[t])
        made.day_yx[look_tyx[t]] = day_t[t]
    return made


METHODS: Mapping[str, Callable[[U16, Bool, U16, bool], Composed]] = {
    "median": _median,
    "mean_in_power": _mean_in_power,
    "first": _first,
}


def composed(method: str, code_tbyx: U16, look_tyx: Bool, day_t: U16, *, spread: bool = False) -> Composed:
    """Return the composite of the looks: the pixels of `code_tbyx` where `look_tyx`, seen on `day_t`.

    Raises MisuseError on an unknown method.
    """
    if method not in METHODS:
        raise MisuseError("--method", expected=f"one of {', '.join(METHODS)}", got=method)
    return METHODS[method](code_tbyx, look_tyx, day_t, spread)
