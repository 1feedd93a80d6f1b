"""Sentinel-1 items as catalogues really answered, and the real files behind the example catalogue."""

import json
from pathlib import Path

import numpy as np
import pytest

from eomap.core.sensor import Ask
from eomap.core.source import Band
from eomap.io.catalog_entry import named_catalogs
from eomap.io.hrefs import HrefRules
from eomap.io.stac_items import to_item
from eomap.sensors import sentinel1 as s1

pytestmark = pytest.mark.shared
ELSEWHERE = HrefRules()


def recorded(shared, path, rules=None):
    """Return the items of a recorded answer, read as a catalogue's would be."""
    document = json.loads((shared / "data" / "stac" / path).read_text())
    features = document if isinstance(document, list) else document.get("features", [document])
    rules = rules or named_catalogs()["planetary-computer"].rules
    return [to_item(f, base="https://x.org/items", rules=rules, collection="") for f in features]


def scenes(items, bands=("VV", "VH")):
    return s1.scenes_of(items, Ask(bands, "auto", ""))


@pytest.mark.parametrize("path", ["recorded_pc/sentinel-1-rtc.json", "pc/sentinel-1-rtc-pc.json"])
def test_corrected_scenes_that_call_themselves_grd_are_linear_power(shared, path):
    items = recorded(shared, path)
    assert all(i.properties["sar:product_type"] == "GRD" for i in items)
    found, notes = scenes(items)
    assert len(found) == len(items) and not notes
    for scene in found:
        assert scene.level == "RTC" and "linear power" in scene.offset_rule and scene.platform == "S1A"
        assert scene.epsg in (32633, 32634)
        assert scene.orbit.startswith("descending ")
        assert [(b.unit, b.scale, b.offset, b.nodata) for b in scene.bands] == [("", 1, 0, -32768)] * 2


@pytest.mark.parametrize(
    "path",
    [
        "recorded_pc/sentinel-1-grd.json",
        "pgstac/sentinel-1-grd/S1A_IW_GRDH_1SDV_20220428T034417_20220428T034442_042968_05213C.json",
    ],
)
def test_raw_grd_without_places_is_set_aside_with_the_way_out(shared, path):
    items = recorded(shared, path)
    assert all(a.epsg is None and a.transform is None for i in items for a in i.assets)
    assert all(set(s1.asset_names(i)) == {"VV", "VH"} for i in items)
    found, notes = scenes(items)
    assert not found and len(notes) == len(items)
    assert all("calibrated" in n and "RTC" in n for n in notes)


def test_the_archive_on_aws_is_power_by_relative_orbit(shared):
    paths = sorted((shared / "data" / "stac" / "stactools-sentinel1" / "rtc").glob("*/*/*/*.json"))
    items = [recorded(shared, p, HrefRules(roots=(Path("/"),)))[0] for p in paths]
    assert items
    for item in items:
        assert s1.level_of(item) == "RTC"
        assert s1.orbit_of(item) == f"ascending {item.properties['sat:relative_orbit']:03d}"
        assert set(s1.asset_names(item)) <= {"VV", "VH"}


def test_relative_orbits_follow_from_absolute_ones(shared):
    checked = 0
    for path in ("recorded_pc/sentinel-1-rtc.json", "recorded_pc/sentinel-1-grd.json"):
        for item in recorded(shared, path):
            said = item.properties.pop("sat:relative_orbit")
            assert s1.orbit_of(item).endswith(f"{said:03d}")
            checked += 1
    assert checked


def test_hh_items_have_what_vv_items_have_not(shared):
    item = recorded(shared, "stac-server/item-s1-1.json", ELSEWHERE)[0]
    found, notes = scenes([item], bands=("VV",))
    assert not found and "VV" in notes[0]
    assert s1.orbit_of(item) == "ascending 056"


@pytest.mark.parametrize(
    ("name", "orbit", "vv_db"),
    [
        ("sentinel-1-grd/S1_GRD_Kalimantan_20170124", "descending", (-25, 12)),
        (
            "sentinel-1-grd/S1A_IW_GRDH_1SDV_20200607T010800_20200607T010825_032904_03CFBA_D457",
            "descending 107",
            (-26, 2),
        ),
        ("sentinel-1-rtc/S1_RTC_Denmark_20171030", "descending", (-30, 15)),
    ],
)
def test_real_files_become_codes_within_what_radar_sees(shared, name, orbit, vv_db):
    import rasterio

    path = shared / "data" / "catalog" / name / f"{Path(name).name}.json"
    item = to_item(json.loads(path.read_text()), base=str(path), rules=HrefRules(roots=(shared,)))
    (scene,), notes = scenes([item])
    assert not notes and (scene.orbit, scene.offset_rule) == (orbit, "unit dB")
    for band in scene.bands:
        assert isinstance(band, Band) and band.unit == "dB"
        with rasterio.open(band.href) as file:
            raw = file.read(1)
        code = s1.coded(raw, band)
        seen = code[code > 0] * s1.SCALE + s1.OFFSET
        assert seen.size > 0.99 * raw.size
        truth = raw.astype(float) * band.scale
        assert np.abs(np.where(code > 0, code * s1.SCALE + s1.OFFSET - truth, 0)).max() < 0.00051
        if band.name == "VV":
            assert vv_db[0] < np.percentile(seen, 0.1) < np.percentile(seen, 99.9) < vv_db[1]
            assert s1.unit_doubt({"VV": float(np.percentile(raw, 0.1))}, scene.bands) is None
            assert "as if dB" in s1.unit_doubt({"VV": -20.0}, (Band("VV", "", 1, 0, None),))
