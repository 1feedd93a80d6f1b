"""What every product must keep to: `eomap.products` and the example of docs/how-to/add-a-product.md alike."""

import pickle
import re
import sys
import types
from dataclasses import replace
from pkgutil import iter_modules

import numpy as np
import pytest
import shapely
from fenced import ROOT, blocks
from made_up import EPSG, TILE, World, edge_within, job, network_for, scenes_for

from eomap import products
from eomap.core.grid import Window, tile_cells, tile_window
from eomap.core.product import Inputs
from eomap.io.registry import model
from eomap.nn.windows import Windowed
from eomap.sensors import sensor
from eomap.worker import infer, sight_of

SURE = {"confidence", "entropy", "sigma", "spread"}
"""Layers that say how sure a map is; a product gives one of them at least."""


def example():
    """Return the product that the how-to writes, from the very text that people copy."""
    text = (ROOT / "docs" / "how-to" / "add-a-product.md").read_text("utf-8")
    module = types.ModuleType("the_products_of_the_how_to")
    sys.modules[module.__name__] = module  # so that its function pickles by name
    exec(compile(blocks(text, "python")[0], "add-a-product.md", "exec"), module.__dict__)
    return module.PRODUCT


EVERY = {**products.products(), "the how-to's": example()}


@pytest.fixture(params=EVERY, scope="module")
def made(request):
    """A product."""
    return EVERY[request.param]


@pytest.fixture(scope="module")
def names(made):
    """Four looks at the tile by every sensor that the product needs, all alike in footprint."""
    days = [f"2024-06-{n:02d}" for n in (1, 11, 21, 28)]
    return scenes_for(made, days, box=(12.0, 51.5, 13.5, 53.0))


def window_of(product):
    """Return some of the middle of the tile, half of it east of where anything was seen."""
    n, whole = tile_cells(product.step), tile_window(TILE, product.step)
    rows, cols = n // 6, n // 6
    if product.models:  # at most 300 cells: windows of a network would take minutes
        rows, cols = min(rows, 300), min(cols, 300)
    row0, col0 = whole.row0 + n // 3, whole.col0 + n // 2 - cols // 2
    return Window(product.step, row0, row0 + rows, col0, col0 + cols)


def layers_of(product, scenes, *, clip="", world=None):
    """Return every layer of a product on its window, through the worker."""
    window = window_of(product)
    todo = replace(
        job(TILE, window, scenes, clip=clip),
        product=product,
        model="means" if product.models else "",
        layers=tuple(g.name for g in product.gives),
    )
    composite = sight_of(todo, world or World(EPSG, edge_x=edge_within(TILE)))
    return infer(todo, composite, lambda _: network_for(product))


def network_of(product):
    """Return what the engine hands a product to predict with."""
    return Windowed(network_for(product)) if product.models else None


@pytest.fixture(scope="module")
def layers(made, names):
    """Every layer of the product on its window."""
    return layers_of(made, names)


@pytest.fixture(scope="module")
def inputs(made, names):
    """What the worker hands the product for its window."""
    todo = replace(job(TILE, window_of(made), names), product=made)
    composite = sight_of(todo, World(EPSG, edge_x=edge_within(TILE)))
    window = window_of(made)
    wanted = np.ones(window.shape, dtype=bool)
    wanted[:3] = False
    halo_px = made.needs[0].halo_px
    return Inputs(composite.frame, halo_px, composite.seen, window, wanted)


def test_every_folder_is_a_product_of_its_name():
    folders = {m.name for m in iter_modules(products.__path__)}
    assert folders == set(products.products())
    for name in folders:
        assert products.product(name).name == name


def test_names_are_words_and_layers_are_named_once(made):
    layers = [g.name for g in made.gives]
    assert len(set(layers)) == len(layers)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in (made.name, *layers))
    assert made.title and re.fullmatch(r"\d+\.\d+", made.version)
    assert set(made.optional) < set(layers) and made.gives[0].name not in made.optional
    assert made.layers() == tuple(g for g in made.gives if g.name not in made.optional)
    assert made.layers(made.optional) == made.gives


def test_needs_are_known_and_frames_fit(made):
    assert len({n.of for n in made.needs}) == len(made.needs) and not made.needs[0].optional
    for need in made.needs:
        assert need.bands and set(need.bands) <= set(sensor(need.of).bands)
        assert tile_cells(made.step) > 0 and need.halo_px % made.cell_px == 0
        assert need.halo_px == made.needs[0].halo_px
    for name in made.models:
        network = model(name)
        shown = [(s.of, s.bands, s.looks) for s in network.sources]
        assert shown == [(n.of, n.bands, n.looks) for n in made.needs]
        assert network.halo_px <= made.needs[0].halo_px


