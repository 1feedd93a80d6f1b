"""The sun against SPA: within a hundredth of a degree; the laws of the sky."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from eomap.errors import MisuseError
from eomap.twin.sun import sun_angles

# Longitude, latitude, moment, zenith and azimuth. First row: the example of NREL's Solar Position
# Algorithm (Reda and Andreas 2004), without refraction; the rest by pysolar 0.13, an implementation of it.
KNOWN = (
    (-105.1786, 39.742476, datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC), 50.12795, 194.34024),
    (13.05, 52.4, datetime(2022, 7, 24, 10, 47, tzinfo=UTC), 33.0155, 168.1562),
    (35.0, -3.3, datetime(2023, 6, 10, 7, 45, tzinfo=UTC), 38.3299, 45.2529),
    (-48.1, -25.3, datetime(2021, 7, 23, 13, 22, tzinfo=UTC), 53.4269, 34.8427),
    (25.0, 69.0, datetime(2035, 12, 1, 10, 30, tzinfo=UTC), 90.8832, 184.9079),
    (151.2, -33.9, datetime(2026, 1, 15, 23, 50, tzinfo=UTC), 32.3788, 75.2615),
)


@pytest.mark.parametrize("case", KNOWN)
def test_it_is_where_the_solar_position_algorithm_puts_it(case):
    lon, lat, moment, zenith, azimuth = case
    got_zenith, got_azimuth = sun_angles(lon, lat, moment)
    assert abs(got_zenith - zenith) < 0.02 and abs(got_azimuth - azimuth) < 0.03


def test_solstice_noon_on_the_tropic_is_overhead():
    moments = [datetime(2024, 6, 20, 11, 50, tzinfo=UTC) + timedelta(minutes=m) for m in range(25)]
    assert min(float(sun_angles(0.0, 23.437, t)[0]) for t in moments) < 0.13  # 15 degrees an hour


def test_opposite_places_see_opposite_suns():
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(-180, 180, 200), rng.uniform(-90, 90, 200)
    zenith, _ = sun_angles(lon, lat, datetime(2026, 4, 9, 3, tzinfo=UTC))
    other, _ = sun_angles(lon + 180, -lat, datetime(2026, 4, 9, 3, tzinfo=UTC))
    np.testing.assert_allclose(zenith + other, 180, atol=1e-9)


def test_places_broadcast_and_zones_of_time_are_understood():
    lon, lat = np.linspace(-10, 10, 5)[None, :], np.linspace(40, 50, 3)[:, None]
    utc = datetime(2026, 4, 9, 10, tzinfo=UTC)
    zenith, azimuth = sun_angles(lon, lat, utc)
    assert zenith.shape == azimuth.shape == (3, 5)
    same, _ = sun_angles(lon, lat, utc.astimezone(timezone(timedelta(hours=5))))
    np.testing.assert_array_equal(zenith, same)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(MisuseError, match="time zone"):
        sun_angles(0.0, 0.0, datetime(2026, 4, 9, 10))
