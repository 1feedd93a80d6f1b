"""Footprints of items and search areas: lon/lat degrees (OGC:CRS84), split at the antimeridian."""

from collections.abc import Mapping, Sequence
from typing import Any

import shapely
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

_WORLD = shapely.box(-180, -90, 180, 90)


def footprint(geometry: Mapping[str, Any] | None, bbox: Sequence[Any] | None) -> BaseGeometry | None:
    """Return the (multi)polygon of an item, from its bbox where it has no geometry; None for neither.

    Rings whose neighbouring corners lie more than half the globe apart cross the antimeridian and are
    cut there, as are longitudes beyond 180 and boxes whose west lies east of their east.
    """
    try:
        shape = shapely.force_2d(shapely.geometry.shape(dict(geometry))) if geometry else None
    except (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        shape = None
    if shape is None or shapely.get_dimensions(shape) != 2 or not _is_on_earth(shape):
        shape = _from_bbox(bbox)
    if shape is None:
        return None
    parts = [_unrolled(part) for part in shapely.get_parts(shape) if isinstance(part, shapely.Polygon)]
    return _within_world(shapely.union_all(parts))


def _is_on_earth(shape: BaseGeometry) -> bool:
    lon, lat = shapely.get_coordinates(shape).T
    return bool(len(lon) and (abs(lon) <= 540).all() and (abs(lat) <= 90).all())  # NaN compares false


def _from_bbox(bbox: Sequence[Any] | None) -> BaseGeometry | None:
    if not bbox or len(bbox) not in (4, 6):
        return None
    try:
        numbers = [float(v) for v in bbox]
    except (TypeError, ValueError):
        return None
    west, south, east, north = numbers if len(numbers) == 4 else (*numbers[:2], *numbers[3:5])
    if west > east:
        east += 360
    if not (west < east and south < north and abs(south) <= 90 and abs(north) <= 90):
        return None
    return shapely.box(west, south, east, north)


def _unrolled(polygon: shapely.Polygon) -> BaseGeometry:
    """Return a polygon that crosses the antimeridian with its western part moved east by 360 degrees."""
    lon = shapely.get_coordinates(polygon.exterior)[:, 0]
    if len(lon) > 1 and abs(lon[1:] - lon[:-1]).max() > 180:
        moved = shapely.transform(polygon, _eastward)
        west, _, east, _ = moved.bounds
        if 0 < east - west < 180:  # else it goes round the world
            polygon = moved
    return polygon if polygon.is_valid else shapely.make_valid(polygon)


def _eastward(lonlat: Any) -> Any:
    moved = lonlat.copy()
    moved[moved[:, 0] < 0, 0] += 360
    return moved


def _within_world(shape: BaseGeometry) -> BaseGeometry | None:
    west, _, east, _ = shape.bounds if not shape.is_empty else (0, 0, 0, 0)
    if west < -180 or east > 180:
        turns = [translate(shape, xoff=360 * n) for n in (-1, 0, 1)]
        shape = shapely.union_all([shapely.intersection(t, _WORLD) for t in turns])
    areas = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 0]
    return shapely.union_all(areas) if areas else None


def search_area(geometry: BaseGeometry, *, corners: int) -> BaseGeometry:
    """Return an area that holds the geometry and has at most about `corners` corners.

    Servers refuse long polygons. The area is widened by as much as simplifying may cut off, so no item
    is missed; what it finds too much is filtered out afterwards against the geometry itself.
    """
    if shapely.get_num_coordinates(geometry) <= corners:
        return geometry
    for tolerance_deg in (0.001, 0.005, 0.02, 0.1, 0.5, 1.0):
        widened = shapely.simplify(shapely.buffer(geometry, tolerance_deg, quad_segs=2), tolerance_deg * 0.9)
        area: BaseGeometry = shapely.intersection(widened, _WORLD)
        if shapely.get_num_coordinates(area) <= corners:
            return area
    hull = shapely.convex_hull(geometry)
    return hull if shapely.get_num_coordinates(hull) <= corners else shapely.envelope(geometry)
