"""Ice clouds: streaks along the wind, thin and smooth.

Wind belongs to air masses some hundred kilometres wide, scattered over the Earth and blended into each
other; within one, streaks are noise that is stretched along its wind. Axis letters: r, c node.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.kernels.noise import fractal
from eomap.twin.coarse import Coarse
from eomap.twin.earth import F32, F64, Points, Site, around, from_site, points_at, sites, uniform
from eomap.twin.genera import THIN, exceeded
from eomap.twin.weather import Field

_AIR_MASS_M, _REACH_M = 600_000.0, 1_000_000.0
_LONGEST_M, _STRETCH, _GAIN = 10_240.0, 7.0, 0.7
"""Longest wave across the wind; waves along it are `_STRETCH` times as long."""
_CURL_M, _CURL_WAVE_M = 900.0, 24_000.0
"""How far streaks are bent out of line, and over which distance."""
_CLIP = 2.5
_GROWTH, _EDGE, _MOST = 1.05, 0.35, 5.0
"""Optical thickness is lognormal, THIN where a cloud begins to be seen, less _EDGE of that; at most _MOST."""


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """The coordinates of one air mass at the nodes (r, c), metres."""

    seed: int
    weight: F32
    along: F64
    """Along the wind, shrunk by the stretch of the streaks."""
    across: F64


def ice_depth(
    coarse: Coarse, places: Points, cover: Field, *, seed: int, shortest_m: float
) -> Callable[[Coarse], F32]:
    """Return what draws the optical thickness (y, x) of ice over places, one for each node, at some points.

    A share `cover` of the Earth (one number or one per node) lies below ice that is seen.
    """
    streams = tuple(_streams(places, seed))
    long_m = max(coarse.smooth_m, shortest_m)
    at_nodes = sum(s.weight * _stream(s.along, s.across, s.seed, (np.inf, long_m)) for s in streams)
    excess = np.asarray(at_nodes - exceeded(cover), np.float32)
    return lambda part: _depth(part, excess, streams, (long_m, shortest_m))


def _depth(coarse: Coarse, long_rc: F32, streams: tuple[Stream, ...], waves_m: tuple[float, float]) -> F32:
    """Return optical thickness (y, x), given the long waves of its excess."""
    excess = coarse.spread(long_rc)
    short = _octaves(*waves_m)
    bound = np.float32(_CLIP * sum(w * w for _, w in short) ** 0.5)
    out = np.zeros(coarse.fine.shape, np.float32)
    chosen = np.flatnonzero(excess > np.float32(math.log(_EDGE) / _GROWTH) - bound)
    if not len(chosen):
        return out
    e = excess.reshape(-1)[chosen]
    if short:
        more = np.zeros(len(e), np.float32)
        for s in streams:
            weight, along, across = (
                coarse.spread(a.astype(np.float32)).reshape(-1)[chosen] for a in (s.weight, s.along, s.across)
            )
            more += weight * _stream(along, across, s.seed, waves_m)
        e = e + np.clip(more, -bound, bound)
    depth = (np.exp(np.float32(_GROWTH) * e) - np.float32(_EDGE)) * np.float32(THIN / (1 - _EDGE))
    out.reshape(-1)[chosen] = np.clip(depth, 0, _MOST)
    return out


def _octaves(longest_m: float, shortest_m: float) -> list[tuple[int, float]]:
    """Return number and weight of the octaves with longest > wave >= shortest."""
    scale = math.sqrt(1 - _GAIN**2)
    return [(k, scale * _GAIN**k) for k in range(24) if shortest_m <= _LONGEST_M / 2**k < longest_m]


def _stream(
    along: npt.NDArray[Any], across: npt.NDArray[Any], seed: int, waves_m: tuple[float, float]
) -> F32:
    """Return the part of a stream's noise with waves in between, of the coordinates' shape."""
    out = np.zeros(along.shape, np.float32)
    for k, weight in _octaves(*waves_m):
        wave_m = _LONGEST_M / 2**k
        level = np.full(along.shape, 0.37 * wave_m)
        out += np.float32(weight) * fractal(
            along, across, level, wavelength_m=wave_m, seed=seed + k, octaves=1
        )
    return out


def _streams(points: Points, seed: int) -> Iterator[Stream]:
    """Yield the few air masses that lie above some points; squares of their weights add up to 1."""
    bend = _CURL_M * points.fractal(_CURL_WAVE_M, seed + 1, octaves=4, gain=0.5).astype(np.float64)
    found = []
    for site in _air_masses(points, seed):
        own = int(uniform(seed, site.key)[0] * 2**24)
        along, across = from_site(points, site, angle=math.pi * (own % 997) / 997)
        near = np.maximum(1 - (along * along + across * across) / _REACH_M**2, 0) ** 2
        found.append((own, near, along / _STRETCH, across + bend))
    most = np.max([near for _, near, _, _ in found], axis=0)
    kept = [(own, np.maximum(near - 0.6 * most, 0), u, v) for own, near, u, v in found]
    norm = np.sqrt(sum(near * near for _, near, _, _ in kept))
    for own, near, along, across in kept:
        if near.any():
            yield Stream(own, (near / norm).astype(np.float32), along, across)


def _air_masses(points: Points, seed: int) -> Iterator[Site]:
    """Yield all sites within reach of any point, and some more."""
    ends = [(float(a.min()), float(a.max())) for a in (points.x_m, points.y_m, points.z_m)]
    middle, half = [(a + b) / 2 for a, b in ends], [(b - a) / 2 for a, b in ends]
    for site in sites(around(points, 2 * _REACH_M), _AIR_MASS_M, seed):
        there = points_at(site.lon_deg, site.lat_deg)
        place = [float(a) for a in (there.x_m, there.y_m, there.z_m)]
        if math.dist(middle, place) < 1.05 * _REACH_M + math.hypot(*half):
            yield site
