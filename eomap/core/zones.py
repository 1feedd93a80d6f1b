"""UTM zones as grids: which place belongs to which, and shapes from degrees to a zone's metres and back.

A place belongs to the zone in which Sentinel-2 delivers it (`grid.utm_epsg`): borders lie at multiples of
6 degrees but for Norway and Svalbard, and at the equator. A western or southern border is the zone's own.
"""

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from eomap.core import antimeridian
from eomap.core.antimeridian import polygonal
from eomap.core.grid import (
    LATTICE,
    NORTHERN_LIMIT_DEG,
    SOUTHERN_LIMIT_DEG,
    Tile,
    Window,
    is_zone,
    transformer,
    utm_epsg,
)
from eomap.core.mask import mask
from eomap.errors import MisuseError

GRIDS = ("lattice", "utm")
REACH_DEG = 6.0
"""How far from its central meridian one zone may be used for a whole area; scale errs by 0.5 % there."""
_BANDS_DEG = (SOUTHERN_LIMIT_DEG, 0.0, 56.0, 64.0, 72.0, NORTHERN_LIMIT_DEG)
_COLUMN_DEG = 3
_EDGE_DEG = 0.002
"""Longest straight edge: the curve that it is in a zone strays from it by 1 mm at 45 degrees of latitude."""
_EDGE_M = 1000.0
_DECIMALS_M, _DECIMALS_DEG = 3, 9


def grid_of(text: str) -> str:
    """Return the name of a grid in its one spelling: lattice, utm or EPSG:<zone>; raise MisuseError.

    >>> grid_of("epsg:32632"), grid_of("UTM")
    ('EPSG:32632', 'utm')
    """
    if text.lower() in GRIDS:
        return text.lower()
    name, _, code = text.upper().partition(":")
    if name == "EPSG" and code.isdecimal() and is_zone(int(code)):
        return f"EPSG:{int(code)}"
    raise MisuseError(
        "--grid",
        expected="lattice, utm (native zones), or one zone: EPSG:32601-32660, EPSG:32701-32760",
        got=text[:80],
    )


def central_meridian_deg(epsg: int) -> int:
    """Return the central meridian of a zone.

    >>> central_meridian_deg(32632)
    9
    """
    return 6 * (epsg % 100) - 183


@lru_cache(maxsize=1)
def _places() -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return boxes in degrees that no zone border crosses, and the zone of each."""
    lows = [(w, s, n) for s, n in pairwise(_BANDS_DEG) for w in range(-180, 180, 3)]
    west, south, north = np.array(lows).T
    zone = [utm_epsg(w + _COLUMN_DEG / 2, (s + n) / 2) for w, s, n in lows]
    return shapely.box(west, south, west + _COLUMN_DEG, north), np.array(zone)


@lru_cache(maxsize=128)
def outline_deg(epsg: int) -> Any:
    """Return the places of a zone as a lon/lat MultiPolygon."""
    boxes, zone = _places()
    return polygonal(shapely.union_all(boxes[zone == epsg]))


def own_cells(window: Window) -> npt.NDArray[np.bool_]:
    """Return which cells of a window (y, x) have their centre in its own zone; on the lattice all."""
    outline = None if window.epsg == LATTICE else outline_deg(window.epsg)
    if outline is None or shapely.covers(outline, shapely.box(*window.bounds_deg)):
        return np.ones(window.shape, dtype=bool)
    west, south, east, north = window.bounds_deg
    near = polygonal(shapely.intersection(outline, shapely.box(west - 1, south - 1, east + 1, north + 1)))
    return mask(to_zone(near, window.epsg), window)


def reach_deg(epsg: int) -> Any:
    """Return the places for which one zone may be used, within -180 to 180 degrees, as a MultiPolygon."""
    middle = central_meridian_deg(epsg)
    whole = np.empty(1, dtype=object)
    whole[0] = shapely.box(middle - REACH_DEG, SOUTHERN_LIMIT_DEG, middle + REACH_DEG, NORTHERN_LIMIT_DEG)
    return polygonal(antimeridian.cut(whole)[0][0])


def split(geometry: Any, grid: str, *, strict: bool = True) -> dict[int, Any]:
    """Return what of a polygonal lon/lat geometry lies in each zone of a grid, in the zone's metres.

    By EPSG code; on the lattice the geometry itself. Each place is in exactly one zone. For a grid of
    one zone, places beyond its reach raise MisuseError where `strict`, else they fall to their own zones.
    """
    if grid == "lattice":
        return {LATTICE: geometry}
    if grid == "utm":
        return _by_zone(geometry)
    epsg = int(grid.partition(":")[2])
    reach = reach_deg(epsg)
    if shapely.covers(reach, geometry):
        return {epsg: to_zone(geometry, epsg)}
    if strict:
        west, _, east, _ = shapely.bounds(geometry)
        middle = central_meridian_deg(epsg)
        raise MisuseError(
            f"--grid {grid}",
            expected=f"an area within {REACH_DEG:g} degrees of its central meridian, {middle:g}",
            got=f"longitudes {west:.4g} to {east:.4g}",
            hint="--grid utm takes each place in its own zone",
        )
    near = polygonal(shapely.intersection(geometry, reach))
    found = _by_zone(polygonal(shapely.difference(geometry, reach)))
    return found if near.is_empty else {**found, epsg: to_zone(near, epsg)}


def _by_zone(geometry: Any) -> dict[int, Any]:
    boxes, zone = _places()
    shapely.prepare(geometry)
    parts = {
        int(epsg): to_zone(shapely.intersection(geometry, outline_deg(int(epsg))), int(epsg))
        for epsg in np.unique(zone[shapely.intersects(geometry, boxes)])
    }
    return {epsg: part for epsg, part in parts.items() if not part.is_empty}


def to_zone(geometry: Any, epsg: int) -> Any:
    """Return a polygonal lon/lat geometry in a zone's metres, to 1 mm, as a valid MultiPolygon."""
    project = transformer(LATTICE, epsg)
    fine = shapely.segmentize(polygonal(geometry), _EDGE_DEG)
    return _settled(fine, lambda xy: np.column_stack(project.transform(*xy.T)), _DECIMALS_M)


def to_degrees(geometry: Any, epsg: int) -> Any:
    """Return a polygonal geometry of a grid as a valid lon/lat MultiPolygon, cut at the antimeridian."""
    if epsg == LATTICE:
        return geometry
    project, middle = transformer(epsg, LATTICE), central_meridian_deg(epsg)

    def placed(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        lon, lat = (np.asarray(v) for v in project.transform(*xy.T))
        return np.column_stack([lon + 360 * np.round((middle - lon) / 360), lat])

    whole = np.empty(1, dtype=object)
    whole[0] = _settled(shapely.segmentize(geometry, _EDGE_M), placed, _DECIMALS_DEG)
    return polygonal(antimeridian.cut(whole)[0][0])


def tile_outline_deg(tile: Tile) -> Any:
    """Return a whole tile as a lon/lat geometry."""
    return to_degrees(shapely.box(*tile.bounds), tile.epsg)


def _settled(geometry: Any, move: Any, decimals: int) -> Any:
    moved = shapely.transform(geometry, lambda xy: np.round(move(xy), decimals) + 0.0)
    if not shapely.is_valid(moved):
        moved = shapely.make_valid(moved, method="structure", keep_collapsed=False)
    return polygonal(moved)
