"""Tests of pictures made from cubes."""

import numpy as np
import pytest
from PIL import Image
from small_cube import LAYERS, VALUES, small_cube, value_cube

from eomap.core.grid import Window
from eomap.errors import MisuseError
from eomap.io import overview, picture
from eomap.io.colours import RAMP, class_rgb, ramp_rgb
from eomap.io.drawing import degrees_text, km_per_degree, scale_bar, ticks_at
from eomap.io.overview import means, modes, survey, unseen
from eomap.io.picture import side_by_side, to_png

RED, GREEN, WARNING = (0xD1, 0, 0), (0, 0x6A, 0), (200, 0, 0)


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def count(rgb: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((rgb == colour).all(axis=-1).sum())


def test_a_map_shows_each_class_in_proportion_and_no_other(tmp_path):
    rgb = pixels(to_png(small_cube(tmp_path).url, tmp_path / "kind.png", width_px=900))
    city, trees = count(rgb, RED), count(rgb, GREEN)
    assert city > 10_000
    assert trees / city == pytest.approx(2, rel=0.05)
    assert count(rgb, (0x6A, 0x6A, 0xFF)) == 0  # water is not there, not even in the legend
    assert count(rgb, WARNING) == 0


def test_the_map_is_cropped_to_what_was_written(tmp_path):
    rgb = pixels(to_png(small_cube(tmp_path).url, tmp_path / "kind.png", width_px=900))
    rows = np.flatnonzero((rgb == RED).all(axis=-1).sum(axis=1) > 100)
    cols = np.flatnonzero((rgb == GREEN).all(axis=-1).sum(axis=0) > 100)
    height, width = len(rows) * 4, len(cols)  # city is a quarter of the mapped rows
    # 400 by 400 cells of a degree at 52.25 N.
    assert height / width == pytest.approx(111.25 / km_per_degree(52.25), rel=0.03)
    assert width > 0.5 * rgb.shape[1]


def test_made_up_scenes_say_so_in_red(tmp_path):
    cube = small_cube(tmp_path, **{"eomap:synthetic": True})
    rgb = pixels(to_png(cube.url, tmp_path / "kind.png", width_px=900))
    assert count(rgb, WARNING) > 50


def test_no_look_and_not_mapped_differ_from_each_other_and_from_classes(tmp_path):
    layer = LAYERS[0]
    rgb = class_rgb(np.array([[0] * 8, [255] * 8, [1] * 8], dtype=np.uint8).repeat(8, 0), layer)
    no_look, not_mapped, city = (set(map(tuple, part.reshape(-1, 3))) for part in np.split(rgb, 3))
    assert len(no_look) == 2  # hatched
    assert len(no_look | not_mapped | city) == 4


def test_modes_never_invent_a_class_and_break_ties_downwards(tmp_path):
    cube = small_cube(tmp_path)
    window = cube.extent.window
    small = modes(cube, LAYERS[0], window, (37, 61))
    assert set(np.unique(small)) == {0, 1, 2, 255}
    two = Window(10, window.row0 + 199, window.row0 + 201, window.col0 + 100, window.col0 + 101)
    assert modes(cube, LAYERS[0], two, (1, 1))[0, 0] == 1  # one cell of class 1, one of class 2


def test_strips_do_not_change_a_picture(tmp_path, monkeypatch):
    cube = small_cube(tmp_path)
    whole = modes(cube, LAYERS[0], cube.extent.window, (100, 200))
    mean = means(cube, LAYERS[1], cube.extent.window, (100, 200))
    found = survey(cube, LAYERS[0], cube.extent.window)
    monkeypatch.setattr(overview, "STRIP_CELLS", 20_000)
    assert np.array_equal(whole, modes(cube, LAYERS[0], cube.extent.window, (100, 200)))
    assert np.array_equal(mean, means(cube, LAYERS[1], cube.extent.window, (100, 200)), equal_nan=True)
    again = survey(cube, LAYERS[0], cube.extent.window)
    assert (again.written, again.shares) == (found.written, pytest.approx(found.shares))


def test_enlarging_repeats_cells(tmp_path):
    cube = small_cube(tmp_path)
    own = cube.extent.window
    part = Window(10, own.row0 + 198, own.row0 + 202, own.col0 + 48, own.col0 + 52)
    big = modes(cube, LAYERS[0], part, (12, 8))
    assert np.array_equal(big, cube.read("kind", part).repeat(3, 0).repeat(2, 1))


def test_shares_weigh_cells_by_latitude(tmp_path):
    cube = small_cube(tmp_path)
    found = survey(cube, LAYERS[0], cube.extent.window)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert found.shares[1] == pytest.approx(0.25, abs=0.002)
    assert found.shares[1] < 0.25  # the city is the northern quarter: its cells are smaller
    assert found.written.shape == (400, 400)


def test_means_are_physical_and_skip_what_is_unknown(tmp_path):
    cube = small_cube(tmp_path)
    own = cube.extent.window
    part = Window(10, own.row0 + 98, own.row0 + 102, own.col0 + 300, own.col0 + 303)
    assert means(cube, LAYERS[1], part, (1, 1))[0, 0] == pytest.approx(100 / 250)
    assert np.isnan(means(cube, LAYERS[1], part, (4, 1))[0, 0])


def test_a_continuous_layer_is_drawn_on_the_ramp_with_hatch_where_unseen(tmp_path):
    rgb = pixels(to_png(small_cube(tmp_path).url, tmp_path / "sure.png", layer="sure", width_px=900))
    assert count(rgb, tuple(bytes.fromhex(RAMP[0]))) > 100
    assert count(rgb, (120, 120, 120)) > 1000


def test_reflectance_is_drawn_in_its_colours_with_hatch_where_unseen(tmp_path):
    rgb = pixels(to_png(value_cube(tmp_path).url, tmp_path / "values.png", width_px=900)).astype(int)
    red, green, blue = np.moveaxis(rgb, -1, 0)
    assert ((green > red + 40) & (red > blue)).sum() > 50_000, "green land"
    assert count(rgb, (120, 120, 120)) > 1000
    same = pixels(to_png(value_cube(tmp_path).url, tmp_path / "spread.png", layer="spread", width_px=900))
    assert count(same, (120, 120, 120)) > 1000


def test_the_air_is_taken_off_where_the_scenes_hold_it(tmp_path):
    clear = pixels(to_png(value_cube(tmp_path).url, tmp_path / "l2a.png", width_px=900))
    scenes = {"eomap:scenes": {"levels": {"L1C": 3}}}
    veiled = pixels(to_png(value_cube(tmp_path, **scenes).url, tmp_path / "l1c.png", width_px=900))
    inside = np.s_[200:300, 200:300]
    assert (np.ptp(clear[inside].astype(int), axis=-1) > 40).mean() > 0.9
    assert (np.ptp(veiled[inside].astype(int), axis=-1) <= 1).all(), (
        "bands that differ by a constant are grey"
    )


def test_a_pixel_is_unseen_where_half_of_it_had_no_look(tmp_path):
    cube = value_cube(tmp_path)
    own = cube.extent.window
    part = Window(10, own.row0 + 396, own.row0 + 404, own.col0 + 60, own.col0 + 62)
    assert unseen(cube, VALUES[0], part, (4, 1)).ravel().tolist() == [False, False, True, True]
    assert unseen(cube, VALUES[0], part, (1, 1)).all()
    assert not unseen(cube, VALUES[1], part, (4, 1)).any(), "the spread does not know"


def test_the_ramp_rises_in_lightness():
    rgb = ramp_rgb(np.linspace(0, 1, 200)[None, :], 0, 1)[0].astype(float) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    assert (np.diff(linear @ (0.2126, 0.7152, 0.0722)) > -1e-3).all()


def test_scale_bar_is_round_and_fits():
    assert scale_bar(2.0, 260) == ("100 km", 200)
    assert scale_bar(500.0, 260) == ("500 m", 250)
    assert km_per_degree(0) == pytest.approx(111.32, abs=0.01)
    assert km_per_degree(60) == pytest.approx(55.80, abs=0.01)


def test_ticks_are_round_numbers_within():
    assert ticks_at(12.47, 12.93, 5) == [12.5, 12.55, 12.6, 12.65, 12.7, 12.75, 12.8, 12.85, 12.9]
    assert degrees_text(-0.5, 1, "NS") == "0.5° S"
    assert degrees_text(0.0, 0, "NS") == "0°"


@pytest.mark.parametrize(
    "request_",
    [
        {"layer": "each"},
        {"layer": "nothing"},
        {"width_px": 10},
        {"bounds": (13.2, 52.0, 13.4, 52.2)},
        {"bounds": (0.0, 0.0, 1.0, 1.0)},
        {"path": "absent/kind.png"},
    ],
)
def test_a_wrong_request_is_refused_and_leaves_nothing(tmp_path, request_):
    cube = small_cube(tmp_path)
    with pytest.raises(MisuseError):
        to_png(cube.url, tmp_path / request_.pop("path", "kind.png"), **request_)
    assert [p.name for p in tmp_path.iterdir()] == ["small.zarr"]


def test_the_same_cube_gives_the_same_bytes(tmp_path):
    cube = small_cube(tmp_path)
    first = to_png(cube.url, tmp_path / "a.png", width_px=500, title="x" * 500).read_bytes()
    assert to_png(cube.url, tmp_path / "b.png", width_px=500, title="x" * 500).read_bytes() == first


def test_panels_lie_in_a_grid_and_classes_stay_classes(tmp_path):
    stripes = np.zeros((40, 1001, 3), dtype=np.uint8)
    stripes[:, ::2] = (0, 0, 255)
    panels = [(str(i), stripes) for i in range(3)]
    rgb = pixels(side_by_side(panels, tmp_path / "grid.png", columns=2, panel_px=200))
    assert 400 < rgb.shape[1] < 440
    blue = rgb[(rgb[..., 2] > 0) & (rgb[..., 0] == 0)]
    assert len(blue)
    assert (blue == (0, 0, 255)).all()
    with pytest.raises(MisuseError):
        side_by_side([], tmp_path / "none.png")
    with pytest.raises(MisuseError):
        side_by_side([("grey", stripes[..., 0])], tmp_path / "none.png")


def test_the_footer_names_the_networks_of_a_run():
    attributes = {"eomap:models": [{"name": "m1", "version": "1"}], "eomap:run_id": "0123456789abcdef"}
    assert picture._origin(attributes, "model") == "model m1"
    assert picture._origin(attributes, "run") == "run 0123456789ab"
    assert picture._origin({}, "model") == ""
