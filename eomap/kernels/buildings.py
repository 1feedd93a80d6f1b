"""Houses, streets and gardens at 2.5 m, counted into the materials of 10 m pixels.

A quarter is a net of streets in a town's own plane (u, v). Streets part blocks, blocks are cut into lots, a
lot holds one building or none, and open ground is pavement, lawn or soil with trees. All of it is a hash of
the numbers of street, block, lot and spot, so that any cut gives the same bits; the kernel only remembers the
last lot, because the next place mostly lies in it. `buildings_numpy` defines what comes back. Axis letters:
m material, y row, x column, z zone, q quantity.
"""

import numba
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
SIDE = 4
"""Sub-pixels along each side of a pixel."""
SHADED = 0.3
"""Light that is left where a building takes the sun."""
(BLOCK_U, BLOCK_V, STREET, LOT_U, LOT_V, FILL_U, FILL_V, BUILT, LOW_M, HIGH_M) = range(10)
"""Quantities of a quarter: mean block and lot sizes and street width in metres, how much of a lot's sides a
building takes, share of lots that are built, least and greatest height in metres."""
(RING_M, OPEN, ROUND, STEPS) = range(10, 14)
"""Depth of the houses along the edge of a block, 0 where they stand lot by lot; share of blocks without
houses; share of buildings that are round; steps along a sunbeam at which taller buildings are looked for."""
(ROOF_A, ROOF_B, ROOF_C, SHARE_A, SHARE_B, KINDRED, DARKEST) = range(14, 21)
"""Three roof materials and the shares of the first two; share of houses roofed as the block is; how bright
the most worn roof is, 1 for as new."""
(TREES, PAVED, LAWN, STREET_TREES) = range(21, 25)
"""Open ground: share under trees; of the rest, shares of pavement and lawn, what is left is soil. Share of
streets under trees."""
QUANTITIES = 25
MATERIALS = 15
TREE, GRASS, SOIL, PAVEMENT = 1, 3, 6, 12
"""Places in `eomap.twin.materials.Material` of broad-leaved trees, grass, soil, asphalt."""
CROWN_M, CLUMP_M, YARD_M = 6.0, 30.0, 13.0
"""Sides of the squares of open ground that are one crown, have their trees in common, are one ground."""
BEND = 0.4
"""How far a street may lie from its place in an even net, in blocks."""
AVENUES, AVENUE = 0.18, 1.9
"""Share of streets that are avenues, and how much wider those are."""
(_U0, _U1, _V0, _V1, _IU, _IV, _SU, _SV, _NU, _NV, _LU, _LV, _KA, _KB, _TALL, _ROOF, _TONE) = range(17)
(_CU, _CV, _HALF_U, _HALF_V, _ROUND, _GREEN) = range(17, 23)
_MEMORY = 23


