"""The demonstration, small: every command it shows works, and its products say what they are made of."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from eomap import api, demo

WORLD = replace(
    demo.World(),
    corners_deg=((-33.0203, 45.1907), (-32.9911, 45.1852), (-32.9852, 45.2103), (-33.0157, 45.2124)),
    dates=demo.World().dates[:2],
    cloudy=(0.0, 0.4),
    always_cloudy=(-33.005, 45.2, 350.0),
    point=(-33.005, 45.2),
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    folder.mkdir()
    (folder / "left from last time").touch()
    return folder, demo.main(folder, world=WORLD, engine="inline")


def test_it_leaves_a_map_pictures_and_the_area_only(shown):
    folder, said = shown
    expected = ["area.geojson", "from-clouds-to-map.png", "map.png", "map.tif", "map.zarr", "map.zarr.ledger"]
    assert said["files"] == expected
    for name in expected[1:3]:
        with Image.open(folder / name) as picture:
            assert picture.width > 600 and len(picture.convert("RGB").getcolors(1 << 24)) > 5


def test_the_cube_says_synthetic(shown):
    attributes = api.open_cube(str(shown[0] / "map.zarr")).attrs
    assert attributes["eomap:synthetic"] is True and attributes["eomap:status"] == "complete"


def test_the_spot_under_cloud_on_every_date_has_no_clear_look(shown):
    folder, _ = shown
    assert api.query_point(str(folder / "map.zarr"), *WORLD.point)["status"] == "no clear look"
    rows = api.query_zones(str(folder / "map.zarr"), str(folder / "area.geojson"))
    assert 0.1 < rows[0]["no_look_km2"] < 2 and rows[0]["unwritten_km2"] == 0
    assert api.verify(str(folder / "map.zarr")) == {}


def test_two_tiles_meet_in_one_map(shown):
    codes = demo._codes(shown[0] / "map.zarr", demo._canvas(WORLD), demo.CELL_PX)
    assert {0, 255} < set(np.unique(codes).tolist())
    assert sum(found["cells"] for found in shown[1]["agreement"].values()) > 100


def test_a_command_that_fails_ends_the_demonstration(tmp_path):
    with pytest.raises(Exception, match="returned non-zero exit status 2"):
        demo._eomap("", "verify", str(tmp_path / "nothing.zarr"))
