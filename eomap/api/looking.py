"""Looking into a cube: open, query, export."""

from functools import partial
from pathlib import Path
from typing import Any

from eomap.errors import MisuseError


def open_cube(out: str, *, zone: int | None = None) -> Any:
    """Return the cube as an xarray.Dataset with its CRS; lazy, whole tiles are read as asked.

    Of a cube of several UTM zones, `zone` says which, by its EPSG code; without it MisuseError names them.
    """
    import warnings

    import xarray as xr

    from eomap.core.grid import group_of
    from eomap.io.cube import open_cube as opened
    from eomap.io.selection import extent_of

    cube = opened(out)
    group = group_of(extent_of(cube, zone).epsg).rstrip("/") or None
    with warnings.catch_warnings():  # "no look" and "never written" are two numbers, and both decode to NaN
        warnings.filterwarnings("ignore", message=".*multiple fill values")
        return xr.open_zarr(cube.store.zarr(), group=group, chunks=None, decode_coords="all")


def query_point(out: str, lon: float, lat: float) -> dict[str, Any]:
    """Return every layer's value at a point, with a status: valid, no clear look, unwritten or outside."""
    from eomap.io.points import at_point

    return at_point(out, lon, lat)


def query_zones(out: str, zones: str) -> list[dict[str, Any]]:
    """Return one record per zone and class: area in km2 (geodesic), share, cells.

    `zones` is a vector file. Cells without a clear look, cells never written and those
    outside the cube are told apart: no_look_km2, unwritten_km2, outside_km2. A zone without any class has
    one record whose code is None.
    """
    import pandas

    from eomap.io.cube import open_cube as opened
    from eomap.io.vectors import read_zones
    from eomap.io.zonal import zone_table

    cube = opened(out)
    main = cube.layers[0]
    if not main.legend:
        raise MisuseError(
            out,
            expected="a map of classes, for areas are counted by class",
            got=f"a map of values, {main.name}",
            hint="--point, or export --cog for the zonal statistics of a GIS",
        )
    names = {c.value: c.name for c in main.legend}
    grid = cube.attributes().get("eomap:grid", "lattice")
    table = zone_table(read_zones(zones), partial(_codes, cube, main.name), step=cube.step, grid=grid)
    records: list[dict[str, Any]] = [{str(k): v for k, v in r.items()} for r in table.to_dict("records")]
    for record in records:
        code = None if pandas.isna(record["code"]) else int(record["code"])
        record |= {"code": code, "class": None if code is None else names.get(code, "")}
    return records


def _codes(cube: Any, layer: str, window: Any) -> Any:
    """Return the codes of a window, OUTSIDE beyond the cube."""
    from eomap.io.zonal import OUTSIDE

    codes, extent = cube.read(layer, window), cube.extent_on(window.epsg)
    if extent is None:
        codes[:] = OUTSIDE
        return codes
    own = extent.window
    codes[: max(own.row0 - window.row0, 0)] = OUTSIDE
    codes[max(own.row1 - window.row0, 0) :] = OUTSIDE
    codes[:, : max(own.col0 - window.col0, 0)] = OUTSIDE
    codes[:, max(own.col1 - window.col0, 0) :] = OUTSIDE
    return codes


def export(
    out: str, *, cog: str | None = None, png: str | None = None, layer: str | None = None
) -> list[str]:
    """Write a layer as a cloud-optimised GeoTIFF and/or a picture; return the paths written.

    A cube of several UTM zones gives one file per zone that has a finished tile, its name with
    `-utm<EPSG code>` before the ending: neither a GeoTIFF nor a picture has two coordinate systems.
    """
    from eomap.io.cube import open_cube as opened
    from eomap.io.export import to_cog
    from eomap.io.picture import to_png
    from eomap.io.selection import layer_of, zones_written

    cube = opened(out)
    several = len(cube.extents) > 1
    zones = zones_written(cube, layer_of(cube, layer)) if several else (cube.extent.epsg,)
    written = []
    for path, write in ((cog, to_cog), (png, to_png)):
        for zone in zones if path is not None else ():
            place = Path(str(path))
            target = str(place.with_name(f"{place.stem}-utm{zone}{place.suffix}")) if several else str(path)
            write(out, target, layer=layer, zone=zone)
            written.append(target)
    return written
