"""Put shapes on the map sheet from -180 to 180 degrees, cut at the antimeridian.

Coordinates are longitude, latitude in degrees (OGC:CRS84). The rule for an edge longer than 180
degrees is that of RFC 7946 and of every navigator: the short way round. An edge of exactly 360
degrees runs along the antimeridian or a pole (world-wide boxes, Antarctica) and stays as it is.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely import affinity

Geometries = npt.NDArray[np.object_]
F64 = npt.NDArray[np.float64]

_SAME_MERIDIAN_DEG = 1e-8


def polygonal(geometry: Any) -> Any:
    """Return the polygons of a geometry as one MultiPolygon; lines and points are dropped."""
    parts = shapely.get_parts(shapely.get_parts(np.atleast_1d(geometry)))
    kinds = shapely.get_type_id(parts)
    if np.any(kinds > 5):
        parts = shapely.get_parts(parts)
        kinds = shapely.get_type_id(parts)
    return shapely.MultiPolygon(list(parts[(kinds == 3) & ~shapely.is_empty(parts)]))


def _jumps(step_deg: F64) -> npt.NDArray[np.bool_]:
    length = np.abs(step_deg)
    return (length > 180) & (np.abs(length - 360) > _SAME_MERIDIAN_DEG)


def crossing(shapes: Geometries) -> npt.NDArray[np.bool_]:
    """Say for every shape whether one of its edges is longer than 180 degrees."""
    parts, shape_of_part = shapely.get_parts(shapes, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    xy, ring_of_vertex = shapely.get_coordinates(rings, return_index=True)
    jump = _jumps(np.diff(xy[:, 0])) & (ring_of_vertex[1:] == ring_of_vertex[:-1])
    found = np.zeros(len(shapes), dtype=bool)
    found[shape_of_part[part_of_ring[ring_of_vertex[1:][jump]]]] = True
    return found


def _unwrapped_ring(ring: Any) -> F64:
    """Return the vertices (n, 2) of a ring with continuous longitudes, led over the pole it goes round."""
    xy = shapely.get_coordinates(ring)
    step = np.diff(xy[:, 0])
    if not _jumps(step).any():
        return xy
    xy[1:, 0] -= 360 * np.cumsum(np.round(step / 360))
    if abs(xy[-1, 0] - xy[0, 0]) > 180:
        pole = 90.0 if xy[:, 1].mean() > 0 else -90.0
        xy = np.vstack([xy, [xy[-1, 0], pole], [xy[0, 0], pole], xy[0]])
    return xy


def _unwrapped_polygon(polygon: Any) -> Any:
    rings = [_unwrapped_ring(ring) for ring in shapely.get_rings(polygon)]
    west, east = rings[0][:, 0].min(), rings[0][:, 0].max()
    for hole in rings[1:]:  # a hole belongs on the same turn of the globe as its shell
        middle = (hole[:, 0].min() + hole[:, 0].max()) / 2
        hole[:, 0] += 360 * np.round(((west + east) / 2 - middle) / 360)
    return shapely.Polygon(rings[0], rings[1:])


def unwrapped(shapes: Geometries) -> tuple[Geometries, int]:
    """Return the shapes with continuous longitudes (perhaps beyond 180), and how many had long edges.

    Cost: vectorised over vertices; only polygons of shapes with such an edge are taken one by one.
    """
    found = np.flatnonzero(crossing(shapes))
    result = shapes.copy()
    for i in found:
        parts = [_unwrapped_polygon(part) for part in shapely.get_parts(shapes[i])]
        result[i] = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    return result, len(found)


def _on_sheet(geometry: Any) -> Any:
    west, _, east, _ = shapely.bounds(geometry)
    pieces = []
    for turn in range(int(np.floor((west + 180) / 360)), int(np.ceil((east - 180) / 360)) + 1):
        sheet = shapely.box(-180 + 360 * turn, -90, 180 + 360 * turn, 90)
        piece = polygonal(shapely.intersection(geometry, sheet))
        pieces.append(affinity.translate(piece, xoff=-360.0 * turn))
    return polygonal(shapely.union_all(pieces))


def cut(shapes: Geometries) -> tuple[Geometries, int]:
    """Return valid shapes within -180 to 180 degrees, cut at the antimeridian, and how many were moved."""
    bounds = shapely.bounds(shapes)
    outside = np.flatnonzero((bounds[:, 0] < -180) | (bounds[:, 2] > 180))
    result = shapes.copy()
    for i in outside:
        result[i] = _on_sheet(shapes[i])
    return result, len(outside)
