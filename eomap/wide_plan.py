"""Plans of continents: the scenes stay columns until a few of them are pinned to each tile. Pure.

Gives the tasks that `eomap.planner` gives for the same items with `--max-looks`, to the key, from millions of
items: rivals are settled and looks chosen on arrays, and a scene becomes an object when it is pinned.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import shapely

from eomap.core.aoi import Aoi
from eomap.core.archive import Archive
from eomap.core.grid import Tile
from eomap.core.plan import Plan
from eomap.core.source import Scene
from eomap.core.tiling import parts_of, tiles_of
from eomap.kernels.looks import best_rows
from eomap.looks import clear_permille, covered_pairs, points_of, reach_days
from eomap.planner import Order, area_deg, assembled

I64 = npt.NDArray[np.int64]
SAME_PASS_US = 60_000_000
COVERED = 0.9
DAY_US = 86_400_000_000


def newest_rows(archive: Archive) -> I64:
    """Return the rows that no newer processing of the same pass replaces, ascending.

    The rule is that of `sensors.sentinel2.newest_baseline`: a minute makes a pass, and nine tenths of a
    footprint replace it.
    """
    order = np.lexsort((-archive.age, archive.moment_us, archive.place))
    place, moment = archive.place[order], archive.moment_us[order]
    starts = np.ones(len(order), bool)
    starts[1:] = (place[1:] != place[:-1]) | (moment[1:] - moment[:-1] > SAME_PASS_US) | (place[1:] < 0)
    group = np.cumsum(starts) - 1
    order = order[np.lexsort((-archive.age[order], group))]
    first = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(group) else np.zeros(0, int)
    kept = np.zeros(len(archive), bool)
    kept[order[first]] = True
    winner = order[first][group]
    for n in np.flatnonzero(archive.shape[winner] != archive.shape[order]):
        # Another outline than the newest: kept where the kept ones before it leave a tenth of it.
        before = [int(r) for r in order[first[group[n]] : n] if kept[r]]
        own = archive.footprints[archive.shape[order[n]]]
        seen = shapely.union_all(archive.footprints[archive.shape[before]])
        kept[order[n]] = shapely.intersection(seen, own).area < COVERED * own.area
    return np.flatnonzero(kept)


def rows_by_tile(
    parts: Mapping[int, Aoi], order: Order, archive: Archive, rows: I64
) -> tuple[list[Tile], list[I64]]:
    """Return the tiles of the area and, for each, the rows of its best looks, ascending."""
    tiles = [tile for part in parts.values() for tile in tiles_of(part)]
    areas = [area_deg(parts[t.epsg], t) for t in tiles]
    bounds = [a.bounds for a in areas]
    by_shape = rows[np.argsort(archive.shape[rows], kind="stable")]
    ends = np.searchsorted(archive.shape[by_shape], np.arange(len(archive.footprints) + 1))
    tile_n, shape_n = shapely.STRtree(archive.footprints).query(areas, predicate="intersects")
    sorted_n = np.lexsort((shape_n, tile_n))
    tile_n, shape_n = tile_n[sorted_n], shape_n[sorted_n]
    points = np.stack([points_of(b, a) for b, a in zip(bounds, areas, strict=True)])
    masks = covered_pairs(archive.footprints, shape_n, points, tile_n)
    cloud = np.nan_to_num(archive.cloud_percent)
    starts = np.searchsorted(tile_n, np.arange(len(tiles) + 1))
    reach = reach_days(order.period, order.max_looks or 1)
    permille = clear_permille(cloud)
    solar_us = np.array([(b[0] + b[2]) / 2 / 15 * 3600e6 for b in bounds]).astype(np.int64)
    chosen = []
    for t in range(len(tiles)):
        pair = slice(starts[t], starts[t + 1])
        spans = [(ends[s], ends[s + 1]) for s in shape_n[pair]]
        if not spans:
            chosen.append(np.zeros(0, np.int64))
            continue
        at = np.concatenate([by_shape[a:b] for a, b in spans])
        mask = np.repeat(masks[pair], [b - a for a, b in spans])
        day = (archive.moment_us[at] + solar_us[t]) // DAY_US
        taken = best_rows(mask, permille[at], day, order.max_looks or 1, reach)
        chosen.append(np.sort(at[taken]))
    return tiles, chosen


def wide_plan_of(
    aoi: Aoi,
    order: Order,
    archive: Archive,
    *,
    scenes_at: Callable[[I64], tuple[Sequence[Scene], Sequence[str]]],
    code: str,
) -> Plan:
    """Return the plan; `scenes_at(rows)` makes scenes of chosen rows (ascending), and remarks."""
    need = order.product.needs[0]
    rows = newest_rows(archive) if need.of == "sentinel-2" else np.arange(len(archive))
    if order.max_cloud is not None:
        rows = rows[~(archive.cloud_percent[rows] > order.max_cloud)]
    parts = parts_of(aoi, order.grid)
    tiles, chosen = rows_by_tile(parts, order, archive, rows)
    pinned = np.unique(np.concatenate([np.zeros(0, np.int64), *chosen]))
    scenes, notes = scenes_at(pinned)
    by_id = {s.id: s for s in scenes}
    ids = dict(zip(pinned.tolist(), archive.ids.take(pinned).to_pylist(), strict=True))
    looks = {
        tile: [by_id[ids[r]] for r in of.tolist() if ids[r] in by_id]
        for tile, of in zip(tiles, chosen, strict=True)
    }
    aside = f"{len(archive) - len(rows)} of {len(archive)} scenes set aside for newer ones or as too cloudy"
    return assembled(aoi, parts, order, looks, scenes, (*notes, aside), code=code)
