"""STAC APIs, replayed from recorded answers on the loopback."""

import json
import random
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
import shapely

from eomap.core.period import Period
from eomap.errors import BrokenInputError, MisuseError, TransientError
from eomap.io.catalog import open_catalog
from eomap.io.catalog_api import ApiCatalog
from eomap.io.catalog_entry import CatalogEntry, Patience
from eomap.io.hrefs import HrefRules
from eomap.io.web import PatientRetry

pytestmark = pytest.mark.shared
PATIENCE = Patience(retries=3, backoff_s=0.001, longest_wait_s=0.01)
PERIOD = Period.parse("2020-03-01/2020-03-05")
AREA = shapely.box(9, 47, 10, 48)
L2A = "sentinel-2-l2a"
HOSTS = ("sentinel-cogs.s3.us-west-2.amazonaws.com", "s3://sentinel-s2-l2a")


@pytest.fixture
def pages(shared):
    folder = shared / "data" / "stac" / "recorded"
    names = [f"earthsearch_search_test_search_data_searchable_catalog_p{n}.json" for n in (1, 2, 3)]
    return [json.loads((folder / name).read_text()) for name in names]


@pytest.fixture
def api(serve, pages):
    """Earth Search as recorded: a landing page, a list of collections, POST paging by `next` tokens."""
    server = serve()
    for page in pages:
        for link in page["links"]:
            link["href"] = f"{server.url}/v1/search"
    server.tokens = [None, *(p["links"][0]["body"]["next"] for p in pages[:2])]

    def answer(method, path, body):
        if path == "/v1":
            return landing(server)
        if path == "/v1/collections":
            return {"collections": [{"id": L2A}, {"id": "sentinel-2-l1c"}], "links": []}
        if path == "/v1/search" and method == "POST":
            return pages[server.tokens.index(body.get("next"))]
        return 404

    server.answer = answer
    return server


def landing(server):
    kinds = {"type": "application/geo+json"}
    return {
        "type": "Catalog",
        "id": "recorded",
        "stac_version": "1.0.0",
        "description": "x",
        "conformsTo": ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"],
        "links": [
            {"rel": "self", "href": f"{server.url}/v1", "type": "application/json"},
            {"rel": "data", "href": f"{server.url}/v1/collections", "type": "application/json"},
            {"rel": "search", "href": f"{server.url}/v1/search", "method": "GET", **kinds},
            {"rel": "search", "href": f"{server.url}/v1/search", "method": "POST", **kinds},
        ],
    }


def catalog(server, hosts=HOSTS):
    own = server.url.removeprefix("http://")
    entry = CatalogEntry("recorded", f"{server.url}/v1", HrefRules(hosts=hosts, own_hosts=(own,)))
    return ApiCatalog(entry, patience=PATIENCE)


def search(found, collection=L2A, geometry=AREA, period=PERIOD, **more):
    return found.search(collection, geometry=geometry, period=period, **more)


def wrapped(server, change):
    """Let `change(method, path, body, answer)` alter what the server says."""
    usual = server.answer
    server.answer = lambda method, path, body: change(method, path, body, usual)


def test_recorded_pages_give_sixteen_items_in_order(api):
    counts = []
    found = catalog(api)
    items = search(found, progress=counts.append)
    assert len(items) == 16
    assert [i.id for i in items] == sorted(i.id for i in items)
    assert counts == [10, 16]
    assert found.notes == ()
    assert items[0].id == "S2A_32TMT_20200302_0_L2A"
    assert items[0].moment == datetime(2020, 3, 2, 10, 27, 44, 563000, tzinfo=UTC)
    blue = items[0].asset("blue")
    assert blue.epsg == 32632
    assert blue.shape_yx == (10980, 10980)
    assert blue.transform == (10, 0, 399960, 0, -10, 5300040)
    assert (blue.scale, blue.offset, blue.nodata) == (1e-4, 0.0, 0.0)
    assert items[0].asset("thumbnail") is None
    assert items[0].asset("granule_metadata") is None
    sent = next(body for method, path, body in api.hits if method == "POST")
    assert sent["collections"] == [L2A]
    assert sent["intersects"]["type"] == "Polygon"
    assert sent["datetime"] == "2020-03-01T00:00:00Z/2020-03-06T00:00:00Z"


