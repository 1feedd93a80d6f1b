"""The demonstration, small: every command it shows works, and its products say what they are made of."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from eomap import api, demo

PLACE = replace(
    demo.Place(),
    corners_deg=((11.115, 55.493), (11.14, 55.491), (11.142, 55.507), (11.118, 55.509)),
    period="2024-06-10/2024-06-13",
    point=(11.128, 55.5),
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    folder.mkdir()
    (folder / "left from last time").touch()
    return folder, demo.main(folder, place=PLACE, engine="inline")


def test_it_leaves_a_map_pictures_and_the_scenes_only(shown):
    folder, said = shown
    pictures = ["from-clouds-to-map.png", "map.png"]
    others = ["area.geojson", "map.tif", "map.zarr", "map.zarr.ledger", "scenes", "score.html"]
    assert said["files"] == sorted(pictures + others)
    for name in pictures:
        with Image.open(folder / name) as picture:
            assert picture.width > 600 and len(picture.convert("RGB").getcolors(1 << 24)) > 5
    assert "synthetic" in (folder / "score.html").read_text().lower()


def test_the_cube_says_synthetic(shown):
    attributes = api.open_cube(str(shown[0] / "map.zarr")).attrs
    assert attributes["eomap:synthetic"] is True and attributes["eomap:status"] == "complete"


def test_the_map_is_scored_against_what_is_true(shown):
    folder, _ = shown
    found = api.score(str(folder / "map.zarr"), str(folder / "scenes"))
    zones = next(layer for layer in found["layers"] if layer["layer"] == "lcz")
    assert found["synthetic"] is True and zones["cells"] > 200
    assert 0.2 < zones["metrics"]["OA"] < 1 and 0.5 < zones["metrics"]["OAbu"] <= 1
    assert api.verify(str(folder / "map.zarr")) == {}


def test_two_tiles_meet_in_one_map(shown):
    codes = np.asarray(api.open_cube(str(shown[0] / "map.zarr"))["lcz"])
    assert {255} < set(np.unique(codes).tolist())
    assert (
        len(api.status(str(shown[0] / "map.zarr"))) and api.status(str(shown[0] / "map.zarr"))["planned"] == 2
    )


def test_a_command_that_fails_ends_the_demonstration(tmp_path):
    with pytest.raises(Exception, match="returned non-zero exit status 2"):
        demo._eomap("", "verify", str(tmp_path / "nothing.zarr"))
