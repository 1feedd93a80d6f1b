"""Whatever cannot be done as asked ends in one clear line, exit code 2, and nothing written."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_world import AREA, PERIOD, command, contents, without_weights, write_catalog

ROOT = Path(__file__).parents[2]
BOX = [[12.60, 52.493], [12.625, 52.493], [12.625, 52.507], [12.60, 52.507], [12.60, 52.493]]
EVEREST_M = [[1404000, 6880000], [1405000, 6880000], [1405000, 6881000], [1404000, 6880000]]
SEA = "-30,0,-29.9,0.1"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A catalogue with one scene, and a finished cube."""
    folder = tmp_path_factory.mktemp("world")
    root = write_catalog(folder / "catalog", days=(3,))
    from eomap import api

    with pytest.MonkeyPatch.context() as patch:
        without_weights(patch)
        plan = api.plan(bbox=AREA, catalog=str(root), period=PERIOD)
        assert api.run(plan, str(folder / "map.zarr"), engine="inline").complete
    return folder


@pytest.fixture
def place(world, tmp_path, monkeypatch):
    """A folder to be in, with the catalogue and the cube; commands run here."""
    without_weights(monkeypatch)
    shutil.copytree(world, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def refused(place, monkeypatch, capsys):
    """Return a check that a command line is refused in one line and leaves the folder as it was."""

    def check(words, *, code=2, said=""):
        before = contents(place)
        ended, out, err = command(monkeypatch, capsys, *words)
        lines = [line for line in err.splitlines() if line.startswith("error: ")]
        assert (ended, len(lines)) == (code, 1), err
        assert err.rstrip().endswith(lines[0]), "the error is the last thing said"
        assert len(lines[0]) < 1000 and "Traceback" not in out + err
        assert said.lower() in lines[0].lower()
        assert contents(place) == before
        return lines[0]

    return check


def searching(*words, catalog="catalog/catalog.json", period=PERIOD):
    return ("--catalog", catalog, "--period", period, *words)


def feature(geometry, **more):
    return {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {}, "geometry": geometry}],
        **more,
    }


def polygon(ring, **more):
    return feature({"type": "Polygon", "coordinates": [ring]}, **more)


def named(code):
    return {"crs": {"type": "name", "properties": {"name": code}}}


