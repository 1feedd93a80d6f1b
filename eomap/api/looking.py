"""Looking into a cube: open, query, export."""

from functools import partial
from typing import Any

from eomap.errors import MisuseError


def open_cube(out: str) -> Any:
    """Return the cube as an xarray.Dataset with its CRS; lazy, whole tiles are read as asked."""
    import warnings

    import xarray as xr

    from eomap.io.cube import open_cube as opened

    with warnings.catch_warnings():  # "no look" and "never written" are two numbers, and both decode to NaN
        warnings.filterwarnings("ignore", message=".*multiple fill values")
        return xr.open_zarr(opened(out).store.zarr(), chunks=None, decode_coords="all")


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
    table = zone_table(read_zones(zones), partial(_codes, cube, main.name), step=cube.extent.step)
    records: list[dict[str, Any]] = [{str(k): v for k, v in r.items()} for r in table.to_dict("records")]
    for record in records:
        code = None if pandas.isna(record["code"]) else int(record["code"])
        record |= {"code": code, "class": None if code is None else names.get(code, "")}
    return records


def _codes(cube: Any, layer: str, window: Any) -> Any:
    """Return the codes of a window, OUTSIDE beyond the cube."""
    from eomap.io.zonal import OUTSIDE

    codes, own = cube.read(layer, window), cube.extent.window
    codes[: max(own.row0 - window.row0, 0)] = OUTSIDE
    codes[max(own.row1 - window.row0, 0) :] = OUTSIDE
    codes[:, : max(own.col0 - window.col0, 0)] = OUTSIDE
    codes[:, max(own.col1 - window.col0, 0) :] = OUTSIDE
    return codes


def export(
    out: str, *, cog: str | None = None, png: str | None = None, layer: str | None = None
) -> list[str]:
    """Write a layer as a cloud-optimised GeoTIFF and/or a picture; return the paths written."""
    written = []
    if cog is not None:
        from eomap.io.export import to_cog

        to_cog(out, cog, layer=layer)
        written.append(cog)
    if png is not None:
        from eomap.io.picture import to_png

        to_png(out, png, layer=layer)
        written.append(png)
    return written
