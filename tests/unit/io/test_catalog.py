"""Named catalogues, and single items with the oddities of real ones."""

import json
import pickle
from datetime import UTC, date, datetime

import pytest
import shapely
from pyproj import CRS

from eomap.core.period import Period
from eomap.errors import BrokenInputError
from eomap.io.access import KINDS
from eomap.io.catalog import named_catalogs, open_catalog
from eomap.io.footprints import footprint, search_area
from eomap.io.hrefs import HrefRules
from eomap.io.stac_items import settle, to_item

OPEN = HrefRules()
UTM33 = CRS(32633).to_wkt()


def feature(**changes):
    return {
        "id": "x",
        "collection": "s2",
        "geometry": {"type": "Polygon", "coordinates": [[[10, 50], [11, 50], [11, 51], [10, 51], [10, 50]]]},
        "properties": {"datetime": "2020-06-01T10:00:00Z"},
        "assets": {"B02": {"href": "B02.tif"}},
    } | changes


def made(rules=OPEN, base="https://x.org/items/x.json", **changes):
    return to_item(feature(**changes), base=base, rules=rules)


def with_asset(properties=None, **said):
    whole = {"datetime": "2020-06-01T10:00:00Z"} | (properties or {})
    return made(properties=whole, assets={"a": {"href": "a.tif", **said}}).asset("a")


def recorded(shared, name):
    """Return the features of a recorded file: a list, a FeatureCollection, one item, or none."""
    document = json.loads((shared / "data" / "stac" / name).read_text())
    found = document if isinstance(document, list) else document.get("features", [document])
    return [f for f in found if f.get("type") == "Feature"]


def test_the_named_catalogues():
    assert list(named_catalogs()) == ["earth-search", "planetary-computer", "cdse", "dlr-enmap"]
    for name, entry in named_catalogs().items():
        assert open_catalog(name).entry is entry
        assert entry.url.startswith("https://")
        assert entry.rules.hosts
        assert set(entry.sensors.values()) - {"sentinel-1-grd"} <= set(entry.collections)
        assert entry.signing in KINDS
    sensors = {name: entry.sensors for name, entry in named_catalogs().items()}
    assert sensors["earth-search"]["sentinel-2"] == sensors["cdse"]["sentinel-2"] == "sentinel-2-l2a"
    assert sensors["planetary-computer"]["sentinel-1"] == "sentinel-1-rtc"
    assert sensors["dlr-enmap"] == {"enmap": "ENMAP_HSI_L2A"}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("catalog", "name"),
    [
        ("earth-search", "recorded/earthsearch_search_test_search_data_searchable_catalog_p1.json"),
        ("earth-search", "rustac/item-collection.json"),
        ("planetary-computer", "recorded_pc/sentinel-2-l2a.json"),
        ("planetary-computer", "pc/sentinel-2-l2a-pc.json"),
        ("planetary-computer", "rustac/two-sentinel-2-items.json"),
        ("planetary-computer", "recorded_pc/sentinel-1-grd.json"),
        ("planetary-computer", "recorded_pc/sentinel-1-rtc.json"),
        ("planetary-computer", "pc/sentinel-1-rtc-pc.json"),
        ("planetary-computer", "recorded_pc/modis-13Q1-061.json"),
        ("planetary-computer", "recorded_pc/modis-13A1-061.json"),
        ("planetary-computer", "recorded_pc/modis-09A1-061.json"),
        ("planetary-computer", "recorded_pc/modis-43A4-061.json"),
        ("planetary-computer", "recorded_pc/cop-dem-glo-30.json"),
        ("planetary-computer", "recorded_pc/cop-dem-glo-90.json"),
        ("planetary-computer", "recorded_pc/esa-worldcover.json"),
        ("planetary-computer", "recorded_pc/io-lulc-9-class.json"),
        ("planetary-computer", "pc/io-lulc-annual-v02-pc.json"),
        ("earth-search", "stac-server/item-s1-1.json"),
        ("earth-search", "stac-server/item-s1-2.json"),
        ("cdse", "recorded/cdse_search_test_search_data_cdse_sentinel_2_p1.json"),
        ("dlr-enmap", "recorded/dlr_search_test_get_data_ids_data_type_p1.json"),
    ],
)
def test_the_lists_of_hosts_fit_the_recorded_items(shared, catalog, name):
    entry = named_catalogs()[catalog]
    for said in recorded(shared, name):
        item = to_item(said, base=entry.url, rules=entry.rules)
        bands = entry.bands(item.collection) or {}
        polarised = bands and set(bands) <= {"VV", "VH", "HH", "HV"}  # a scene has one or two of the four
        for asset in [a for a in bands.values() if not polarised or a in said["assets"]]:
            assert item.asset(asset) is not None, (item.id, asset, item.properties["eomap:refused"])
        assert item.assets
        assert all("?" not in a.href for a in item.assets)