def test_order_and_duplicates_of_the_answer_do_not_matter(api, pages):
    usual = search(catalog(api))
    shuffled = random.Random(7)
    everything = pages[0]["features"] + pages[1]["features"]
    shuffled.shuffle(everything)
    pages[0]["features"], pages[1]["features"] = everything[:9], everything[5:]
    assert search(catalog(api)) == usual


def test_a_twin_with_other_content_is_settled_alike_in_any_order(api, pages):
    twin = json.loads(json.dumps(pages[0]["features"][0]))
    twin["properties"]["updated"] = "2999-01-01T00:00:00Z"
    pages[1]["features"].append(twin)
    first = search(catalog(api))
    pages[1]["features"].pop()
    pages[0]["features"].insert(0, twin)
    assert search(catalog(api)) == first
    assert len(first) == 16
    assert next(i for i in first if i.id == twin["id"]).properties["updated"].startswith("2999")


def test_what_the_server_should_have_filtered_is_filtered_here(api, pages):
    stranger = json.loads(json.dumps(pages[0]["features"][0]))
    stranger |= {"id": "stranger", "collection": "landsat-c2-l2"}
    pages[0]["features"].append(stranger)
    one_day = search(catalog(api), period=Period.parse("2020-03-02"))
    assert len(one_day) == 8
    assert all(i.moment.day == 2 for i in one_day)
    corner = shapely.box(9.95, 47.8, 10, 47.99)
    tiles = {i.id.split("_")[1] for i in search(catalog(api), geometry=corner)}
    assert tiles == {"32TNT", "32UNU"}
    assert "stranger" not in [i.id for i in search(catalog(api))]


def test_busy_and_failing_servers_are_asked_again(api):
    troubles = iter([429, 500, 503])

    def change(method, path, body, usual):
        status = next(troubles, None) if method == "POST" else None
        return (status, {"Retry-After": "3600"}, b"{}") if status else usual(method, path, body)

    wrapped(api, change)
    assert len(search(catalog(api))) == 16
    assert len([h for h in api.hits if h[0] == "POST"]) == 6


def test_a_server_cannot_make_us_wait_for_long():
    class Busy:
        headers = MappingProxyType({"Retry-After": "3600"})

    retry = PatientRetry.of(Patience(longest_wait_s=7))
    assert retry.get_retry_after(Busy()) == 7
    assert retry.new(total=1).get_retry_after(Busy()) == 7


def test_collections_that_page_in_circles_do_not_hang(api, pages):
    pages[0] |= {"features": [], "links": []}
    circle = {"rel": "next", "href": f"{api.url}/v1/collections"}

    def change(method, path, body, usual):
        page = usual(method, path, body)
        return page | {"links": [circle]} if path == "/v1/collections" else page

    wrapped(api, change)
    assert search(catalog(api)) == []
    assert len(api.hits) < 10


def test_an_answer_torn_in_the_middle_is_asked_again(api):
    torn = iter([True, True])

    def change(method, path, body, usual):
        if method == "POST" and next(torn, False):
            return 200, {"Content-Length": "100000", "Connection": "close"}, b'{"type": "FeatureColl'
        return usual(method, path, body)

    wrapped(api, change)
    assert len(search(catalog(api))) == 16


def test_a_server_that_keeps_failing_is_transient(api):
    wrapped(api, lambda method, path, body, usual: 503 if method == "POST" else usual(method, path, body))
    with pytest.raises(TransientError, match="503"):
        search(catalog(api))
    assert len([h for h in api.hits if h[0] == "POST"]) == 1 + PATIENCE.retries


def test_an_unreachable_host_is_transient_with_a_hint(serve):
    server = serve()
    entry = CatalogEntry("gone", "http://127.0.0.1:9/v1", HrefRules())
    with pytest.raises(TransientError, match="Try: check the network"):
        search(ApiCatalog(entry, patience=PATIENCE))
    assert server.hits == []


