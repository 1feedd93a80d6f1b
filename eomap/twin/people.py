"""Where people live: real cities of 100,000 and more, villages and towns made up between them.

Sizes of the made-up ones follow Zipf's law, as those of real places do (Gabaix 1999,
doi:10.1162/003355399556133).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eomap.twin.climate import climate_at, geography, land_share, of_climate
from eomap.twin.earth import Points, Site, around, points_at, sites, uniform

VILLAGE_M = 4_300.0
"""Spacing of the places where a village may stand."""
_SMALLEST, _LARGEST_MADE_UP = 180.0, 70_000.0
_REACH_M = 45_000.0
"""No city reaches further than this."""
_REAL = 1 << 40
"""Keys of real cities begin here, out of the way of the made-up ones."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """One place where people live."""

    site: Site
    population: float


def settlements(points: Points, seed: int) -> tuple[Settlement, ...]:
    """Return the settlements that may reach into some points: largest first, then by key."""
    found = [*_cities(points), *_villages(points, seed)]
    return tuple(sorted(found, key=lambda s: (-s.population, s.site.key)))


def _cities(points: Points) -> Iterator[Settlement]:
    west, south, east, north = around(points, _REACH_M)
    table = geography()
    lon, lat = table.city_deg.T
    # Longitudes of the points may run on beyond 180 or -180.
    for turn in (-360.0, 0.0, 360.0):
        near = (lon + turn >= west) & (lon + turn <= east) & (lat >= south) & (lat <= north)
        for k in np.flatnonzero(near).tolist():
            yield Settlement(
                Site(_REAL + k, float(lon[k]) + turn, float(lat[k])), float(table.city_population[k])
            )


def _villages(points: Points, seed: int) -> Iterator[Settlement]:
    near = list(sites(around(points, 3 * VILLAGE_M), VILLAGE_M, seed))
    if not near:
        return
    middles = points_at([[s.lon_deg for s in near]], [[s.lat_deg for s in near]])
    density = of_climate(climate_at(middles, seed + 10), "people")[0] * land_share(middles)[0]
    for site, chance in zip(near, density.tolist(), strict=True):
        exists, size = (float(uniform(seed + k, site.key)[0]) for k in (11, 12))
        if exists < 0.8 * chance:
            yield Settlement(site, min(_SMALLEST / max(1 - size, 1e-4) ** 1.15, _LARGEST_MADE_UP))


def radius_m(population: float) -> float:
    """Return how far the built land of a settlement reaches on average, metres.

    Area grows with the 0.85th power of the population, from 12 ha for 180 people: larger places are denser
    (Bettencourt 2013, doi:10.1126/science.1235823).

    >>> round(radius_m(180)), round(radius_m(100_000)), round(radius_m(10_000_000))
    (195, 2868, 20301)
    """
    return math.sqrt(0.12e6 * (population / 180) ** 0.85 / math.pi)