@pytest.mark.shared
def test_every_recorded_item_becomes_an_item(shared):
    folder, count = shared / "data" / "stac", 0
    for path in sorted(folder.rglob("*.json")):
        for said in recorded(shared, path.relative_to(folder)):
            item = to_item(said, base="https://x.org/items/", rules=OPEN, collection="c")
            shape = shapely.from_wkb(item.footprint_wkb)
            assert shape.is_valid
            assert -180 <= shape.bounds[0] < shape.bounds[2] <= 180
            count += 1
    assert count > 100


@pytest.mark.shared
def test_modis_without_datetime_and_epsg(shared):
    (said,) = recorded(shared, "recorded_pc/modis-13Q1-061.json")
    assert said["properties"]["datetime"] is None
    item = to_item(said, base="https://x.org/", rules=OPEN)
    start, end = (datetime.fromisoformat(said["properties"][k]) for k in ("start_datetime", "end_datetime"))
    assert item.moment == start + (end - start) / 2
    assert all(a.epsg is None for a in item.assets)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("path", "start", "end", "outside"),
    [
        ("recorded_pc/modis-13Q1-061.json", "2025-02-18", "2025-03-05", "2025-03-06"),
        ("recorded_pc/modis-43A4-061.json", "2025-03-02", "2025-03-09", "2025-03-10"),
        ("recorded_pc/esa-worldcover.json", "2021-01-01", "2021-12-31", "2022"),
        (
            "stactools-modis/modis-006/modis-12Q1-006/MCD12Q1.A2001001.h00v08.006/MCD12Q1.A2001001.h00v08.006.json",
            "2001-01-01",
            "2001-12-31",
            "2000",
        ),
    ],
)
def test_a_recorded_composite_is_found_by_every_period_that_meets_its_days(shared, path, start, end, outside):
    item = to_item(recorded(shared, path)[0], base="https://x.org/", rules=OPEN, collection="c")
    assert item.span is not None and [t.date().isoformat() for t in item.span] == [start, end]
    for asked in (start, end, f"{start[:4]}", f"1999-01-01/{start}", f"{end}/2030-01-01"):
        found = settle(
            [item],
            collection=item.collection,
            geometry=shapely.box(-180, -90, 180, 90),
            period=Period.parse(asked),
        )
        assert found == [item], asked
    assert not item.within(Period.parse(outside))


@pytest.mark.shared
def test_enmap_with_numbers_as_text(shared):
    (path,) = (shared / "data/stac/recorded").glob("dlr_item*.json")
    item = to_item(json.loads(path.read_text()), base="https://x.org/", rules=OPEN)
    assert item.properties["eo:cloud_cover"] == "0"
    assert item.properties["proj:epsg"] is None
    image = item.asset("image")
    assert image.epsg == 32736
    assert image.shape_yx == (1220, 1517)
    assert image.transform == (30, 0, 454245, 0, -30, 7246185)


@pytest.mark.shared
def test_cdse_says_code_scale_and_offset_on_the_asset(shared):
    path = next((shared / "data/stac/recorded").glob("cdse_item*.json"))
    item = to_item(json.loads(path.read_text()), base="https://x.org/", rules=OPEN)
    band = item.asset("B04_10m")
    assert (band.epsg, band.scale, band.offset, band.nodata) == (32635, 1e-4, -0.1, 0.0)
    assert band.href.startswith("s3://eodata/")
    assert band.etag.startswith("1620")
    assert item.properties["eomap:bands"]["B04_10m"] == [["B04", "red"]]