def built_pixels(
    zone_yx: U8,
    plane_uv: F64,
    slope_uv: F64,
    *,
    quarters_zq: F32,
    sun_uv: F64,
    seed: int,
) -> tuple[F32, F32, F32]:
    """Return materials (m, y, x), the share under roofs (y, x) and their mean height in metres (y, x).

    `zone_yx` picks a row of `quarters_zq`, 0 means not built (all values 0 there). `plane_uv` (2, y, x) are
    the pixels' metres in the town's plane, `slope_uv` (2, 2, y, x) how u and v grow per column and per row.
    `sun_uv` (2, y, x) is the step along u and v towards the sun, in metres per metre of height.
    """
    materials = np.zeros((MATERIALS, *zone_yx.shape), np.float32)
    roofs, height = np.zeros(zone_yx.shape, np.float32), np.zeros(zone_yx.shape, np.float32)
    _built(
        np.ascontiguousarray(zone_yx),
        np.ascontiguousarray(plane_uv),
        np.ascontiguousarray(slope_uv),
        np.asarray(quarters_zq, np.float64),
        np.ascontiguousarray(sun_uv),
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


@numba.njit(inline="always")
def _line(i, group, block, seed):
    """Return where street i begins and its hash."""
    h = _key(i, group, seed)
    return block * (i + BEND * (_byte(h, 0) - 0.5)), h


@numba.njit(cache=True, nogil=True)
def _span(u, group, block, seed):
    """Return the number of the street before a place, where it and the next begin, its relative width."""
    i = np.floor(u / block)
    low, h = _line(i, group, block, seed)
    high, g = _line(i + 1, group, block, seed)
    if u < low:
        i, high = i - 1, low
        low, h = _line(i, group, block, seed)
    elif u >= high:
        i, low, h = i + 1, high, g
        high, g = _line(i + 1, group, block, seed)
    return i, low, high, AVENUE if _byte(h, 1) < AVENUES else 1.0


@numba.njit(cache=True, nogil=True)
def _enter_block(u, v, q, seed, own):
    iu, u0, u1, wide_u = _span(u, 0.0, q[BLOCK_U], seed ^ np.uint32(1))
    # Three neighbouring strips share their cross streets.
    iv, v0, v1, wide_v = _span(v, np.floor(iu / 3), q[BLOCK_V], seed ^ np.uint32(2))
    own[_U0], own[_U1], own[_V0], own[_V1], own[_IU], own[_IV] = u0, u1, v0, v1, iu, iv
    own[_SU], own[_SV] = q[STREET] * wide_u, q[STREET] * wide_v
    h = _key(iu, iv, seed)
    size = 0.65 + 0.7 * _byte(h, 3)
    own[_NU] = max(1.0, np.floor((u1 - u0 - own[_SU]) / (q[LOT_U] * size)))
    own[_NV] = max(1.0, np.floor((v1 - v0 - own[_SV]) / (q[LOT_V] * size)))
    own[_LU], own[_LV] = (u1 - u0 - own[_SU]) / own[_NU], (v1 - v0 - own[_SV]) / own[_NV]
    own[_KA], own[_KB] = -1.0, -1.0
    own[_GREEN] = (0.4 + 1.2 * _byte(h, 1)) if _byte(h, 0) >= q[OPEN] else 2.0


@numba.njit(cache=True, nogil=True)
def _enter_lot(ka, kb, q, seed, own):
    own[_KA], own[_KB] = ka, kb
    block = _key(own[_IU], own[_IV], seed)
    lot = _key(ka, kb, block)
    more = _mixed(lot ^ np.uint32(0x51ED270B))
    last = _mixed(more ^ np.uint32(0x2545F491))
    own[_TALL] = 0.0
    if _byte(block, 0) < q[OPEN] or _byte(lot, 0) >= q[BUILT]:
        return
    lu, lv = own[_LU], own[_LV]
    wide = min(lu * q[FILL_U] * (0.75 + 0.5 * _byte(lot, 1)), lu)
    deep = min(lv * q[FILL_V] * (0.75 + 0.5 * _byte(lot, 2)), lv)
    own[_HALF_U], own[_HALF_V] = wide / 2, deep / 2
    own[_CU] = (ka + 0.5) * lu + (lu - wide) * (_byte(more, 1) - 0.5)
    own[_CV] = (kb + 0.5) * lv + (lv - deep) * (_byte(more, 2) - 0.5)
    pick = _byte(block, 2) if _byte(last, 0) < q[KINDRED] else _byte(more, 0)
    own[_ROOF] = (
        q[ROOF_A] if pick < q[SHARE_A] else q[ROOF_B] if pick < q[SHARE_A] + q[SHARE_B] else q[ROOF_C]
    )
    rank = 0.5 * _byte(lot, 3) + 0.5 * _byte(_mixed(block), 2)
    own[_TALL] = q[LOW_M] + (q[HIGH_M] - q[LOW_M]) * rank
    own[_TONE] = q[DARKEST] + (1 - q[DARKEST]) * _byte(more, 3)
    own[_ROUND] = 1.0 if _byte(last, 1) < q[ROUND] else 0.0


@numba.njit(cache=True, nogil=True)
def _height(u, v, q, seed, own):
    """Return the height of what stands at a place, -1 on a street; `own` then describes block and lot."""
    if not (own[_U0] <= u < own[_U1] and own[_V0] <= v < own[_V1]):
        _enter_block(u, v, q, seed, own)
    a, b = u - own[_U0] - own[_SU], v - own[_V0] - own[_SV]
    if a < 0 or b < 0:
        return -1.0
    ka, kb = min(np.floor(a / own[_LU]), own[_NU] - 1), min(np.floor(b / own[_LV]), own[_NV] - 1)
    if ka != own[_KA] or kb != own[_KB]:
        _enter_lot(ka, kb, q, seed, own)
    if own[_TALL] == 0:
        return 0.0
    if q[RING_M] > 0:
        wide, deep = own[_NU] * own[_LU], own[_NV] * own[_LV]
        inside = min(min(a, wide - a), min(b, deep - b)) < q[RING_M]
    else:
        across, along = abs(a - own[_CU]) / own[_HALF_U], abs(b - own[_CV]) / own[_HALF_V]
        far = across * across + along * along if own[_ROUND] > 0 else max(across, along)
        inside = far <= 1
    return own[_TALL] if inside else 0.0


@numba.njit(cache=True, nogil=True)
def _ground(u, v, q, seed, green, street):
    """Return the material of open ground, or of a street."""
    clump = _byte(_key(np.floor(u / CLUMP_M), np.floor(v / CLUMP_M), seed ^ np.uint32(75)), 0)
    crown = _byte(_key(np.floor(u / CROWN_M), np.floor(v / CROWN_M), seed ^ np.uint32(76)), 0)
    trees = q[STREET_TREES] if street else q[TREES]
    if crown < trees * green * (0.3 + 1.4 * clump):
        return TREE
    if street:
        return PAVEMENT
    pick = _byte(_key(np.floor(u / YARD_M), np.floor(v / YARD_M), seed ^ np.uint32(77)), 0)
    return PAVEMENT if pick < q[PAVED] else GRASS if pick < q[PAVED] + q[LAWN] else SOIL


@numba.njit(cache=True, nogil=True)
def _built(zone, plane, slope, quarters, sun, seed, materials, roofs, height):
    whole = SIDE * SIDE
    here, there = np.zeros(_MEMORY), np.zeros(_MEMORY)
    last = 0
    for y in range(zone.shape[0]):
        for x in range(zone.shape[1]):
            z = zone[y, x]
            if z == 0:
                continue
            if z != last:
                here[:], there[:] = 0.0, 0.0
                last = z
            q = quarters[z]
            key = _mixed(seed ^ np.uint32(z))
            steps = np.int64(q[STEPS])
            sun_u, sun_v = sun[0, y, x], sun[1, y, x]
            n_roof, sum_m = 0, 0.0
            for i in range(SIDE):
                for j in range(SIDE):
                    right, down = (j + 0.5) / SIDE - 0.5, (i + 0.5) / SIDE - 0.5
                    u = plane[0, y, x] + slope[0, 0, y, x] * right + slope[0, 1, y, x] * down
                    v = plane[1, y, x] + slope[1, 0, y, x] * right + slope[1, 1, y, x] * down
                    tall = _height(u, v, q, key, here)
                    light = 1.0
                    if tall > 0:
                        n_roof += 1
                        sum_m += tall
                        what, light = np.int64(here[_ROOF]), here[_TONE]
                    else:
                        what = _ground(u, v, q, key, here[_GREEN], tall < 0)
                    stands = max(tall, 0.0)
                    for k in range(1, steps + 1):
                        up = (q[HIGH_M] - stands) * k / steps
                        if _height(u + sun_u * up, v + sun_v * up, q, key, there) > stands + up:
                            light *= SHADED
                            break
                    materials[what, y, x] += np.float32(light / whole)
            roofs[y, x] = np.float32(n_roof / whole)
            if n_roof:
                height[y, x] = np.float32(sum_m / n_roof)
