"""Water clouds: heaps with round heads and sheets of cells, as optical thickness over some points.

Tops rise where a rough field exceeds a threshold; the thickness follows the height. Long waves of the field
are made at the coarse nodes, short ones only at those pixels where they matter, which changes no bit.
Axis letters: y row, x column; r, c coarse node; n chosen pixels.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

import numpy as np

from eomap.kernels.billow import Octave, billows
from eomap.twin.coarse import Coarse, Ray
from eomap.twin.earth import F32
from eomap.twin.weather import Field

T = TypeVar("T")
THIN, THICK = 0.4, 3.0
"""Optical thickness at which a cloud is seen at all, and at which it hides most of the ground."""
_BLUR_M = 30.0
"""Standard deviation of the blur by light that seeps sideways within a cloud."""
_CLIP = 2.5
"""Short waves together are held within so many of their standard deviations."""
_COVERS = np.array(
    [1e-4, 1e-3, 0.01, 0.03, 0.07, *np.linspace(0.12, 0.88, 20), 0.93, 0.97, 0.99, 1 - 1e-3, 1 - 1e-4]
)
_EXCEEDED = np.array([-NormalDist().inv_cdf(c) for c in _COVERS])


def exceeded(share: Field) -> np.float32 | F32:
    """Return what a standard normal number exceeds with this probability; 3.7 for 0, -3.7 for 1.

    >>> round(float(exceeded(0.5)), 3), round(float(exceeded(0.1)), 1)
    (0.0, 1.3)
    """
    found: np.float32 | F32 = np.asarray(np.interp(share, _COVERS, _EXCEEDED), np.float32)[()]
    return found


def visible_excess(depth: float, reach: float, power: float) -> np.float32:
    """Return the excess at which depth (1 - exp(-excess / reach)) ** power is THIN."""
    return np.float32(-reach * math.log(1 - (THIN / depth) ** (1 / power)))


@dataclass(frozen=True, slots=True)
class Genus:
    """A kind of water cloud."""

    name: str
    """Of its cover in `Weather`."""
    number: int
    wavelength_m: float
    """Of the longest wave; every octave halves it."""
    heads_m: tuple[float, float]
    """Shortest and longest wave that is folded into heads."""
    gain: float
    depth: float
    """Optical thickness of a tall cloud."""
    reach: float
    """Excess over the threshold at which a cloud has grown to 63 % of its height."""
    power: float
    """How optical thickness grows with height."""
    height_m: float

    def octaves(self, longest_m: float, shortest_m: float, seed: int) -> tuple[Octave, ...]:
        """Return the octaves with `longest_m` > wave >= `shortest_m`."""
        scale = math.sqrt(1 - self.gain**2)
        return tuple(
            Octave(
                wave_m,
                scale * self.gain**k,
                scale * self.gain**k * _felt(wave_m),
                self.heads_m[0] <= wave_m <= self.heads_m[1],
                seed + 7919 * k,
            )
            for k in range(24)
            if shortest_m <= (wave_m := self.wavelength_m / 2**k) < longest_m
        )

    def threshold(self, cover: Field) -> np.float32 | F32:
        """Return what the field must exceed that this share of the ground lies below a visible cloud."""
        return np.asarray(exceeded(cover) - visible_excess(self.depth, self.reach, self.power), np.float32)


def _felt(wave_m: float) -> float:
    """Return how much of a wave's slopes is seen: light that seeps sideways blurs the short ones."""
    return math.exp(-((2 * math.pi * _BLUR_M / wave_m) ** 2) / 2)


CUMULUS = Genus("cumulus", 1, 5_120.0, (160.0, 1_280.0), 0.6, 42.0, 1.5, 1.7, 600.0)
STRATUS = Genus("stratus", 2, 10_240.0, (320.0, 2_560.0), 0.58, 26.0, 1.4, 1.3, 250.0)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One genus over some points."""

    tau_yx: F32
    """Optical thickness, 0 where there is no cloud."""
    rise_yx: F32
    """Rise of the cloud's top towards the sun, run one; 0 where there is no cloud."""


def layer(
    coarse: Coarse, genus: Genus, ray: Ray, *, cover: Field, seed: int, shortest_m: float
) -> Callable[[Coarse], Layer]:
    """Return what draws the clouds of a genus that the rays from some of the points meet.

    `cover` at the ends of the rays: one number or one for each node. Waves shorter than `shortest_m` are
    left out.
    """
    if np.max(cover) <= 0:
        return lambda part: Layer(*(np.zeros(part.fine.shape, np.float32) for _ in range(2)))
    end = ray.end(coarse.points)
    aim = _three(np.asarray(t, np.float32) for t in ray.toward)
    long_m = max(coarse.smooth_m, shortest_m)
    value, climb = billows((end.x_m, end.y_m, end.z_m), aim, genus.octaves(np.inf, long_m, seed))
    excess = value - genus.threshold(cover)
    short = genus.octaves(long_m, shortest_m, seed)
    return lambda part: _tops(part, genus, (excess, climb), short, ray=ray, aim=aim)


def _tops(
    coarse: Coarse,
    genus: Genus,
    long_rc: tuple[F32, F32],
    short: tuple[Octave, ...],
    *,
    ray: Ray,
    aim: tuple[F32, F32, F32],
) -> Layer:
    """Return a layer, given the long waves of its excess and its rise, and the octaves of the short ones."""
    tau, rise = (np.zeros(coarse.fine.shape, np.float32) for _ in range(2))
    excess = coarse.spread(long_rc[0]).reshape(-1)
    bound = np.float32(_CLIP * math.hypot(*(o.weight for o in short)))
    chosen = np.flatnonzero(excess > -bound)
    if not len(chosen):
        return Layer(tau, rise)
    e, slope = excess[chosen], coarse.spread(long_rc[1]).reshape(-1)[chosen]
    if short:
        near, fine = coarse.nearest_yx.reshape(-1)[chosen], coarse.fine
        spot = _three(
            a.reshape(-1)[chosen] + d.reshape(-1)[near]
            for a, d in zip((fine.x_m, fine.y_m, fine.z_m), ray.shift, strict=True)
        )
        more, steeper = billows(spot, _three(t.reshape(-1)[near] for t in aim), short)
        e = e + np.clip(more, -bound, bound)
        slope = slope + steeper
    fade = np.exp(-np.maximum(e, 0) / np.float32(genus.reach))
    tau.reshape(-1)[chosen] = np.float32(genus.depth) * (1 - fade) ** np.float32(genus.power)
    rise.reshape(-1)[chosen] = np.where(e > 0, slope * fade * np.float32(genus.height_m / genus.reach), 0)
    return Layer(tau, rise)


def _three(values: Iterable[T]) -> tuple[T, T, T]:
    a, b, c = values
    return a, b, c
