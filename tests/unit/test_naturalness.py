"""Naturalness: the index is the twin's own formula, and both ways keep the laws of layers."""

import pickle
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import EPSG, TILE, World, job, network_for, scenes_for

from eomap.api.planning import collection_of
from eomap.core.grid import Frame, Window, origin, tile_window, transformer
from eomap.core.product import Inputs, Seen
from eomap.errors import MisuseError
from eomap.kernels.scores.ranks import rank_correlation
from eomap.products import product
from eomap.products.naturalness import index
from eomap.products.naturalness.index import LAND_COVERS, Components, naturalness_of, pressure_of
from eomap.products.naturalness.layers import codes_of, place_of, stored
from eomap.sensors import sensor
from eomap.sensors.nightlights import SENSOR as LIGHTS
from eomap.twin import truth
from eomap.twin.ground import land_of, scenery
from eomap.twin.land import LOW_PLANTS, Cover
from eomap.worker import infer, sight_of

SEED = 7
NETWORK, INDEX = product("naturalness"), product("naturalness", {"method": "index", "sensor": "modis-12q1"})
SHARES = st.floats(0, 1, width=32)


@pytest.fixture(scope="module")
def land():
    """A town and its fields in the twin."""
    return land_of(Frame(32611, 329_400, 3_784_200, 90, 90), SEED)


def components(land, seen=None):
    """Return what people do to a land of the twin, as the twin knows it."""
    farmed = (land.cover_yx == Cover.GRASS) & (land.pressure_yx > 0.12) & (land.zone_yx == LOW_PLANTS)
    return Components(
        sealed=truth.settlement_share(land),
        crop=land.cover_yx == Cover.CROP,
        pasture=farmed,
        road=land.wild.road_yx,
        cleared=0.0 if seen is None else seen.cleared_yx,
        pressure=land.pressure_yx,
        water=land.cover_yx == Cover.WATER,
    )


def test_of_the_twins_own_components_it_is_the_twins_truth(land):
    for seen in (None, scenery(land, date(2023, 8, 1), SEED)):
        made, known = naturalness_of(components(land, seen)), truth.naturalness(land, seen)
        assert np.abs(made - known).max() < 1e-6 and known.std() > 0.05


def test_weights_are_those_of_the_twin():
    assert (index.CROP, index.PASTURE, index.ROAD, index.CLEARED) == (
        truth.CROP, truth.PASTURE, truth.ROAD, truth.CLEARED,
    )  # fmt: skip


@settings(deadline=None)
@given(SHARES, SHARES, SHARES, SHARES, SHARES, SHARES)
def test_nothing_that_people_do_makes_land_more_natural(sealed, crop, pasture, road, water, more):
    before = naturalness_of(Components(sealed, crop, pasture, road, pressure=0.2, water=water))
    assert 0 <= before <= 1
    for other in (
        Components(sealed + (1 - sealed) * more, crop, pasture, road, pressure=0.2, water=water),
        Components(sealed, crop + (1 - crop) * more, pasture, road, pressure=0.2, water=water),
        Components(sealed, crop, pasture, road, pressure=0.2 + 0.25 * more, water=water),
    ):
        assert naturalness_of(other) <= before + 1e-6
    assert naturalness_of(Components(0.0)) == 1 and naturalness_of(Components(1.0, crop, road=road)) == 0


def test_brighter_nights_press_more_up_to_a_limit():
    pressure = pressure_of(np.geomspace(0.01, 1e5, 60))
    assert (np.diff(pressure) >= 0).all() and pressure[-1] == np.float32(index.PRESSURE_MOST)


def indexed(code, lights=None, made=INDEX):
    """Return layers of the index of a row of classes, on cells that are the frame's pixels."""
    code = np.asarray([code], np.uint16)
    n = code.shape[1]
    frame = Frame(EPSG, 400_000, 5_800_000, 1, n)
    left, top = origin(EPSG)
    row0, col0 = (top - frame.y0) // 10, (frame.x0 - left) // 10
    window = Window(1, row0, row0 + 1, col0, col0 + n, EPSG)
    ones = np.ones((1, n), np.uint16)
    lit = None if lights is None else Seen(np.asarray([[lights]], np.uint16), ones)
    seen = (Seen(code[None], (code > 0).astype(np.uint16)), lit)
    inputs = Inputs(frame, 0, seen, window, np.ones((1, n), bool))
    return {k: v[0].tolist() for k, v in made.compute(inputs, None).items()}


def test_the_index_by_hand():
    code = [0, 2, 12, 13, 17, 10]
    dark = [1] * 6
    made = indexed(code, dark)
    assert made["naturalness"] == [65_535, 10_000, round(1e4 * (1 - 0.55 * 0.8)), 3_500, 10_000, 10_000]
    assert made["n_clear"] == [0, 1, 1, 1, 1, 1] and made["ood"] == [255] * 6
    assert made["sigma"] == [65_535, *[round(1e4 * LAND_COVERS["modis-12q1"].sigma)] * 5]
    lit = indexed(code, [round(2 / LIGHTS.scale) + 1] * 6)["naturalness"]
    takes = float(pressure_of(np.array([2.0]))[0])
    assert lit[1] == pytest.approx(1e4 * (1 - takes), abs=1)
    assert lit[4] == pytest.approx(1e4 * (1 - takes / 2), abs=1), "half of it from water"
    assert lit[5] == pytest.approx(1e4 * 0.7 * (1 - takes), abs=1), "grass among farms is pasture"


