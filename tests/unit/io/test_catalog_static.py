"""Static catalogues: the shipped real one, and made-up ones with traps."""

import json
import shutil

import pytest
import shapely

from eomap.core.period import Period
from eomap.errors import BrokenInputError, MisuseError, TransientError
from eomap.io.catalog import Patience, open_catalog

WORLD = shapely.box(-180, -90, 180, 90)
ALWAYS = Period.parse("2000-01-01/2030-12-31")
PATIENCE = Patience(retries=2, backoff_s=0.001, longest_wait_s=0.01)


def search(found, collection="s2", geometry=WORLD, period=ALWAYS, **more):
    return found.search(collection, geometry=geometry, period=period, **more)


def item(name="one", **changes):
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "s2",
        "bbox": [10, 50, 11, 51],
        "geometry": {"type": "Polygon", "coordinates": [[[10, 50], [11, 50], [11, 51], [10, 51], [10, 50]]]},
        "properties": {"datetime": "2020-06-01T10:00:00Z"},
        "links": [],
        "assets": {"B02": {"href": "./B02.tif", "type": "image/tiff"}},
    } | changes


def links(*pairs):
    return [{"rel": rel, "href": href} for rel, href in pairs]


def documents(**items):
    """Return a catalogue as path -> JSON, with the given items in collection s2."""
    found = {f"s2/{name}/{name}.json": feature for name, feature in items.items()}
    return found | {
        "catalog.json": {
            "type": "Catalog",
            "id": "c",
            "links": links(("root", "./catalog.json"), ("child", "s2/c.json")),
        },
        "s2/c.json": {
            "type": "Collection",
            "id": "s2",
            "extent": {},
            "links": links(("root", "../catalog.json"), *(("item", f"./{n}/{n}.json") for n in items)),
        },
    }


@pytest.fixture
def write(tmp_path):
    def write(found):
        for path, document in found.items():
            file = tmp_path / "catalog" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(document if isinstance(document, str) else json.dumps(document))
        return tmp_path / "catalog" / "catalog.json"

    return write


@pytest.fixture
def host(serve):
    def host(found):
        server = serve()
        server.answer = lambda method, path, body: found.get(path.removeprefix("/data/"), 404)
        return server

    return host


@pytest.mark.shared
def test_the_real_catalogue(shared):
    found = open_catalog(str(shared / "data" / "catalog"))
    assert found.collections() == [
        "enmap-hsi-l2a", "labels", "modis-13q1", "sentinel-1-grd", "sentinel-1-rtc", "sentinel-2-l1c",
        "sentinel-2-l2a",
    ]  # fmt: skip
    havel = search(
        found, "sentinel-2-l1c", shapely.box(12.5, 52.46, 12.7, 52.52), Period.parse("2017-02-01/2017-03-01")
    )
    assert [i.id for i in havel] == ["S2A_MSIL1C_20170216T102101_T33UUU_clip"]
    band = havel[0].asset("B05")
    assert (band.epsg, band.scale, band.offset, band.nodata) == (32633, 1e-4, 0.0, 0.0)
    assert band.href == str((shared / "data/catalog/sentinel-2-l1c" / havel[0].id / "B05.jp2").resolve())
    counts = {c: len(search(found, c)) for c in found.collections()}
    assert counts["sentinel-2-l1c"] == 11
    assert counts["sentinel-2-l2a"] == 6
    assert sum(counts.values()) == 82
    assert found.notes == ()


@pytest.mark.shared
def test_a_collection_document_is_a_catalogue_too(shared):
    found = open_catalog(str(shared / "data/catalog/sentinel-2-l2a/collection.json"))
    assert len(search(found, "sentinel-2-l2a")) == 6


def test_links_are_followed_whatever_their_order(write):
    path = write(documents(a=item("a"), b=item("b"), c=item("c")))
    usual = search(open_catalog(str(path)))
    assert [i.id for i in usual] == ["a", "b", "c"]
    collection = path.parent / "s2" / "c.json"
    document = json.loads(collection.read_text())
    document["links"].reverse()
    collection.write_text(json.dumps(document))
    assert search(open_catalog(str(path))) == usual


def test_nested_catalogues_and_circles_end(write):
    found = documents(a=item("a"))
    found["s2/c.json"]["links"] += links(("child", "2020/catalog.json"), ("child", "../catalog.json"))
    found["s2/2020/catalog.json"] = {
        "type": "Catalog",
        "id": "2020",
        "links": links(("item", "b.json"), ("child", "../c.json"), ("item", "../a/a.json")),
    }
    found["s2/2020/b.json"] = item("b")
    assert [i.id for i in search(open_catalog(str(write(found))))] == ["a", "b"]


def test_an_unknown_collection_lists_the_known_ones(write):
    with pytest.raises(MisuseError, match="collections: s2; got 'sentinel-9'"):
        search(open_catalog(str(write(documents(a=item("a"))))), "sentinel-9")


def test_broken_documents_are_passed_over_and_named(write):
    found = documents(a=item("a"), b="{", c="[]", d="<html></html>")
    found["s2/c.json"]["links"] += links(("item", "./gone.json"), ("item", None))
    catalogue = open_catalog(str(write(found)))
    assert [i.id for i in search(catalogue)] == ["a"]
    assert len(catalogue.notes) == 5
    for name in ("b.json", "c.json", "d.json", "gone.json"):
        assert any(name in note for note in catalogue.notes)