def test_layers_say_what_their_numbers_mean(made):
    for layer in made.gives:
        info = np.iinfo(np.dtype(layer.dtype))
        assert layer.fill == info.max, "fill is the last value, distinct from every other"
        assert layer.long_name and layer.unit
        if layer.scale is not None:
            assert layer.scale > 0 and not layer.legend and layer.no_look != layer.fill
        if layer.bands:
            assert len(set(layer.bands)) == len(layer.bands)


def test_legends_are_whole(made):
    for layer in (g for g in made.gives if g.legend):
        values = [c.value for c in layer.legend]
        meanings = [c.meaning for c in layer.legend]
        assert layer.no_look is not None and layer.scale is None
        assert len({*values, layer.fill, layer.no_look}) == len(values) + 2
        assert len(set(meanings)) == len(meanings) and all(re.fullmatch(r"[a-z0-9_]+", m) for m in meanings)
        assert all(re.fullmatch(r"[0-9a-f]{6}", c.color) for c in layer.legend)


def test_it_says_how_sure_it_is_and_how_much_was_seen(made):
    always = {g.name for g in made.layers()}
    assert "n_clear" in always and SURE & always


def test_it_gives_what_it_declares(made, layers):
    shape = window_of(made).shape
    assert set(layers) == {g.name for g in made.gives}
    for layer in made.gives:
        lead = (len(layer.bands),) if layer.bands else ()
        assert layers[layer.name].dtype == np.dtype(layer.dtype)
        assert layers[layer.name].shape == (*lead, *shape)
        allowed = {c.value for c in layer.legend} | {layer.fill, layer.no_look}
        if layer.legend:
            assert set(np.unique(layers[layer.name]).tolist()) <= allowed


def test_compute_itself_gives_those_types_too(made, inputs):
    given = made.compute(inputs, network_of(made))
    for layer in made.gives:
        assert given[layer.name].dtype == np.dtype(layer.dtype)


def test_seen_and_unseen_are_told_apart(made, layers):
    n_clear, main = layers["n_clear"], made.gives[0]
    edge = n_clear.shape[1] // 4
    west, east = np.s_[..., :edge], np.s_[..., -edge:]
    assert (n_clear[west] > 0).all() and (n_clear[east] == 0).all()
    unseen = main.fill if main.no_look is None else main.no_look
    assert (layers[main.name][east] == unseen).all()
    told = bool(made.models) and bool(model(made.models[0]).ood_sha256)
    for layer in made.gives:
        if layer.name == "ood" and not told:
            assert (layers["ood"] == layer.fill).all()
        elif layer.name != "n_clear":
            values, known = layers[layer.name], n_clear[west] > (1 if layer.name == "spread" else 0)
            unknown = np.isin(values[west], [v for v in (layer.fill, layer.no_look) if v is not None])
            assert known.any() and not (unknown & known).any(), layer.name
            assert (values[east] == (layer.fill if layer.no_look is None else layer.no_look)).all()


def test_outside_the_area_is_fill_and_inside_nothing_changes(made, names, layers):
    window = window_of(made)
    rows = window.shape[0]
    part = Window(made.step, window.row0, window.row0 + rows // 2, window.col0, window.col1)
    given = layers_of(made, names, clip=shapely.box(*part.bounds_deg).wkb_hex)
    for layer in made.gives:
        assert (given[layer.name][..., rows // 2 + 1 :, :] == layer.fill).all(), layer.name
        inside = np.s_[..., : rows // 2 - 1, :]
        assert np.array_equal(given[layer.name][inside], layers[layer.name][inside]), layer.name


def test_compute_leaves_its_inputs_alone_and_repeats_itself(made, inputs):
    before = [a.copy() for a in (inputs.dn_byx, inputs.n_clear_yx, inputs.wanted_yx)]
    first, second = (made.compute(inputs, network_of(made)) for _ in range(2))
    assert all(np.array_equal(first[g.name], second[g.name]) for g in made.gives)
    after = (inputs.dn_byx, inputs.n_clear_yx, inputs.wanted_yx)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    for layer in made.gives:
        assert (first[layer.name][..., :3, :] == layer.fill).all(), f"{layer.name} outside the area"


def test_the_order_of_scenes_does_not_matter(made, names, layers):
    given = layers_of(made, names[::-1])
    assert all(np.array_equal(given[name], layers[name]) for name in layers)


def test_it_travels_to_another_process(made, names, layers):
    there = pickle.loads(pickle.dumps(made))
    given = layers_of(there, names)
    assert there == made and all(np.array_equal(given[name], layers[name]) for name in layers)
