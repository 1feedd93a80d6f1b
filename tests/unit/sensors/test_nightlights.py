"""The lights at night, read as a sensor."""

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_world import PlainWorld

from eomap import api
from eomap.api import twinning
from eomap.core.period import Period
from eomap.core.sensor import Ask
from eomap.core.source import Asset, Band, Item
from eomap.io.cube import open_cube
from eomap.sensors import nightlights, sensor
from eomap.twin import degrees
from eomap.twin.acquisitions import LIGHTS, acquisitions

SEED, AREA, YEAR = 17, (11.25, 55.56, 11.27, 55.57), 2023
BAND = Band("radiance", "x", 1.0, 0.0, nightlights.NODATA_NW, unit=nightlights.UNIT)


def item(asset, **more):
    footprint = shapely.to_wkb(shapely.box(12, 52, 13, 53))
    return Item("one", "c", datetime(2023, 7, 2, tzinfo=UTC), footprint, (Asset(asset, "x.tif", **more),))


@settings(deadline=None)
@given(st.floats(0, 6_000, width=32))
def test_radiance_comes_back_within_half_a_step(radiance_nw):
    by = sensor("night-lights")
    (code,) = by.coded(np.array([radiance_nw], np.float32), BAND)
    assert code > 0 and abs(code * by.scale + by.offset - radiance_nw) <= by.scale / 2 + 1e-3


def test_darkness_is_seen_and_a_fill_is_not():
    raw = np.array([[0.0, -999.9, np.nan, -0.5, 12.34]], np.float32)
    assert sensor("night-lights").coded(raw, BAND).tolist() == [[1, 0, 0, 0, 124]]


def test_items_become_scenes_or_are_set_aside():
    by = sensor("night-lights")
    ask = Ask(by.default_bands, "auto", "")
    (scene,), notes = by.scenes_of([item("AllAngle_Composite_Snow_Free", nodata=-1.0)], ask)
    assert not notes and (scene.bands[0].nodata, scene.bands[0].unit) == (-1.0, "nW cm-2 sr-1")
    (scene,), _ = by.scenes_of([item("NearNadir_Composite_Snow_Free")], ask)
    assert scene.bands[0].nodata == nightlights.NODATA_NW
    found, notes = by.scenes_of([item("thumbnail")], ask)
    assert not found and "item one" in notes[0]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Items and files of the twin; what shines is a plain function of the place."""
    out = tmp_path_factory.mktemp("twin")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(twinning, "_world", lambda seed, *_: PlainWorld(seed))
        days = f"{YEAR}-06-12/{YEAR}-06-13"
        api.build_twin(out, bbox=",".join(map(str, AREA)), period=days, sensors=("modis",), seed=SEED)
    return str(out / "catalog.json")


def test_the_twins_lights_are_found_and_mapped_as_they_shine(catalog, tmp_path):
    box = ",".join(map(str, AREA))
    plan = api.plan(bbox=box, catalog=catalog, period=str(YEAR), product="composite", sensor="night-lights")
    assert plan.collection == "vnp46a4-002" and len(plan.scenes) == 1
    out = str(tmp_path / "lights.zarr")
    assert api.run(plan, out, engine="inline").complete
    cube = open_cube(out)
    window = cube.extent.window
    code = cube.read("radiance", window, band=0)
    rows, cols = np.nonzero((code > 0) & (code < 65_535))
    assert rows.size and cube.attributes()["eomap:synthetic"] is True
    (made,) = [
        a for a in acquisitions(AREA, Period.parse(str(YEAR)), ["modis"], seed=SEED) if a.product == LIGHTS
    ]
    tile = degrees.part_of(made.frame, AREA, margin_m=5_000)
    shines = PlainWorld(SEED).lights(made, tile)
    x, y = window.x()[cols], window.y()[rows]
    col = np.floor((x - tile.transform[2]) / tile.transform[0]).astype(int)
    row = np.floor((y - tile.transform[5]) / tile.transform[4]).astype(int)
    near = np.stack(
        [shines[np.clip(row + r, 0, None), np.clip(col + c, 0, None)] for r in (-1, 0, 1) for c in (-1, 0, 1)]
    )
    mapped = code[rows, cols] * nightlights.STEP_NW - nightlights.STEP_NW
    assert (mapped >= near.min(axis=0) - 0.06).all() and (mapped <= near.max(axis=0) + 0.06).all()
