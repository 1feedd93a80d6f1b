"""Land cover and elevation, read as sensors."""

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from eomap import api
from eomap.core.sensor import Ask
from eomap.core.source import Asset, Band, Item
from eomap.io.cube import open_cube
from eomap.sensors import elevation, sensor
from eomap.sensors.landcover import WORLDCOVER, worldcover_codes


def item(asset, **more):
    footprint = shapely.to_wkb(shapely.box(12, 52, 13, 53))
    made = (Asset(asset, f"{asset}.tif", **more),)
    return Item("one", "c", datetime(2021, 4, 22, tzinfo=UTC), footprint, made)


@pytest.mark.parametrize(
    ("name", "asset", "band", "categorical"),
    [("worldcover", "map", "class", True), ("modis-12q1", "LC_Type1", "class", True),
     ("dem", "data", "elevation", False)],
)  # fmt: skip
def test_items_become_scenes_or_are_set_aside(name, asset, band, categorical):
    by = sensor(name)
    (scene,), notes = by.scenes_of([item(asset)], Ask(by.default_bands, "auto", ""))
    assert not notes and [(b.name, b.categorical) for b in scene.bands] == [(band, categorical)]
    found, notes = by.scenes_of([item("thumbnail")], Ask(by.default_bands, "auto", ""))
    assert not found and "item one" in notes[0] and asset in notes[0]
    assert by.methods == ("latest",)


def test_only_classes_of_worldcover_are_classes():
    raw = np.arange(256, dtype=np.uint8)[None]
    code = worldcover_codes(raw, Band("class", "x", 1, 0, 0))
    assert set(code[0].tolist()) == {0, *WORLDCOVER} and all(code[0, c] == c for c in WORLDCOVER)


def test_water_of_modis_is_17_and_fill_is_none():
    code = sensor("modis-12q1").coded(np.array([[0, 1, 17, 255]], np.uint8), Band("class", "x", 1, 0, 255))
    assert code.tolist() == [[0, 1, 17, 0]]


@given(st.floats(-430, 8_850, width=32))
def test_elevation_comes_back_within_a_tenth_of_a_metre(height_m):
    by, band = sensor("dem"), Band("elevation", "x", 1.0, 0.0, elevation.NODATA_M)
    (code,) = by.coded(np.array([height_m], np.float32), band)
    assert code > 0 and abs(code * by.scale + by.offset - height_m) <= 0.1 + 1e-6


def test_the_sea_is_an_elevation_and_nodata_is_not():
    band = Band("elevation", "x", 1.0, 0.0, -32_767.0)
    code = sensor("dem").coded(np.array([[0.0, -32_767.0, np.nan, -9_999.0]], np.float32), band)
    assert code.tolist() == [[5001, 0, 0, 0]]
    assert sensor("dem").coded(np.array([[0, 12]], np.int16), band).tolist() == [[5001, 5061]]


@pytest.mark.shared
def test_two_years_of_worldcover_and_an_elevation(shared, tmp_path):
    catalog = str(shared / "data" / "catalog" / "catalog.json")
    for name, box, period, layer in (
        ("worldcover", "6.60,0.20,6.61,0.21", "2020-01-01/2021-12-31", "land_cover"),
        ("dem", "34.06,-3.41,34.07,-3.40", "2023", "elevation"),
    ):
        plan = api.plan(
            bbox=box, catalog=catalog, collection="labels", period=period, product="composite", sensor=name
        )
        out = str(tmp_path / f"{name}.zarr")
        assert api.run(plan, out, engine="inline").complete and api.verify(out) == {}
        cube = open_cube(out)
        code = cube.read(layer, cube.extent.window, band=0)
        seen = code[(code > 0) & (code < 65_535)]
        assert seen.size > 1_000
        if name == "worldcover":
            assert set(np.unique(seen).tolist()) <= set(WORLDCOVER) and len(plan.scenes) == 2
            day = cube.read("day", cube.extent.window)
            assert set(np.unique(day[(code > 0) & (code < 65_535)]).tolist()) == {18_809}, "2021-07-01"
        else:
            assert 900 < seen.mean() * 0.2 - 1000.2 < 2_500, "metres in Tanzania"
