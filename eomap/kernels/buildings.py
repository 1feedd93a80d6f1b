"""Houses, streets and gardens at 2.5 m, counted into the materials of 10 m pixels.

A quarter is a street grid in a town's own plane (u, v); blocks are cut into lots, a lot holds one building or
none, and what is open is garden, pavement or trees. All of it is a hash of the block's and the lot's numbers,
so that any cut gives the same bits. Axis letters: m material, y row, x column, z zone, q quantity.
"""

import numba
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
SIDE = 4
"""Sub-pixels along each side of a pixel."""
SHADED = np.float32(0.3)
"""Light that is left where a building takes the sun."""
(BLOCK_U, BLOCK_V, STREET, LOT_U, LOT_V, FILL_U, FILL_V, BUILT, LOW_M, HIGH_M) = range(10)
"""Quantities of a quarter: block and lot sizes and street width in metres, how much of a lot's sides a
building takes, share of lots that are built, least and greatest height in metres."""
(ROOF_A, ROOF_B, ROOF_C, SHARE_A, SHARE_B, TREES, PAVED, LAWN) = range(10, 18)
"""Roofs: three materials, shares of the first two; open ground: shares of trees, pavement and lawn, the
rest is soil."""
QUANTITIES = 18
_MATERIALS = 15
_TREE, _LAWN, _SOIL, _STREET = 1, 3, 6, 12
"""Places in `eomap.twin.materials.Material` of broad-leaved trees, grass, soil, asphalt."""
_SPOT_M = 5.0
"""Side of the spots of open ground that are one thing."""
_STEPS = 6
"""Steps along a sunbeam at which buildings are looked for."""


def built_pixels(
    zone_yx: U8,
    plane_uv: F64,
    slope_uv: F64,
    *,
    quarters_zq: F32,
    sun_uvh: tuple[float, float, float],
    seed: int,
) -> tuple[F32, F32, F32]:
    """Return materials (m, y, x), the share under roofs (y, x) and their mean height in metres (y, x).

    `zone_yx` picks a row of `quarters_zq`, 0 means not built (all values 0 there). `plane_uv` (2, y, x) are
    the pixels' metres in the town's plane, `slope_uv` (2, 2, y, x) how u and v grow per column and per row.
    `sun_uvh` is the step along u and v towards the sun, in metres per metre of height, and its 1.
    """
    materials = np.zeros((_MATERIALS, *zone_yx.shape), np.float32)
    roofs, height = np.zeros(zone_yx.shape, np.float32), np.zeros(zone_yx.shape, np.float32)
    _built(
        np.ascontiguousarray(zone_yx),
        np.ascontiguousarray(plane_uv),
        np.ascontiguousarray(slope_uv),
        np.asarray(quarters_zq, np.float64),
        np.asarray(sun_uvh, np.float64),
        np.uint32(seed & 0xFFFFFFFF),
        materials,
        roofs,
        height,
    )
    return materials, roofs, height


@numba.njit(inline="always")
def _mixed(h):
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D))
    h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(h ^ (h >> np.uint32(16)))


@numba.njit(inline="always")
def _key(a, b, seed):
    h = _mixed(np.uint32(np.uint32(np.int64(a)) * np.uint32(0x9E3779B1)) ^ seed)
    return _mixed(h ^ np.uint32(np.uint32(np.int64(b)) * np.uint32(0x85EBCA77)))


@numba.njit(inline="always")
def _byte(h, k):
    return np.float64(np.int32((h >> np.uint32(8 * k)) & np.uint32(255))) / 256.0