def test_a_broken_root_or_nothing_but_broken_items_is_broken(write, tmp_path):
    with pytest.raises(BrokenInputError):
        search(open_catalog(str(write(documents(b="{")))))
    root = tmp_path / "root.json"
    root.write_text("<html>")
    with pytest.raises(BrokenInputError, match=r"root\.json"):
        search(open_catalog(str(root)))


def test_a_local_catalogue_reads_only_its_own_folder(write, tmp_path):
    (tmp_path / "outside.json").write_text(json.dumps(item("outside")))
    (tmp_path / "outside.tif").write_bytes(b"x")
    outside = str(tmp_path / "outside.tif")
    found = documents(
        a=item("a", assets={n: {"href": h, "type": "image/tiff"} for n, h in {
            "dots": "../../../outside.tif", "bare": outside, "file": f"file://{outside}",
            "etc": "/etc/passwd", "vsi": f"/vsizip/{outside}", "vrt": "./x.vrt", "good": "./B02.tif", "web": "https://x.org/B02.tif",
            "up": "../B02.tif", "inline": "<VRTDataset/>",
        }.items()}),
    )  # fmt: skip
    path = write(found)
    (path.parent / "s2" / "link.json").symlink_to(tmp_path / "outside.json")
    collection = json.loads((path.parent / "s2/c.json").read_text())
    for href in (
        "../../outside.json",
        "link.json",
        f"file://{tmp_path}/outside.json",
        "http://127.0.0.1:9/x.json",
    ):
        collection["links"] += links(("item", href))
    (path.parent / "s2/c.json").write_text(json.dumps(collection))
    catalogue = open_catalog(str(path))
    only = search(catalogue)
    assert [i.id for i in only] == ["a"]
    assert len(catalogue.notes) == 4
    assert sorted(a.name for a in only[0].assets) == ["good", "up", "web"]
    assert sorted(only[0].properties["eomap:refused"]) == [
        "bare",
        "dots",
        "etc",
        "file",
        "inline",
        "vrt",
        "vsi",
    ]


def test_a_web_catalogue_stays_on_its_own_address(host, serve):
    trap = serve()
    trap.answer = lambda method, path, body: item("trapped")
    found = documents(a=item("a"))
    server = host(found)
    found["/elsewhere/x.json"] = item("elsewhere")
    found["s2/c.json"]["links"] += links(
        ("item", f"{trap.url}/x.json"), ("child", "file:///etc/passwd"), ("item", "/etc/passwd"),
        ("item", "//127.0.0.1:9/x.json"), ("item", "../../elsewhere/x.json"), ("item", "away.json"),
        ("item", server.url.replace("127.0.0.1", "localhost") + "/data/s2/a/a.json"),
    )  # fmt: skip
    found["s2/away.json"] = (302, {"Location": f"{trap.url}/x.json"}, b"")
    found["s2/a/a.json"]["assets"] = {
        "trap": {"href": f"{trap.url}/B02.tif"}, "local": {"href": "/etc/passwd"},
        "good": {"href": "B02.tif"}, "file": {"href": "file:///etc/passwd"},
        "up": {"href": "../../../../B02.tif"},
    }  # fmt: skip
    catalogue = open_catalog(f"{server.url}/data/catalog.json", patience=PATIENCE)
    only = search(catalogue)
    assert [i.id for i in only] == ["a"]
    assert trap.hits == []
    assert len(catalogue.notes) == 7
    assert sorted(only[0].properties["eomap:refused"]) == ["file", "local", "trap"]
    assert only[0].asset("good").href == f"{server.url}/data/s2/a/B02.tif"


def test_a_web_catalogue_gives_what_the_folder_gives(host, write):
    found = documents(a=item("a"), b=item("b"))
    remote = search(open_catalog(f"{host(found).url}/data/catalog.json", patience=PATIENCE))
    local = search(open_catalog(str(write(found))))
    assert [(i.id, i.moment, i.footprint_wkb) for i in remote] == [
        (i.id, i.moment, i.footprint_wkb) for i in local
    ]


def test_a_web_server_that_fails_is_asked_again_then_transient(host):
    found = documents(a=item("a"))
    server = host(found)
    usual, troubles = server.answer, iter([429, 503])
    server.answer = lambda m, p, b: next(troubles, None) or usual(m, p, b)
    assert len(search(open_catalog(f"{server.url}/data/catalog.json", patience=PATIENCE))) == 1
    server.answer = lambda m, p, b: 500 if "a.json" in p else usual(m, p, b)
    with pytest.raises(TransientError, match="500"):
        search(open_catalog(f"{server.url}/data/catalog.json", patience=PATIENCE))


@pytest.mark.parametrize(
    "text",
    ["earthsearch", "no/such/path", "", "ftp://x.org", "http://x.org/catalog.json", "https://", "https://u:p@x.org/",
     "https://[::1/x"],
)  # fmt: skip
def test_what_is_no_catalogue_is_misuse(text):
    with pytest.raises(MisuseError) as caught:
        open_catalog(text)
    assert "\n" not in str(caught.value)
    if text == "earthsearch":
        assert "Try: earth-search" in str(caught.value)


def test_the_result_does_not_depend_on_where_the_copy_came_from(write, tmp_path):
    path = write(documents(a=item("a")))
    copy = shutil.copytree(path.parent, tmp_path / "copy")
    first, second = search(open_catalog(str(path))), search(open_catalog(str(copy)))
    assert first[0].footprint_wkb == second[0].footprint_wkb
    assert first[0].asset("B02").href != second[0].asset("B02").href


def test_progress_ends_at_the_number_read(write):
    seen = []
    search(open_catalog(str(write(documents(a=item("a"), b=item("b"))))), progress=seen.append)
    assert seen[-1] == 2
