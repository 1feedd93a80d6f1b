"""Tests of answers for a point."""

import math
from dataclasses import replace

import numpy as np
import pytest
from small_cube import BANDS, LAYERS, TILE, small_cube, value_cube

from eomap.core.grid import Tile
from eomap.errors import MisuseError
from eomap.io.cube import Extent, create
from eomap.io.points import at_point

CELL = 1 / 1200


def centre(row: int, col: int) -> tuple[float, float]:
    """Lon, lat of the centre of a cell counted from the tile's corner."""
    return 12.5 + (col + 0.5) * CELL, 52.5 - (row + 0.5) * CELL


def test_a_valid_cell_gives_class_scaled_value_tile_and_area(tmp_path):
    answer = at_point(small_cube(tmp_path).url, *centre(150, 300))
    assert (answer["status"], answer["tile"]) == ("valid", TILE.id)
    assert answer["layers"]["kind"] == {"stored": 1, "value": 1, "unit": "1", "class": "Dense city"}
    assert answer["layers"]["sure"]["value"] == pytest.approx(100 / 250)
    assert answer["layers"]["looks"]["value"] == 3
    assert answer["layers"]["each"]["value"] == {"city": pytest.approx(0.4), "trees": pytest.approx(0.4)}
    west, south, east, north = answer["cell"]["bounds_deg"]
    assert west < answer["lon"] < east
    assert south < answer["lat"] < north
    # 1/1200 degree at 52.374 N: 56.79 m by 92.73 m on WGS 84.
    assert answer["cell"]["area_m2"] == pytest.approx(56.79 * 92.73, rel=2e-3)


@pytest.mark.parametrize(
    ("row", "col", "status"),
    [(450, 100, "no clear look"), (50, 100, "unwritten"), (300, 700, "unwritten"), (300, -1, "outside")],
)
def test_what_is_not_valid_is_told_apart(tmp_path, row, col, status):
    answer = at_point(small_cube(tmp_path).url, *centre(row, col))
    assert answer["status"] == status
    assert all(v["value"] is None for k, v in answer["layers"].items() if k in ("kind", "sure"))
    if status == "outside":
        assert answer["layers"] == {}


@pytest.mark.parametrize(
    ("row", "status", "stored"), [(150, "valid", 350), (450, "no clear look", 0), (50, "unwritten", 65535)]
)
def test_values_are_given_by_band_and_what_is_none_is_told_apart(tmp_path, row, status, stored):
    answer = at_point(value_cube(tmp_path).url, *centre(row, 100))
    reading = answer["layers"]["reflectance"]
    assert answer["status"] == status and tuple(reading["stored"]) == BANDS
    assert reading["stored"]["B02"] == stored
    wanted = pytest.approx(0.035) if status == "valid" else None
    assert reading["value"]["B02"] == wanted


def test_a_cell_owns_its_north_and_west_edges_only(tmp_path):
    url = small_cube(tmp_path).url
    # Row 100 begins at 52.5 - 100/1200; floats of such numbers miss the line by a hair.
    on_edge = at_point(url, 12.5 + 50 * CELL, 52.5 - 100 * CELL)
    assert on_edge["layers"]["kind"]["stored"] == 1
    assert at_point(url, 12.5 + 450 * CELL, 52.5 - 150 * CELL)["status"] == "unwritten"
    assert at_point(url, 13.5, 52.25)["status"] == "outside"


def line_cube(folder, tile, code):
    cube = create(str(folder / f"{tile.id}.zarr"), Extent.of_tiles([tile], 10), LAYERS[:1], {})
    cube.write(tile, {"kind": np.full((600, 600), code, dtype=np.uint8)})
    return cube.url


def test_the_antimeridian_is_one_meridian(tmp_path):
    east, west = line_cube(tmp_path, Tile(180, 719), 1), line_cube(tmp_path, Tile(180, 0), 2)
    for lon in (180.0, -180.0):
        assert at_point(west, lon, -0.25)["layers"]["kind"]["stored"] == 2
    assert at_point(east, 180.0, -0.25)["layers"]["kind"]["stored"] == 1
    assert at_point(east, -179.9, -0.25)["status"] == "outside"


def test_the_poles_lie_in_the_first_and_last_row(tmp_path):
    assert at_point(line_cube(tmp_path, Tile(359, 10), 3), -174.8, -90.0)["status"] == "valid"
    assert at_point(line_cube(tmp_path, Tile(0, 10), 3), -174.8, 90.0)["status"] == "valid"


@pytest.mark.parametrize(
    ("lon", "lat"), [(math.nan, 0), (0, math.inf), (-math.inf, 0), (180.1, 0), (0, 90.01), (52.0, 120.0)]
)
def test_coordinates_that_are_none_are_refused(tmp_path, lon, lat):
    with pytest.raises(MisuseError):
        at_point(small_cube(tmp_path).url, lon, lat)


def test_an_unknown_stored_class_has_no_name(tmp_path):
    cube = small_cube(tmp_path)
    kind = np.full((600, 600), 9, dtype=np.uint8)
    other = {"sure": kind, "looks": kind.astype(np.uint16), "each": np.stack([kind, kind])}
    cube.write(TILE, {"kind": kind, **other})
    reading = at_point(cube.url, *centre(1, 1))["layers"]["kind"]
    assert (reading["stored"], reading["class"]) == (9, None)


def test_a_cube_without_legend_has_no_class(tmp_path):
    tile = Tile(100, 100)
    plain = replace(LAYERS[1], name="agb", dtype="uint16", fill=65535, scale=0.1, unit="Mg ha-1")
    cube = create(str(tmp_path / "agb.zarr"), Extent.of_tiles([tile], 10), (plain,), {})
    cube.write(tile, {"agb": np.full((600, 600), 1234, dtype=np.uint16)})
    reading = at_point(cube.url, -129.9, 39.8)["layers"]["agb"]
    assert reading == {"stored": 1234, "value": pytest.approx(123.4), "unit": "Mg ha-1"}
