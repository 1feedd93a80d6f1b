"""Which layer and which cells of a cube a person asked to look at."""

import math

from eomap.core.grid import STEPS_PER_DEGREE, Window, tile_cells
from eomap.core.layer import Layer
from eomap.errors import MisuseError
from eomap.io.cube import Cube

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


def window_of(cube: Cube, bounds: Bounds) -> Window:
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
    own, d = cube.extent.window, cube.extent.step / STEPS_PER_DEGREE
    # A millionth of a cell of slack: 13.1 degrees times 1200 is not a whole number of cells in floats.
    row0 = max(math.floor((90 - north) / d + 1e-6), own.row0)
    row1 = min(math.ceil((90 - south) / d - 1e-6), own.row1)
    col0 = max(math.floor((west + 180) / d + 1e-6), own.col0)
    col1 = min(math.ceil((east + 180) / d - 1e-6), own.col1)
    if row0 >= row1 or col0 >= col1:
        span = ", ".join(f"{v:g}" for v in own.bounds_deg)
        raise MisuseError(
            "bounds", expected=f"a box that meets the cube ({span})", got=", ".join(f"{v:g}" for v in bounds)
        )
    return Window(cube.extent.step, row0, row1, col0, col1)


def written_window(cube: Cube, layer: Layer) -> Window:
    """Return the smallest block of whole tiles that holds every tile written so far.

    Raises MisuseError where no tile was written.
    """
    folder = f"{layer.name}/c/0" if layer.bands else f"{layer.name}/c"  # the first band is written last
    shards = [key.split("/")[-2:] for key in cube.store.keys(folder)]
    if not shards:
        raise MisuseError(
            cube.url,
            expected="a cube with a finished tile",
            got="none",
            hint="continue the run that makes it with the same `eomap run`",
        )
    rows, cols = [int(r) for r, _ in shards], [int(c) for _, c in shards]
    own, n = cube.extent.window, tile_cells(cube.extent.step)
    return Window(
        cube.extent.step,
        own.row0 + min(rows) * n,
        own.row0 + (max(rows) + 1) * n,
        own.col0 + min(cols) * n,
        own.col0 + (max(cols) + 1) * n,
    )