def test_the_index_does_without_lights_and_says_so():
    made = indexed([2, 12, 13])
    assert made["naturalness"] == indexed([2, 12, 13], [1, 1, 1])["naturalness"]
    assert made["sigma"] == [round(1e4 * LAND_COVERS["modis-12q1"].sigma_unlit)] * 3
    assert made["sigma"] > indexed([2, 12, 13], [1, 1, 1])["sigma"]


def test_variants_are_by_network_or_index_and_nothing_else():
    assert product("naturalness", {"method": "network"}) == NETWORK
    assert product("naturalness", {"method": "index"}).needs[0].of == "worldcover"
    assert pickle.loads(pickle.dumps(INDEX)) == INDEX and not INDEX.models
    assert INDEX.gives == NETWORK.gives
    for wrong, said in (
        ({"method": "median"}, "network or index"),
        ({"sensor": "sentinel-1"}, "--method index"),
        ({"method": "index", "sensor": "dem"}, "worldcover, modis-12q1"),
        ({"speckle": "lee"}, "--speckle"),
    ):
        with pytest.raises(MisuseError, match=said):
            product("naturalness", wrong)


def test_places_are_those_of_the_middle_of_windows():
    frame = Frame(EPSG, 300_000, 5_800_000, 10, 10)
    place = place_of(frame)
    lon, lat = place(-580_000, 30_000)
    x, y = transformer(4326, EPSG).transform(lon, lat)
    assert (x, y) == pytest.approx((300_000 + 1_280, 5_800_000 - 1_280), abs=0.01)
    assert place_of(Frame(EPSG, 0, 0, 1, 1))(-580_000, 30_000) == (lon, lat), "whatever the frame"


def test_what_a_sensor_did_not_see_is_0_and_in_its_place():
    frame = Frame(EPSG, 0, 0, 4, 5)
    optical = Seen(np.full((10, 4, 5), 7, np.uint16), np.ones((4, 5), np.uint16))
    lights = Seen(np.full((1, 4, 5), 9, np.uint16), np.ones((4, 5), np.uint16))
    window = tile_window(TILE, 1)
    code = codes_of(Inputs(frame, 0, (optical, None, lights), window, np.ones((4, 5), bool)))
    assert [int(c[0, 0]) for c in code] == [7] * 10 + [0, 0] + [9]


def test_stored_values_by_hand():
    said = np.float32([[[0.5, -0.2, 1.4]], [[0.0, -4.0, 60.0]]])
    made = stored(said)
    assert made["naturalness"].tolist() == [[5_000, 0, 10_000]]
    assert made["sigma"].tolist() == [[10_000, round(1e4 * np.exp(-2)), 60_000]]
    assert made["ood"].tolist() == [[255, 255, 255]]
    assert stored(np.concatenate([said, said[:1]]))["ood"].tolist() == [[125, 0, 250]]


def test_a_map_needs_neither_radar_nor_lights():
    days = ["2024-06-01", "2024-06-11"]
    scenes = scenes_for(NETWORK, days, box=(12.0, 51.5, 13.5, 53.0))
    window = tile_window(TILE, 1)
    part = Window(1, window.row0 + 900, window.row0 + 930, window.col0 + 900, window.col0 + 940)
    names = tuple(g.name for g in NETWORK.gives)
    made = {}
    for name, some in (("all", scenes), ("optical", tuple(s for s in scenes if not s.sensor))):
        todo = replace(job(TILE, part, some), product=NETWORK, model="means", layers=names)
        made[name] = infer(todo, sight_of(todo, World(EPSG)), lambda _: network_for(NETWORK))
    assert all((v["naturalness"] < 65_535).all() for v in made.values())
    assert not np.array_equal(made["all"]["naturalness"], made["optical"]["naturalness"])


def test_ranks_of_the_index_follow_the_land_cover():
    order = [2, 10, 12, 13]
    value = indexed(order, [5] * 4)["naturalness"]
    assert rank_correlation(value, [4, 3, 2, 1]) == pytest.approx(1)


def test_of_several_levels_that_a_network_knows_the_first_is_taken():
    class Source:
        """A catalogue of both levels that names no default."""

        entry = SimpleNamespace(sensors={})

        def collections(self):
            return ["sentinel-2-l1c", "sentinel-2-l2a"]

    for level, expected in (("L2A,L1C", "l2a"), ("L1C,L2A", "l1c"), ("L1C", "l1c"), ("L3,L2A", "l2a")):
        assert collection_of(Source(), sensor("sentinel-2"), level) == f"sentinel-2-{expected}"
