"""Metadata that places a cube on the Earth: CF, and the Zarr `proj:`/`spatial:` conventions."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from eomap.core.grid import LATTICE, TILE_STEPS, Window
from eomap.core.layer import Layer

_NOT_OF_A_ZONE = ("eomap:status", "eomap:warnings")
"""What changes while a run goes on, or is said once for the whole cube."""


def geobox_of(window: Window) -> Any:
    """Return the odc.geo.GeoBox of a window: EPSG:4326 or a UTM zone, north up."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    return GeoBox(window.shape, Affine(*_transform(window)), f"EPSG:{window.epsg}")


def _transform(window: Window) -> tuple[float, float, float, float, float, float]:
    """Return the affine transform of a window, in the order of `affine.Affine`."""
    west, _, _, north = window.bounds
    return window.cell, 0.0, west, 0.0, -window.cell, north


def _conventions(window: Window) -> dict[str, Any]:
    from zarr_cm import create_many

    made: dict[str, Any] = dict(
        create_many(
            {
                "proj": {"proj:code": f"EPSG:{window.epsg}"},
                "spatial": {
                    "spatial:dimensions": ["y", "x"],
                    "spatial:transform": list(_transform(window)),
                    "spatial:shape": list(window.shape),
                    "spatial:bbox": list(window.bounds),
                    "spatial:registration": "pixel",
                },
            }
        )
    )
    for declared in made["zarr_conventions"]:
        # rioxarray up to 0.23 looks for the older names, which ended in a colon.
        declared["name"] = declared["name"].rstrip(":") + ":"
    return made


def axis_attributes(name: str, epsg: int) -> dict[str, Any]:
    """Return the CF attributes of the coordinates `y` or `x`."""
    if epsg == LATTICE:
        standard, units = {"y": ("latitude", "degrees_north"), "x": ("longitude", "degrees_east")}[name]
    else:
        standard, units = f"projection_{name}_coordinate", "m"
    return {"standard_name": standard, "units": units, "axis": name.upper()}


def spatial_reference(window: Window) -> dict[str, Any]:
    """Return the attributes of the CF grid mapping variable; GeoTransform is in GDAL's order."""
    from pyproj import CRS

    a, b, c, d, e, f = _transform(window)
    return {**CRS.from_epsg(window.epsg).to_cf(), "GeoTransform": " ".join(map(repr, (c, a, b, f, d, e)))}


def array_attributes(layer: Layer, window: Window) -> dict[str, Any]:
    """Return the CF attributes of a layer: legend, scale, fill, grid mapping."""
    attributes: dict[str, Any] = {
        "long_name": layer.long_name,
        "units": layer.unit,
        "grid_mapping": "spatial_ref",
        "coordinates": "spatial_ref",  # so that a plain xarray.open_zarr finds the CRS
        **_conventions(window),
    }
    if layer.scale is not None:
        # Without _FillValue an unwritten pixel would decode as a confident nothing.
        attributes |= {"scale_factor": layer.scale, "add_offset": layer.offset, "_FillValue": layer.fill}
        if layer.no_look is not None:  # both decode to NaN: there is no value either way
            attributes["missing_value"] = layer.no_look
    if layer.legend:
        attributes |= {
            "flag_values": [c.value for c in layer.legend],
            "flag_meanings": " ".join(c.meaning for c in layer.legend),
            "flag_colors": " ".join(f"#{c.color}" for c in layer.legend),
        }
    if layer.no_look is not None:
        attributes["comment"] = (
            f"{layer.no_look} = processed, but no clear look; {layer.fill} = never written"
        )
    if layer.bands:
        attributes["band_names"] = list(layer.bands)
    return attributes


def root_attributes(window: Window, layers: tuple[Layer, ...]) -> dict[str, Any]:
    """Return the root attributes that any reader needs; the run's provenance is added by its driver."""
    return {
        "Conventions": "CF-1.11",
        **_conventions(window),
        "eomap:format": 1,
        "eomap:layers": [asdict(g) for g in layers],
        "eomap:extent": _extent(window),
    }


def zoned_root_attributes(windows: list[Window], layers: tuple[Layer, ...]) -> dict[str, Any]:
    """Return the root attributes of a cube of UTM zones; what places it on the Earth stands in its groups."""
    return {
        "Conventions": "CF-1.11",
        "eomap:format": 2,
        "eomap:layers": [asdict(g) for g in layers],
        "eomap:extent": [_extent(w) for w in windows],
    }


def zone_attributes(window: Window, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of the group of a UTM zone: where it lies, and what the cube was made from."""
    return {
        "Conventions": "CF-1.11",
        **_conventions(window),
        "eomap:extent": _extent(window),
        **{k: v for k, v in provenance.items() if k not in _NOT_OF_A_ZONE},
    }


def _extent(window: Window) -> dict[str, int]:
    n = TILE_STEPS // window.step
    tiles = {
        "step": window.step,
        "row0": window.row0 // n,
        "row1": window.row1 // n,
        "col0": window.col0 // n,
        "col1": window.col1 // n,
    }
    return tiles if window.epsg == LATTICE else {**tiles, "epsg": window.epsg}
