"""Farmland: strips and parcels that share a direction around each of some scattered sites.

Pixels and sites are Earth-centred metres. Axis letters: s site, k axis of a site's plane, y row, x column.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
LANE_M = 4.0
"""Width of the track between two strips."""
SHORTEST, LONGER = 0.6, 2.2
"""Length of the shortest parcel, and what the longest has more, in widths of the strip."""
_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, slots=True, eq=False)
class Plots:
    """The planes in which the fields around each site lie."""

    middle_sx: F64
    """Earth-centred metres (s, 3)."""
    axis_skx: F64
    """Unit vectors along the strips and across them (s, 2, 3)."""
    deep_m: F64
    """Width of the strips (s)."""
    key: I64
    """A whole number that each site has to itself (s)."""


def parcels(x_m: F64, y_m: F64, z_m: F64, owner_yx: I32, plots: Plots, *, seed: int) -> tuple[F32, Bool]:
    """Return the number of each pixel's parcel, [0, 1), and where a track divides two strips (y, x).

    `owner_yx` is the site whose fields a pixel lies in.
    """
    number, lane = np.empty(owner_yx.shape, np.float32), np.empty(owner_yx.shape, np.bool_)
    x, y, z = (np.ascontiguousarray(a, np.float64).reshape(-1) for a in (x_m, y_m, z_m))
    lengths, numbers = _begun(seed, plots.key), _begun(seed + 1, plots.key)
    net = (plots.middle_sx, plots.axis_skx, plots.deep_m, lengths, numbers)
    owner = np.ascontiguousarray(owner_yx).reshape(-1)
    _parcels(x, y, z, owner, *net, number.reshape(-1), lane.reshape(-1))
    return number, lane


def parcels_numpy(
    x_m: F64, y_m: F64, z_m: F64, owner_yx: I32, plots: Plots, *, seed: int
) -> tuple[F32, Bool]:
    """Return what `parcels` returns; this plain twin defines it."""
    middle, axis, deep = (a[owner_yx] for a in (plots.middle_sx, plots.axis_skx, plots.deep_m))
    dx, dy, dz = (a - middle[..., k] for k, a in enumerate((x_m, y_m, z_m)))
    u, v = (dx * axis[..., k, 0] + dy * axis[..., k, 1] + dz * axis[..., k, 2] for k in (0, 1))
    strip = np.floor(v / deep)
    lengths, numbers = (_begun(seed + k, plots.key)[owner_yx] for k in (0, 1))
    with np.errstate(over="ignore"):
        long_ = deep * (SHORTEST + LONGER * _share(_next(lengths, strip)))
        number = _share(_next(_next(numbers, strip), np.floor(u / long_)))
    return number.astype(np.float32), v - strip * deep < LANE_M


def _begun(seed: int, key: I64) -> npt.NDArray[np.uint64]:
    """Return the state of a hash that has taken in a seed and the keys of the sites."""
    with np.errstate(over="ignore"):
        return _next(_next(np.zeros(key.shape, np.uint64), np.full(key.shape, seed, np.int64)), key)


def _next(state: Any, key: Any) -> Any:
    state = (state ^ key.astype(np.int64).astype(np.uint64)) * _A
    state = (state ^ (state >> np.uint64(31))) * _B
    return state ^ (state >> np.uint64(32))


def _share(state: Any) -> Any:
    return (state >> np.uint64(40)).astype(np.float64) * 2.0**-24


@numba.njit(inline="always")
def _taken(state, key):
    state = (state ^ np.uint64(np.int64(key))) * _A
    state = (state ^ (state >> np.uint64(31))) * _B
    return state ^ (state >> np.uint64(32))


@numba.njit(inline="always")
def _part(state):
    return np.float64(np.int64(state >> np.uint64(40))) * 2.0**-24


@numba.njit(cache=True, nogil=True)
def _parcels(x, y, z, owner, middle, axis, deep, lengths, numbers, number, lane):
    for p in range(len(owner)):
        s = owner[p]
        dx, dy, dz = x[p] - middle[s, 0], y[p] - middle[s, 1], z[p] - middle[s, 2]
        u = dx * axis[s, 0, 0] + dy * axis[s, 0, 1] + dz * axis[s, 0, 2]
        v = dx * axis[s, 1, 0] + dy * axis[s, 1, 1] + dz * axis[s, 1, 2]
        strip = np.floor(v / deep[s])
        long_ = deep[s] * (SHORTEST + LONGER * _part(_taken(lengths[s], strip)))
        number[p] = np.float32(_part(_taken(_taken(numbers[s], strip), np.floor(u / long_))))
        lane[p] = v - strip * deep[s] < LANE_M
