"""What changes the land on a date: woods cleared, rivers in flood. Truth for maps of change and for tests.

Axis letters: y row, x column.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from eomap.twin.earth import F32, Points, Site, around, from_site, near, sites, uniform
from eomap.twin.land import Bool

_CLEARING_M, _FLOOD_M = 7_000.0, 60_000.0
"""Spacing of clearings, and of the regions that are flooded together."""
_FIRST_YEAR, _YEARS = 2015, 12
_FLOOD_DAYS = 24
_FLOOD_REACH = 9.0
"""Half-widths of a river to which its flood reaches on flat land."""


@dataclass(frozen=True, slots=True)
class Event:
    """One clearing, or one flood, with its date."""

    kind: str
    site: Site
    day: date
    """First day on which it is seen; a flood lasts 24 days, a clearing stays."""


def clearings(points: Points, seed: int) -> Iterator[Event]:
    """Yield the clearings that may reach into some points, in a fixed order."""
    for site in sites(around(points, 2_000), _CLEARING_M, seed):
        when = float(uniform(seed + 5, site.key)[0])
        yield Event("deforestation", site, _day(when))


def floods(points: Points, seed: int) -> Iterator[Event]:
    """Yield the floods of the region that some points lie in, one a year at most."""
    for site in sites(around(points, _FLOOD_M), _FLOOD_M, seed):
        for year in range(_YEARS):
            chance, when = (float(uniform(seed + k, site.key, year)[0]) for k in (6, 7))
            if chance < 0.25:
                yield Event("flood", site, date(_FIRST_YEAR + year, 1, 1) + timedelta(days=int(360 * when)))


def _day(share: float) -> date:
    return date(_FIRST_YEAR, 1, 1) + timedelta(days=int(share * 365.25 * _YEARS))


def cleared(points: Points, day: date, seed: int) -> Bool:
    """Return where woods have been cleared by a day (y, x): blocks of 5 to 60 ha."""
    out = np.zeros(points.shape, bool)
    for event in clearings(points, seed):
        if event.day > day:
            continue
        size, long_, turn = (float(uniform(seed + k, event.site.key)[0]) for k in (8, 9, 10))
        half = 120 + 260 * size
        here = near(points, event.site, 2 * half)
        if here[0].stop and here[1].stop:
            u, v = from_site(points.part(*here), event.site, angle=turn * np.pi)
            out[here] |= (np.abs(u) < half) & (np.abs(v) < half * (0.5 + long_))
    return out


def flooded(points: Points, day: date, seed: int, *, river_yx: F32, slope_yx: F32) -> Bool:
    """Return what a flood has put under water on a day (y, x), beyond the river's own bed.

    `river_yx`: distance from the river's middle in half-widths; `slope_yx`: rise over run.
    """
    out = np.zeros(points.shape, bool)
    flat = slope_yx < 0.03
    for event in floods(points, seed):
        past = (day - event.day).days
        if 0 <= past < _FLOOD_DAYS:
            u, v = from_site(points, event.site)
            near = np.hypot(u, v) < _FLOOD_M * 0.6
            height = _FLOOD_REACH * np.sin(np.pi * (past + 1) / (_FLOOD_DAYS + 1))
            out |= near & flat & (river_yx < height)
    return out & (river_yx >= 1)