WHOLE = json.dumps(polygon(BOX))
BAD_AREAS = {
    "B1 no features": ({"type": "FeatureCollection", "features": []}, "at least one polygon"),
    "B2 null geometry": (feature(None), "no geometry"),
    "B2 empty geometry": (polygon([]), ""),
    "B3 NaN": (json.dumps(polygon(BOX)).replace("12.625", "NaN", 1), "NaN"),
    "B3 infinity": (json.dumps(polygon(BOX)).replace("12.625", "Infinity", 1), "infinity"),
    "B8 swapped": (polygon([[10, 100], [10, 110], [20, 110], [10, 100]]), "swap"),
    "B7 degrees called metres": (polygon(BOX, **named("EPSG:999999")), "crs"),
    "B7 metres called degrees": (polygon(EVEREST_M), "reproject"),
    "B7 link for a crs": (
        polygon(BOX, crs={"type": "link", "properties": {"href": "http://127.0.0.1:9/"}}),
        "crs",
    ),
    "B9 unclosed ring": (polygon(BOX[:3]), ""),
    "B9 truncated": (WHOLE[: len(WHOLE) // 2], "whole GeoJSON"),
    "B9 web page": ("<!DOCTYPE html><html><body>404</body></html>", "web page"),
    "B9 100k nested lists": ("[" * 100_000 + "]" * 100_000, "nested"),
    "B9 not JSON": ("area = box", "GeoJSON"),
    "B9 empty file": ("", "empty file"),
    "B10 point": (feature({"type": "Point", "coordinates": BOX[0]}), "Point"),
    "B10 line": (feature({"type": "LineString", "coordinates": BOX}), "LineString"),
    "B11 1e308": (json.dumps(polygon(BOX)).replace("12.625", "1e308", 1), "1e+308"),
    "B13 beyond 84 N": (polygon([[0, 85], [90, 85], [180, 85], [-90, 85], [0, 85]]), "latitude"),
    "no area": (polygon([[1, 1], [2, 2], [1, 1], [1, 1]]), "enclose nothing"),
}


@pytest.mark.parametrize("verb", ["plan", "run"])
@pytest.mark.parametrize("name", BAD_AREAS)
def test_bad_areas(refused, place, name, verb):
    document, said = BAD_AREAS[name]
    (place / "area.geojson").write_text(document if isinstance(document, str) else json.dumps(document))
    refused((verb, "--aoi", "area.geojson", *searching()), said=said)


GOOD_AREAS = {
    "B4 beyond 360": (polygon([[x + 360, y] for x, y in BOX]), "wrapped", 2),
    "B5 bow-tie": (polygon([BOX[0], BOX[2], BOX[1], BOX[3], BOX[0]]), "repaired", 2),
    "B6 antimeridian": (
        polygon([[179.9, 0.1], [-179.9, 0.1], [-179.9, 0.2], [179.9, 0.2], [179.9, 0.1]]),
        "antimeridian",
        2,
    ),
    "B7 web mercator": (
        polygon(
            [[1402600, 6899000], [1405400, 6899000], [1405400, 6901500], [1402600, 6899000]],
            **named("urn:ogc:def:crs:EPSG::3857"),
        ),
        "reprojected",
        1,
    ),
    "B14 less than a pixel": (
        polygon([[12.61, 52.495], [12.6100001, 52.495], [12.61, 52.4950001]] * 2),
        "",
        1,
    ),
}


@pytest.mark.parametrize("name", GOOD_AREAS)
def test_odd_areas_that_can_be_read_are_read_and_say_what_was_done(place, monkeypatch, capsys, name):
    document, said, tiles = GOOD_AREAS[name]
    document["features"][0]["geometry"]["coordinates"][0].append(
        document["features"][0]["geometry"]["coordinates"][0][0]
    )
    (place / "area.geojson").write_text(json.dumps(document))
    code, out, err = command(
        monkeypatch, capsys, "plan", "--aoi", "area.geojson", *searching(), "--out", "plan.geojson"
    )
    assert code == 0, err
    assert said in out
    assert len(json.loads((place / "plan.geojson").read_text())["features"]) == tiles


@pytest.mark.parametrize("verb", ["plan", "run"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--aoi", "none.geojson", *searching()), "no such file"),
        (("--aoi", "catalog", *searching()), "a folder"),
        (("--aoi", "map.zarr/zarr.json", *searching()), "GeoJSON"),
        (("--aoi", "area.docx", *searching()), "no such file"),
        (("--aoi", "ftp://127.0.0.1/area.geojson", *searching()), "http"),
        ((), "--aoi"),
        (("--aoi", "a.geojson", "--bbox", AREA, *searching()), "either"),
        (("--bbox", "1,2,3", *searching()), "--bbox"),
        (("--bbox", "a,b,c,d", *searching()), "--bbox"),
        (("--bbox", "0,nan,1,1", *searching()), "--bbox"),
        (("--bbox", "0,2,1,1", *searching()), "south"),
        (("--bbox", "0,0,1,95", *searching()), "latitude"),
        (("--bbox", "0,0,0,1", *searching()), "--bbox"),
        (("--bbox", AREA, *searching(period="soon")), "--period"),
        (("--bbox", AREA, *searching(period="2024-13")), "--period"),
        (("--bbox", AREA, *searching(period="2024-06-30/2024-06-01")), "before"),
        (("--bbox", AREA, *searching("--memory", "much")), "--memory"),
        (("--bbox", AREA, *searching("--memory", "-1GB")), "--memory"),
        (("--bbox", AREA, *searching("--memory", "100MB")), "--memory"),
        (("--bbox", AREA, *searching("--mask", "magic")), "--mask"),
        (("--bbox", AREA, *searching("--model", "resnet-9000")), "--model"),
        (("--bbox", AREA, *searching("--product", "gold")), "--product"),
        (("--bbox", AREA, *searching("--extent", "moon")), "--extent"),
        (("--bbox", AREA, *searching("--layer", "gold")), "--layer"),
        (("--bbox", AREA, *searching("--max-cloud", "much")), "--max-cloud"),
        (("--bbox", AREA, *searching("--max-cloud", "nan")), "--max-cloud"),
        (("--bbox", AREA, *searching("--max-cloud", "-1")), "--max-cloud"),
        (("--bbox", AREA, *searching("--max-cloud", "101")), "--max-cloud"),
        (("--bbox", AREA, *searching("--nonsense", "1")), "--nonsense"),
        (("--bbox", AREA, *searching(catalog="earth-serch")), "earth-search"),
        (("--bbox", AREA, *searching(catalog="ftp://x/y")), "https"),
        (("--bbox", AREA, *searching(catalog="http://example.com/stac")), "https"),
        (("--bbox", AREA, *searching(catalog="https://user:word@example.com/stac")), "https"),
        (("--bbox", AREA, *searching("--collection", "landsat")), "sentinel-2-l2a"),
    ],
)
def test_bad_words(refused, verb, words, said):
    line = refused((verb, *words), said=said)
    assert "user:word" not in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--engine", "steam"), "--engine"),
        (("--workers", "0"), "--workers"),
        (("--workers", "-3"), "--workers"),
        (("--workers", "two"), "--workers"),
        (("--gpus-per-predictor", "-1"), "--gpus-per-predictor"),
        (("--gpus-per-predictor", "nan"), "--gpus-per-predictor"),
        (("--address", "127.0.0.1:nowhere"), "--address"),
        (("--out", "catalog"), "other files"),
        (("--out", "catalog/catalog.json"), "a file"),
        (("--out", "catalog/catalog.json/map.zarr"), "a place to write"),
        (("--out", "map.zarr/lcz"), "Zarr"),
        (("--out", "map.zarr.ledger"), "other files"),
        (("--out", "/proc/map.zarr"), "a place to write"),
        (("--out", "gs://bucket/map.zarr"), "s3://"),
        (("--out", "https://example.com/map.zarr"), "s3://"),
    ],
)
def test_bad_ways_to_run(refused, words, said):
    engine = () if "--address" in words else ("--engine", "inline")
    refused(("run", "--bbox", AREA, *searching(*engine, *words)), said=said)