@pytest.mark.parametrize("status", [401, 403])
def test_refused_access_is_misuse(api, status):
    wrapped(api, lambda method, path, body, usual: status if method == "POST" else usual(method, path, body))
    with pytest.raises(MisuseError, match="credentials"):
        search(catalog(api))


def test_a_link_to_a_page_that_came_before_is_broken(api, pages):
    pages[1]["links"][0]["body"]["next"] = api.tokens[1]
    with pytest.raises(BrokenInputError, match="followed before"):
        search(catalog(api))


def test_the_same_page_under_new_tokens_is_broken(api, pages):
    def change(method, path, body, usual):
        if method != "POST":
            return usual(method, path, body)
        page = json.loads(json.dumps(pages[0]))
        page["links"][0]["body"]["next"] = f"token{len(api.hits)}"
        return page

    wrapped(api, change)
    with pytest.raises(BrokenInputError, match="came before"):
        search(catalog(api))


def test_an_empty_page_in_the_middle_does_not_end_the_search(api, pages):
    empty = {**pages[0], "features": [], "links": [{**pages[0]["links"][0], "body": {"next": "empty"}}]}
    last = pages[0]["links"][0]["body"]["next"]
    pages[0]["links"][0]["body"]["next"] = "empty"
    empty["links"][0]["body"] = {"next": last}
    wrapped(
        api, lambda m, p, body, usual: empty if (body or {}).get("next") == "empty" else usual(m, p, body)
    )
    assert len(search(catalog(api))) == 16


def test_fewer_items_than_announced_are_told_of(api, pages):
    pages[0]["links"] = []
    found = catalog(api)
    assert len(search(found)) == 10
    assert "announced 16 items, sent 10" in found.notes[0]


def test_an_empty_answer_is_an_empty_list(api, pages):
    pages[0] |= {"features": [], "links": [], "numberMatched": 0}
    assert search(catalog(api)) == []


def test_an_unknown_collection_lists_the_known_ones(api, pages):
    pages[0] |= {"features": [], "links": []}
    with pytest.raises(MisuseError, match="sentinel-2-l1c, sentinel-2-l2a; got 'sentinel-3'"):
        search(catalog(api), collection="sentinel-3")
    wrapped(api, lambda method, path, body, usual: 404 if method == "POST" else usual(method, path, body))
    with pytest.raises(MisuseError, match="sentinel-2-l1c, sentinel-2-l2a; got 'sentinel-3'"):
        search(catalog(api), collection="sentinel-3")


@pytest.mark.parametrize(
    "body", [b"<html>maintenance</html>", b"[]", b'{"features": 5}', b"null", b'{"features": [', b"\xff\xfe"]
)
def test_what_is_no_page_of_items_is_broken(api, body):
    def change(method, path, sent, usual):
        return (200, {}, body) if method == "POST" else usual(method, path, sent)

    wrapped(api, change)
    with pytest.raises(BrokenInputError) as caught:
        search(catalog(api))
    assert "\n" not in str(caught.value)


def test_broken_items_are_passed_over_and_told_of(api, pages):
    features = pages[0]["features"]
    features[0].pop("id")
    features[1].pop("properties")
    features[2] |= {"geometry": None, "bbox": None}
    features[3]["properties"]["datetime"] = "yesterday"
    features[4] = "no item"
    found = catalog(api)
    assert len(search(found)) == 11
    assert len([n for n in found.notes if "announced" not in n]) == 5


def test_nothing_but_broken_items_is_broken(api, pages):
    for page in pages[:2]:
        for feature in page["features"]:
            feature["properties"] = None
    with pytest.raises(BrokenInputError):
        search(catalog(api))


