"""The plain twin of `eomap.kernels.buildings`: it defines what the kernel returns.

Axis letters: m material, n built pixel, y row, x column, z zone, q quantity.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.kernels import buildings as b
from eomap.kernels.buildings import F32, F64, U8

U32 = npt.NDArray[np.uint32]


def built_pixels_numpy(
    zone_yx: U8,
    plane_uv: F64,
    slope_uv: F64,
    *,
    quarters_zq: F32,
    sun_uv: F64,
    seed: int,
) -> tuple[F32, F32, F32]:
    """Return what `built_pixels` returns."""
    y, x = np.nonzero(zone_yx)
    zone = zone_yx[y, x]
    q = np.asarray(quarters_zq, np.float64)[zone].T
    key = _mixed(np.uint32(seed & 0xFFFFFFFF) ^ zone.astype(np.uint32))
    place, slope, sun = plane_uv[:, y, x], slope_uv[:, :, y, x], sun_uv[:, y, x]
    materials = np.zeros((b.MATERIALS, zone.size), np.float32)
    n_roof, sum_m = np.zeros(zone.size, np.int64), np.zeros(zone.size)
    for i in range(b.SIDE):
        for j in range(b.SIDE):
            right, down = (j + 0.5) / b.SIDE - 0.5, (i + 0.5) / b.SIDE - 0.5
            u, v = (place[k] + slope[k, 0] * right + slope[k, 1] * down for k in (0, 1))
            spot = _spots(u, v, q, key)
            roofed = spot.height_m > 0
            what = np.where(roofed, spot.roof, _ground(u, v, q, key, spot))
            stands, light = np.maximum(spot.height_m, 0), np.where(roofed, spot.tone, 1.0)
            shaded = np.zeros(zone.size, bool)
            for k in range(1, int(q[b.STEPS].max(initial=0)) + 1):
                up = (q[b.HIGH_M] - stands) * k / q[b.STEPS]
                over = _spots(u + sun[0] * up, v + sun[1] * up, q, key).height_m
                shaded |= (k <= q[b.STEPS]) & (over > stands + up)
            light = np.where(shaded, light * b.SHADED, light)
            materials[what, np.arange(zone.size)] += (light / (b.SIDE * b.SIDE)).astype(np.float32)
            n_roof += roofed
            sum_m += stands
    out = np.zeros((b.MATERIALS + 2, *zone_yx.shape), np.float32)
    mean_m = np.where(n_roof > 0, sum_m / np.maximum(n_roof, 1), 0)
    out[:, y, x] = np.vstack([materials, n_roof / (b.SIDE * b.SIDE), mean_m])
    return out[: b.MATERIALS], out[-2], out[-1]


@dataclass(frozen=True, slots=True, eq=False)
class _Spots:
    """What stands at places (n)."""

    height_m: F64
    """-1 on a street, 0 on open ground."""
    roof: npt.NDArray[np.int64]
    tone: F64
    green: F64
    """Of the block: how many more trees it has than others."""


def _mixed(h: Any) -> Any:
    with np.errstate(over="ignore"):
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
        h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
    return h ^ (h >> np.uint32(16))


def _keys(first: Any, second: Any, seed: Any) -> U32:
    one, two = (np.asarray(k).astype(np.int64).astype(np.uint32) for k in (first, second))
    with np.errstate(over="ignore"):
        h = _mixed(one * np.uint32(0x9E3779B1) ^ seed)
        return np.asarray(_mixed(h ^ two * np.uint32(0x85EBCA77)))


def _byte(h: U32, k: int) -> F64:
    return ((h >> np.uint32(8 * k)) & np.uint32(255)).astype(np.float64) / 256.0


def _spans(u: F64, group: Any, block: F64, seed: Any) -> tuple[F64, F64, F64, F64]:
    """Return the number of the street before each place, where it and the next begin, its relative width."""

    def begin(i: F64) -> F64:
        return block * (i + b.BEND * (_byte(_keys(i, group, seed), 0) - 0.5))

    i = np.floor(u / block)
    i = i - (u < begin(i)) + (u >= begin(i + 1))
    wide = np.where(_byte(_keys(i, group, seed), 1) < b.AVENUES, b.AVENUE, 1.0)
    return i, begin(i), begin(i + 1), wide


def _spots(u: F64, v: F64, q: F64, key: U32) -> _Spots:
    iu, u0, u1, wide_u = _spans(u, 0, q[b.BLOCK_U], key ^ np.uint32(1))
    iv, v0, v1, wide_v = _spans(v, np.floor(iu / 3), q[b.BLOCK_V], key ^ np.uint32(2))
    su, sv = q[b.STREET] * wide_u, q[b.STREET] * wide_v
    block = _keys(iu, iv, key)
    size = 0.65 + 0.7 * _byte(block, 3)
    nu = np.maximum(1.0, np.floor((u1 - u0 - su) / (q[b.LOT_U] * size)))
    nv = np.maximum(1.0, np.floor((v1 - v0 - sv) / (q[b.LOT_V] * size)))
    lu, lv = (u1 - u0 - su) / nu, (v1 - v0 - sv) / nv
    x, y = u - u0 - su, v - v0 - sv
    ka, kb = np.minimum(np.floor(x / lu), nu - 1), np.minimum(np.floor(y / lv), nv - 1)
    lot = _keys(ka, kb, block)
    more = _mixed(lot ^ np.uint32(0x51ED270B))
    last = _mixed(more ^ np.uint32(0x2545F491))
    wide = np.minimum(lu * q[b.FILL_U] * (0.75 + 0.5 * _byte(lot, 1)), lu)
    deep = np.minimum(lv * q[b.FILL_V] * (0.75 + 0.5 * _byte(lot, 2)), lv)
    across = np.abs(x - ((ka + 0.5) * lu + (lu - wide) * (_byte(more, 1) - 0.5))) / (wide / 2)
    along = np.abs(y - ((kb + 0.5) * lv + (lv - deep) * (_byte(more, 2) - 0.5))) / (deep / 2)
    round_ = _byte(last, 1) < q[b.ROUND]
    far = np.where(round_, across * across + along * along, np.maximum(across, along))
    edge = np.minimum(np.minimum(x, nu * lu - x), np.minimum(y, nv * lv - y))
    inside = np.where(q[b.RING_M] > 0, edge < q[b.RING_M], far <= 1)
    free = _byte(block, 0) < q[b.OPEN]
    street = (x < 0) | (y < 0)
    stands = inside & ~street & ~free & (_byte(lot, 0) < q[b.BUILT])
    pick = np.where(_byte(last, 0) < q[b.KINDRED], _byte(block, 2), _byte(more, 0))
    second = pick < q[b.SHARE_A] + q[b.SHARE_B]
    roof = np.where(pick < q[b.SHARE_A], q[b.ROOF_A], np.where(second, q[b.ROOF_B], q[b.ROOF_C]))
    rank = 0.5 * _byte(lot, 3) + 0.5 * _byte(_mixed(block), 2)
    tall = q[b.LOW_M] + (q[b.HIGH_M] - q[b.LOW_M]) * rank
    return _Spots(
        np.where(street, -1.0, np.where(stands, tall, 0.0)),
        roof.astype(np.int64),
        q[b.DARKEST] + (1 - q[b.DARKEST]) * _byte(more, 3),
        np.where(free, 2.0, 0.4 + 1.2 * _byte(block, 1)),
    )


def _ground(u: F64, v: F64, q: F64, key: U32, spot: _Spots) -> npt.NDArray[np.int64]:
    """Return the material of open ground or of a street."""
    street = spot.height_m < 0
    clump, crown, yard = (
        _byte(_keys(np.floor(u / side), np.floor(v / side), key ^ np.uint32(salt)), 0)
        for side, salt in ((b.CLUMP_M, 75), (b.CROWN_M, 76), (b.YARD_M, 77))
    )
    trees = np.where(street, q[b.STREET_TREES], q[b.TREES])
    leaves = crown < trees * spot.green * (0.3 + 1.4 * clump)
    lawn = yard < q[b.PAVED] + q[b.LAWN]
    cover = np.where(yard < q[b.PAVED], b.PAVEMENT, np.where(lawn, b.GRASS, b.SOIL))
    return np.where(leaves, b.TREE, np.where(street, b.PAVEMENT, cover))
