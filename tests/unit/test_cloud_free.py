"""Cloud-free pictures through the worker: what is kept, what is filled, tiled = whole, radar or not."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from made_up import EPSG, TILE, Means, World, edge_within, job, scenes_for

from eomap.core.grid import Window, tile_window
from eomap.core.product import Looks
from eomap.core.windows import Layout
from eomap.errors import MisuseError
from eomap.nn.cloud_free import BANDS, FROM_ANOTHER, LOOKS, MADE, NOISE, OBSCURED, SEEN, cleared, shown
from eomap.nn.windows import Windowed
from eomap.products import product
from eomap.worker import infer, sight_of

DAYS = [f"2024-06-{n:02d}" for n in (1, 11, 21, 28)]
BOX = (12.0, 51.5, 13.5, 53.0)
FINE = tile_window(TILE, 1)
PART = Window(1, FINE.row0 + 2000, FINE.row0 + 2120, FINE.col0 + 2700, FINE.col0 + 2840)
LAYOUT = Layout(side_px=64, step_px=48)


@dataclass(eq=False)
class Sums(Means):
    """A network of exact integers: mean and variance from the sum of its window and the days it is told."""

    layout: Layout = LAYOUT
    channels: int = 2 * len(BANDS)
    asides: int = 3

    def __call__(self, code_nbyx, aside_nk):
        total = code_nbyx.astype(np.int64).sum(axis=(1, 2, 3)) + aside_nk.astype(np.int64).sum(axis=1)
        out = np.stack([(total * (k + 3)) % 4096 + 500 for k in range(self.channels)], axis=1)
        side = self.layout.cells
        return np.broadcast_to(out[:, :, None, None].astype(np.float32), (*out.shape, side, side))


def networks(name):
    return Sums() if "cloudfree" in name else Means()


def layers_of(made, window, *, world=None, scenes=None, model="means", block_px=1000):
    scenes = scenes or scenes_for(made, DAYS, box=BOX)
    todo = replace(
        job(TILE, window, scenes, block_px=block_px),
        product=made,
        model=model,
        layers=tuple(g.name for g in made.gives),
    )
    sight = sight_of(todo, world or World(EPSG, edge_x=edge_within(TILE)))
    return infer(todo, sight, networks), sight


def small(made):
    """Return cloudfree with the halo of the network of these tests."""
    halo = LAYOUT.halo_px
    return replace(made, needs=tuple(replace(n, halo_px=halo) for n in made.needs))


@pytest.fixture(scope="module")
def whole():
    return layers_of(small(product("cloudfree")), PART, model="cloudfree")


def looks(seed=0, side=24, cloudy=0.5):
    rng = np.random.default_rng(seed)
    code = rng.integers(0, 5000, (LOOKS, len(BANDS), side, side)).astype(np.uint16)
    code[rng.random((LOOKS, side, side)).repeat(len(BANDS), 0).reshape(code.shape) < 0.2] = 0
    return Looks(code, rng.random((LOOKS, side, side)) > cloudy, np.array([9, 2, 5], np.uint16))


def test_what_is_shown_says_what_is_seen_and_what_is_clear():
    given = looks()
    code = shown(given, None)
    optical = code[: LOOKS * len(BANDS)].reshape(given.code_tbyx.shape)
    seen = (given.code_tbyx > 0).all(axis=1)[:, None]
    assert (code[LOOKS * len(BANDS) :] == 0).all()
    assert np.array_equal(optical > 0, np.broadcast_to(seen, optical.shape))
    obscured = seen & ~given.clear_tyx[:, None]
    assert np.array_equal(optical >= OBSCURED, np.broadcast_to(obscured, optical.shape))
    assert np.array_equal((optical - OBSCURED * obscured)[optical > 0], given.code_tbyx[optical > 0])


def test_clear_pixels_of_the_first_look_stay_bit_for_bit_and_the_rest_says_where_it_is_from(whole):
    layers, sight = whole
    halo = LAYOUT.halo_px
    inner = np.s_[..., halo:-halo, halo:-halo]
    seen = sight.first.looks
    clear = seen.clear_tyx[inner]
    predict = Windowed(Sums())
    picture = cleared(seen, None, predict, wanted_yx=np.ones(clear.shape[1:], bool), origin_rc=(0, 0))
    kept = picture.source_yx == SEEN
    assert np.array_equal(kept, clear[0]) and kept.any() and not kept.all()
    assert np.array_equal(picture.code_byx[:, kept], seen.code_tbyx[0][inner][:, kept])
    assert (picture.sigma_byx[:, kept] == NOISE).all()
    another = ~clear[0] & clear[1:].any(axis=0)
    assert np.array_equal(picture.source_yx == FROM_ANOTHER, another)
    assert set(np.unique(layers["source"])) <= {SEEN, FROM_ANOTHER, MADE}
    assert (layers["reflectance"] > 0).all() and (layers["n_clear"] <= LOOKS).all()


@pytest.mark.parametrize(("row", "col", "block_px"), [(0, 0, 1000), (37, 51, 250), (70, 90, 500)])
def test_a_part_equals_the_whole(whole, row, col, block_px):
    window = Window(1, PART.row0 + row, PART.row0 + row + 50, PART.col0 + col, PART.col0 + col + 50)
    made, _ = layers_of(small(product("cloudfree")), window, model="cloudfree", block_px=block_px)
    for name, values in made.items():
        assert np.array_equal(values, whole[0][name][..., row : row + 50, col : col + 50]), name


def test_strips_of_rows_change_nothing(monkeypatch):
    given = looks(side=80 + 2 * LAYOUT.halo_px)
    want = np.ones((80, 80), bool)
    one = cleared(given, None, Windowed(Sums()), wanted_yx=want, origin_rc=(7, 11))
    monkeypatch.setattr("eomap.nn.cloud_free._ROWS", 13)
    many = cleared(given, None, Windowed(Sums()), wanted_yx=want, origin_rc=(7, 11))
    names = ("code_byx", "sigma_byx", "source_yx")
    assert all(np.array_equal(getattr(one, k), getattr(many, k)) for k in names)


def test_nothing_seen_gives_nothing_and_familiarity_is_told_where_a_network_tells_it():
    given = looks(side=40 + 2 * LAYOUT.halo_px)
    given.code_tbyx[..., -LAYOUT.halo_px - 10 :] = 0
    told = cleared(
        given, None, Windowed(Sums(channels=21)), wanted_yx=np.ones((40, 40), bool), origin_rc=(0, 0)
    )
    nothing = told.source_yx == 0
    assert nothing[:, -10:].all() and not nothing.all()
    assert (told.code_byx[:, nothing] == 0).all() and (told.sigma_byx[:, nothing] == 0).all()
    assert told.ood_yx is not None and (told.ood_yx[told.source_yx == SEEN] == 0).all()
    assert (told.ood_yx[told.source_yx > SEEN] > 0).all()


def test_the_picture_of_another_product_is_that_of_cloudfree():
    """LCZ on a cloud-free picture: the network is asked for the very pixels that `cloudfree` gives."""
    made = product("lcz", {"composite": "cloudfree"})
    assert [n.of for n in made.needs] == ["sentinel-2", "sentinel-1"] and made.needs[0].looks == LOOKS
    assert len({n.halo_px for n in made.needs}) == 1 and made.needs[0].halo_px % made.cell_px == 0
    seen = []

    def spy(inputs, predict):
        seen.append(inputs)
        return made.compute(inputs, predict)

    window = Window(10, *(v // 10 for v in (PART.row0, PART.row1, PART.col0, PART.col1)))
    layers_of(replace(made, compute=spy), window)
    inputs = seen[0]
    assert inputs.halo_px == product("lcz").needs[0].halo_px and len(inputs.seen) == 1
    assert inputs.dn_byx.shape == (len(BANDS), *inputs.frame.shape)
    assert inputs.n_clear_yx.shape == inputs.frame.shape and (inputs.dn_byx > 0).all()


@pytest.mark.parametrize(("row", "col"), [(0, 0), (3, 4)])
def test_a_part_of_a_map_of_a_cloud_free_picture_equals_the_whole(row, col):
    made = product("lcz", {"composite": "cloudfree"})
    window = Window(10, *(v // 10 for v in (PART.row0, PART.row1, PART.col0, PART.col1)))
    part = Window(10, window.row0 + row, window.row0 + row + 5, window.col0 + col, window.col0 + col + 6)
    every, _ = layers_of(made, window)
    some, _ = layers_of(made, part, block_px=250)
    for name, values in some.items():
        assert np.array_equal(values, every[name][..., row : row + 5, col : col + 6]), name


def test_products_of_other_pictures_are_refused():
    with pytest.raises(MisuseError, match="--product cloudfree"):
        product("composite", {"composite": "cloudfree"})
    with pytest.raises(MisuseError, match="--composite"):
        product("lcz", {"composite": "best-guess"})
