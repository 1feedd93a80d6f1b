"""A layer of a cube as a cloud-optimised GeoTIFF, for any GIS.

The COG driver only copies finished files, so rioxarray first writes the cells, block by block, into a
sparse tiled GeoTIFF beside the target. Memory stays at one block (and GDAL's cache) whatever the size of
the cube; `rio.to_raster(driver="COG")` would hold the whole layer.
"""

from pathlib import Path
from typing import Any

import numpy as np

from eomap.core.grid import Window, group_of
from eomap.core.layer import Layer
from eomap.errors import MisuseError
from eomap.io.cube import Cube, open_cube
from eomap.io.georeference import geobox_of
from eomap.io.place import whole_file
from eomap.io.selection import Bounds, extent_of, layer_of, window_of, written_window

TILE_CELLS = 512
NO_LOOK_RGB = (160, 160, 160)


def to_cog(
    cube_url: str,
    path: str | Path,
    *,
    layer: str | None = None,
    bounds: Bounds | None = None,
    zone: int | None = None,
) -> Path:
    """Return the path of a new cloud-optimised GeoTIFF of one layer, stored values, in the cube's own grid.

    Cells: those that touch `bounds` (west, south, east, north in degrees), else all tiles written so
    far; of a cube of several UTM zones, those of the `zone` (EPSG code). Nodata is the layer's fill; of a
    scaled layer also where there was no clear look, for a GeoTIFF knows one such number and the overviews
    would take the other for a value. Categorical uint8 layers
    carry a colour table; class names are band tags (`class_<code>`, `flag_values`, `flag_meanings`), the
    physical scale is the band's scale. Overviews: mode for classes, average otherwise. An existing file is
    replaced, whole or not at all.
    Raises MisuseError on an unknown layer, bounds outside the cube and places that cannot be written.
    """
    cube = open_cube(cube_url)
    chosen = layer_of(cube, layer)
    window = window_of(cube, bounds, zone) if bounds is not None else written_window(cube, chosen, zone)
    import rasterio
    from rasterio.shutil import copy

    with whole_file(path) as part, rasterio.Env(GDAL_CACHEMAX=128, GDAL_NUM_THREADS="1"):
        flat = part.with_name("flat.tif")
        try:
            _write_flat(cube, chosen, window, flat)
            copy(str(flat), str(part), driver="COG", **_creation(chosen))
        except rasterio.errors.RasterioError as problem:
            raise MisuseError(
                str(path),
                expected="a place to write a GeoTIFF",
                got=f"{problem} {problem.__cause__ or ''}"[:200],
                hint="free some space or choose another place",
            ) from problem
    return Path(path)


def _creation(layer: Layer) -> dict[str, str]:
    return {
        "COMPRESS": "DEFLATE",
        "BLOCKSIZE": str(TILE_CELLS),
        "BIGTIFF": "IF_SAFER",
        "OVERVIEW_RESAMPLING": "MODE" if layer.legend else "AVERAGE",  # never average class codes
    }


def _write_flat(cube: Cube, layer: Layer, window: Window, path: Path) -> None:
    """Write the cells of a window into a plain tiled GeoTIFF; blocks that are all fill stay unwritten."""
    import rasterio
    import rioxarray  # noqa: F401 - gives arrays their `rio`
    import xarray as xr

    own = extent_of(cube, window.epsg).window
    group = group_of(window.epsg).rstrip("/") or None
    stored = xr.open_zarr(
        cube.store.zarr(), group=group, chunks=None, mask_and_scale=False, decode_coords="all"
    )
    cells: Any = stored[layer.name].isel(
        y=slice(window.row0 - own.row0, window.row1 - own.row0),
        x=slice(window.col0 - own.col0, window.col1 - own.col0),
    )
    if layer.scale is not None and layer.no_look is not None:
        cells = cells.chunk(y=TILE_CELLS, x=TILE_CELLS)  # still block by block
        cells = cells.where(cells != layer.no_look, np.dtype(layer.dtype).type(layer.fill))
    box = geobox_of(window)
    cells = cells.rio.write_crs(box.crs).rio.write_transform(box.affine).rio.write_nodata(layer.fill)
    cells.rio.to_raster(
        path,
        windowed=True,
        tiled=True,
        blockxsize=TILE_CELLS,
        blockysize=TILE_CELLS,
        compress="deflate",
        zlevel=1,
        sparse_ok=True,
        bigtiff="IF_SAFER",
    )
    with rasterio.open(path, "r+") as file:
        _describe(file, layer, cube.attributes())


def _describe(file: Any, layer: Layer, attributes: dict[str, Any]) -> None:
    """Set names, scale, classes and colours; they survive the copy to COG."""
    count = max(len(layer.bands), 1)
    file.descriptions = layer.bands or (layer.long_name,)
    file.units = (layer.unit,) * count
    if layer.scale is not None:
        file.scales, file.offsets = (layer.scale,) * count, (layer.offset,) * count
    tags = {"long_name": layer.long_name, "layer": layer.name}
    if layer.no_look is not None and layer.scale is None:
        tags["no_look"] = str(layer.no_look)
    if layer.legend:
        tags["flag_values"] = ",".join(str(c.value) for c in layer.legend)
        tags["flag_meanings"] = " ".join(c.meaning for c in layer.legend)
        tags |= {f"class_{c.value}": c.name for c in layer.legend}
    for band in range(1, count + 1):
        file.update_tags(band, **tags)
    origin = {k: v for k, v in attributes.items() if k.startswith("eomap:") and isinstance(v, str | bool)}
    file.update_tags(**{k.replace(":", "_"): str(v) for k, v in origin.items()})
    if layer.legend and layer.dtype == "uint8" and not layer.bands:
        file.write_colormap(1, _colours(layer))


def _colours(layer: Layer) -> dict[int, tuple[int, int, int, int]]:
    colours = {c.value: (*bytes.fromhex(c.color), 255) for c in layer.legend}
    if layer.no_look is not None:
        colours[layer.no_look] = (*NO_LOOK_RGB, 255)
    return {**colours, layer.fill: (255, 255, 255, 0)}
