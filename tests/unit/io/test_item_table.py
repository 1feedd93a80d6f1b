"""Items kept as GeoParquet: they come back equal, other programs' tables are read, nothing secret is kept."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.period import Period
from eomap.errors import MisuseError
from eomap.io.catalog import open_catalog
from eomap.io.hrefs import HrefRules
from eomap.io.item_table import items_of, search_of, table_of
from eomap.io.stac_items import to_item

OPEN = HrefRules()
SQUARE = {"type": "Polygon", "coordinates": [[[10, 50], [11, 50], [11, 51], [10, 51], [10, 50]]]}
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), WORDS, NUMBERS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=2)),
    max_leaves=5,
)
NAMES = st.sampled_from(["eo:cloud_cover", "platform", "updated", "id", "bbox", "s2:x", "eomap:rest"])


@st.composite
def features(draw):
    moment = draw(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1))).isoformat() + "Z"
    when = draw(
        st.sampled_from(
            [{"datetime": moment}, {"datetime": None, "start_datetime": moment, "end_datetime": moment}]
        )
    )
    assets = {
        name: {
            "href": draw(st.sampled_from(["a.tif", "https://x.org/b.tif?sig=secret", "/etc/passwd"])),
            "type": draw(st.sampled_from(["image/tiff", ""])),
            "proj:code": draw(st.sampled_from(["EPSG:32633", None])),
            "raster:bands": draw(st.sampled_from([[], [{"scale": 1e-4, "offset": -0.1, "nodata": 0}]])),
            "eo:bands": draw(st.sampled_from([[], [{"name": "B2", "common_name": "blue"}, {"name": "x"}]])),
        }
        for name in draw(st.sets(st.sampled_from(["B02", "red", "ü"]), max_size=3))
    }
    west = draw(st.floats(-179, 178))
    return {
        "id": draw(st.text("abcXYZ_0", min_size=1, max_size=9)),
        "collection": "c",
        "bbox": [west, 0, west + 1, 1] if draw(st.booleans()) else [179.5, -1, -179.5, 1],
        "properties": draw(st.dictionaries(NAMES, VALUES, max_size=4)) | when,
        "assets": assets,
    }


def item(said, base="https://y.org/items/x.json"):
    return to_item(said, base=base, rules=OPEN)


@settings(max_examples=60, deadline=None)
@given(st.lists(features(), max_size=4))
def test_items_come_back_equal(said):
    items = [item(f) for f in said]
    assert list(items_of(table_of(items), base="https://z.org/", rules=OPEN)) == items


@pytest.mark.shared
def test_every_recorded_item_comes_back_equal(shared, tmp_path):
    folder, items = shared / "data/stac", []
    for path in sorted(folder.rglob("*.json")):
        document = json.loads(path.read_text())
        found = document if isinstance(document, list) else document.get("features", [document])
        items += [item(f) for f in found if f.get("type") == "Feature"]
    pq.write_table(table_of(items), tmp_path / "x.parquet")
    back = list(items_of(pq.read_table(tmp_path / "x.parquet"), base="https://z.org/", rules=OPEN))
    assert len(items) > 100 and back == items
    assert b"sig=" not in (tmp_path / "x.parquet").read_bytes()


@pytest.mark.shared
def test_a_thousand_items_of_another_program(shared, tmp_path):
    path = shared / "data/stac/rustac/1000-sentinel-2-items.parquet"
    catalogue = open_catalog(str(path))
    (collection,) = catalogue.collections()
    everywhere, always = shapely.box(-180, -90, 180, 90), Period.parse("2000-01-01/2050-01-01")
    items = catalogue.search(collection, geometry=everywhere, period=always)
    assert len(items) == 1000 and catalogue.notes == () and all(i.asset("B02") for i in items)
    one = items[500]
    near = shapely.from_wkb(one.footprint_wkb).representative_point().buffer(0.01)
    there = catalogue.search(collection, geometry=near, period=always)
    assert one in there and len(there) < 1000
    assert there == [i for i in items if shapely.intersects(near, shapely.from_wkb(i.footprint_wkb))]
    # Ours opens with geopandas, in its place, and gives the same answer.
    import geopandas as gpd

    pq.write_table(table_of(items, search={"catalog": "planetary-computer"}), tmp_path / "ours.parquet")
    frame = gpd.read_parquet(tmp_path / "ours.parquet")
    assert len(frame) == 1000 and frame.crs.to_string() == "OGC:CRS84"
    assert frame["datetime"].dt.year.min() >= 2015
    ours = open_catalog(str(tmp_path / "ours.parquet"))
    assert ours.entry.signing == "planetary-computer"
    assert ours.search(collection, geometry=near, period=always) == there


def test_what_was_asked_stands_in_the_file():
    assert search_of(table_of([], search={"catalog": "cdse"})) == {"catalog": "cdse"}
    assert search_of(pa.table({"id": ["x"]})) is None
    assert search_of(table_of([]).replace_schema_metadata({b"eomap:search": b"[]"})) is None


def test_a_table_cannot_open_files_of_this_machine(tmp_path):
    said = {"id": "x", "geometry": SQUARE, "properties": {"datetime": "2024-01-01T00:00:00Z"}, "assets": {}}
    table = table_of([item(said)])
    evil = pa.array([{"B02": {"href": "/etc/passwd"}, "B03": {"href": "./near.tif"}}])
    index = table.column_names.index("assets")
    pq.write_table(table.set_column(index, "assets", evil), tmp_path / "evil.parquet")
    catalogue = open_catalog(str(tmp_path / "evil.parquet"))
    (found,) = catalogue.search("", geometry=shapely.box(9, 49, 12, 52), period=Period.parse("2024"))
    assert [a.href for a in found.assets] == [str(tmp_path / "near.tif")]
    assert "B02" in found.properties["eomap:refused"]
    assert found.moment == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("content", [b"", b"PAR1 not", None])
def test_what_is_no_table_of_items_is_misuse(tmp_path, content):
    path = tmp_path / "x.parquet"
    if content is None:
        pq.write_table(pa.table({"id": ["a"]}), path)
    else:
        path.write_bytes(content)
    with pytest.raises(MisuseError, match="GeoParquet"):
        open_catalog(str(path))
