"""What the sky is like at a place on a day: how much cloud of which kind, how high, how clear the air.

Weather is random but has its climate: the caller says the mean cover of place and month. Nothing here was
fitted; the numbers are round ones of the order that textbooks give. Axis letters: y row, x column.
"""

import math
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

import numpy as np

from eomap.errors import MisuseError
from eomap.twin.earth import F32, Points, uniform

Field = float | F32
"""One number for everywhere, or one for each of some points (y, x)."""
FRONT_M = 1_500_000.0
"""Longest wave of cloud cover; places 300 km apart still share half of their weather."""
_SPREAD = 2.2
"""Standard deviation of the logit of cover: most days are nearly clear or nearly overcast."""
CUMULUS_M, STRATUS_M = 1_900.0, 1_200.0
"""Height from which a cloud casts its shadow, between base and top."""
CIRRUS_M = 9_500.0


@dataclass(frozen=True, slots=True, eq=False)
class Weather:
    """The state of the sky; covers are shares of the ground below that genus, 0 to 1.

    Given to `sky_of` as it is, it holds everywhere, so its numbers must be plain ones.
    """

    cumulus: Field
    stratus: Field
    cirrus: Field
    cumulus_m: Field = CUMULUS_M
    """Height from which the clouds of a genus cast their shadow."""
    stratus_m: Field = STRATUS_M
    aot550: Field = 0.12
    """Optical depth of aerosol at 550 nm."""
    water_vapour_cm: Field = 2.0

    @property
    def cover(self) -> Field:
        """Share of the ground below any cloud, as genera overlap by chance."""
        return 1 - (1 - self.cumulus) * (1 - self.stratus) * (1 - self.cirrus)

    def at(self, points: Points) -> "Weather":
        """Return itself: it is the same everywhere."""
        return self


class Skies(Protocol):
    """Anything that knows the weather at any place."""

    def at(self, points: Points) -> Weather:
        """Return the weather of some points (y, x)."""


class MeanCover(Protocol):
    """A climate: continuous, or maps get a seam."""

    def __call__(self, points: Points) -> F32:
        """Return the mean cloud cover of some points (y, x), 0 to 1."""


def explicit(
    cover: float, *, cumulus: float = 1.0, stratus: float = 0.0, cirrus: float = 0.0, aot550: float = 0.12
) -> Weather:
    """Return weather of this cover everywhere, split among the genera by their weights.

    >>> w = explicit(0.5, cumulus=1, cirrus=1)
    >>> round(w.cover, 6), round(w.cumulus, 3), w.stratus
    (0.5, 0.293, 0.0)
    """
    total = cumulus + stratus + cirrus
    if not 0 <= cover <= 1 or min(cumulus, stratus, cirrus) < 0 or total <= 0:
        raise MisuseError(
            "weather",
            expected="a cover from 0 to 1 and weights of the genera, not all 0",
            got=f"cover {cover}, weights {cumulus}, {stratus}, {cirrus}",
        )
    clear = max(1 - cover, 1e-6)
    heaps, sheets, ice = (1 - clear ** (w / total) for w in (cumulus, stratus, cirrus))
    return Weather(heaps, sheets, ice, aot550=aot550)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The weather of the whole Earth on one day: a pure function of place, day and seed."""

    day: date
    mean_cover: float | MeanCover
    seed: int

    def key(self, purpose: int) -> int:
        """Return a seed that no other day, seed or purpose has; purposes below 100 are taken by `at`."""
        return int(uniform(self.seed, self.day.toordinal(), purpose)[0] * 2**24)

    def at(self, points: Points) -> Weather:
        """Return the weather of some points (y, x), continuous in place."""
        mean = self.mean_cover if isinstance(self.mean_cover, float | int) else self.mean_cover(points)
        mean = np.clip(mean, 0.01, 0.99)
        # The mean of a logistic of a normal number, after D. MacKay 1992 (doi:10.1162/neco.1992.4.5.720).
        middle = np.log(mean / (1 - mean)) * math.sqrt(1 + math.pi * _SPREAD**2 / 8)
        cover = _logistic(middle + _SPREAD * points.fractal(FRONT_M, self.key(0), octaves=6, gain=0.55))
        warm = self._warmth(points)
        votes = [np.exp(1.6 * points.fractal(FRONT_M, self.key(1 + k), octaves=3)) for k in range(3)]
        votes[0] *= 0.4 + 1.4 * warm  # heaps need warm ground
        total = votes[0] + votes[1] + votes[2]
        clear = 1 - cover
        cumulus, stratus, cirrus = ((1 - clear ** (v / total)).astype(np.float32) for v in votes)
        lift = points.fractal(800_000, self.key(4), octaves=3)
        return Weather(
            cumulus,
            stratus,
            cirrus,
            (CUMULUS_M * np.exp(0.25 * lift) * (0.7 + 0.6 * warm)).astype(np.float32),
            (STRATUS_M * np.exp(0.3 * points.fractal(800_000, self.key(5), octaves=3))).astype(np.float32),
            np.clip(0.12 * np.exp(0.55 * points.fractal(1e6, self.key(6), octaves=4)), 0.02, 0.9).astype(
                np.float32
            ),
            np.clip(
                (0.4 + 3.4 * warm) * np.exp(0.3 * points.fractal(1e6, self.key(7), octaves=3)), 0.3, 6
            ).astype(np.float32),
        )

    def _warmth(self, points: Points) -> F32:
        """Return about 1 below the sun's yearly path, 0 in polar night (y, x)."""
        sun_deg = 14 * math.cos(2 * math.pi * (self.day.timetuple().tm_yday - 200) / 365)
        return np.exp(-np.square((points.lat_deg - sun_deg) / 33)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Cloudless:
    """The air of some weather without a cloud in it: what a satellite would have seen of the ground."""

    of: Skies

    def at(self, points: Points) -> Weather:
        """Return the weather of some points (y, x): every cover is 0, the air is what it was."""
        none = np.zeros(points.shape, np.float32)
        return replace(self.of.at(points), cumulus=none, stratus=none, cirrus=none)


def _logistic(x: F32) -> F32:
    return (1 / (1 + np.exp(-x))).astype(np.float32)
