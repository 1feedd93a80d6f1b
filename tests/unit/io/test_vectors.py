"""Reading areas: every broken file gets one clear line, every sound one the same area."""

import http.server
import json
import math
import threading
import zipfile
from pathlib import Path

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.aoi import from_bbox
from eomap.errors import MisuseError, TransientError
from eomap.io import vectors
from eomap.io.geojson import plain_polygons, vet_geojson
from eomap.io.vectors import read_aoi, read_zones

RING = [[12, 52], [13, 52], [13, 53], [12, 53], [12, 52]]
BOX = from_bbox("12,52,13,53")
RINGS = "<outerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing></outerBoundaryIs>"
SHAPE = f"<Polygon>{RINGS}</Polygon>"
FOLDER = "<Folder><name>{}</name><Placemark>" + SHAPE + "</Placemark></Folder>"
KML = (
    '<?xml version="1.0" encoding="utf-8" ?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    + FOLDER.format("a", "12,52 12.5,52 12.5,53 12,53 12,52")
    + FOLDER.format("b", "12.5,52 13,52 13,53 12.5,53 12.5,52")
    + "</Document></kml>"
)


def polygon(ring=RING):
    return {"type": "Polygon", "coordinates": [ring]}


def collection(*geometries, **members):
    features = [
        {"type": "Feature", "properties": {"name": f"zone {i}", "odd": [1, [2], "x"]}, "geometry": g}
        for i, g in enumerate(geometries)
    ]
    return {"type": "FeatureCollection", "features": features, **members}


def named(crs: str):
    return {"type": "name", "properties": {"name": crs}}


@pytest.fixture
def write(tmp_path):
    def _write(content, name="a.geojson") -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return _write


def refusal(path, kind=MisuseError) -> str:
    with pytest.raises(kind) as caught:
        read_aoi(path)
    text = str(caught.value)
    assert text.startswith("--aoi ")
    assert "\n" not in text
    assert len(text) < 400
    return text


@pytest.mark.parametrize(
    "content",
    [
        collection(polygon()),
        collection(polygon())["features"][0],
        polygon(),
        collection(polygon(), crs=None),
        collection(polygon(), crs=named("urn:ogc:def:crs:OGC:1.3:CRS84")),
        collection(polygon(), crs=named("EPSG:4326")),
        collection(polygon([[*xy, 30] for xy in RING])),
        "\ufeff" + json.dumps(collection(polygon())),
    ],
)
def test_sound_geojson_is_read(write, content):
    aoi = read_aoi(write(content))
    assert aoi == BOX
    assert aoi.notes == ()


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet", ".geoparquet", ".shp", ".zip"])
def test_every_format_gives_the_same_area(tmp_path, suffix):
    import geopandas

    frame = geopandas.GeoDataFrame({"name": ["a"]}, geometry=[shapely.box(12, 52, 13, 53)], crs="EPSG:4326")
    path = tmp_path / f"area{suffix}"
    if "parquet" in suffix:
        frame.to_parquet(path)
    elif suffix == ".zip":
        frame.to_file(tmp_path / "inner.shp")
        with zipfile.ZipFile(path, "w") as archive:
            for part in tmp_path.glob("inner.*"):
                archive.write(part, f"folder/{part.name}")
    else:
        frame.to_file(path)
    assert read_aoi(path) == BOX
    assert list(read_zones(path)["name"]) == ["a"]


def test_kml_with_two_folders_is_read_whole(write):
    assert read_aoi(write(KML, "a.kml")).geometry.equals(BOX.geometry)


@pytest.mark.shared
def test_city_list_and_africa_are_read(shared):
    assert len(read_zones(shared / "data/aoi/UN_city_list_rect_buff.kml")) > 1000
    zones = read_zones(shared / "data/aoi/africa_ne110m.geojson")
    assert len(zones) == 51
    assert "Tanzania" in set(zones["name"])
    assert read_aoi(shared / "data/aoi/africa_ne110m.geojson").notes == ()


def test_b1_empty_collection(write):
    assert "empty FeatureCollection" in refusal(write(collection()))


def test_b2_null_geometries_are_counted(write):
    assert "no geometry in features 1, 3 of 3" in refusal(write(collection(None, polygon(), None)))


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_b3_nan_and_infinity(write, number):
    ring = [[0, 0], [1, number], [1, 1], [0, 0]]
    assert "NaN or infinity in feature 2 of 2" in refusal(write(collection(polygon(), polygon(ring))))


def test_b7_crs_member_3857_is_reprojected(write):
    ring = [[1335833.8895, 6800125.4543], [1447153.3803, 6800125.4543], [1447153.3803, 6982997.9204]]
    aoi = read_aoi(write(collection(polygon([*ring, ring[0]]), crs=named("urn:ogc:def:crs:EPSG::3857"))))
    assert aoi.bounds_deg == pytest.approx((12, 52, 13, 53), abs=1e-6)
    assert "reprojected from EPSG:3857" in aoi.notes[0]


