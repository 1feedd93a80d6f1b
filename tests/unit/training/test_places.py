"""Where samples are taken: over the land, by kind, no region in two splits."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.training.places import KINDS, REGION_DEG, SPLITS, places, split_of
from eomap.twin.climate import land_share
from eomap.twin.earth import points_at

WANTED = {"train": 12, "val": 2, "test": 3}


@pytest.fixture(scope="module")
def found():
    return places(WANTED, seed=7)


def test_as_many_of_each_split_as_asked_for_and_two_fifths_where_people_live(found):
    assert Counter(p.split for p in found) == WANTED
    train = [p for p in found if p.split == "train"]
    lived_in = sum(p.kind in ("city", "village") for p in train)
    assert 0.3 <= lived_in / len(train) <= 0.5
    assert {p.kind for p in train} == set(KINDS)


def test_no_region_is_in_two_splits(found):
    splits = {}
    for p in found:
        region = math.floor(p.lon_deg / REGION_DEG), math.floor(p.lat_deg / REGION_DEG)
        splits.setdefault(region, set()).add(p.split)
    assert all(len(s) == 1 for s in splits.values())


def test_places_lie_on_land_and_on_whole_cells_of_every_product(found):
    for p in found:
        assert p.x0 % 300 == 0 and p.y0 % 300 == 0
        assert float(land_share(points_at([[p.lon_deg]], [[p.lat_deg]]))[0, 0]) >= 0.15 or p.kind == "city"


def test_equal_arguments_give_equal_places_and_another_seed_others(found):
    few = {"val": 2}
    assert places(few, seed=3) == places(few, seed=3) != places(few, seed=4)
    assert len({p.key for p in found}) == len(found)


@given(st.floats(-180, 180), st.floats(-56, 70), st.integers(0, 1000))
def test_a_region_has_one_split(lon, lat, seed):
    west, south = (math.floor(v / REGION_DEG) * REGION_DEG for v in (lon, lat))
    assert split_of(lon, lat, seed) == split_of(west + 0.5, south + 0.5, seed) in SPLITS


@pytest.mark.parametrize(("wanted", "side"), [({"tests": 1}, 270), ({"val": 1}, 256)])
def test_what_cannot_be_is_refused(wanted, side):
    with pytest.raises(MisuseError):
        places(wanted, seed=1, side_px=side)
