"""Lights at night: part = whole, light is kept by the blooming, and follows people and buildings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.twin.earth import Site
from eomap.twin.night_lights import MARGIN_PX, bloomed, emitted, light_points, night_lights, people_density
from eomap.twin.people import Settlement

TOWNS = [Settlement(Site(1, 10.0, 50.0), 200_000), Settlement(Site(2, 10.2, 50.05), 5_000)]
ROWS, COLS = slice(9580, 9622), slice(45580, 45660)
HOW = {"per_px": 2, "noise_seed": 3}


def volume(rows, cols):
    points = light_points(
        slice(rows.start - MARGIN_PX, rows.stop + MARGIN_PX),
        slice(cols.start - MARGIN_PX, cols.stop + MARGIN_PX),
        per_px=2,
    )
    return np.maximum(points.fractal(3_000, 8, octaves=3) + 1, 0)


def test_pixels_are_fifteen_seconds_from_the_north_west():
    points = light_points(slice(0, 2), slice(86_398, 86_400))
    assert np.allclose(points.lat_deg[:, 0], [90 - 7.5 / 3600, 90 - 22.5 / 3600])
    assert np.allclose(points.lon_deg[0], [180 - 22.5 / 3600, 180 - 7.5 / 3600])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 30), st.integers(0, 60), st.integers(1, 12), st.integers(1, 20))
def test_a_part_is_that_of_the_whole_and_the_order_of_towns_does_not_matter(top, left, height, width):
    whole = night_lights(ROWS, COLS, towns=TOWNS, volume_m_yx=volume(ROWS, COLS), **HOW)
    rows = slice(ROWS.start + top, ROWS.start + top + height)
    cols = slice(COLS.start + left, COLS.start + left + width)
    part = night_lights(rows, cols, towns=TOWNS[::-1], volume_m_yx=volume(rows, cols), **HOW)
    assert np.array_equal(part, whole[top : top + height, left : left + width])


def test_people_are_all_counted():
    points = light_points(slice(9000, 10_200), slice(44_900, 46_400))
    area = (1 / 240 * 111_195) ** 2 * np.cos(np.radians(points.lat_deg))
    found = float((people_density(points, TOWNS) * area).sum())
    assert abs(found / 205_000 - 1) < 0.01


def test_blooming_keeps_the_light_and_carries_it_beyond_the_town():
    light = np.zeros((60, 60), np.float32)
    light[30, 30] = 1000
    seen = bloomed(light)
    assert seen.shape == (44, 44) and abs(seen.sum() - 1000) < 0.1
    assert seen[22, 22] == seen.max() and 0 < seen[22, 22 + 6] < 0.05 * seen.max()
    with pytest.raises(MisuseError):
        bloomed(light[:16])


def test_more_people_or_buildings_give_more_light_and_none_give_none():
    one = np.ones((1, 1), np.float32)
    base = emitted(0.004 * one, one).item()
    assert emitted(0.008 * one, one).item() > base and emitted(0.004 * one, 3 * one).item() > base
    assert emitted(0 * one, one).item() == 0 and emitted(one, 0 * one).item() == 0


def test_a_city_is_as_bright_as_real_ones_and_the_country_is_dark():
    built = np.full(volume(ROWS, COLS).shape, 2.0, np.float32)
    city = night_lights(ROWS, COLS, towns=TOWNS, volume_m_yx=built, **HOW)
    assert 20 < city.max() < 200  # nW cm-2 sr-1
    country = night_lights(ROWS, COLS, towns=[], volume_m_yx=built, **HOW)
    assert country.min() >= 0 and country.max() < 1


def test_volumes_without_their_margin_are_refused():
    with pytest.raises(MisuseError, match="volumes"):
        night_lights(ROWS, COLS, towns=TOWNS, volume_m_yx=np.zeros((2, 2), np.float32), **HOW)