@pytest.mark.parametrize(
    "words",
    [
        ("--bbox", "12.60,52.493,12.62,52.507", *searching()),
        ("--bbox", AREA, *searching("--mask", "none")),
        ("--bbox", AREA, *searching("--layer", "probability")),
        ("--bbox", AREA, *searching("--extent", "global")),
        ("--bbox", AREA, *searching("--model", "so2sat-resnet20")),
        ("--bbox", AREA, *searching(period="2024-06")),
    ],
)
def test_a_cube_of_another_plan_is_not_touched(refused, words):
    refused(("run", *words, "--engine", "inline", "--out", "map.zarr"), said="another --out")


def test_a_cube_without_its_ledger_is_not_touched(refused, place):
    shutil.rmtree(place / "map.zarr.ledger")
    words = ("run", "--bbox", "12.60,52.493,12.62,52.507", *searching(), "--engine", "inline")
    refused((*words, "--out", "map.zarr"), said="another --out")


def test_weights_that_cannot_be_had_stop_the_run_before_it_writes(refused, place, monkeypatch):
    from eomap.errors import BrokenInputError

    def no_weights(plan, notify):
        raise BrokenInputError("weights", expected="sha256 1", got="2")

    monkeypatch.setattr("eomap.api.running._weights", no_weights)
    refused(("run", "--bbox", AREA, *searching(), "--engine", "inline", "--out", "new.zarr"), code=1)


@pytest.mark.parametrize(
    ("harm", "code", "said"),
    [
        (lambda c: (c / "catalog.json").write_text("<html>"), 1, "JSON"),
        (lambda c: (c / "catalog.json").write_text("[]"), 1, "STAC"),
        (lambda c: (c / "catalog.json").write_text("{}"), 2, "collection"),
        (lambda c: (c / "collection.json").write_text('{"type": "Coll'), 2, "collection"),
        (lambda c: next(c.glob("*/item.json")).write_text("{"), 1, "JSON"),
        (lambda c: shutil.rmtree(c), 2, "--catalog"),
    ],
)
def test_broken_catalogues(refused, place, harm, code, said):
    harm(place / "catalog")
    refused(("plan", "--bbox", AREA, *searching()), code=code, said=said)


