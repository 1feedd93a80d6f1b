"""When plants are green: laws of the calendars, and what a textbook says of fields, meadows and leaves."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.twin.climate import CLIMATES
from eomap.twin.land import CROP_SHARE
from eomap.twin.phenology import CALENDARS, LEVELS, YEAR_DAYS, at_day, plant_tables

NAMES = [c.name for c in CLIMATES]
FIELDS = int(LEVELS * CROP_SHARE)


def plants(day, climate, *, south=False):
    """Return leaves, green grass, and green and straw of every field, of one climate."""
    tables, p = plant_tables(day, CROP_SHARE), NAMES.index(climate) + len(NAMES) * south
    return tables.leaf_p[p], tables.grass_p[p], tables.green_pn[p, :FIELDS], tables.straw_pn[p, :FIELDS]


def test_every_climate_has_a_year_and_its_crops_fill_its_fields():
    assert set(CALENDARS) == set(NAMES)
    for calendar in CALENDARS.values():
        assert abs(sum(c.share for c in calendar.crops) - 1) < 1e-9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 364), st.sampled_from(NAMES), st.booleans())
def test_shares_are_shares_and_the_south_is_half_a_year_behind(number, climate, south):
    day = date(2022, 1, 1) + timedelta(days=number)
    leaf, grass, green, straw = plants(day, climate, south=south)
    for share in (leaf, grass, green, straw):
        assert np.min(share) >= 0 and np.max(share) <= 1
    assert (green + straw).max() < 1.05  # the season holds the sum at one
    other = plants(date(2022, 1, 1) + timedelta(days=(number + 183) % 365), climate, south=not south)
    assert abs(other[0] - leaf) < 0.12 and abs(other[2].mean() - green.mean()) < 0.06


@settings(max_examples=30, deadline=None)
@given(st.floats(-800, 800), st.sampled_from(NAMES))
def test_curves_go_round_the_year(day, climate):
    for curve in (
        CALENDARS[climate].leaf,
        CALENDARS[climate].grass,
        *(c.green for c in CALENDARS[climate].crops),
    ):
        assert abs(at_day(curve, day) - at_day(curve, day + YEAR_DAYS)) < 1e-9
        assert min(v for _, v in curve) <= at_day(curve, day) <= max(v for _, v in curve)


def test_temperate_fields_are_green_in_autumn_and_bare_between_harvest_and_sowing():
    greens = {m: plants(date(2022, m, 20), "temperate")[2] for m in (5, 8, 9, 10, 11)}
    for month in (10, 11):
        assert greens[month].mean() > 0.45 and (greens[month] > 0.4).mean() > 0.5
    assert greens[5].mean() > 0.65 > 0.45 > greens[8].mean()
    assert greens[9].mean() < greens[10].mean() + 0.02
    assert (greens[10] < 0.25).mean() > 0.15  # not every field


def test_meadows_of_the_atlantic_are_green_in_winter_and_those_of_the_continent_are_not():
    january = {n: plants(date(2022, 1, 15), n) for n in ("temperate", "continental", "mediterranean")}
    assert january["temperate"][1] > 0.75 > 0.3 > january["continental"][1]
    assert january["mediterranean"][1] > plants(date(2022, 8, 15), "mediterranean")[1] + 0.5


@pytest.mark.parametrize("climate", ["rain forest", "savanna", "subtropical"])
def test_forests_of_warm_climates_keep_most_leaves_in_a_southern_july(climate):
    assert plants(date(2022, 7, 20), climate, south=True)[0] > 0.65
    assert plants(date(2022, 7, 20), "temperate", south=True)[0] < 0.2


def test_savanna_fields_are_green_in_the_rains_only():
    rains, dry = (plants(date(2022, m, 10), "savanna")[2].mean() for m in (8, 2))
    assert rains > 0.6 > 0.2 > dry
