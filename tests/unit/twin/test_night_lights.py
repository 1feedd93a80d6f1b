"""Lights at night: part = whole, light is kept by the blooming, and follows people and buildings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.twin.degrees import DegreeFrame, part_of, tile_frame, tiles
from eomap.twin.earth import Site
from eomap.twin.night_lights import (
    MARGIN_PX,
    bloomed,
    emitted,
    lights_of_year,
    night_lights,
    people_density,
)
from eomap.twin.people import Settlement

TOWNS = [Settlement(Site(1, 10.0, 50.0), 200_000), Settlement(Site(2, 10.2, 50.05), 5_000)]
FRAME = DegreeFrame(9580, 45580, 42, 80)
HOW = {"per_px": 2, "noise_seed": 3}


def volume(frame):
    points = frame.points(per_px=2, margin=2 * MARGIN_PX)
    return np.maximum(points.fractal(3_000, 8, octaves=3) + 1, 0)


def test_pixels_are_fifteen_seconds_from_the_north_west():
    frame = DegreeFrame(0, 86_398, 2, 2)
    points = frame.points()
    assert np.allclose(points.lat_deg[:, 0], [90 - 7.5 / 3600, 90 - 22.5 / 3600])
    assert np.allclose(points.lon_deg[0], [180 - 22.5 / 3600, 180 - 7.5 / 3600])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 30), st.integers(0, 60), st.integers(1, 12), st.integers(1, 20))
def test_a_part_is_that_of_the_whole_and_the_order_of_towns_does_not_matter(top, left, height, width):
    whole = night_lights(FRAME, towns=TOWNS, volume_m_yx=volume(FRAME), **HOW)
    cut = FRAME.sub(top, top + height, left, left + width)
    part = night_lights(cut, towns=TOWNS[::-1], volume_m_yx=volume(cut), **HOW)
    assert np.array_equal(part, whole[top : top + height, left : left + width])


def test_people_are_all_counted():
    points = DegreeFrame(9000, 44_900, 1200, 1500).points()
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
    built = np.full(volume(FRAME).shape, 2.0, np.float32)
    city = night_lights(FRAME, towns=TOWNS, volume_m_yx=built, **HOW)
    assert 20 < city.max() < 200  # nW cm-2 sr-1
    country = night_lights(FRAME, towns=[], volume_m_yx=built, **HOW)
    assert country.min() >= 0 and country.max() < 1


def test_volumes_without_their_margin_are_refused():
    with pytest.raises(MisuseError, match="volumes"):
        night_lights(FRAME, towns=TOWNS, volume_m_yx=np.zeros((2, 2), np.float32), **HOW)


def test_a_year_is_less_noisy_than_a_night():
    dark = {"towns": [], "volume_m_yx": np.zeros_like(volume(FRAME)), "per_px": 2, "noise_seed": 3}
    night, year = night_lights(FRAME, **dark), night_lights(FRAME, **dark, nights=100)
    assert year.max() == pytest.approx(night.max() / 10, rel=1e-3)


def test_lights_of_the_land_know_no_cut_and_shine_where_the_town_is():
    frame = DegreeFrame(8264, 45854, 14, 24)  # a town of the twin, 11.1 E 55.5 N
    whole = lights_of_year(frame, 17, year=2024)
    assert np.array_equal(lights_of_year(frame.sub(3, 9, 5, 16), 17, year=2024), whole[3:9, 5:16])
    assert 40 < whole.max() < 200 and np.median(whole) < whole.max() / 3
    assert not np.array_equal(whole, lights_of_year(frame, 17, year=2023))


def test_tiles_of_ten_degrees_cover_the_globe():
    assert tile_frame(18, 3).transform[2::3] == (0.0, 60.0)
    assert len(tiles((-180, -90, 180, 90))) == 36 * 18
    part = part_of(tile_frame(19, 3), (11.05, 55.5, 11.15, 55.6), margin_m=0)
    lon, lat = np.array(part.outline_deg()).T
    assert np.allclose((lon.min(), lat.min(), lon.max(), lat.max()), (11.05, 55.5, 11.15, 55.6), atol=1 / 240)
    assert max(part.shape) <= 26 and part_of(tile_frame(0, 0), (11, 55, 12, 56), margin_m=0) is None
