"""`eomap twin build`: what it writes, says and refuses."""

import json

import pytest
from plain_world import PlainWorld
from small_world import command, contents

from eomap.api import twinning
from eomap.twin.quirks import NAMES

AREA, DAYS = "12.60,52.50,12.606,52.504", "2023-06-05/2023-06-09"


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """Let builds be quick: what is in the pictures is not asked here."""
    monkeypatch.setattr(twinning, "_world", lambda seed, *_: PlainWorld(seed))


def twin(monkeypatch, capsys, out, *words, area=AREA, days=DAYS):
    return command(
        monkeypatch, capsys, "twin", "build", f"--bbox={area}", "--period", days, "--out", out, *words
    )


def test_it_writes_a_catalogue_and_says_what_is_there(monkeypatch, capsys, tmp_path):
    code, out, err = twin(monkeypatch, capsys, tmp_path / "a", "--level", "L1C", "--sensors", "s2,modis")
    assert code == 0 and out == "" and "all synthetic" in err and "catalog.json" in err
    said = json.loads((tmp_path / "a" / "catalog.json").read_text())
    assert said["eomap:synthetic"] is True and said["eomap:made_of"]["levels"] == ["L1C"]
    assert (tmp_path / "a" / "truth.json").exists()
    before = contents(tmp_path / "a")
    code, _, err = twin(monkeypatch, capsys, tmp_path / "a", "--level", "L1C", "--sensors", "modis,s2")
    assert code == 0 and "(0 now)" in err and contents(tmp_path / "a") == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sensors", "s2,landsat"), "landsat"),
        (("--sensors", ""), "--sensors"),
        (("--sensors", "s1", "--shift", "smoke"), "--shift smoke"),
        (("--sensors", "enmap,modis", "--shift", "offset"), "--shift offset"),
        (("--level", "L3"), "--level"),
        (("--quirk", "nonsense"), "two-baselines"),
        (("--aoi", "x.geojson"), "both or none"),
        (("--threads", "0"), "threads"),
    ],
)
def test_bad_words_are_one_line_and_exit_2(monkeypatch, capsys, tmp_path, words, said):
    code, out, err = twin(monkeypatch, capsys, tmp_path / "a", *words)
    assert code == 2 and out == "" and said in err and len(err.strip().splitlines()) == 1
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("area", "days", "said"),
    [
        ("0,0,30,1", DAYS, "20 degrees"),
        ("0,86,1,87", DAYS, "84 N"),
        ("1,2,3", DAYS, "bbox"),
        (AREA, "june", "--period"),
        (AREA, "1999", "none"),
    ],
)
def test_impossible_places_and_times_are_refused(monkeypatch, capsys, tmp_path, area, days, said):
    code, _, err = twin(monkeypatch, capsys, tmp_path / "a", area=area, days=days)
    assert code == 2 and said in err and not (tmp_path / "a").exists()


def test_help_teaches(monkeypatch, capsys):
    code, out, _ = command(monkeypatch, capsys, "twin", "build", "--help")
    assert code == 0
    assert all(name in out for name in NAMES) and "eomap run --catalog" in out and "synthetic" in out
