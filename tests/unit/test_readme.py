"""README.md says what is true: its commands parse, and those that can be run here are run."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from fenced import ROOT, blocks, commands, parse
from small_world import AREA, command, write_catalog

from eomap import __version__, api
from eomap.core.period import Period
from eomap.io import catalog as catalogs

README = (ROOT / "README.md").read_text("utf-8")
SAID = [words for block in blocks(README, "sh") for words in commands(block)]
OURS = [words[1:] for words in SAID if words[0] == "eomap"]
MAIN_JOB = ["run", "--aoi", "africa.geojson", "--product", "lcz"]
NEEDS_NETWORK = {"fetch"}


class Recorded:
    """Stands for earth-search: the scenes of a small catalogue, moved to the year asked for."""

    def __init__(self, local):
        self.local, self.asked = local, []
        named = catalogs.named_catalogs()["earth-search"]
        self.entry = replace(local.entry, sensors=named.sensors)

    def search(self, collection, *, geometry, period, progress=None):
        self.asked.append((collection, str(period)))
        found = self.local.search(collection, geometry=geometry, period=Period.parse("2024"))
        year = int(str(period)[:4])
        return [moved(i, i.moment.replace(year=year)) for i in found]


def moved(item, moment):
    properties = {**item.properties, "datetime": moment.isoformat()}
    return replace(item, moment=moment, properties=properties)


@pytest.fixture
def earth_search(tmp_path, monkeypatch):
    """Put a recorded catalogue in the place of earth-search; every other name is refused."""
    local = catalogs.open_catalog(str(write_catalog(tmp_path / "recorded")))
    recorded, names = Recorded(local), []

    def opened(name):
        names.append(name)
        assert name == "earth-search"
        return recorded

    monkeypatch.setattr(catalogs, "open_catalog", opened)
    monkeypatch.setattr(catalogs, "entry_of", lambda name: recorded.entry)
    return recorded


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with an area called africa.geojson that is no larger than a village."""
    from small_world import without_weights

    folder = tmp_path / "here"
    folder.mkdir()
    west, south, east, north = map(float, AREA.split(","))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    (folder / "africa.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    monkeypatch.chdir(folder)
    without_weights(monkeypatch)
    return folder


def test_it_speaks_of_nothing_but_these_programs():
    assert {words[0] for words in SAID} == {"eomap", "make", "pip"}
    assert MAIN_JOB in OURS and ["pip", "install", "."] in SAID


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_every_command_parses(words):
    parse(words)


@pytest.mark.parametrize("words", [w for w in SAID if w[0] == "make"], ids=" ".join)
@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed here")
def test_every_make_target_exists(words):
    done = subprocess.run([*words, "-n"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_command_that_needs_no_network_runs(here, earth_search, monkeypatch, capsys):
    said = {}
    for words in OURS:
        if NEEDS_NETWORK.isdisjoint(words):
            inline = ["--engine", "inline"] if words[0] in ("run", "repair") else []
            code, out, err = command(monkeypatch, capsys, *words, *inline)
            assert code == 0, (words, err)
            said[words[0]] = out + err
    year = datetime.now(UTC).year - 1
    made = {p.name for p in here.iterdir()} - {"africa.geojson"}
    cubes = {f"africa-lcz-{year}.zarr", "havel.zarr"}
    ledgers = {f"{cube}.ledger" for cube in cubes}
    assert made == {*cubes, *ledgers, "tiles.geojson", "havel.tif", "havel.png"}
    assert "planned = recorded = present" in said["verify"] and "0 faults found" in said["repair"]
    assert "valid" in said["query"] and "2 of 2 tiles done" in said["status"]


def test_the_main_job_needs_nothing_else(here, earth_search, monkeypatch, capsys):
    given = parse(MAIN_JOB)
    assert {k for k, v in given.items() if v and k not in ("aoi", "product")} == {
        "catalog", "mask", "extent", "memory", "engine", "grid", "runtime",
    }  # fmt: skip
    code, _, err = command(monkeypatch, capsys, *MAIN_JOB, "--engine", "inline")
    assert code == 0, err
    last = datetime.now(UTC).year - 1
    assert earth_search.asked == [("sentinel-2-l2a", f"{date(last, 1, 1)}/{date(last, 12, 31)}")]
    assert "catalogue   earth-search, collection sentinel-2-l2a" in err
    assert f"period      {last}-01-01/{last}-12-31" in err
    assert "network     sen2lcz-mf" in err and "cloud mask auto" in err
    assert f"output      africa-lcz-{last}.zarr" in err
    assert "was trained on L1C, these scenes are L2A" in err
    assert api.status(f"africa-lcz-{last}.zarr")["complete"]


def test_the_same_command_again_does_nothing(here, earth_search, monkeypatch, capsys):
    words = (*MAIN_JOB, "--engine", "inline")
    command(monkeypatch, capsys, *words)
    code, _, err = command(monkeypatch, capsys, *words)
    assert code == 0 and "2 of 2 tiles (0 now" in err


def test_the_changelog_knows_this_version():
    assert re.search(rf"^## \[{re.escape(__version__)}\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
