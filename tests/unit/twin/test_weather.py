"""Weather: a function of place and day, with the climate's mean."""

from datetime import date

import numpy as np
import pytest

from eomap.errors import MisuseError
from eomap.twin.earth import points_at
from eomap.twin.weather import Forecast, explicit

LON, LAT = np.meshgrid(np.linspace(-170, 170, 60), np.linspace(-65, 70, 40))


def test_cover_is_split_so_that_the_whole_is_the_one_asked_for():
    for cover in (0.0, 0.3, 1.0):
        assert explicit(cover, cumulus=2, stratus=1, cirrus=0.5).cover == pytest.approx(cover, abs=1e-5)
    assert explicit(0.4, cirrus=1, cumulus=0).cumulus == 0


@pytest.mark.parametrize("ask", [{"cover": 1.2}, {"cover": 0.5, "cumulus": 0}, {"cover": 0.5, "cirrus": -1}])
def test_an_impossible_wish_is_refused(ask):
    with pytest.raises(MisuseError):
        explicit(**ask)


@pytest.mark.parametrize("mean", [0.15, 0.5, 0.8])
def test_the_mean_over_places_and_days_is_the_climates(mean):
    points = points_at(LON, LAT)
    covers = np.array([Forecast(date(2020, 1 + k, 5), mean, 7).at(points).cover for k in range(8)])
    assert abs(covers.mean() - mean) < 0.04
    assert (np.abs(covers - 0.5) > 0.4).mean() > 0.25  # clear days and overcast ones, not all alike
    assert covers.min() >= 0 and covers.max() <= 1


def test_weather_is_alike_nearby_and_new_the_next_day():
    here = points_at(LON, LAT)
    today = Forecast(date(2021, 7, 3), 0.5, 7)

    def likeness(other):
        return np.corrcoef(np.ravel(today.at(here).cover), np.ravel(other))[0, 1]

    near = today.at(points_at(LON, LAT + 1)).cover
    far = today.at(points_at(LON, LAT + 20)).cover
    assert likeness(near) > 0.7 and abs(likeness(far)) < 0.15
    assert abs(likeness(Forecast(date(2021, 7, 4), 0.5, 7).at(here).cover)) < 0.1
    assert np.array_equal(Forecast(date(2021, 7, 3), 0.5, 7).at(here).cover, today.at(here).cover)


def test_a_step_of_ten_metres_changes_nothing_much_anywhere():
    for lat in (-60.0, 0.0, 47.0):
        lon = np.array([[179.99995, -179.99995, 11.99995, 12.00005]])
        weather = Forecast(date(2021, 2, 3), 0.5, 1).at(points_at(lon, np.full_like(lon, lat)))
        for field in (weather.cover, weather.aot550, weather.water_vapour_cm):
            assert np.allclose(field[0, ::2], field[0, 1::2], rtol=1e-3, atol=1e-4)
        assert np.allclose(weather.cumulus_m[0, ::2], weather.cumulus_m[0, 1::2], rtol=1e-3)


def test_a_climate_may_be_a_function_of_place():
    points = points_at(LON, LAT)
    dry_west = Forecast(date(2021, 2, 3), lambda p: np.where(p.lon_deg < 0, 0.1, 0.9), 1).at(points).cover
    assert dry_west[:, :30].mean() < 0.25 and dry_west[:, 30:].mean() > 0.75


def test_the_seed_of_a_day_is_its_own():
    keys = {Forecast(date(2021, 2, d), 0.5, s).key(100) for d in range(1, 20) for s in range(20)}
    assert len(keys) == 380
