"""Class areas within zones.

Codes are those of a categorical layer: 0 is "processed, no clear look", 255 is "never written", 254
stands for cells outside the cube, everything else is a class. Areas are geodesic (WGS84), km2. A cell
belongs to the zone that holds its centre, so zones that share an edge share no cell.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eomap.core.geodesy import cell_area_km2, zone_cell_area_km2
from eomap.core.grid import LATTICE, UTM_TILE_M, Window, origin, tile_cells, window_within
from eomap.core.mask import mask
from eomap.core.tiling import tiles_meeting
from eomap.core.zones import split
from eomap.errors import MisuseError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame

NO_LOOK, OUTSIDE, UNWRITTEN = 0, 254, 255
_N_CODES = 256
_CELLS_AT_ONCE = 1 << 20

U8 = npt.NDArray[np.uint8]
ReadCodes = Callable[[Window], U8]
"""Returns the codes (y, x) of a window; cells outside the cube are OUTSIDE. Called from threads."""

_COLUMNS: Mapping[str, str] = {
    "order": "int64",
    "code": "Int16",
    "area_km2": "float64",
    "share": "float64",
    "n_cells": "int64",
    "no_look_km2": "float64",
    "unwritten_km2": "float64",
    "outside_km2": "float64",
}


def _counts(codes_yx: U8, window: Window, geometry: Any) -> npt.NDArray[np.int64]:
    """Return the number of cells inside the geometry per line of cells of one area, and code (line, 256)."""
    if codes_yx.shape != window.shape or codes_yx.dtype != np.uint8:
        raise MisuseError(
            "class areas", expected=f"uint8 codes {window.shape}", got=f"{codes_yx.dtype} {codes_yx.shape}"
        )
    inside = mask(geometry, window)
    if window.epsg != LATTICE:  # cells of a zone are alike along its columns, those of the lattice along rows
        codes_yx, inside = codes_yx.T, inside.T
    lines, length = codes_yx.shape
    counts = np.empty((lines, _N_CODES), np.int64)
    step = max(1, _CELLS_AT_ONCE // length)
    for top in range(0, lines, step):
        some = slice(top, min(top + step, lines))
        n = some.stop - top
        flat = codes_yx[some] + np.arange(0, n * _N_CODES, _N_CODES)[:, None]
        chosen = flat.ravel() if inside[some].all() else flat[inside[some]]
        counts[some] = np.bincount(chosen, minlength=n * _N_CODES).reshape(n, _N_CODES)
    return counts


def _line_areas(window: Window) -> npt.NDArray[np.float64]:
    """Return the true area of a cell in km2, by line as in `_counts`."""
    if window.epsg == LATTICE:
        return cell_area_km2(window.lat(), window.cell)
    # At the middle of the tile, wherever the window is cut.
    n = tile_cells(window.step)
    middle = origin(window.epsg)[1] - (window.row0 // n + 0.5) * UTM_TILE_M
    return zone_cell_area_km2(window.epsg, window.x(), middle, side_m=window.cell)


def class_areas(codes_yx: U8, window: Window, geometry: Any) -> dict[int, float]:
    """Return the geodesic area in km2 of every code that occurs inside a geometry, by code.

    `codes_yx` (y, x) uint8 are the codes of `window`, in a zone within one tile. The geometry is in the
    coordinates of its grid. NO_LOOK, OUTSIDE and UNWRITTEN are codes like others.
    """
    counts = _counts(codes_yx, window, geometry)
    areas = _line_areas(window) @ counts
    return {int(code): float(areas[code]) for code in np.flatnonzero(counts.any(axis=0))}


def _tally(
    geometry: Any, read_codes: ReadCodes, step: int, grid: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Return cells and km2 per code (256 each) of one zone, tile by tile, so that memory stays bounded."""
    cells, areas = np.zeros(_N_CODES, np.int64), np.zeros(_N_CODES)
    for epsg, part in split(geometry, grid, strict=False).items():
        for tile in tiles_meeting(part, epsg):
            window = window_within(tile, step, part.bounds)
            counts = _counts(read_codes(window), window, part)
            cells += counts.sum(axis=0)
            areas += _line_areas(window) @ counts
    return cells, areas


def _zone_rows(
    order: int, geometry: Any, read_codes: ReadCodes, step: int, grid: str
) -> list[tuple[Any, ...]]:
    """Return one row per class of a zone (fields of _COLUMNS), or one whose code is missing."""
    import pandas

    cells, areas = _tally(geometry, read_codes, step, grid)
    classes = [int(c) for c in np.flatnonzero(cells) if c not in (NO_LOOK, OUTSIDE, UNWRITTEN)]
    mapped = float(areas[classes].sum())
    apart = (float(areas[NO_LOOK]), float(areas[UNWRITTEN]), float(areas[OUTSIDE]))
    if not classes:
        return [(order, pandas.NA, 0.0, 0.0, 0, *apart)]
    return [(order, c, float(areas[c]), float(areas[c]) / mapped, int(cells[c]), *apart) for c in classes]


def _partition_table(part: "GeoDataFrame", read_codes: ReadCodes, step: int, grid: str) -> "DataFrame":
    import pandas

    rows = [
        row
        for order, geometry in zip(part["order"], part.geometry, strict=True)
        for row in _zone_rows(int(order), geometry, read_codes, step, grid)
    ]
    return pandas.DataFrame(rows, columns=list(_COLUMNS)).astype(dict(_COLUMNS))


def zone_table(
    zones: "GeoDataFrame",
    read_codes: ReadCodes,
    *,
    step: int,
    grid: str = "lattice",
    npartitions: int | None = None,
) -> "DataFrame":
    """Return the class areas of every zone: one row per zone and class, in the order of the zones.

    Columns: zone (label in the index of `zones`), name (where `zones` has it), code, area_km2, share (of
    the zone's mapped area, 0 to 1), n_cells, and per zone no_look_km2, unwritten_km2 and outside_km2. A zone
    without any class has one row whose code is missing. Zones lie in spatial partitions (neighbours on
    the Hilbert curve together), which run side by side in threads; the table does not depend on how
    many. `zones` are as from `read_zones`; `grid` is what the codes lie on (`core.zones.grid_of`). Memory:
    one tile of codes per thread.
    """
    import dask_geopandas
    import geopandas
    import pandas

    tile_cells(step)
    bare = geopandas.GeoDataFrame(
        {"order": np.arange(len(zones))}, geometry=zones.geometry.array, crs=zones.crs
    )
    bare = bare.iloc[np.argsort(bare.hilbert_distance().to_numpy(), kind="stable")].reset_index(drop=True)
    wanted = npartitions or max(1, min(len(bare) // 4, 64))
    parts = dask_geopandas.from_geopandas(bare, npartitions=min(wanted, len(bare)))
    meta = pandas.DataFrame(columns=list(_COLUMNS)).astype(dict(_COLUMNS))
    lazy = parts.map_partitions(_partition_table, read_codes, step, grid, meta=meta, enforce_metadata=False)
    table = lazy.compute(scheduler="threads").sort_values(["order", "code"]).reset_index(drop=True)
    order = table.pop("order").to_numpy()
    table.insert(0, "zone", zones.index.to_numpy()[order])
    if "name" in zones:
        table.insert(1, "name", zones["name"].to_numpy()[order])
    return table
