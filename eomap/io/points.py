"""What a cube says about one point."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from pyproj import Geod

from eomap.core.grid import (
    LATTICE,
    NORTHERN_LIMIT_DEG,
    SOUTHERN_LIMIT_DEG,
    Tile,
    Window,
    origin,
    tile_cells,
    transformer,
    utm_epsg,
)
from eomap.core.layer import Layer
from eomap.core.zones import central_meridian_deg
from eomap.errors import MisuseError
from eomap.io.cube import Cube, Extent, open_cube

_FARTHEST_DEG = 30
"""From a zone's central meridian: beyond, its coordinates mean little, and no cube has cells."""
VALID, NO_LOOK, UNWRITTEN, OUTSIDE = "valid", "no clear look", "unwritten", "outside"
_WGS84 = Geod(ellps="WGS84")
_SLACK = 1e-6
"""Of a cell: coordinates on a cell border are rarely exact in floats."""


def at_point(cube_url: str, lon: float, lat: float) -> dict[str, Any]:
    """Return what every layer says at a lon/lat point (degrees, EPSG:4326), never a neighbour's value.

    `status` is that of the product's first layer: `valid`, `no clear look` (processed, ground not
    seen), `unwritten` (inside the cube, not mapped) or `outside` the cube. Then follow `tile`, `cell`
    (row, column, bounds in degrees, in a UTM zone also in its metres, geodesic area in m2) and `layers`: per
    layer the stored number, the physical `value` (None where there is none), unit and class name. A cell
    owns its north and west edges; longitude +180 is -180. Raises MisuseError on coordinates that are none.
    """
    _check(lon, lat)
    cube = open_cube(cube_url)
    main, found = cube.layers[0], []
    for extent in _own_zone_first(cube, lon, lat):
        cell = _cell(extent, lon, lat)
        if cell is None:
            continue
        layers = {g.name: _reading(g, cube.read(g.name, cell)[..., 0, 0]) for g in cube.layers}
        found.append((_status(main, layers[main.name]["stored"]), cell, layers))
    # At a border of zones the cell that holds a place may have its centre, and so its values, next door.
    mapped = [f for f in found if f[0] != UNWRITTEN] or found
    answer: dict[str, Any] = {"lon": float(lon), "lat": float(lat)}
    if not mapped:
        return {**answer, "status": OUTSIDE, "tile": None, "cell": None, "layers": {}}
    status, cell, layers = mapped[0]
    n = tile_cells(cell.step)
    metres = {} if cell.epsg == LATTICE else {"epsg": cell.epsg, "bounds_m": list(cell.bounds)}
    return {
        **answer,
        "status": status,
        "tile": Tile(cell.row0 // n, cell.col0 // n, cell.epsg).id,
        "cell": {
            "row": cell.row0,
            "col": cell.col0,
            **metres,
            "bounds_deg": list(cell.bounds_deg),
            "area_m2": round(_area_m2(cell), 2),
        },
        "layers": layers,
    }


def _own_zone_first(cube: Cube, lon: float, lat: float) -> list[Extent]:
    """Return the extents of a cube, that of the UTM zone in which a place lies before the others."""
    if not SOUTHERN_LIMIT_DEG <= lat <= NORTHERN_LIMIT_DEG:
        return list(cube.extents)
    own = utm_epsg(lon, lat)
    return sorted(cube.extents, key=lambda e: (e.epsg != own, e.epsg))


def _check(lon: float, lat: float) -> None:
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise MisuseError("point", expected="finite longitude and latitude", got=f"{lon}, {lat}")
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        swapped = -180 <= lat <= 180 and -90 <= lon <= 90
        raise MisuseError(
            "point",
            expected="longitude -180 to 180 and latitude -90 to 90",
            got=f"{lon:g}, {lat:g}",
            hint="longitude comes first" if swapped else "use degrees, EPSG:4326",
        )


def _cell(extent: Extent, lon: float, lat: float) -> Window | None:
    """Return the one cell that holds the point, or None outside the extent."""
    own, (left, top) = extent.window, origin(extent.epsg)
    x, y = lon, lat
    if extent.epsg != LATTICE:
        if abs((lon - central_meridian_deg(extent.epsg) + 180) % 360 - 180) > _FARTHEST_DEG:
            return None
        x, y = transformer(LATTICE, extent.epsg).transform(lon, lat)
    row = math.floor((top - y) / own.cell + _SLACK)
    col = math.floor((x - left) / own.cell + _SLACK)
    if extent.epsg == LATTICE:
        rows, cols = round(180 / own.cell), round(360 / own.cell)
        # The south pole has no cell below it: it belongs to the last row.
        row = min(row, rows - 1)
        if col == cols:
            # The antimeridian belongs to column 0, or to the last column of a cube that ends there.
            col = 0 if own.col0 == 0 else cols - 1
    if not (own.row0 <= row < own.row1 and own.col0 <= col < own.col1):
        return None
    return replace(own, row0=row, row1=row + 1, col0=col, col1=col + 1)


def _status(layer: Layer, stored: Any) -> str:
    values = list(stored.values()) if isinstance(stored, dict) else [stored]
    if all(v == layer.fill for v in values):
        return UNWRITTEN
    return NO_LOOK if all(v == layer.no_look for v in values) else VALID


def _reading(layer: Layer, stored: Any) -> dict[str, Any]:
    """Return stored and physical value, unit and class name of one cell; per band where there are bands."""
    if layer.bands:
        pairs = list(zip(layer.bands, np.asarray(stored), strict=True))
        return {
            "stored": {b: int(v) for b, v in pairs},
            "value": {b: _physical(layer, v) for b, v in pairs},
            "unit": layer.unit,
        }
    answer = {"stored": int(stored), "value": _physical(layer, stored), "unit": layer.unit}
    if layer.legend:
        answer["class"] = next((c.name for c in layer.legend if c.value == int(stored)), None)
    return answer


def _physical(layer: Layer, stored: Any) -> float | int | None:
    if stored in (layer.fill, layer.no_look):
        return None
    return int(stored) if layer.scale is None else round(int(stored) * layer.scale + layer.offset, 10)


def _area_m2(cell: Window) -> float:
    """Return the geodesic area of a cell on WGS 84 (its edges are far below a bend)."""
    west, south, east, north = cell.bounds
    xs, ys = (west, east, east, west), (south, south, north, north)
    if cell.epsg != LATTICE:
        xs, ys = transformer(cell.epsg, LATTICE).transform(xs, ys)
    area, _ = _WGS84.polygon_area_perimeter(xs, ys)
    return abs(area)
