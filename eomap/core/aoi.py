"""Areas of interest: vetted once, then a frozen value that everything downstream may trust.

Coordinates are longitude, latitude in degrees (OGC:CRS84), fixed to 1e-9 degree (0.1 mm), so that
the same area always has the same bytes and the same hash.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from eomap.core import antimeridian
from eomap.core.antimeridian import Geometries, polygonal
from eomap.core.grid import LATTICE, NORTHERN_LIMIT_DEG, SOUTHERN_LIMIT_DEG, utm_epsg
from eomap.errors import MisuseError

DECIMALS = 9
FARTHEST_LON_DEG = 540


@dataclass(frozen=True, slots=True)
class Aoi:
    """An area of interest; two are equal when their hashes are."""

    geometry: Any = field(compare=False)
    """Valid shapely MultiPolygon, lon/lat degrees, every part within -180 to 180 and 80 S to 84 N.

    Of the part in a UTM zone (`tiling.parts_of`): in the zone's metres."""
    notes: tuple[str, ...] = field(compare=False)
    """What was changed on the way in, one line each."""
    hash: str
    """The sha256 of the geometry's little-endian WKB; of a part, the area's with grid and zone."""
    epsg: int = LATTICE

    @property
    def bounds_deg(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        west, south, east, north = (float(v) for v in shapely.bounds(self.geometry))
        return west, south, east, north


def _numbers(bad: npt.NDArray[np.bool_]) -> str:
    """Return 'feature 3 of 9' or 'features 3, 5, 8 and 2 more of 9': one-based, as people count."""
    at = np.flatnonzero(bad) + 1
    shown = ", ".join(str(i) for i in at[:3]) + (f" and {len(at) - 3} more" if len(at) > 3 else "")
    return f"{'feature' if len(at) == 1 else 'features'} {shown} of {len(bad)}"


def _refuse_kinds(shapes: Geometries, where: str) -> None:
    if len(shapes) == 0:
        raise MisuseError(where, expected="at least one polygon", got="no features at all")
    missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if missing.any():
        raise MisuseError(
            where,
            expected="a polygon in every feature",
            got=f"no geometry in {_numbers(missing)}",
            hint="remove these features",
        )
    parts, owner = shapely.get_parts(shapes, return_index=True)
    wrong = np.zeros(len(shapes), dtype=bool)
    wrong[owner[~np.isin(shapely.get_type_id(parts), (3, 6))]] = True
    if wrong.any():
        kind = shapes[np.flatnonzero(wrong)[0]].geom_type
        raise MisuseError(
            where,
            expected="polygons",
            got=f"{kind} in {_numbers(wrong)}",
            hint="buffer points and lines into polygons, or give --bbox west,south,east,north",
        )


def _refuse_coordinates(shapes: Geometries, where: str) -> None:
    xy, owner = shapely.get_coordinates(shapes, return_index=True)

    def features(bad_vertex: npt.NDArray[np.bool_]) -> str:
        bad = np.zeros(len(shapes), dtype=bool)
        bad[owner[bad_vertex]] = True
        return _numbers(bad)

    broken = ~(np.isfinite(xy[:, 0]) & np.isfinite(xy[:, 1]))
    if broken.any():
        raise MisuseError(where, expected="finite coordinates", got=f"NaN or infinity in {features(broken)}")
    far = (np.abs(xy[:, 0]) > FARTHEST_LON_DEG) | (np.abs(xy[:, 1]) > 90)
    if not far.any():
        return
    lon, lat = xy[np.flatnonzero(far)[0]]
    hint = "reproject to longitude/latitude, or correct what the file says about its CRS"
    if np.abs(xy[:, 0]).max() <= 90 and np.abs(xy[:, 1]).max() <= 180:
        hint = "swap the coordinates: longitude comes first, then latitude"
    raise MisuseError(
        where,
        expected="longitude -180 to 180 and latitude -90 to 90 degrees",
        got=f"{lon:.6g}, {lat:.6g} in {features(far)}",
        hint=hint,
    )


def _rounded(shapes: Any) -> Any:
    return shapely.transform(shapes, lambda xy: np.round(xy, DECIMALS) + 0.0)


def _repaired(shapes: Geometries) -> tuple[Geometries, int]:
    """Return valid MultiPolygons, perhaps empty, and how many had to be repaired."""
    invalid = np.flatnonzero(~shapely.is_valid(shapes))
    result = shapes.copy()
    for i in invalid:
        result[i] = polygonal(shapely.make_valid(shapes[i], method="structure", keep_collapsed=False))
    return result, len(invalid)


def _settled(shapes: Geometries) -> Geometries:
    """Return the shapes on the fixed coordinate step, still valid."""
    result = _rounded(shapes)
    for i in np.flatnonzero(~shapely.is_valid(result)):
        result[i] = polygonal(shapely.set_precision(shapes[i], 10.0**-DECIMALS))
    return result


def clean(geometries: Iterable[Any], *, where: str) -> tuple[Geometries, tuple[str, ...]]:
    """Return one valid lon/lat (multi)polygon per geometry, cut at the antimeridian, and the notes.

    A shape without any area comes back empty; whether that matters is the caller's business. Z is
    dropped. Raises MisuseError (naming the features) for no features, null geometries, points and
    lines, NaN, infinities and coordinates that are no longitudes and latitudes.
    """
    listed = list(geometries)
    shapes = np.empty(len(listed), dtype=object)
    shapes[:] = listed
    _refuse_kinds(shapes, where)
    shapes = shapely.force_2d(shapes)
    for i in np.flatnonzero(shapely.get_type_id(shapes) == 7):
        shapes[i] = shapely.MultiPolygon(list(shapely.get_parts(shapely.get_parts(shapes[i]))))
    _refuse_coordinates(shapes, where)
    shapes, n_long = antimeridian.unwrapped(_rounded(shapes))
    shapes, n_invalid = _repaired(shapes)
    shapes, n_moved = antimeridian.cut(shapes)
    notes = []
    if n_long:
        notes.append(
            f"{n_long} shapes with edges longer than 180 degrees were read as crossing the antimeridian"
        )
    if n_invalid:
        notes.append(f"{n_invalid} invalid shapes (crossing themselves, say) were repaired")
    if n_moved > n_long:
        notes.append(f"{n_moved - n_long} shapes beyond 180 degrees were wrapped into -180 to 180")
    return _settled(shapes), tuple(notes)


def _within_utm(geometry: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the part between 80 S and 84 N; raise the grid's MisuseError when nothing is left."""
    _, south, _, north = shapely.bounds(geometry)
    if south >= SOUTHERN_LIMIT_DEG and north <= NORTHERN_LIMIT_DEG:
        return geometry, ()
    band = shapely.box(-180, SOUTHERN_LIMIT_DEG, 180, NORTHERN_LIMIT_DEG)
    kept = polygonal(shapely.intersection(geometry, band))
    if kept.is_empty:
        utm_epsg(0.0, float(north if north > NORTHERN_LIMIT_DEG else south))
    return kept, ("clipped to latitudes from 80 S to 84 N, where the UTM zones are",)


def _united(shapes: Geometries) -> Any:
    """Return the union, computed in an order that does not depend on the order of the shapes."""
    parts = shapely.normalize(shapely.get_parts(shapes))
    if len(parts) == 1:
        return parts[0]
    order = np.argsort(shapely.to_wkb(parts, byte_order=1), kind="stable")
    return shapely.union_all(parts[order])


def _aoi(shapes: Geometries, notes: tuple[str, ...], where: str) -> Aoi:
    flat = shapely.is_empty(shapes)
    if flat.all():
        raise MisuseError(where, expected="polygons with an area", got="shapes that enclose nothing")
    if flat.any():
        notes += (f"{_numbers(flat)} enclose nothing and were left out",)
    geometry, clipped = _within_utm(_united(shapes[~flat]))
    whole = np.empty(1, dtype=object)
    whole[0] = geometry
    geometry = shapely.normalize(polygonal(_settled(whole)))
    if geometry.is_empty:
        raise MisuseError(where, expected="polygons with an area", got="shapes that enclose nothing")
    sha256 = hashlib.sha256(shapely.to_wkb(geometry, byte_order=1)).hexdigest()
    return Aoi(geometry, notes + clipped, sha256)


def vet(geometries: Iterable[Any], *, where: str) -> Aoi:
    """Return the union of shapely geometries (lon/lat degrees) as an area of interest.

    `where` names the source in messages. Raises MisuseError as `clean` does, and for areas wholly
    beyond 80 S or 84 N. Cost: about 1.5 s and 300 MB per million vertices.
    """
    shapes, notes = clean(geometries, where=where)
    return _aoi(shapes, notes, where)


def _bbox_numbers(box: str | Sequence[float], where: str) -> tuple[float, float, float, float]:
    form = "four numbers: west,south,east,north in degrees"
    parts = box.split(",") if isinstance(box, str) else list(box)
    try:
        west, south, east, north = (float(p) for p in parts)
    except (TypeError, ValueError):
        raise MisuseError(where, expected=form, got=repr(box)[:80], hint=f"{where}=12,52,13,53") from None
    if not np.isfinite([west, south, east, north]).all():
        raise MisuseError(where, expected=form, got=repr(box)[:80])
    if max(abs(south), abs(north)) > 90 or max(abs(west), abs(east)) > FARTHEST_LON_DEG:
        hint = "the order is west,south,east,north" if max(abs(west), abs(east)) <= 90 else ""
        raise MisuseError(where, expected="degrees of longitude and latitude", got=repr(box)[:80], hint=hint)
    return west, south, east, north


def from_bbox(box: str | Sequence[float], *, where: str = "--bbox") -> Aoi:
    """Return the area of a box west,south,east,north in degrees; west > east spans the antimeridian.

    >>> from_bbox("170,-10,-170,10").geometry.area
    400.0
    """
    west, south, east, north = _bbox_numbers(box, where)
    if south >= north:
        raise MisuseError(where, expected="south below north", got=f"south {south:g}, north {north:g}")
    notes: tuple[str, ...] = ()
    if west > east:
        east += 360 * float(np.ceil((west - east) / 360))
        notes = ("west is greater than east: the box spans the antimeridian",)
    if not 0 < east - west <= 360:
        raise MisuseError(
            where, expected="west and east that differ, by 360 degrees at most", got=repr(box)[:80]
        )
    shapes = np.empty(1, dtype=object)
    shapes[0] = shapely.box(west, south, east, north)
    shapes, n_moved = antimeridian.cut(_rounded(shapes))
    if n_moved and not notes:
        notes = ("longitudes beyond 180 degrees were wrapped into -180 to 180",)
    return _aoi(_settled(shapes), notes, where)
