"""Scene selection: the few looks of each tile that make the map, chosen before a pixel is read. Pure.

A look is what is seen of a tile on one solar day (of one level, from one orbit where orbits stay apart);
neighbouring scenes of a pass are one look. `--max-looks K` gives every part of the tile K looks where there
are as many: a look that covers half of it does not stand for the other half.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from eomap.core.period import EPOCH, Period
from eomap.core.source import Scene

Bounds = tuple[float, float, float, float]
SIDE = 8
POINTS = SIDE * SIDE
"""As many as a word has bits."""
LEAST_CLEAR = 10
"""Thousandths of a scene that its catalogue calls wholly cloudy: taken where nothing else is there."""


def points_of(bounds: Bounds, area: BaseGeometry | None) -> npt.NDArray[np.float64]:
    """Return lon/lat of 64 points over a box, its edges included, and NaN for those outside the area.

    Where the area holds none of them, all count.
    """
    west, south, east, north = bounds
    lon, lat = np.meshgrid(np.linspace(west, east, SIDE), np.linspace(south, north, SIDE))
    points = np.column_stack([lon.ravel(), lat.ravel()])
    if area is not None:
        inside = shapely.intersects_xy(area, points[:, 0], points[:, 1])
        if inside.any():
            points[~inside] = np.nan
    return points


def covered(footprints: npt.NDArray[np.object_], points: npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
    """Return, one bit a point, which points each footprint covers."""
    bit = np.uint64(1) << np.arange(POINTS, dtype=np.uint64)
    real = ~np.isnan(points[:, 0])
    found = np.zeros((len(footprints), POINTS), bool)
    if len(footprints):
        shapely.prepare(footprints)
        found[:, real] = shapely.intersects_xy(footprints[:, None], points[real, 0], points[real, 1])
    return (found * bit).sum(axis=1, dtype=np.uint64)


def covered_pairs(
    footprints: npt.NDArray[np.object_],
    shape_n: npt.NDArray[np.int64],
    points: npt.NDArray[np.float64],
    box_n: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint64]:
    """Return what `covered` returns for pairs n of a footprint and a set of points, all at once."""
    shapely.prepare(footprints)
    found = np.zeros(len(shape_n), np.uint64)
    for p in range(POINTS):
        lon, lat = points[box_n, p, 0], points[box_n, p, 1]
        inside = shapely.intersects_xy(footprints[shape_n], lon, lat)
        found |= inside.astype(np.uint64) << np.uint64(p)
    return found


def reach_days(period: Period, most: int) -> float:
    """Return the distance of days that looks have when K of them are spread over a period."""
    return max((period.end - period.start).days + 1, 1) / (most + 1)


def chosen_scenes(
    scenes: Sequence[Scene],
    bounds: Bounds,
    *,
    cloud_percent: Mapping[str, float],
    period: Period,
    most: int,
    area: BaseGeometry | None = None,
) -> list[Scene]:
    """Return the scenes of the best looks at a box, sorted by id; the order of `scenes` does not matter.

    `cloud_percent` is what the catalogue says of each scene by id; one that it is silent on counts as clear.
    """
    from eomap.kernels.looks import best_looks, joined  # numba, which other plans need not load

    ordered = sorted(scenes, key=lambda s: s.id)
    footprints = shapely.from_wkb([bytes.fromhex(s.footprint_wkb) for s in ordered])
    masks = covered(np.asarray(footprints, dtype=object), points_of(bounds, area))
    lon = (bounds[0] + bounds[2]) / 2
    groups: dict[tuple[date, str, str], list[int]] = {}
    for n, scene in enumerate(ordered):
        groups.setdefault((solar_day(scene.moment, lon), scene.level, scene.orbit), []).append(n)
    keys = sorted(groups)
    permille = clear_permille(np.array([cloud_percent.get(s.id, 0.0) for s in ordered], float))
    union, clear = np.zeros(len(keys), np.uint64), np.zeros(len(keys))
    for n, key in enumerate(keys):
        union[n], clear[n] = joined(masks[groups[key]], permille[groups[key]])
    days = np.array([(key[0] - EPOCH).days for key in keys], np.int64)
    taken = best_looks(union, clear, days, most, reach_days(period, most))
    rows = sorted(i for key, take in zip(keys, taken, strict=True) if take for i in groups[key] if masks[i])
    return [ordered[i] for i in rows]


def paired_scenes(
    scenes: Sequence[Scene],
    moments: Sequence[str],
    bounds: Bounds,
    *,
    area: BaseGeometry | None = None,
) -> list[Scene]:
    """Return the scenes nearest to each of some moments, sorted by id: as many as see all of a box.

    `moments` are ISO 8601, UTC. Equally near ones are taken by time and id.
    """
    ordered = sorted(scenes, key=lambda s: (s.moment, s.id))
    footprints = shapely.from_wkb([bytes.fromhex(s.footprint_wkb) for s in ordered])
    masks = covered(np.asarray(footprints, dtype=object), points_of(bounds, area))
    when = [datetime.fromisoformat(s.moment) for s in ordered]
    taken: set[int] = set()
    for moment in {datetime.fromisoformat(m) for m in moments}:
        seen = np.uint64(0)
        for n in sorted(range(len(ordered)), key=lambda n: (abs(when[n] - moment), n)):
            if masks[n] & ~seen:
                taken.add(n)
                seen |= masks[n]
    return sorted((ordered[n] for n in taken), key=lambda s: s.id)


def solar_day(moment: str, lon_deg: float) -> date:
    """Return the day at a longitude by the sun, of a moment in UTC (ISO 8601)."""
    utc = datetime.fromisoformat(moment)
    return ((utc.astimezone(UTC) if utc.tzinfo else utc) + timedelta(hours=lon_deg / 15)).date()


def clear_permille(cloud_percent: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return how many thousandths of a scene should be clear, never 0; whole, so that sums are exact.

    >>> clear_permille(np.array([30.0, 100.0, 250.0])).tolist()
    [700, 10, 10]
    """
    said = np.clip(np.nan_to_num(cloud_percent), 0, 100)
    return np.maximum(np.rint(1000 - 10 * said).astype(np.int64), LEAST_CLEAR)