@numba.njit(cache=True, nogil=True)
def _building(u, v, q, seed):
    """Return the height of the building at a place and its roof; -1, -1 on a street; 0, -1 else."""
    iu, iv = np.floor(u / q[BLOCK_U]), np.floor(v / q[BLOCK_V])
    a, b = u - iu * q[BLOCK_U] - q[STREET], v - iv * q[BLOCK_V] - q[STREET]
    if a < 0 or b < 0:
        return -1.0, -1
    nu = max(1.0, np.floor((q[BLOCK_U] - q[STREET]) / q[LOT_U]))
    nv = max(1.0, np.floor((q[BLOCK_V] - q[STREET]) / q[LOT_V]))
    lu, lv = (q[BLOCK_U] - q[STREET]) / nu, (q[BLOCK_V] - q[STREET]) / nv
    ka, kb = min(np.floor(a / lu), nu - 1), min(np.floor(b / lv), nv - 1)
    h = _key(iu * 64 + ka, iv * 64 + kb, seed)
    if _byte(h, 0) >= q[BUILT]:
        return 0.0, -1
    g = _mixed(h ^ np.uint32(0x51ED270B))
    wide = min(lu * q[FILL_U] * (0.8 + 0.4 * _byte(h, 1)), lu)
    deep = min(lv * q[FILL_V] * (0.8 + 0.4 * _byte(h, 2)), lv)
    off_a = (lu - wide) * (_byte(g, 1) - 0.5)
    off_b = (lv - deep) * (_byte(g, 2) - 0.5)
    if abs(a - (ka + 0.5) * lu - off_a) > wide / 2 or abs(b - (kb + 0.5) * lv - off_b) > deep / 2:
        return 0.0, -1
    pick = _byte(g, 0)
    roof = q[ROOF_A] if pick < q[SHARE_A] else q[ROOF_B] if pick < q[SHARE_A] + q[SHARE_B] else q[ROOF_C]
    return q[LOW_M] + (q[HIGH_M] - q[LOW_M]) * _byte(h, 3), np.int64(roof)


@numba.njit(cache=True, nogil=True)
def _built(zone, plane, slope, quarters, sun, seed, materials, roofs, height):
    whole = SIDE * SIDE
    for y in range(zone.shape[0]):
        for x in range(zone.shape[1]):
            z = zone[y, x]
            if z == 0:
                continue
            q = quarters[z]
            key = _mixed(seed ^ np.uint32(z))
            n_roof, sum_m = 0, 0.0
            for i in range(SIDE):
                for j in range(SIDE):
                    right, down = (j + 0.5) / SIDE - 0.5, (i + 0.5) / SIDE - 0.5
                    u = plane[0, y, x] + slope[0, 0, y, x] * right + slope[0, 1, y, x] * down
                    v = plane[1, y, x] + slope[1, 0, y, x] * right + slope[1, 1, y, x] * down
                    tall, what = _building(u, v, q, key)
                    if what >= 0:
                        n_roof += 1
                        sum_m += tall
                    elif tall < 0:
                        what = _STREET
                    else:
                        pick = _byte(
                            _key(np.floor(u / _SPOT_M), np.floor(v / _SPOT_M), key ^ np.uint32(77)), 0
                        )
                        if pick < q[TREES]:
                            what = _TREE
                        elif pick < q[TREES] + q[PAVED]:
                            what = _STREET
                        elif pick < q[TREES] + q[PAVED] + q[LAWN]:
                            what = _LAWN
                        else:
                            what = _SOIL
                    stands = max(tall, 0.0)
                    light = np.float32(1)
                    for k in range(1, _STEPS + 1):
                        up = (q[HIGH_M] - stands) * k / _STEPS
                        over, _ = _building(u + sun[0] * up, v + sun[1] * up, q, key)
                        if over > stands + up:
                            light = SHADED
                            break
                    materials[what, y, x] += light / np.float32(whole)
            roofs[y, x] = np.float32(n_roof / whole)
            if n_roof:
                height[y, x] = np.float32(sum_m / n_roof)