def test_wrong_crs_member_gets_the_hint(write):
    ring = [[4e5, 5e6], [5e5, 5e6], [5e5, 6e6], [4e5, 5e6]]
    assert "CRS" in refusal(write(collection(polygon(ring), crs=named("EPSG:4326"))))


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:3857",
        {"type": "link", "properties": {"href": "http://localhost:9/x", "type": "proj4"}},
        named("somewhere"),
        named("EPSG:999999"),
        7,
    ],
)
def test_crs_that_is_no_plain_name_is_refused_not_ignored(write, crs):
    refusal(write(collection(polygon(), crs=crs)))


def test_b9_unclosed_ring(write):
    assert "closed" in refusal(write(collection(polygon(RING[:-1]))))


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9, 0.99])
def test_b9_truncated_json(write, keep):
    text = json.dumps(collection(polygon(), polygon()))
    assert "ends in the middle" in refusal(write(text[: int(len(text) * keep)]))


@pytest.mark.parametrize("page", ["<!DOCTYPE html><html></html>", "\n <html><body>Sign in</body></html>"])
@pytest.mark.parametrize("name", ["a.geojson", "a.kml", "a.gpkg", "area"])
def test_b9_web_page(write, page, name):
    assert "web page, not an area" in refusal(write(page, name))


@pytest.mark.parametrize("shut", [True, False])
def test_b9_100k_nested_lists(write, shut):
    text = '{"type":"Polygon","coordinates":' + "[" * 100_000 + ("]" * 100_000 + "}" if shut else "")
    assert "nested deeper" in refusal(write(text))


def test_brackets_in_text_are_only_text(write):
    content = collection(polygon())
    content["features"][0]["properties"]["name"] = "[" * 500 + '\\"{' + '"'
    assert read_aoi(write(content)) == BOX


def test_b10_points(write):
    assert "buffer" in refusal(write(collection({"type": "Point", "coordinates": [1, 2]})))


def test_b11_huge_coordinate(write):
    assert "1e+308" in refusal(write(collection(polygon([[0, 0], [1e308, 0], [1, 1], [0, 0]]))))


@pytest.mark.parametrize("text", ["[1, 2]", '{"a": 1}', '{"type": "Topology"}', "{'type': 1}", "hello", " "])
def test_other_text_under_the_name(write, text):
    refusal(write(text))


def test_features_that_are_none(write):
    assert "number 1" in refusal(write('{"type": "FeatureCollection", "features": [3]}'))
    assert "list of features" in refusal(write('{"type": "FeatureCollection", "features": {}}'))


def test_missing_file_folder_and_empty_file(tmp_path, write):
    assert "no such file" in refusal(tmp_path / "nowhere.gpkg")
    assert "folder" in refusal(tmp_path)
    assert "empty file" in refusal(write("", "a.fgb"))


def test_file_without_permission(write, monkeypatch):
    path = write(collection(polygon()))

    def refuse(*args, **kwargs):
        raise PermissionError(13, "denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "permission denied" in refusal(path)


def test_unknown_ending(write):
    assert "'.txt'" in refusal(write("something", "a.txt"))


@pytest.mark.parametrize("name", ["a.gpkg", "a.fgb", "a.parquet", "a.kml", "a.shp", "a.zip"])
def test_something_else_under_the_name(write, name):
    assert "something else" in refusal(write(b"\0" * 2000, name))


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.gpkg", b"SQLite format 3\0"),
        ("a.fgb", b"fgb\x03fgb\0"),
        ("a.parquet", b"PAR1"),
        ("a.zip", b"PK\x03\x04"),
    ],
)
def test_right_first_bytes_and_then_nothing(write, name, head):
    refusal(write(head + b"\x07" * 3000, name))


def test_vrt_under_another_name_is_not_opened(write):
    layer = "<OGRVRTLayer name='a'><SrcDataSource>b.gpkg</SrcDataSource></OGRVRTLayer>"
    vrt = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    assert "something else" in refusal(write(vrt, "a.kml"))
    assert "other XML" in refusal(write('<?xml version="1.0"?>' + vrt, "a.kml"))
    assert "virtual" in refusal(write('<?xml version="1.0"?><!-- <kml -->' + vrt, "a.kml"))


def test_kml_with_entities_is_refused(write):
    assert "entity" in refusal(write(KML.replace("<kml", '<!DOCTYPE k [<!ENTITY a "b">]><kml', 1), "a.kml"))


