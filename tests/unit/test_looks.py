"""Scene selection: numba is NumPy, order does not matter, every part gets its looks, the clear ones win."""

import random

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.period import Period
from eomap.core.source import Scene
from eomap.kernels.looks import best_looks, best_looks_numpy
from eomap.looks import chosen_scenes, covered, points_of, solar_day

BOX = (10.0, 50.0, 10.5, 50.5)
YEAR = Period.parse("2024")
LOOKS = st.lists(
    st.tuples(
        st.integers(0, 2**64 - 1), st.sampled_from([0.01, 0.2, 0.5, 0.9, 1.0]), st.integers(19_000, 19_365)
    ),
    max_size=30,
)


def scene(name, day, bounds=BOX, hour="10:00"):
    wkb = shapely.to_wkb(shapely.box(*bounds), hex=True)
    return Scene(name, "c", f"2024-{day}T{hour}:00+00:00", "L2A", (), "", wkb)


def chosen(scenes, most, cloud=None, **more):
    found = chosen_scenes(scenes, BOX, cloud_percent=cloud or {}, period=YEAR, most=most, **more)
    return [s.id for s in found]


@settings(max_examples=150, deadline=None)
@given(LOOKS, st.integers(1, 6), st.sampled_from([1.0, 30.0, 90.5]))
def test_numba_is_numpy_and_every_point_gets_its_looks(looks, most, reach):
    mask = np.array([m for m, _, _ in looks], np.uint64)
    clear = np.array([c for _, c, _ in looks], float)
    day = np.array([d for _, _, d in looks], np.int64)
    taken = best_looks_numpy(mask, clear, day, most, reach)
    assert np.array_equal(best_looks(mask, clear, day, most, reach), taken)
    bits = (mask[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    assert (bits[taken].sum(axis=0) >= np.minimum(bits.sum(axis=0), most)).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_the_order_of_the_answer_does_not_matter(seed, most):
    dice = random.Random(seed)
    scenes, cloud = [], {}
    for n in range(25):
        west, south = dice.uniform(9.6, 10.4), dice.uniform(49.6, 50.4)
        bounds = (west, south, west + 0.6, south + 0.6)
        scenes.append(scene(f"s{n:02d}", f"{dice.randint(1, 12):02d}-{dice.choice([5, 15, 25]):02d}", bounds))
        cloud[f"s{n:02d}"] = dice.choice([0.0, 30.0, 30.0, 100.0])
    first = chosen(scenes, most, cloud)
    dice.shuffle(scenes)
    assert chosen(scenes, most, cloud) == first


def test_the_clearest_are_taken_and_days_are_spread():
    scenes = [scene(f"d{m:02d}", f"{m:02d}-10") for m in range(1, 13)]
    cloud = {f"d{m:02d}": 90.0 for m in range(1, 13)} | {"d03": 5.0, "d09": 10.0}
    assert chosen(scenes, 2, cloud) == ["d03", "d09"]
    near = [scene("a", "06-10"), scene("b", "06-11"), scene("c", "12-01")]
    assert chosen(near, 2, {"a": 0.0, "b": 2.0, "c": 5.0}) == ["a", "c"]
    assert chosen(near, 3) == ["a", "b", "c"] == chosen(near, 99)


def test_a_half_covered_tile_gets_looks_at_both_halves():
    west, east = (10.0, 50.0, 10.25, 50.5), (10.25, 50.0, 10.5, 50.5)
    scenes = [scene("w1", "03-01", west), scene("w2", "06-01", west), scene("w3", "09-01", west)]
    scenes += [scene("e1", "04-01", east), scene("e2", "07-01", east)]
    cloud = {"w1": 0.0, "w2": 1.0, "w3": 2.0, "e1": 80.0, "e2": 90.0}
    assert chosen(scenes, 1, cloud) == ["e1", "w1"]
    assert chosen(scenes, 2, cloud) == ["e1", "e2", "w1", "w3"]  # w3: days apart are worth a percent


def test_one_solar_day_is_one_look():
    west, east = (10.0, 50.0, 10.25, 50.5), (10.2, 50.0, 10.5, 50.5)
    pass_ = [scene("n1", "06-01", west), scene("n2", "06-01", east)]
    assert chosen([*pass_, scene("o", "08-01")], 1, {"o": 20.0}) == ["n1", "n2"]
    assert str(solar_day("2024-06-01T22:30:00Z", 150.0)) == "2024-06-02"
    assert str(solar_day("2024-06-02T01:00:00Z", -60.0)) == "2024-06-01"


def test_points_outside_the_area_do_not_ask_for_looks():
    area = shapely.box(10.0, 50.0, 10.2, 50.5)
    scenes = [scene("w", "03-01", (10.0, 50.0, 10.22, 50.5)), scene("all", "06-01")]
    assert chosen(scenes, 1, {"all": 90.0}, area=area) == ["w"]
    sliver = shapely.box(10.11, 50.11, 10.12, 50.12)
    assert not np.isnan(points_of(BOX, sliver)).any()
    assert covered(np.array([area], object), points_of(BOX, None)) != 0
