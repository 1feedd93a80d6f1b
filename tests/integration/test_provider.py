"""A built twin behind a server as providers run them: tokens run out, hosts are busy, pages are empty."""

import logging
import re
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from plain_world import PlainWorld
from provider_server import served
from shapely.geometry import box
from small_world import without_weights

from eomap import api
from eomap.core.grid import Frame
from eomap.core.period import Period
from eomap.errors import TransientError
from eomap.io import access, pixels, tokens
from eomap.io.catalog import open_catalog
from eomap.io.catalog_entry import Patience
from eomap.io.pixels import RasterReader
from eomap.sensors.sentinel2 import to_scene
from eomap.twin.build import Order, build
from eomap.twin.quirks import EXPIRED, quirks_named

BOUNDS, PERIOD = (12.60, 52.44, 12.68, 52.504), Period.parse("2023-06-01/2023-06-09")
L2A, BANDS = "sentinel-2-l2a", ("B02", "B05", "B11", "SCL")
FRAME = Frame(32633, 337_200, 5_819_400, 60, 60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("provider") / "c"
    build(out, Order(BOUNDS, PERIOD, ("s2",), 3, quirks=quirks_named(["expired-tokens"])), PlainWorld(3))
    return out


@pytest.fixture
def provider(folder, monkeypatch):
    monkeypatch.setattr(pixels, "_FIRST_WAIT_S", 0.01)
    with served(folder) as running:
        monkeypatch.setattr(tokens, "SERVICE", f"{running.url}/token")
        monkeypatch.setattr(tokens, "STORAGE", re.compile(r"(127)\.0\.0\.1:\d+"))
        monkeypatch.setattr(access, "TOKENS", tokens.Tokens(Patience(2, 0.001, 0.01)))
        yield running


def search(address):
    catalogue = open_catalog(address)
    found = catalogue.search(L2A, geometry=box(*BOUNDS), period=PERIOD)
    assert catalogue.notes == ()
    return found


def read(item, signing=""):
    reader = RasterReader()
    scene = to_scene(item, BANDS, signing=signing)
    found = [reader.read(b, FRAME, signing=signing) for b in scene.bands]
    reader.close()
    return found


def truth(folder, item, frame=FRAME):
    """Return B02 from the file itself."""
    with rasterio.open(folder / L2A / item.id / "B02.tif") as file:
        return file.read(1, window=file.window(*frame.bounds_m))


def test_tokens_are_cut_off_when_found_and_fresh_when_read(provider, folder):
    found = search(f"{provider.url}/catalog.json")
    assert found and all("?" not in a.href for i in found for a in i.assets), EXPIRED
    provider.guarded = True
    assert np.array_equal(read(found[0], "planetary-computer")[0], truth(folder, found[0]))
    assert len(provider.given) == 1, "one token for all files of a container"
    asked = [path for status, path in provider.log if ".tif" in path]
    assert asked and all("sig=" in p and "expired" not in p for p in asked)
    assert {s for s, _ in provider.log} == {200}


def test_a_token_that_runs_out_while_a_file_is_open_is_replaced(provider, folder):
    item = search(f"{provider.url}/catalog.json")[0]
    provider.guarded = True
    reader = RasterReader()
    blue = to_scene(item, ["B02"]).bands[0]
    near, far = FRAME, replace(FRAME, x0=FRAME.x0 + 5_400, y0=FRAME.y0 - 5_400)
    assert np.array_equal(reader.read(blue, near, signing="planetary-computer"), truth(folder, item, near))
    provider.tokens.clear()
    assert np.array_equal(reader.read(blue, far, signing="planetary-computer"), truth(folder, item, far))
    assert 403 in {s for s, _ in provider.log} and len(provider.given) == 2
    reader.close()


def test_a_host_that_refuses_a_new_token_too_is_not_asked_forever(provider):
    item = search(f"{provider.url}/catalog.json")[0]
    provider.busy = iter([403] * 100)
    with pytest.raises(TransientError) as caught:
        read(item, "planetary-computer")
    assert len(provider.given) == 2 and "sig=" not in str(caught.value)


def test_a_token_is_replaced_when_a_fifth_of_its_life_is_left(provider, monkeypatch):
    clock = [1_000_000.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    provider.life_s = 100
    href = f"{provider.url}/{L2A}/x.tif"
    first = access.signed(href, "planetary-computer")
    clock[0] += 79
    assert access.signed(href, "planetary-computer") == first
    clock[0] += 2
    assert access.signed(href, "planetary-computer") != first
    assert access.signed(f"{provider.url}/other/x.tif", "planetary-computer").split("sig=")[1] not in first
    assert len(provider.given) == 3, "two of one container, one of another"


def test_a_crowded_token_service_is_waited_for(provider, folder):
    item = search(f"{provider.url}/catalog.json")[0]
    provider.guarded, provider.crowded = True, iter([429, 503])
    assert np.array_equal(read(item, "planetary-computer")[0], truth(folder, item))
    assert [s for s, p in provider.log if p.startswith("/token/")] == [429, 503, 200]


def test_a_token_service_that_keeps_failing_is_something_that_may_pass(provider):
    item = search(f"{provider.url}/catalog.json")[0]
    provider.crowded = iter([429] * 9)
    with pytest.raises(TransientError, match="429"):
        read(item, "planetary-computer")


def test_tokens_are_written_nowhere(provider, tmp_path, monkeypatch, caplog, capfd):
    """A whole run with a guarded host: ledger, cube, saved search, log and terminal hold no token."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "numba")
    without_weights(monkeypatch)
    catalogue = open_catalog(f"{provider.url}/v1")
    catalogue.entry = replace(catalogue.entry, signing="planetary-computer")
    monkeypatch.setattr("eomap.io.catalog.open_catalog", lambda name: catalogue)
    out = tmp_path / "map.zarr"
    plan = api.plan(
        bbox="12.63,52.46,12.645,52.47", catalog=f"{provider.url}/v1", collection=L2A, period=str(PERIOD)
    )
    provider.guarded, provider.busy = True, iter([200] * 9 + [403, 200, 500])
    api.run(plan, str(out), engine="inline")
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    said = capfd.readouterr()
    texts = [*(p.read_bytes() for p in files), caplog.text.encode(), said.out.encode(), said.err.encode()]
    assert provider.given and len(files) > 5
    for token in provider.given:
        assert not any(token.encode() in text for text in texts)


def test_without_a_token_pixels_are_refused_as_something_that_may_pass(provider):
    item = search(f"{provider.url}/catalog.json")[0]
    provider.guarded = True
    with pytest.raises(TransientError) as caught:
        read(item)
    assert "sig=" not in str(caught.value)


@pytest.mark.parametrize("troubles", [(429,), (503, 429), (500, 500, 503)])
def test_a_busy_host_is_asked_again(provider, folder, troubles):
    item = search(f"{provider.url}/catalog.json")[0]
    provider.busy = iter(troubles)
    assert np.array_equal(read(item)[0], truth(folder, item))
    assert [s for s, _ in provider.log if s >= 400][: len(troubles)] == list(troubles)


def test_an_api_with_an_empty_last_page_gives_what_the_folder_gives(provider, folder):
    paged, static = search(f"{provider.url}/v1"), search(f"{provider.url}/catalog.json")
    assert [i.id for i in paged] == [i.id for i in static] and len(paged) == 3
    assert sum(p == "/v1/search" for _, p in provider.log) == 3, "two, one, none"


def test_a_plan_over_the_wire_pins_no_token(provider):
    text = ",".join(map(str, BOUNDS))
    plan = api.plan(bbox=text, catalog=f"{provider.url}/v1", collection=L2A, period=str(PERIOD))
    assert len(plan.scenes) == 3 and "sig=" not in str(plan.to_json())