def test_zip_must_hold_one_shapefile(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "none")
    assert "one .shp" in refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.shp", "<OGRVRTDataSource/>")
    assert "something else" in refusal(path)


def test_two_layers_are_refused_by_name(tmp_path):
    import geopandas

    frame = geopandas.GeoDataFrame(geometry=[shapely.box(12, 52, 13, 53)], crs="EPSG:4326")
    for layer in ("roads", "lakes"):
        frame.to_file(tmp_path / "a.gpkg", layer=layer)
    assert "roads, lakes" in refusal(tmp_path / "a.gpkg")


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_file_without_crs_is_degrees_when_it_can_be(tmp_path):
    import geopandas

    geopandas.GeoDataFrame(geometry=[shapely.box(12, 52, 13, 53)]).to_file(tmp_path / "a.shp")
    aoi = read_aoi(tmp_path / "a.shp")
    assert aoi == BOX
    assert "names no CRS" in aoi.notes[0]
    geopandas.GeoDataFrame(geometry=[shapely.box(4e5, 5e6, 5e5, 6e6)]).to_file(tmp_path / "b.shp")
    assert "expected a CRS" in refusal(tmp_path / "b.shp")


def test_table_without_geometry(tmp_path):
    import pandas

    pandas.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    refusal(tmp_path / "a.parquet")


def test_zones_keep_attributes_and_are_vetted(write):
    zones = read_zones(write(collection(polygon(), polygon([[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]))))
    assert list(zones["name"]) == ["zone 0", "zone 1"]
    assert zones.geometry.is_valid.all()
    assert "repaired" in zones.attrs["notes"][0]
    with pytest.raises(MisuseError, match="feature 2 of 2"):
        read_zones(write(collection(polygon(), polygon([[0, 0], [1, 1], [2, 2], [0, 0]]))))


def test_vet_geojson_names_the_crs():
    text = json.dumps(
        collection(polygon(), crs=named("http://www.opengis.net/def/crs/EPSG/0/32633"))
    ).encode()
    assert vet_geojson(text, where="a") == "EPSG:32633"


@pytest.fixture
def server():
    """A web server of our own: a good area, a broken service, a forbidden page."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            code = {"/a.geojson": 200, "/busy.geojson": 503}.get(self.path.partition("?")[0], 403)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(collection(polygon())).encode() if code == 200 else b"no")

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_area_from_an_address(server):
    assert read_aoi(f"{server}/a.geojson?sig=SECRET") == BOX
    assert "SECRET" not in refusal(f"{server}/secret.geojson?sig=SECRET")
    assert "503" in refusal(f"{server}/busy.geojson", TransientError)


@pytest.mark.parametrize(
    "url", ["s3://bucket/a.geojson", "file:///a.geojson", "ftp://host/a.json", "http://"]
)
def test_other_addresses_are_refused(url):
    refusal(url)


LONLAT = st.tuples(st.floats(-170, 170), st.floats(-70, 70))


@given(st.lists(st.tuples(LONLAT, st.floats(0.01, 5)), min_size=1, max_size=4), st.booleans())
@settings(max_examples=20, deadline=None)
def test_plain_polygons_are_read_as_gdal_reads_them(tmp_path_factory, triangles, as_feature):
    rings = [[[x, y], [x + d, y], [x, y + d], [x, y]] for (x, y), d in triangles]
    shapes = [polygon(r) for r in rings] + [{"type": "MultiPolygon", "coordinates": [[r] for r in rings[:1]]}]
    document = collection(*shapes) if as_feature else shapes[0]
    path = tmp_path_factory.mktemp("plain") / "area.geojson"
    path.write_text(json.dumps(document))
    found = plain_polygons(path.read_bytes())
    assert found is not None
    slow, _ = vectors._read(path, "area")
    assert shapely.equals_exact(found, list(slow.geometry)).all()


@pytest.mark.parametrize(
    "document",
    [
        {"type": "Point", "coordinates": [12, 52]},
        polygon([[12, 52], [13, 52], [13, 53]]),
        polygon([[12, 52], [13, 52], [13, 53], [12, 53]]),
        polygon([[12, 52, 1], [13, 52, 1], [13, 53, 1], [12, 52, 1]]),
        polygon([["12", 52], [13, 52], [13, 53], ["12", 52]]),
        polygon([[True, 52], [13, 52], [13, 53], [True, 52]]),
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": 3},
        collection(None),
        collection(polygon(), {"type": "Point", "coordinates": [12, 52]}),
        collection(polygon(), crs={"type": "name", "properties": {"name": "EPSG:32632"}}),
        collection(),
        [polygon()],
    ],
)
def test_anything_else_is_left_to_gdal(document):
    assert plain_polygons(json.dumps(document).encode()) is None
    assert plain_polygons(json.dumps(document).encode()[:-3]) is None
