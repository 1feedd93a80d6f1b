"""A product without a network, through the one door: plan, run, status, verify, query, export."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import small_world
from small_world import AREA, PERIOD, TILES, command, contents, write_catalog

from eomap import api

HERE = "12.61,52.502"
TRAP = """
import traceback
with open({place!r}, "a") as file:
    traceback.print_stack(file=file)
raise ImportError("no torch here")
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with a catalogue and a finished composite, and its plan."""
    folder = tmp_path_factory.mktemp("world")
    root = write_catalog(folder / "catalog")
    plan = api.plan(bbox=AREA, catalog=str(root), period=PERIOD, product="composite")
    assert api.run(plan, str(folder / "map.zarr"), engine="inline").complete
    return folder, plan


@pytest.fixture
def said(world, monkeypatch, capsys):
    """Return a function that runs `eomap WORDS` beside the catalogue: exit code, stdout, stderr."""
    monkeypatch.chdir(world[0])
    return lambda *words: command(monkeypatch, capsys, *words)


SEARCH = ("--bbox", AREA, "--catalog", "catalog/catalog.json", "--period", PERIOD, "--product", "composite")


def test_plan_status_and_provenance_say_that_there_is_no_network(world, said):
    assert "no network" in said("plan", *SEARCH)[1]
    assert "no network" in said("status", "map.zarr")[1]
    assert json.loads(said("status", "map.zarr", "--json")[1])["model"] is None
    assert (world[1].model, world[1].model_sha256) == ("", "")
    assert api.open_cube(str(world[0] / "map.zarr")).attrs["eomap:models"] == []


@pytest.mark.parametrize("model", ["eomap-lcz-s", "nonsense"])
def test_a_network_is_refused_in_one_line(world, said, model):
    before = contents(world[0])
    code, _, err = said("run", *SEARCH, "--model", model, "--out", "other.zarr")
    assert code == 2 and [line for line in err.splitlines() if line] == [err.strip()]
    assert err.startswith("error: --model") and "needs no network" in err
    assert contents(world[0]) == before


def test_what_cannot_fit_is_refused_before_anything_is_written(world, said):
    code, _, err = said("run", *SEARCH, "--memory", "100MB", "--out", "other.zarr")
    assert code == 2 and "per worker" in err and not (world[0] / "other.zarr").exists()


def test_a_point_gives_every_band(said):
    code, out, _ = said("query", "map.zarr", "--point", HERE)
    assert code == 0 and "B02 0.0" in out and "B12 0.1" in out and "n_clear" in out


def test_zones_of_values_are_refused_in_one_line(world, said):
    (world[0] / "zone.geojson").write_text("{}")
    code, _, err = said("query", "map.zarr", "--aoi", "zone.geojson")
    assert code == 2 and len(err.splitlines()) == 1 and "map of values" in err


def test_a_changed_sum_in_a_receipt_is_found_and_repaired(world, tmp_path):
    for name in ("map.zarr", "map.zarr.ledger"):
        shutil.copytree(world[0] / name, tmp_path / name)
    out, manifest = str(tmp_path / "map.zarr"), api.open_cube(str(world[0] / "map.zarr")).attrs
    assert api.verify(out) == {}
    path = tmp_path / "map.zarr.ledger" / "receipts" / f"{TILES[0]}.json"
    receipt = json.loads(path.read_text())
    assert receipt["n_valid"] > 0 and set(receipt["sums"]) >= {"B02", "B12"} and not receipt["histogram"]
    receipt["sums"]["B8A"] += 1
    path.write_text(json.dumps(receipt))
    assert list(api.verify(out)) == [TILES[0]]
    problems, summary = api.repair(out, engine="inline")
    assert list(problems) == [TILES[0]] and summary.manifest_sha256 == manifest["eomap:manifest_sha256"]
    assert api.verify(out) == {}


def test_sums_are_checked_against_the_cells_themselves(world, monkeypatch):
    from eomap.io.cube import Cube

    read = Cube.read

    def misread(self, name, window, *, band=None):
        return read(self, name, window, band=band) + np.uint16(band == 3)

    monkeypatch.setattr(Cube, "read", misread)
    assert api.verify(str(world[0] / "map.zarr")) == {
        tile: ["the sums of its values are not those recorded"] for tile in TILES
    }


def test_the_cube_decodes_to_what_the_scenes_show(world):
    data = api.open_cube(str(world[0] / "map.zarr"))
    lon, lat = map(float, HERE.split(","))
    here = data.sel(x=lon, y=lat, method="nearest")
    assert int(here.n_clear) == 3
    from eomap.core.grid import transformer

    x, y = transformer(4326, small_world.EPSG).transform(float(here.x), float(here.y))
    row, col = int((small_world.NORTH_M - y) // 10), int((x - small_world.WEST_M) // 10)
    for band in ("B02", "B03", "B04", "B08"):
        seen = sorted(int(small_world.pixels(band, day)[row, col]) - 1000 for day in (3, 13, 23))
        value = float(here.reflectance[here.reflectance.attrs["band_names"].index(band)])
        assert value == pytest.approx(seen[1] / 1e4), band


@pytest.mark.parametrize("engine", ["inline", "ray"])
def test_no_process_of_a_run_touches_torch(world, tmp_path, engine):
    trap, touched = tmp_path / "trap", tmp_path / "touched.txt"
    trap.mkdir()
    (trap / "torch.py").write_text(TRAP.format(place=str(touched)))
    session = tempfile.mkdtemp(prefix="eo-")  # socket paths must be short
    words = ("run", *SEARCH, "--engine", engine, "--workers", "1", "--out", str(tmp_path / "map.zarr"))
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "eomap", *words],
            capture_output=True,
            text=True,
            timeout=240,
            cwd=world[0],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(trap), *sys.path]), "RAY_TMPDIR": session},
        )
    finally:
        shutil.rmtree(session, ignore_errors=True)
    assert ended.returncode == 0, ended.stderr
    assert not touched.exists(), touched.read_text()
    manifests = [
        api.open_cube(str(p / "map.zarr")).attrs["eomap:manifest_sha256"] for p in (world[0], tmp_path)
    ]
    assert manifests[0] == manifests[1]
