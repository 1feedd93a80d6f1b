"""Truth on lattice cells: centres, means and majorities, frames in two zones, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from truth_world import STEP, TILES, cover, height_m, write_truth

from eomap.core.grid import Window, tile_window, transformer
from eomap.errors import MisuseError
from eomap.io import truth_pixels
from eomap.io.truth import open_truth
from eomap.io.truth_pixels import UNKNOWN_CLASS, read_classes, read_values


def both_tiles(step=STEP):
    """Return the window over both tiles, across the border of the zones."""
    west, east = (tile_window(t, step) for t in TILES)
    return replace(west, col1=east.col1)


def part(window, rows, cols):
    return Window(
        window.step,
        window.row0 + rows[0],
        window.row0 + rows[1],
        window.col0 + cols[0],
        window.col0 + cols[1],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_truth(tmp_path_factory.mktemp("truth"))


@pytest.fixture(scope="module")
def truth(folder):
    return open_truth(folder)


def one_tif(folder, name, values, *, epsg=32633, x0=300_000, y0=5_800_000, pixel_m=100, frame="a", **said):
    """Write one frame with one layer and return its entry in truth.json."""
    values = values[None]
    with rasterio.open(
        folder / f"{name}.tif",
        "w",
        driver="GTiff",
        height=values.shape[-2],
        width=values.shape[-1],
        count=1,
        dtype=values.dtype,
        crs=f"EPSG:{epsg}",
        transform=Affine(pixel_m, 0, x0, 0, -pixel_m, y0),
    ) as file:
        file.write(values)
    return {"id": frame, "epsg": epsg, "x0": x0, "y0": y0, "layers": {"it": {"href": f"{name}.tif", **said}}}


def write_json(folder, *frames, **more):
    (folder / "truth.json").write_text(json.dumps({"frames": list(frames), **more}))
    return open_truth(folder)


def window_around(frame_entry, step, *, pixels, pixel_m=100):
    """Return lattice cells well within a frame of so many pixels a side."""
    to_degrees = transformer(frame_entry["epsg"], 4326)
    middle = pixels * pixel_m / 2
    lon, lat = to_degrees.transform(frame_entry["x0"] + middle, frame_entry["y0"] - middle)
    row, col = int((90 - lat) * 12000 / step), int((lon + 180) * 12000 / step)
    return Window(step, row - 4, row + 4, col - 4, col + 4)


def test_layers_say_what_they_are(truth):
    assert truth.names == ("cover", "height", "strange", "surface") and truth.synthetic
    surface = truth.layer("surface")
    assert (surface.kind, surface.bands, surface.dates) == ("value", ("B04", "B03", "B02"), ("2024-06-15",))
    assert [f.epsg for f in surface.files] == [32632, 32633] and surface.files[0].pixel_m == 100
    west, south, east, north = surface.bounds_deg
    assert west < 11.5 and east > 12.5 and south < 52 and north > 52.5


def test_values_are_means_of_the_pixels_in_a_cell_across_the_zone_border(truth):
    window = both_tiles()
    found = read_values(truth.layer("height"), window)[0]
    assert not np.isnan(found).any()
    lon, lat = np.meshgrid(window.lon(), window.lat())
    d = STEP / 12000

    def apart(east=0.0, north=0.0):
        return np.abs(found - height_m(lon + east * d, lat + north * d)).mean()

    # A cell holds some 13 pixels, so its mean lies up to half a pixel beside its middle.
    assert np.abs(found - height_m(lon, lat)).max() < 0.6 and apart() < 0.12
    assert all(apart(e, n) > apart() for e, n in ((0.2, 0), (-0.2, 0), (0, 0.2), (0, -0.2)))


def test_classes_are_what_most_pixels_of_a_cell_are(truth):
    window = both_tiles()
    found = read_classes(truth.layer("cover"), window)
    lon, lat = np.meshgrid(window.lon(), window.lat())
    assert set(np.unique(found)) == {1, 2, 3} and (found == cover(lon, lat)).mean() > 0.97


@pytest.mark.parametrize("step", [10, STEP])
@pytest.mark.parametrize("name", ["height", "cover"])
def test_a_part_is_that_part_of_the_whole(truth, step, name, monkeypatch):
    layer, both = truth.layer(name), both_tiles(step)
    side = both.shape[1] // 2
    whole = part(both, (20, 100), (side - 50, side + 40))
    read = read_classes if name == "cover" else read_values
    all_ = read(layer, whole)
    monkeypatch.setattr(truth_pixels, "PIXELS_AT_ONCE", 500)
    for rows, cols in (((0, 80), (0, 37)), ((13, 14), (30, 90)), ((40, 80), (49, 51))):
        some = read(layer, part(whole, rows, cols))
        assert np.array_equal(some, all_[..., slice(*rows), slice(*cols)], equal_nan=True)


def test_a_mean_is_that_of_the_pixels_whose_centres_lie_in_the_cell(tmp_path):
    rng = np.random.default_rng(1)
    stored = rng.integers(1, 1000, (60, 60)).astype(np.uint16)
    entry = one_tif(tmp_path, "it", stored, kind="value", nodata=500, scale=0.5)
    layer = write_json(tmp_path, entry).layer("it")
    window = window_around(entry, 50, pixels=60)
    found = read_values(layer, window)[0]
    y, x = np.mgrid[0:60, 0:60] * 100.0 + 50
    lon, lat = transformer(32633, 4326).transform(300_000 + x, 5_800_000 - y)
    row = np.floor((90 - lat) * 240).astype(int) - window.row0
    col = np.floor((lon + 180) * 240).astype(int) - window.col0
    checked = 0
    for r in range(8):
        for c in range(8):
            inside = stored[(row == r) & (col == c) & (stored != 500)]
            assert inside.size >= 8 and found[r, c] == pytest.approx(inside.mean() * 0.5, rel=1e-12)
            checked += 1
    assert checked == 64


def test_coarse_truth_is_the_pixel_at_the_centre(tmp_path):
    stored = np.arange(1, 3601, dtype=np.uint16).reshape(60, 60)
    entry = one_tif(tmp_path, "it", stored, kind="class", nodata=7)
    layer = write_json(tmp_path, entry).layer("it")
    window = window_around(entry, 10, pixels=60)
    lon, lat = np.meshgrid(window.lon(), window.lat())
    x, y = transformer(4326, 32633).transform(lon, lat)
    expected = stored[((5_800_000 - y) // 100).astype(int), ((x - 300_000) // 100).astype(int)]
    assert np.array_equal(read_classes(layer, window), expected)
    assert np.array_equal(read_values(layer, window)[0], expected)


def test_the_majority_wins_and_the_lower_code_on_a_tie(tmp_path):
    stored = np.tile(np.array([[3, 2], [2, 3]], np.uint8), (300, 300))
    stored[::2, ::4] = 9
    entry = one_tif(tmp_path, "it", stored, pixel_m=10, kind="class", nodata=9)
    layer = write_json(tmp_path, entry).layer("it")
    assert set(np.unique(read_classes(layer, window_around(entry, 50, pixels=600, pixel_m=10)))) == {2}


def test_the_first_frame_by_id_that_contains_a_cell_has_it(tmp_path):
    ones = np.ones((60, 60), np.uint8)
    ones[:30] = 0  # no truth, but still the frame's own
    a = one_tif(tmp_path, "first", ones, frame="a", kind="class", nodata=0)
    b = one_tif(tmp_path, "second", np.full((60, 120), 2, np.uint8), frame="b", kind="class", nodata=0)
    layer = write_json(tmp_path, b, a).layer("it")
    window = Window(
        10, *(lambda w: (w.row0 - 8, w.row1 + 8, w.col0, w.col1 + 60))(window_around(a, 10, pixels=60))
    )
    found = read_classes(layer, window)
    x, y = transformer(4326, 32633).transform(*np.meshgrid(window.lon(), window.lat()))
    in_a = x < 306_000
    assert (found[~in_a & (x < 312_000)] == 2).all()
    assert (found[in_a & (y < 5_797_000)] == 1).all() and (
        found[in_a & (y > 5_797_000)] == UNKNOWN_CLASS
    ).all()
    assert in_a.any() and (~in_a).any()


def test_outside_every_frame_nothing_is_known(truth):
    far = Window(STEP, 10_000, 10_010, 40_000, 40_010)
    assert (read_classes(truth.layer("cover"), far) == UNKNOWN_CLASS).all()
    assert np.isnan(read_values(truth.layer("surface"), far, bands=(0, 2))).all()


def refuse(folder, said, entry=None, **changes):
    """Check that a truth layer is refused with one line that says so."""
    entry = entry or one_tif(folder, "it", np.ones((9, 9), np.uint8), kind="class")
    entry["layers"]["it"] |= changes
    with pytest.raises(MisuseError) as caught:
        write_json(folder, entry).layer("it")
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"href": "../elsewhere.tif"}, "inside the folder"),
        ({"href": "/etc/hostname"}, "relative"),
        ({"href": "https://example.com/a.tif"}, "relative"),
        ({"href": None}, "relative"),
        ({"href": "missing.tif"}, "none at missing.tif"),
        ({"pixel_m": 10}, "pixels of 10 m"),
        ({"bands": ["B02", "B03"]}, "2 bands"),
        ({"kind": "picture"}, "kind `class` or `value`"),
        ({"scale": "half"}, "numbers"),
    ],
)
def test_what_is_not_as_described_is_refused(tmp_path, changes, said):
    refuse(tmp_path, said, **changes)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    inside, outside = tmp_path / "truth", tmp_path / "outside"
    inside.mkdir(), outside.mkdir()
    one_tif(outside, "it", np.ones((9, 9), np.uint8))
    (inside / "link.tif").symlink_to(outside / "it.tif")
    entry = one_tif(inside, "it", np.ones((9, 9), np.uint8), kind="class")
    refuse(inside, "inside the folder", entry, href="link.tif")


def test_another_zone_or_no_raster_is_refused(tmp_path):
    entry = one_tif(tmp_path, "it", np.ones((9, 9), np.uint8), kind="class") | {"epsg": 32632}
    refuse(tmp_path, "EPSG:32632", entry)
    (tmp_path / "text.tif").write_text("<VRTDataset/>")
    refuse(tmp_path, "readable GeoTIFF", href="text.tif")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"frames": 3}', '{"frames": [{"id": "a"}]}', '{"frames": [1]}']
)
def test_a_document_of_another_form_is_refused(tmp_path, text):
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(MisuseError):
        open_truth(tmp_path)


def test_no_document_is_refused(tmp_path):
    with pytest.raises(MisuseError, match=r"truth\.json"):
        open_truth(tmp_path)
    with pytest.raises(MisuseError, match="cover"):
        open_truth(write_truth(tmp_path / "t", only=["cover"])).layer("height")


def test_frames_that_contradict_each_other_are_refused(tmp_path):
    a = one_tif(tmp_path, "first", np.ones((9, 9), np.uint8), frame="a", kind="class")
    b = one_tif(tmp_path, "second", np.ones((9, 9), np.uint8), frame="b", kind="value")
    with pytest.raises(MisuseError, match="one kind"):
        write_json(tmp_path, a, b).layer("it")
