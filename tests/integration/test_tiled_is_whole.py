"""Laws of one worker: however a zone is cut, blocked or clipped, the cells stay the same, bit for bit."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import EPSG, TILE, WHOLE, Means, World, edge_within, job, scene

from eomap.core.grid import Window, tile_window, transformer
from eomap.errors import BrokenInputError
from eomap.fetch import READS_AT_ONCE, looks_of
from eomap.kernels.median import median_and_spread_numpy
from eomap.products import product
from eomap.worker import infer, sight_of

BOX = (12.0, 51.5, 13.5, 53.0)
SCENES = tuple(scene(f"s{n}", f"2024-06-{n:02d}", box=BOX) for n in (1, 11, 21, 28))
WORLD = World(EPSG, edge_x=edge_within(TILE) + 4321)


def layers_of(window, *, block_px=1000, world=WORLD, scenes=SCENES, clip=""):
    """Return the layers of a part of the tile, cut to that part."""
    todo = job(TILE, window, scenes, block_px=block_px, clip=clip)
    return infer(todo, sight_of(todo, world), lambda _: Means())


PART = Window(10, WHOLE.row0 + 200, WHOLE.row0 + 290, WHOLE.col0 + 250, WHOLE.col0 + 400)


@pytest.fixture(scope="module")
def part():
    return layers_of(PART)


@settings(max_examples=6, deadline=None)
@given(
    st.integers(0, 60),
    st.integers(0, 100),
    st.integers(5, 30),
    st.integers(5, 50),
    st.sampled_from([250, 500, 1000]),
)
def test_a_part_equals_the_whole(part, row, col, height, width, block_px):
    window = Window(10, PART.row0 + row, PART.row0 + row + height, PART.col0 + col, PART.col0 + col + width)
    made = layers_of(window, block_px=block_px)
    for name, values in made.items():
        assert np.array_equal(values, part[name][..., row : row + height, col : col + width]), name


def test_the_order_of_scenes_does_not_matter(part):
    made = layers_of(PART, scenes=SCENES[::-1])
    assert all(np.array_equal(made[k], part[k]) for k in part)


class FarWorld(World):
    """The same world behind a slow network; it notes how many files were waited for at once."""

    waiting, most = 0, 0
    lock = threading.Lock()

    def read(self, band, frame, *, signing=""):
        with self.lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        time.sleep(0.01)
        near = super().read(
            replace(band, href=band.href.removeprefix("https://far/")), frame, signing=signing
        )
        with self.lock:
            self.waiting -= 1
        return near


def test_far_files_are_waited_for_side_by_side_and_give_the_same(part):
    far = tuple(
        replace(s, bands=tuple(replace(b, href=f"https://far/{b.href}") for b in s.bands)) for s in SCENES
    )
    world = FarWorld(EPSG, edge_x=WORLD.edge_x)
    made = layers_of(PART, scenes=far, world=world)
    assert all(np.array_equal(made[k], part[k]) for k in part)
    assert 1 < world.most <= READS_AT_ONCE


FINE = tile_window(TILE, 1)
FINE_PART = Window(1, FINE.row0 + 2000, FINE.row0 + 2300, FINE.col0 + 3560, FINE.col0 + 3960)


def composed(window, *, block_px=1000, clip=""):
    """Return the job, the composite on its frame and the layers of the composite product on a window."""
    made = product("composite")
    layers = tuple(g.name for g in made.gives)
    todo = replace(
        job(TILE, window, SCENES, block_px=block_px, clip=clip), product=made, layers=layers, model=""
    )
    on_frame = sight_of(todo, WORLD)
    return todo, on_frame, infer(todo, on_frame, None)


@pytest.fixture(scope="module")
def fine_part():
    return composed(FINE_PART)


@settings(max_examples=6, deadline=None)
@given(
    st.integers(0, 250),
    st.integers(0, 350),
    st.integers(1, 50),
    st.integers(1, 50),
    st.sampled_from([250, 500, 1000]),
)
def test_a_part_of_a_composite_equals_the_whole(fine_part, row, col, height, width, block_px):
    top, left = FINE_PART.row0 + row, FINE_PART.col0 + col
    made = composed(Window(1, top, top + height, left, left + width), block_px=block_px)[2]
    for name, values in made.items():
        assert np.array_equal(values, fine_part[2][name][..., row : row + height, col : col + width]), name


def test_a_composite_is_the_median_of_the_pixel_at_each_cells_centre(fine_part):
    todo, on_frame, layers = fine_part
    frame = on_frame.frame
    looks = [
        (
            np.stack([WORLD.read(s.band(b), frame) for b in todo.product.needs[0].bands]),
            WORLD.read(s.band("SCL"), frame) == 4,
        )
        for s in SCENES
    ]
    wanted = median_and_spread_numpy(np.stack([d for d, _ in looks]), np.stack([c for _, c in looks]))
    for got, expected in zip(
        (on_frame.first.code_byx, on_frame.first.n_clear_yx, on_frame.first.spread_yx), wanted, strict=True
    ):
        assert np.array_equal(got, expected)
    lon, lat = FINE_PART.lon(), FINE_PART.lat()
    for row, col in [(0, 0), (299, 399), (150, 20), (77, 233)]:
        x, y = transformer(4326, EPSG).transform(lon[col], lat[row])
        at = int((frame.y0 - y) // 10), int((x - frame.x0) // 10)
        assert np.array_equal(layers["reflectance"][:, row, col], wanted[0][:, *at])
        assert layers["n_clear"][row, col] == wanted[1][at] and layers["spread"][row, col] == wanted[2][at]


def test_pixels_never_seen_and_cells_outside_the_area_are_told_apart(fine_part):
    layers, west = (
        fine_part[2],
        Window(1, FINE_PART.row0, FINE_PART.row1, FINE_PART.col0, FINE_PART.col0 + 99),
    )
    unseen = layers["n_clear"] == 0
    assert unseen.any() and not unseen.all()
    assert (layers["reflectance"][:, unseen] == 0).all() and (layers["reflectance"][:, ~unseen] > 0).all()
    assert np.array_equal(layers["spread"] == 65535, layers["n_clear"] < 2)
    clipped = composed(FINE_PART, clip=shapely.box(*west.bounds_deg).wkb_hex)[2]
    for name, values in clipped.items():
        assert np.array_equal(values[..., :98], layers[name][..., :98])
        assert (values[..., 100:] == 65535).all(), name


def test_seen_unseen_and_unwanted_cells_are_told_apart(part):
    assert {0, 255}.isdisjoint(np.unique(part["lcz"][:, :60])), "the west was seen four times"
    assert (part["lcz"][:, -20:] == 0).all(), "the east was never seen"
    assert (part["n_clear"][:, -20:] == 0).all()
    assert (part["confidence"][:, -20:] == 255).all()
    clip = shapely.box(*Window(10, PART.row0, PART.row1, PART.col0, PART.col0 + 20).bounds_deg)
    made = layers_of(PART, clip=clip.wkb_hex)
    assert np.array_equal(made["lcz"][:, :19], part["lcz"][:, :19])
    assert (made["lcz"][:, 21:] == 255).all() and (made["n_clear"][:, 21:] == 65535).all()


def test_an_unreadable_scene_is_set_aside_and_named(part):
    window = Window(10, PART.row0, PART.row0 + 20, PART.col0, PART.col0 + 20)
    todo = job(TILE, window, SCENES)
    harmed = sight_of(todo, World(EPSG, broken=("s11",)))
    assert harmed.used == ("s1", "s21", "s28") and "s11" in harmed.failed
    without = sight_of(job(TILE, window, tuple(s for s in SCENES if s.id != "s11")), World(EPSG))
    assert np.array_equal(harmed.first.code_byx, without.first.code_byx)
    with pytest.raises(BrokenInputError, match="at least one readable scene"):
        sight_of(todo, World(EPSG, broken=("s1", "s11", "s21", "s28")))


def test_neighbouring_scenes_of_one_pass_are_one_look():
    twice = (*SCENES[:1], scene("s1b", "2024-06-01", box=BOX))
    window = Window(10, PART.row0, PART.row0 + 10, PART.col0, PART.col0 + 10)
    made = sight_of(job(TILE, window, twice, mask="none"), World(EPSG))
    assert made.first.n_clear_yx.max() == 1
    assert [len(g) for _, g in looks_of(twice, made.frame)] == [2]


def test_scenes_away_from_a_frame_are_not_opened():
    far = scene("far", "2024-06-05", box=(20.0, 51.5, 21.0, 53.0))
    window = Window(10, PART.row0, PART.row0 + 10, PART.col0, PART.col0 + 10)
    sight_of(job(TILE, window, (*SCENES[:1], far)), World(EPSG, broken=("far",)))
