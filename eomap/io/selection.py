"""Which layer and which cells of a cube a person asked to look at."""

import math
from dataclasses import replace

from eomap.core.grid import LATTICE, Window, group_of, origin, tile_cells, transformer
from eomap.core.layer import Layer
from eomap.errors import MisuseError
from eomap.io.cube import Cube, Extent

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees, EPSG:4326."""


def layer_of(cube: Cube, name: str | None) -> Layer:
    """Return the layer of that name, the product's first where none is named; raise MisuseError."""
    if name is None:
        return cube.layers[0]
    found = next((g for g in cube.layers if g.name == name), None)
    if found is None:
        raise MisuseError(cube.url, expected=f"a layer: {', '.join(g.name for g in cube.layers)}", got=name)
    return found


def extent_of(cube: Cube, zone: int | None) -> Extent:
    """Return the extent of a zone by its EPSG code, the only one where none is named; raise MisuseError."""
    if zone is None:
        return cube.extent
    found = cube.extent_on(zone)
    if found is None:
        there = ", ".join(str(e.epsg) for e in cube.extents)
        raise MisuseError(cube.url, expected=f"a grid of this cube: EPSG {there}", got=str(zone))
    return found


def window_of(cube: Cube, bounds: Bounds, zone: int | None = None) -> Window:
    """Return the cells of the cube that a lon/lat box touches; raise MisuseError where there are none."""
    if len(bounds) != 4 or not all(math.isfinite(v) for v in bounds):
        raise MisuseError("bounds", expected="four finite numbers: west, south, east, north", got=str(bounds))
    west, south, east, north = bounds
    if west >= east or south >= north:
        raise MisuseError(
            "bounds",
            expected="west < east and south < north, in degrees",
            got=f"{west:g}, {south:g}, {east:g}, {north:g}",
            hint="ask for the two sides of the antimeridian one by one",
        )
    extent = extent_of(cube, zone)
    own, (left, top) = extent.window, origin(extent.epsg)
    if extent.epsg != LATTICE:
        project = transformer(LATTICE, extent.epsg)
        west, south, east, north = project.transform_bounds(west, south, east, north, densify_pts=21)
    d = own.cell
    # A millionth of a cell of slack: 13.1 degrees times 1200 is not a whole number of cells in floats.
    row0 = max(math.floor((top - north) / d + 1e-6), own.row0)
    row1 = min(math.ceil((top - south) / d - 1e-6), own.row1)
    col0 = max(math.floor((west - left) / d + 1e-6), own.col0)
    col1 = min(math.ceil((east - left) / d - 1e-6), own.col1)
    if row0 >= row1 or col0 >= col1:
        span = ", ".join(f"{v:g}" for v in own.bounds_deg)
        raise MisuseError(
            "bounds", expected=f"a box that meets the cube ({span})", got=", ".join(f"{v:g}" for v in bounds)
        )
    return replace(own, row0=row0, row1=row1, col0=col0, col1=col1)


def shards_written(cube: Cube, layer: Layer, extent: Extent) -> list[tuple[int, int]]:
    """Return the shard rows and columns of the tiles written so far, in order."""
    folder = f"{group_of(extent.epsg)}{layer.name}/c"
    # Of a layer with bands the first is written last.
    keys = cube.store.keys(f"{folder}/0" if layer.bands else folder)
    places = [key.split("/")[-2:] for key in keys]
    return sorted((int(row), int(col)) for row, col in places)


def zones_written(cube: Cube, layer: Layer) -> tuple[int, ...]:
    """Return the EPSG codes of the grids with a finished tile; raise MisuseError where there is none."""
    found = tuple(e.epsg for e in cube.extents if shards_written(cube, layer, e))
    if not found:
        raise _unwritten(cube)
    return found


def written_window(cube: Cube, layer: Layer, zone: int | None = None) -> Window:
    """Return the smallest block of whole tiles that holds every tile written so far.

    Raises MisuseError where no tile was written.
    """
    extent = extent_of(cube, zone)
    shards = shards_written(cube, layer, extent)
    if not shards:
        raise _unwritten(cube)
    (rows, cols), own, n = zip(*shards, strict=True), extent.window, tile_cells(extent.step)
    return replace(
        own,
        row0=own.row0 + min(rows) * n,
        row1=own.row0 + (max(rows) + 1) * n,
        col0=own.col0 + min(cols) * n,
        col1=own.col0 + (max(cols) + 1) * n,
    )


def _unwritten(cube: Cube) -> MisuseError:
    return MisuseError(
        cube.url,
        expected="a cube with a finished tile",
        got="none",
        hint="continue the run that makes it with the same `eomap run`",
    )
