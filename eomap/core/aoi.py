"""Areas of interest: vetted once, then a frozen value that everything downstream may trust.

Coordinates are longitude, latitude in degrees (OGC:CRS84), fixed to 1e-9 degree (0.1 mm), so that
the same area always has the same bytes and the same hash.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from eomap.core import antimeridian
from eomap.core.antimeridian import Geometries, polygonal
from eomap.core.grid import (
    NORTHERN_LIMIT_DEG,
    SOUTHERN_LIMIT_DEG,
    TILE_COLS,
    TILE_ROWS,
    TILES_PER_DEGREE,
    Tile,
    utm_epsg,
)
from eomap.core.mask import mask
from eomap.errors import MisuseError

__all__ = ["Aoi", "clean", "clip_to_tile", "from_bbox", "mask", "tiles_meeting", "tiles_of", "vet"]

DECIMALS = 9
FARTHEST_LON_DEG = 540
_SPECK_DEG = 1e-10
"""Less than the coordinates' own step: an overlap thinner than this is a touch."""


@dataclass(frozen=True, slots=True)
class Aoi:
    """An area of interest; two are equal when their hashes are."""

    geometry: Any = field(compare=False)
    """Valid shapely MultiPolygon, lon/lat degrees, every part within -180 to 180 and 80 S to 84 N."""
    notes: tuple[str, ...] = field(compare=False)
    """What was changed on the way in, one line each."""
    hash: str
    """The sha256 of the geometry's little-endian WKB."""

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


def _tiles_under(bounds: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return rows and columns (n, 2), sorted, of the tiles under any of the boxes (m, 4)."""
    west, south, east, north = bounds.T * TILES_PER_DEGREE
    row0 = np.clip(np.floor(90 * TILES_PER_DEGREE - north), 0, TILE_ROWS - 1).astype(int)
    row1 = np.clip(np.ceil(90 * TILES_PER_DEGREE - south), row0 + 1, TILE_ROWS).astype(int)
    col0 = np.clip(np.floor(180 * TILES_PER_DEGREE + west), 0, TILE_COLS - 1).astype(int)
    col1 = np.clip(np.ceil(180 * TILES_PER_DEGREE + east), col0 + 1, TILE_COLS).astype(int)
    top, left = row0.min(), col0.min()
    change = np.zeros((row1.max() - top + 1, col1.max() - left + 1), dtype=np.int64)
    for rows, cols, sign in ((row0, col0, 1), (row0, col1, -1), (row1, col0, -1), (row1, col1, 1)):
        np.add.at(change, (rows - top, cols - left), sign)
    return np.argwhere(change.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0) + np.array([top, left])


def tiles_meeting(geometry: Any) -> tuple[Tile, ...]:
    """Return the sorted tiles that share some area with a polygonal lon/lat geometry; no mere touching."""
    under = _tiles_under(shapely.bounds(shapely.get_parts(geometry)))
    west = under[:, 1] / TILES_PER_DEGREE - 180
    north = 90 - under[:, 0] / TILES_PER_DEGREE
    side = 1 / TILES_PER_DEGREE - _SPECK_DEG
    inner = shapely.box(west + _SPECK_DEG, north - side, west + side, north - _SPECK_DEG)
    shapely.prepare(geometry)
    return tuple(Tile(int(r), int(c)) for r, c in under[shapely.intersects(geometry, inner)])


def tiles_of(aoi: Aoi) -> tuple[Tile, ...]:
    """Return the sorted tiles that share some area with the area of interest."""
    return tiles_meeting(aoi.geometry)


@lru_cache(maxsize=4)
def _row_of(aoi: Aoi, row: int) -> Any:
    """Return the area within one row of tiles: cut once per row, so that cutting tiles stays cheap."""
    _, south, _, north = Tile(row, 0).bounds_deg
    strip = polygonal(shapely.intersection(aoi.geometry, shapely.box(-180, south, 180, north)))
    shapely.prepare(strip)
    return strip


def clip_to_tile(aoi: Aoi, tile: Tile) -> Any | None:
    """Return the area within a tile as a MultiPolygon, None when that is the whole tile.

    Empty where they do not meet. Cheapest for tiles in sorted order.
    """
    strip, square = _row_of(aoi, tile.row), shapely.box(*tile.bounds_deg)
    if shapely.covers(strip, square):
        return None
    return polygonal(shapely.intersection(strip, square))