def test_a_catalogue_that_does_not_answer_is_not_the_users_fault(refused, monkeypatch):
    from eomap.io import catalog_entry

    monkeypatch.setattr(catalog_entry.Patience.__init__, "__defaults__", (1, 0.001, 0.01))
    refused(("run", "--bbox", AREA, *searching(catalog="http://127.0.0.1:9/")), code=1, said="run again")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "--bbox", AREA, *searching("--out", "plan.xlsx")), ".geojson"),
        (("plan", "--bbox", AREA, *searching("--out", "no/where/plan.geojson")), "place to write"),
        (("plan", "--bbox", AREA, *searching("--out", "no/where/plan.parquet")), "place to write"),
        (("verify", "none.zarr"), "nothing there"),
        (("status", "none.zarr"), "nothing there"),
        (("repair", "none.zarr"), "nothing there"),
        (("repair", "map.zarr", "--workers", "0"), "--workers"),
        (("repair", "map.zarr", "--engine", "steam"), "--engine"),
        (("verify", "catalog"), "nothing there"),
        (("verify", "catalog/catalog.json"), "a cube made by eomap"),
        (("verify", "gs://bucket/map.zarr"), "s3://"),
        (("query", "none.zarr", "--point", "12.61,52.5"), "nothing there"),
        (("query", "map.zarr"), "either"),
        (("query", "map.zarr", "--point", "12.61,52.5", "--aoi", "a.geojson"), "either"),
        (("query", "map.zarr", "--point", "here"), "--point"),
        (("query", "map.zarr", "--point", "1,2,3"), "--point"),
        (("query", "map.zarr", "--point", "nan,52"), "finite"),
        (("query", "map.zarr", "--point", "12,95"), "latitude"),
        (("query", "map.zarr", "--aoi", "none.geojson"), "no such file"),
        (("query", "map.zarr", "--aoi", "catalog/catalog.json"), "FeatureCollection"),
        (("export", "map.zarr"), "--cog"),
        (("export", "map.zarr", "--cog", "map.tif", "--layer", "gold"), "layer"),
        (("export", "map.zarr", "--png", "map.png", "--layer", "gold"), "layer"),
        (("export", "map.zarr", "--cog", "no/where/map.tif"), "place to write"),
        (("export", "map.zarr", "--png", "catalog"), "a folder"),
        (("export", "none.zarr", "--png", "map.png"), "nothing there"),
        (("models", "show", "resnet-9000"), "--model"),
        (("models", "fetch", "resnet-9000"), "--model"),
        (("paint",), "paint"),
    ],
)
def test_bad_questions(refused, words, said):
    refused(words, said=said)


def test_outside_and_unwritten_are_answers_not_errors(place, monkeypatch, capsys):
    for point, status in (("0,0", "outside"), ("12.9,52.1", "unwritten"), ("12.61,52.5", "valid")):
        code, out, err = command(monkeypatch, capsys, "query", "map.zarr", "--point", point, "--json")
        assert (code, err) == (0, "") and json.loads(out)["status"] == status


@pytest.mark.parametrize(
    "words", [("--bbox", SEA, *searching()), ("--bbox", AREA, *searching(period="2019"))]
)
def test_where_no_scene_is_there_is_nothing_to_do(place, monkeypatch, capsys, words):
    before = contents(place)
    code, out, _ = command(monkeypatch, capsys, "plan", *words)
    assert code == 0 and "0 with scenes" in out
    code, _, err = command(monkeypatch, capsys, "run", *words, "--out", "new.zarr")
    assert code == 0 and "nothing to do" in err and "nothing was written" in err
    assert contents(place) == before


def test_the_program_itself_ends_the_same_way(place):
    before = contents(place)
    for words, code in (
        (("run", "--bbox", "1,2,3"), 2),
        (("verify", "none.zarr"), 2),
        (("verify", "map.zarr"), 0),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "eomap", *words],
            capture_output=True,
            text=True,
            cwd=place,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(place)},
            timeout=60,
        )
        assert done.returncode == code
        assert (done.stderr.count("\n"), done.stderr[:7]) == ((1, "error: ") if code else (0, ""))
    assert contents(place) == before