@pytest.mark.parametrize(
    ("said", "epsg"),
    [
        ({"proj:epsg": 32633}, 32633),
        ({"proj:epsg": "32633"}, 32633),
        ({"proj:epsg": 32633.0}, 32633),
        ({"proj:code": "EPSG:32633"}, 32633),
        ({"proj:code": "IAU_2015:30100"}, None),
        ({"proj:epsg": None, "proj:wkt2": "GEOGCRS[broken"}, None),
        ({"proj:epsg": None, "proj:wkt2": UTM33}, 32633),
        ({"proj:epsg": "UTM"}, None),
        ({}, None),
    ],
)
def test_epsg_is_read_however_said(said, epsg):
    assert with_asset(**said).epsg == epsg
    assert with_asset(properties=said).epsg == epsg


def test_scale_offset_and_nodata_however_said():
    v10 = with_asset(**{"raster:bands": [{"scale": "0.0001", "offset": -0.1, "nodata": "0"}]})
    v11 = with_asset(bands=[{"name": "B02", "raster:scale": 1e-4, "raster:offset": -0.1, "nodata": 0}])
    flat = with_asset(**{"raster:scale": 1e-4, "raster:offset": -0.1, "nodata": 0})
    for asset in (v10, v11, flat):
        assert (asset.scale, asset.offset, asset.nodata) == (1e-4, -0.1, 0.0)
    mixed = with_asset(**{"raster:bands": [{"offset": 0}, {"offset": -0.1}]})
    assert mixed.offset is None
    odd = with_asset(**{"raster:bands": [{"offset": "nan", "scale": [], "nodata": True}, None]})
    assert (odd.scale, odd.offset, odd.nodata) == (None, None, None)


def test_transform_and_shape_tolerate_oddities():
    nine = with_asset(**{"proj:shape": ["768", 1536.0], "proj:transform": [10, 0, 1, 0, -10, 2, 0, 0, 1]})
    assert nine.shape_yx == (768, 1536)
    assert nine.transform == (10, 0, 1, 0, -10, 2)
    bad = with_asset(**{"proj:shape": [None, 3], "proj:transform": "10,0"})
    assert bad.shape_yx is None
    assert bad.transform is None


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ({"datetime": "2020-06-01T10:00:00Z"}, datetime(2020, 6, 1, 10, tzinfo=UTC)),
        ({"datetime": "2020-06-01T12:00:00.024+02:00"}, datetime(2020, 6, 1, 10, 0, 0, 24000, tzinfo=UTC)),
        ({"datetime": "2020-06-01t10:00:00z"}, datetime(2020, 6, 1, 10, tzinfo=UTC)),
        ({"datetime": "2020-06-01"}, datetime(2020, 6, 1, tzinfo=UTC)),
        (
            {
                "datetime": None,
                "start_datetime": "2020-06-01T00:00:00Z",
                "end_datetime": "2020-06-03T00:00:00Z",
            },
            datetime(2020, 6, 2, tzinfo=UTC),
        ),
        ({"datetime": None, "start_datetime": "2020-06-01T00:00:00Z"}, datetime(2020, 6, 1, tzinfo=UTC)),
    ],
)
def test_moments_however_said(said, moment):
    assert made(properties=said).moment == moment