def built_pixels_numpy(
    zone_yx: U8,
    plane_uv: F64,
    slope_uv: F64,
    *,
    quarters_zq: F32,
    sun_uvh: tuple[float, float, float],
    seed: int,
) -> tuple[F32, F32, F32]:
    """Return what `built_pixels` returns; this plain twin defines it."""
    q = np.moveaxis(np.asarray(quarters_zq, np.float64)[zone_yx], -1, 0)
    with np.errstate(over="ignore"):
        key = _mix(np.uint32(seed & 0xFFFFFFFF) ^ zone_yx.astype(np.uint32))
    materials = np.zeros((_MATERIALS, *zone_yx.shape), np.float32)
    n_roof, sum_m = np.zeros(zone_yx.shape, np.int64), np.zeros(zone_yx.shape)
    safe = np.where(zone_yx > 0, 1.0, np.nan)  # blocks of size 0 where nothing is built
    for i in range(SIDE):
        for j in range(SIDE):
            right, down = (j + 0.5) / SIDE - 0.5, (i + 0.5) / SIDE - 0.5
            u, v = (plane_uv[k] + slope_uv[k, 0] * right + slope_uv[k, 1] * down for k in (0, 1))
            with np.errstate(all="ignore"):
                tall, roof = _buildings(u * safe, v * safe, q, key)
                spot = _keys(np.floor(u / _SPOT_M), np.floor(v / _SPOT_M), key ^ np.uint32(77))
                pick = _part(spot, 0)
                edges = (q[TREES], q[TREES] + q[PAVED], q[TREES] + q[PAVED] + q[LAWN])
                what = np.select([pick < e for e in edges], (_TREE, _STREET, _LAWN), _SOIL)
                what = np.where(roof >= 0, roof, np.where(tall < 0, _STREET, what))
                stands, light = np.maximum(tall, 0), np.ones(zone_yx.shape, np.float32)
                for k in range(1, _STEPS + 1):
                    up = (q[HIGH_M] - stands) * k / _STEPS
                    over, _ = _buildings((u + sun_uvh[0] * up) * safe, (v + sun_uvh[1] * up) * safe, q, key)
                    light[over > stands + up] = SHADED
            for m in range(_MATERIALS):
                materials[m] += np.where((what == m) & (zone_yx > 0), light / np.float32(SIDE * SIDE), 0)
            n_roof += (roof >= 0) & (zone_yx > 0)
            sum_m += np.where((roof >= 0) & (zone_yx > 0), tall, 0)
    height = np.where(n_roof > 0, sum_m / np.maximum(n_roof, 1), 0)
    return materials, (n_roof / (SIDE * SIDE)).astype(np.float32), height.astype(np.float32)


def _mix(h):
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
    return h ^ (h >> np.uint32(16))


def _keys(a, b, seed):
    first, second = (np.nan_to_num(k).astype(np.int64).astype(np.uint32) for k in (a, b))
    return _mix(_mix(first * np.uint32(0x9E3779B1) ^ seed) ^ second * np.uint32(0x85EBCA77))


def _part(h, k):
    return ((h >> np.uint32(8 * k)) & np.uint32(255)).astype(np.float64) / 256.0


def _buildings(u, v, q, key):
    """Return heights and roofs as `_building` does, for arrays."""
    iu, iv = np.floor(u / q[BLOCK_U]), np.floor(v / q[BLOCK_V])
    a, b = u - iu * q[BLOCK_U] - q[STREET], v - iv * q[BLOCK_V] - q[STREET]
    nu = np.maximum(1.0, np.floor((q[BLOCK_U] - q[STREET]) / q[LOT_U]))
    nv = np.maximum(1.0, np.floor((q[BLOCK_V] - q[STREET]) / q[LOT_V]))
    lu, lv = (q[BLOCK_U] - q[STREET]) / nu, (q[BLOCK_V] - q[STREET]) / nv
    ka, kb = np.minimum(np.floor(a / lu), nu - 1), np.minimum(np.floor(b / lv), nv - 1)
    h = _keys(iu * 64 + ka, iv * 64 + kb, key)
    g = _mix(h ^ np.uint32(0x51ED270B))
    wide = np.minimum(lu * q[FILL_U] * (0.8 + 0.4 * _part(h, 1)), lu)
    deep = np.minimum(lv * q[FILL_V] * (0.8 + 0.4 * _part(h, 2)), lv)
    off_a, off_b = (lu - wide) * (_part(g, 1) - 0.5), (lv - deep) * (_part(g, 2) - 0.5)
    within = (np.abs(a - (ka + 0.5) * lu - off_a) <= wide / 2) & (
        np.abs(b - (kb + 0.5) * lv - off_b) <= deep / 2
    )
    street = (a < 0) | (b < 0)
    stands = ~street & within & (_part(h, 0) < q[BUILT])
    pick = _part(g, 0)
    roof = np.where(
        pick < q[SHARE_A], q[ROOF_A], np.where(pick < q[SHARE_A] + q[SHARE_B], q[ROOF_B], q[ROOF_C])
    )
    tall = q[LOW_M] + (q[HIGH_M] - q[LOW_M]) * _part(h, 3)
    return np.where(street, -1.0, np.where(stands, tall, 0.0)), np.where(stands, roof, -1).astype(np.int64)
