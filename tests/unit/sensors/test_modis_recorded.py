"""MODIS items as the Planetary Computer and stactools really wrote them, and the real series of Sinop."""

import json

import numpy as np
import pytest
import rasterio
from pyproj import CRS

from eomap.core.sensor import Ask
from eomap.io.catalog_entry import named_catalogs
from eomap.io.hrefs import HrefRules
from eomap.io.stac_items import to_item
from eomap.sensors import sensor

pytestmark = pytest.mark.shared


def recorded(shared, path, rules=None):
    document = json.loads((shared / "data" / "stac" / path).read_text())
    features = document if isinstance(document, list) else document.get("features", [document])
    rules = rules or named_catalogs()["planetary-computer"].rules
    return features, [to_item(f, base="https://x.org/items", rules=rules) for f in features]


def scenes(name, items, mask="auto"):
    by = sensor(name)
    return by.scenes_of(items, Ask(by.default_bands, mask, ""))


@pytest.mark.parametrize(
    ("path", "name", "fill", "quality"),
    [
        ("recorded_pc/modis-13Q1-061.json", "modis-13q1", -3000, {"pixel_reliability"}),
        ("recorded_pc/modis-09A1-061.json", "modis-09a1", -28672, {"state_500m"}),
        ("recorded_pc/modis-43A4-061.json", "modis-43a4", 32767,
         {f"Mandatory_Quality_Band{n}" for n in range(1, 8)}),
    ],
)  # fmt: skip
def test_composites_of_the_planetary_computer(shared, path, name, fill, quality):
    features, items = recorded(shared, path)
    found, notes = scenes(name, items)
    assert len(found) == len(items) and not notes
    said_by = {f["id"]: f["properties"] for f in features}
    for scene in found:
        said = said_by[scene.id]
        assert said["proj:epsg"] is None and CRS.from_wkt(said["proj:wkt2"]).to_epsg() is None
        assert CRS.from_wkt(said["proj:wkt2"]).ellipsoid.semi_major_metre == 6371007.181
        assert {b.nodata for b in scene.bands if not b.categorical} == {float(fill)}, "the item tells none"
        assert {b.name for b in scene.bands if b.categorical} == quality
        assert not any(b.href.endswith(".hdf") for b in scene.bands)


def test_a_composite_without_a_datetime_lies_in_the_middle_of_its_days(shared):
    features, items = recorded(shared, "recorded_pc/modis-13Q1-061.json")
    assert features[0]["properties"]["datetime"] is None
    assert items[0].moment.date().isoformat() == "2025-02-25" and items[0].span is not None


def test_items_with_nothing_but_hdf4_are_read_from_it(shared):
    folder = shared / "data" / "stac" / "stactools-modis" / "modis-061" / "modis-13Q1-061"
    paths = sorted(folder.glob("*/*.json"))
    assert paths
    for path in paths:
        document = json.loads(path.read_text())
        document["assets"] = {"hdf": document["assets"]["hdf"] | {"href": "https://x.org/a.hdf"}}
        item = to_item(document, base="https://x.org/items", rules=HrefRules())
        (scene,), _ = scenes("modis-13q1", [item])
        assert [b.data_set for b in scene.bands] == ["NDVI", "pixel_reliability"]


def test_the_series_of_sinop(shared):
    folder = shared / "data" / "catalog" / "modis-13q1"
    rules, by = HrefRules(roots=(shared / "data" / "catalog",)), sensor("modis-13q1")
    paths = sorted(folder.glob("*/*.json"))
    items = [to_item(json.loads(p.read_text()), base=str(p), rules=rules) for p in paths]
    found, notes = scenes("modis-13q1", items)
    assert len(found) == 12 and not notes
    blurred = 0
    for scene in found:
        band = scene.bands[0]
        with rasterio.open(band.href) as file:
            raw = file.read(1)
            assert file.crs.to_epsg() is None and "6371007.181" in file.crs.to_wkt()
        code = by.coded(raw, band)
        assert ((code == 0) == ((raw < -2000) | (raw > 10_000))).all()
        np.testing.assert_allclose((code * by.scale + by.offset)[code > 0], raw[code > 0] * 1e-4, atol=1e-9)
        blurred += int(((raw < -2000) & (raw != -3000)).sum())
    assert blurred > 1000, "fill of -3000 that a resampling smeared"