@pytest.mark.parametrize(
    ("said", "days"),
    [
        ({"start_datetime": "2020-06-01T00:00:00Z", "end_datetime": "2020-06-16T23:59:59Z"}, (1, 16)),
        ({"start_datetime": "2020-06-16T00:00:00Z", "end_datetime": "2020-06-01T00:00:00Z"}, (1, 16)),
        ({"end_datetime": "2020-06-16T23:59:59Z"}, (16, 16)),
        ({}, (7, 7)),
        ({"start_datetime": "soon", "end_datetime": "2020-06-16T23:59:59Z"}, (7, 7)),
    ],
)
def test_an_item_is_found_by_the_days_that_it_spans(said, days):
    item = made(properties={"datetime": "2020-06-07T10:00:00Z"} | said)
    for day in range(1, 31):
        asked = Period(date(2020, 6, day), date(2020, 6, day))
        assert item.within(asked) == (days[0] <= day <= days[1]), day
    assert pickle.loads(pickle.dumps(item)) == item


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"id": "x" * 4096},
        {"properties": None},
        {"properties": {"datetime": None}},
        {"properties": {"datetime": "2020-13-01T00:00:00Z"}},
        {"assets": []},
        {"geometry": None},
        {"geometry": {"type": "Point", "coordinates": [1, 2]}},
        {"geometry": {"type": "Polygon", "coordinates": [[[float("nan"), 0], [1, 0], [1, 1], [0, 0]]]}},
        {"geometry": {"type": "Polygon", "coordinates": [[[0, 95], [1, 95], [1, 96], [0, 95]]]}},
        {"geometry": {"type": "Nothing"}},
        {"geometry": "POLYGON"},
    ],
)
def test_items_without_id_place_or_time_are_broken(changes):
    with pytest.raises(BrokenInputError) as caught:
        made(**changes)
    assert len(str(caught.value)) < 300


def test_a_missing_geometry_is_the_bbox():
    item = made(geometry=None, bbox=[10, 50, 0, 11, 51, 900])
    assert shapely.from_wkb(item.footprint_wkb).equals(shapely.box(10, 50, 11, 51))


def ring(*corners):
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


@pytest.mark.parametrize(
    ("geometry", "bbox"),
    [
        (ring([179, 10], [-179, 10], [-179, 11], [179, 11]), None),
        (ring([179, 10], [181, 10], [181, 11], [179, 11]), None),
        (ring([-181, 10], [-179, 10], [-179, 11], [-181, 11]), None),
        (None, [179, 10, -179, 11]),
    ],
)
def test_footprints_over_the_antimeridian_are_cut_there(geometry, bbox):
    shape = footprint(geometry, bbox)
    assert shape.equals(shapely.union(shapely.box(179, 10, 180, 11), shapely.box(-180, 10, -179, 11)))


def test_a_footprint_round_the_world_stays_whole():
    world = footprint(ring([-180, -60], [180, -60], [180, 60], [-180, 60]), None)
    assert world.equals(shapely.box(-180, -60, 180, 60))


def test_a_bow_tie_is_mended():
    shape = footprint(ring([0, 0], [2, 2], [2, 0], [0, 2]), None)
    assert shape.is_valid
    assert shape.area == pytest.approx(2)


def test_assets_of_a_remote_item_join_its_address():
    said = {
        "a": {"href": "./B02.tif"},
        "b": {"href": "../up/B03.tif"},
        "c": {"href": "https://y.org/B04.tif"},
    }
    item = made(assets=said)
    assert [a.href for a in item.assets] == [
        "https://x.org/items/B02.tif",
        "https://x.org/up/B03.tif",
        "https://y.org/B04.tif",
    ]


def test_a_catalogue_cannot_speak_in_the_name_of_eomap():
    properties = {"datetime": "2020-06-01T10:00:00Z", "eomap:bands": "x", "eomap:refused": "y"}
    item = made(properties=properties)
    assert item.properties["eomap:bands"] == {}
    assert item.properties["eomap:refused"] == {}


@pytest.mark.shared
def test_africa_is_searched_with_few_corners_that_hold_it_all(shared):
    document = json.loads((shared / "data/aoi/africa_ne110m.geojson").read_text())
    africa = shapely.union_all(
        [shapely.geometry.shape(f["geometry"]).buffer(0) for f in document["features"]]
    )
    area = search_area(africa, corners=300)
    assert shapely.get_num_coordinates(area) <= 300
    assert area.covers(africa)
    assert area.area < 1.2 * africa.area


def test_a_small_area_is_searched_as_it_is():
    box = shapely.box(0, 0, 1, 1)
    assert search_area(box, corners=300) is box
