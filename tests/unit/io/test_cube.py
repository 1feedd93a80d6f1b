"""Cubes: whole shards only, and readable by the tools people use."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import Crc32cCodec

from eomap.core import layer
from eomap.core.grid import Tile, Window, tile_window
from eomap.core.layer import Layer
from eomap.core.lcz_legend import LEGEND
from eomap.errors import MisuseError
from eomap.io.cube import Extent, create, metadata_faults, open_cube
from eomap.io.shards import coding

STEP = 100  # tiles of 60 x 60 cells keep these tests small
LAYERS = (
    Layer("lcz", "uint8", "local climate zone", 255, no_look=0, legend=LEGEND),
    Layer("confidence", "uint8", "confidence", 255, scale=1 / 250),
    Layer("probability", "uint8", "probability", 255, scale=1 / 250, bands=("a", "b")),
)
TILE = Tile(75, 385)


def arrays(seed):
    rng = np.random.default_rng(seed)
    return {
        "lcz": rng.integers(0, 18, (60, 60)).astype(np.uint8),
        "confidence": rng.integers(0, 251, (60, 60)).astype(np.uint8),
        "probability": rng.integers(0, 251, (2, 60, 60)).astype(np.uint8),
    }


@pytest.fixture
def cube(tmp_path):
    return create(str(tmp_path / "a.zarr"), Extent(STEP, 75, 77, 384, 387), LAYERS, {"eomap:run_id": "r"})


def test_what_was_written_is_read_and_the_rest_is_fill(cube):
    cube.write(TILE, arrays(1))
    again = open_cube(cube.url)
    assert np.array_equal(again.read("lcz", tile_window(TILE, STEP)), arrays(1)["lcz"])
    whole = tile_window(TILE, STEP)
    wide = Window(STEP, whole.row0 - 200, whole.row1 + 30, whole.col0 - 5, whole.col1)
    read = again.read("probability", wide)
    assert np.array_equal(read[:, 200:-30, 5:], arrays(1)["probability"]) and (read[:, :200] == 255).all()


@pytest.mark.parametrize(
    "harm",
    [
        lambda a: a | {"lcz": a["lcz"][:30]},
        lambda a: a | {"lcz": a["lcz"].astype(np.int16)},
        lambda a: a | {"probability": a["probability"][0]},
    ],
)
def test_anything_but_a_whole_shard_is_refused(cube, harm):
    with pytest.raises(ValueError, match="whole shard"):
        cube.write(TILE, harm(arrays(1)))


PART = Window(STEP, 75 * 60 + 7, 75 * 60 + 30, 385 * 60, 385 * 60 + 11)


def test_a_part_of_a_tile_is_the_whole_shard_with_fill_around_it(cube):
    cube.write(TILE, arrays(2))
    part = {k: v[..., 7:30, :11] for k, v in arrays(1).items()}
    written = cube.write(TILE, part, window=PART)
    whole = {k: np.full_like(v, 255) for k, v in arrays(1).items()}
    for name, values in part.items():
        whole[name][..., 7:30, :11] = values
        assert np.array_equal(cube.read(name, tile_window(TILE, STEP)), whole[name])
    assert cube.write(TILE, whole) == written


@pytest.mark.parametrize("window", [Window(STEP, 0, 23, 0, 11), Window(10, 45000, 45023, 231000, 231011)])
def test_a_window_that_is_not_of_the_tile_is_refused(cube, window):
    with pytest.raises(ValueError, match="window of this tile"):
        cube.write(TILE, {k: v[..., :23, :11] for k, v in arrays(1).items()}, window=window)


def test_large_layers_have_a_shard_for_each_band(tmp_path, monkeypatch):
    monkeypatch.setattr(layer, "SHARD_LIMIT_BYTES", 7000)
    cube = create(str(tmp_path / "a.zarr"), Extent(STEP, 75, 77, 384, 387), LAYERS, {})
    written = [w.key for w in cube.write(TILE, arrays(1))]
    assert {"probability/c/0/0/1", "probability/c/1/0/1", "lcz/c/0/1"} <= set(written)
    whole = tile_window(TILE, STEP)
    assert np.array_equal(cube.read("probability", whole), arrays(1)["probability"])
    assert np.array_equal(cube.read("probability", whole, band=1), arrays(1)["probability"][1])


def test_a_value_that_is_none_decodes_to_nan_whether_unwritten_or_unseen(tmp_path):
    layers = (Layer("r", "uint16", "reflectance", 65535, scale=1e-4, no_look=0, bands=("a", "b")),)
    cube = create(str(tmp_path / "a.zarr"), Extent(STEP, 75, 76, 385, 386), layers, {})
    values = np.full((2, 60, 60), 1234, np.uint16)
    values[:, 0, 0], values[:, 0, 1] = 0, 65535
    cube.write(TILE, {"r": values})
    with pytest.warns(xr.SerializationWarning, match="multiple fill values"):
        decoded = xr.open_zarr(cube.url).r.values
    assert np.isnan(decoded[:, 0, :2]).all() and np.isnan(decoded).sum() == 4
    assert decoded[0, 5, 5] == pytest.approx(0.1234)


def test_a_tile_outside_is_refused(cube):
    with pytest.raises(MisuseError, match="outside"):
        cube.write(Tile(10, 10), arrays(1))


def test_an_all_fill_tile_still_exists(cube):
    empty = {k: np.full_like(v, 255) for k, v in arrays(1).items()}
    assert all(cube.store.size(w.key) for w in cube.write(TILE, empty))


@settings(max_examples=10, deadline=None)
@given(order=st.permutations([(0, 75, 384), (1, 75, 385), (2, 76, 386), (1, 75, 385)]))
def test_any_order_with_repeats_gives_the_same_bytes(tmp_path_factory, order):
    made = create(str(tmp_path_factory.mktemp("c") / "a.zarr"), Extent(STEP, 75, 77, 384, 387), LAYERS, {})
    for seed, row, col in order:
        made.write(Tile(row, col), arrays(seed))
    straight = create(
        str(tmp_path_factory.mktemp("c") / "a.zarr"), Extent(STEP, 75, 77, 384, 387), LAYERS, {}
    )
    for seed, row, col in ((0, 75, 384), (1, 75, 385), (2, 76, 386)):
        straight.write(Tile(row, col), arrays(seed))
    assert [(k, made.store.read(k)) for k in made.store.keys()] == [
        (k, straight.store.read(k)) for k in straight.store.keys()
    ]


def test_a_flipped_bit_is_an_error_not_a_class(cube):
    cube.write(TILE, arrays(1))
    key = cube.object_key(LAYERS[0], TILE)
    data = bytearray(cube.store.read(key))
    data[len(data) // 3] ^= 4
    cube.store.put(key, bytes(data))
    with pytest.raises(RuntimeError, match="hecksum"):
        open_cube(cube.url).read("lcz", tile_window(TILE, STEP))


def test_plain_xarray_rioxarray_and_odc_geo_place_it_alike(cube):
    import odc.geo.xr  # noqa: F401 - registers the accessor
    import rioxarray  # noqa: F401

    cube.write(TILE, arrays(1))
    data = xr.open_zarr(cube.url)
    assert data.lcz.dtype == np.uint8 and data.lcz.rio.crs.to_epsg() == 4326
    a, _, c, _, e, f = tuple(data.lcz.rio.transform())[:6]
    assert (a, c, e, f) == pytest.approx((1 / 120, 12.0, -1 / 120, 52.5), abs=1e-12)
    assert data.lcz.odc.geobox.shape == (120, 180) and data.lcz.odc.geobox.crs.epsg == 4326
    west, _, _, north = TILE.bounds_deg
    here = data.sel(x=west + 3.5 / 120, y=north - 7.5 / 120, method="nearest", tolerance=1e-6)
    assert int(here.lcz) == arrays(1)["lcz"][7, 3]
    assert float(here.confidence) == pytest.approx(arrays(1)["confidence"][7, 3] / 250)
    assert np.isnan(float(data.confidence.isel(x=0, y=0))), "an unwritten cell must not look confident"
    assert (np.diff(data.y) < 0).all()


def test_the_legend_travels(cube):
    attributes = xr.open_zarr(cube.url).lcz.attrs
    assert list(attributes["flag_values"]) == list(range(1, 18))
    assert attributes["flag_meanings"].split()[16] == "water"
    assert attributes["flag_colors"].split()[0] == "#8c0000"


def test_a_cube_travels_to_a_worker(cube):
    pickle.loads(pickle.dumps(cube)).write(TILE, arrays(2))
    assert np.array_equal(cube.read("lcz", tile_window(TILE, STEP)), arrays(2)["lcz"])


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(MisuseError, match="nothing there"):
        open_cube(str(tmp_path / "nope.zarr"))
    (tmp_path / "zarr.json").write_text(json.dumps({"attributes": {}}))
    with pytest.raises(MisuseError, match="format"):
        open_cube(str(tmp_path))


def test_only_known_codecs_are_used(cube):
    text = cube.store.read("lcz/zarr.json").decode()
    codecs = {c["name"] for c in json.loads(text)["codecs"][0]["configuration"]["codecs"]}
    assert codecs <= {"bytes", "zstd", "crc32c"} and '"checksum": true' in text


def test_every_chunk_has_a_checksum():
    for dtype in ("uint8", "uint16", "float32"):
        made = coding(replace(LAYERS[0], dtype=dtype), STEP)["compressors"]
        codecs = made if isinstance(made, tuple) else (made,)
        assert isinstance(codecs[-1], Crc32cCodec) or codecs[-1].checksum


def test_how_a_layer_is_scored_is_no_part_of_what_was_written(cube):
    """Cubes from before layers named their truth are still as planned; cubes of other layers are not."""
    scored = replace(cube, layers=tuple(replace(g, kind="value", truth="surface") for g in cube.layers))
    assert metadata_faults(scored, "r") == []
    other = replace(cube, layers=tuple(replace(g, fill=g.fill - 1) for g in cube.layers))
    assert metadata_faults(other, "r") != []
