"""Metadata that places a cube on the Earth: CF, and the Zarr `proj:`/`spatial:` conventions."""

from dataclasses import asdict
from typing import Any

from eomap.core.grid import STEPS_PER_DEGREE, TILE_STEPS, Window
from eomap.core.layer import Layer


def _transform(window: Window) -> list[float]:
    """Affine coefficients a, b, c, d, e, f of a window."""
    west, _, _, north = window.bounds_deg
    step = window.step / STEPS_PER_DEGREE
    return [step, 0.0, west, 0.0, -step, north]


def _conventions(window: Window) -> dict[str, Any]:
    from zarr_cm import create_many

    made: dict[str, Any] = dict(
        create_many(
            {
                "proj": {"proj:code": "EPSG:4326"},
                "spatial": {
                    "spatial:dimensions": ["y", "x"],
                    "spatial:transform": _transform(window),
                    "spatial:shape": list(window.shape),
                    "spatial:bbox": list(window.bounds_deg),
                    "spatial:registration": "pixel",
                },
            }
        )
    )
    for declared in made["zarr_conventions"]:
        # rioxarray up to 0.23 looks for the older names, which ended in a colon.
        declared["name"] = declared["name"].rstrip(":") + ":"
    return made


def spatial_reference(window: Window) -> dict[str, Any]:
    """Return the attributes of the CF grid mapping variable; GeoTransform is in GDAL's order."""
    from pyproj import CRS

    a, b, c, d, e, f = _transform(window)
    return {**CRS.from_epsg(4326).to_cf(), "GeoTransform": " ".join(repr(v) for v in (c, a, b, f, d, e))}


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
        attributes |= {"scale_factor": layer.scale, "add_offset": 0.0, "_FillValue": layer.fill}
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
    n = TILE_STEPS // window.step
    return {
        "Conventions": "CF-1.11",
        **_conventions(window),
        "eomap:format": 1,
        "eomap:layers": [asdict(g) for g in layers],
        "eomap:extent": {
            "step": window.step,
            "row0": window.row0 // n,
            "row1": window.row1 // n,
            "col0": window.col0 // n,
            "col1": window.col1 // n,
        },
    }