def test_links_redirects_and_assets_never_lead_to_another_host(api, pages, serve):
    trap = serve()
    trap.answer = lambda method, path, body: pages[2]
    features = pages[0]["features"]
    features[0]["assets"]["blue"]["href"] = f"{trap.url}/x.tif"
    features[1]["assets"]["blue"]["href"] = "file:///etc/passwd"
    features[2]["assets"]["blue"]["href"] = f"/vsicurl/{trap.url}/x.tif"
    features[3]["assets"]["blue"]["href"] = "https://evil.example.com/x.tif"
    features[4]["assets"]["blue"]["href"] = "blue.vrt"
    items = {i.id: i for i in search(catalog(api))}
    for feature in features[:5]:
        assert items[feature["id"]].asset("blue") is None
        assert "refused" in items[feature["id"]].properties["eomap:refused"]["blue"]
        assert items[feature["id"]].asset("green") is not None
    pages[0]["links"][0]["href"] = f"{trap.url}/v1/search"
    with pytest.raises(BrokenInputError, match="its own host"):
        search(catalog(api))
    away = (302, {"Location": f"{trap.url}/latest/meta-data"}, b"")
    wrapped(api, lambda method, path, body, usual: away if method == "POST" else usual(method, path, body))
    with pytest.raises(BrokenInputError, match="its own host"):
        search(catalog(api))
    wrapped(api, lambda method, path, body, usual: away)
    with pytest.raises(BrokenInputError, match="its own host"):
        search(catalog(api))
    assert trap.hits == []


def test_search_and_data_links_to_files_or_elsewhere_are_refused(api, serve):
    trap = serve()
    for href in (f"{trap.url}/search", "file:///etc/passwd", "/etc/passwd"):

        def change(method, path, body, usual, href=href):
            page = usual(method, path, body)
            if path == "/v1":
                for link in page["links"]:
                    if link["rel"] in ("search", "data"):
                        link["href"] = href
            return page

        usual = api.answer
        wrapped(api, change)
        with pytest.raises((BrokenInputError, MisuseError)):
            search(catalog(api))
        api.answer = usual
    assert trap.hits == []


def test_signed_hrefs_lose_their_signature(api, pages):
    blue = pages[0]["features"][0]["assets"]["blue"]
    plain = blue["href"]
    blue["href"] += "?st=1&se=2&sp=rl&sig=abc"
    items = {i.id: i for i in search(catalog(api))}
    assert items[pages[0]["features"][0]["id"]].asset("blue").href == plain
    assert "sig=" not in repr(items)


def test_a_large_area_is_sent_simplified(api):
    circle = shapely.Point(9.5, 47.5).buffer(0.4, quad_segs=2000)
    assert shapely.get_num_coordinates(circle) > 5000
    search(catalog(api), geometry=circle)
    sent = next(body for method, path, body in api.hits if method == "POST")
    area = shapely.geometry.shape(sent["intersects"])
    assert shapely.get_num_coordinates(area) <= 300
    assert area.covers(circle)


def test_an_address_is_opened_as_what_it_is(api, serve):
    found = open_catalog(f"{api.url}/v1", patience=PATIENCE)
    assert isinstance(found, ApiCatalog)
    assert len(search(found)) == 16
    web_page = serve()
    web_page.answer = lambda method, path, body: (200, {"Content-Type": "text/html"}, b"<html></html>")
    with pytest.raises(MisuseError, match="STAC catalogue"):
        open_catalog(web_page.url, patience=PATIENCE)
    web_page.answer = lambda method, path, body: {"hello": "world"}
    with pytest.raises(MisuseError, match="STAC catalogue"):
        open_catalog(web_page.url, patience=PATIENCE)


def test_get_is_used_where_only_that_is_offered(api, pages):
    def change(method, path, body, usual):
        if path == "/v1":
            page = usual(method, path, body)
            page["links"] = [li for li in page["links"] if li.get("method") != "POST"]
            return page
        if path.startswith("/v1/search?") and method == "GET":
            return {**pages[0], "links": []}
        return usual(method, path, body)

    wrapped(api, change)
    assert len(search(catalog(api))) == 10


def test_a_landing_page_without_conformance_is_enough(api):
    def change(method, path, body, usual):
        page = usual(method, path, body)
        if path == "/v1":
            page.pop("conformsTo")
        return page

    wrapped(api, change)
    assert len(search(catalog(api))) == 16
