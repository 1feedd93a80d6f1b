"""Weather for the radar: alike in every cut, different every day, and a whole radar scene of the twin."""

from datetime import date

import numpy as np
import pytest

from eomap.core.grid import PIXEL_M, Frame, transformer
from eomap.twin.ground import land_of, scenery
from eomap.twin.land import Cover
from eomap.twin.orbits import SENTINEL1, passes_over
from eomap.twin.radar import observed, view_of
from eomap.twin.wetness import radar_ground, soil_moisture, wind_m_s

SEED, DAY, STORM = 17, date(2024, 6, 15), date(2024, 6, 22)
"""Winds of 3 and 12 m/s."""
PLACE = (11.10, 55.55)
X, Y = transformer(4326, 32632).transform(*PLACE)
FRAME = Frame(32632, int(X // 600) * 600, int(Y // 600) * 600 + 1800, 300, 320)
"""A shore with fields, woods and a town."""


def image_of(frame, day=DAY):
    land = land_of(frame, SEED)
    flight = passes_over(SENTINEL1, "S1A", *PLACE)[0]
    row, col = -frame.y0 // PIXEL_M, frame.x0 // PIXEL_M
    return land, observed(
        radar_ground(land, scenery(land, day, SEED), day, SEED),
        view_of(flight, land.points),
        rows=slice(row + 1, row + frame.height - 1),
        cols=slice(col + 1, col + frame.width - 1),
        pass_name=str(flight.relative_orbit),
        day=day,
        seed=SEED,
    )


@pytest.fixture(scope="module")
def scene():
    return image_of(FRAME)


def test_a_cut_of_the_frame_gives_the_same_bits(scene):
    _, part = image_of(FRAME.sub(40, 130, 70, 200))
    for name in ("vv_yx", "vh_yx", "mask_yx"):
        assert np.array_equal(getattr(part, name), getattr(scene[1], name)[40:128, 70:198])


def test_the_scene_has_numbers_everywhere_and_the_order_of_brightness_of_real_ones(scene):
    land, image = scene
    assert np.isfinite(image.vv_yx).all() and np.isfinite(image.vh_yx).all()
    cover = land.cover_yx[1:-1, 1:-1]
    order = (Cover.TREES, Cover.CROP, Cover.WATER)
    assert all((cover == c).mean() > 0.03 for c in order), "the frame shows all three"
    for power in (image.vv_yx, image.vh_yx):
        trees, crop, water = (10 * np.log10(power[cover == c].mean()) for c in order)
        assert trees > crop + 2 and crop > water + 3


def test_wind_makes_water_bright_and_leaves_the_woods(scene):
    land, calm = scene
    cover = land.cover_yx[1:-1, 1:-1]
    _, rough = image_of(FRAME, STORM)
    at_sea, in_woods = (
        10 * np.log10(rough.vv_yx[cover == c].mean() / calm.vv_yx[cover == c].mean())
        for c in (Cover.WATER, Cover.TREES)
    )
    assert wind_m_s(land.points, DAY, SEED).mean() < 4 < 10 < wind_m_s(land.points, STORM, SEED).mean()
    assert at_sea > 3 and abs(in_woods) < 1


def test_weather_changes_from_day_to_day_within_what_is_possible(scene):
    land, _ = scene
    green = np.ones(land.points.shape, np.float32)
    days = [date(2024, 6, k) for k in range(1, 29)]
    moist = [
        soil_moisture(land.points, d, 3, climate_yx=land.wild.climate_yx, green_yx=green).mean() for d in days
    ]
    windy = [wind_m_s(land.points, d, 3).mean() for d in days]
    assert 0.03 <= min(moist) < 0.7 * max(moist) and max(moist) <= 0.5
    assert 1 < min(windy) < 4 and 6 < max(windy) < 20
    assert abs(np.corrcoef(moist[1:], moist[:-1])[0, 1]) < 0.6
