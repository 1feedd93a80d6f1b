"""Tracks of Sentinel-1 where real ones are, and a view that does not depend on the cut."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.grid import Frame
from eomap.errors import MisuseError
from eomap.twin.earth import points_at, points_of
from eomap.twin.orbit import FARTHEST_DEG, NEAREST_DEG, pass_over, passes_over, view_of


@pytest.mark.parametrize(
    ("lon", "lat", "track", "moment"),
    [
        (19.19, 30.05, 80, datetime(2025, 3, 11, 4, 42, 40, tzinfo=UTC)),
        (9.64, 33.63, 95, datetime(2025, 3, 12, 5, 22, 49, tzinfo=UTC)),
        (30.01, 2.13, 21, datetime(2022, 4, 28, 3, 44, 30, tzinfo=UTC)),
        (119.22, 5.38, 32, datetime(2017, 5, 12, 21, 49, 15, tzinfo=UTC)),
    ],
)
def test_real_scenes_were_taken_when_and_where_the_twin_passes(lon, lat, track, moment):
    satellite = pass_over(lon, lat, track=track, ascending=False)
    seen = next(satellite.moments(moment - timedelta(days=1), moment + timedelta(days=1)))
    assert abs((seen - moment).total_seconds()) < 60
    # The middle of a real scene is the middle of the swath.
    assert abs(np.degrees(view_of(points_at(lon, lat), satellite).incidence_yx) - 38.6) < 1.5


def test_berlin_is_seen_on_its_four_tracks():
    assert [p.name for p in passes_over(13.0, 52.4)] == ["044a", "095d", "146a", "168d"]


@settings(max_examples=12, deadline=None)
@given(st.floats(-180, 180), st.floats(-70, 70))
def test_every_place_is_seen_from_both_sides_within_the_swath(lon, lat):
    found = passes_over(lon, lat)
    assert {p.ascending for p in found} == {True, False}
    for satellite in found:
        view = view_of(points_at(lon, lat), satellite)
        assert NEAREST_DEG <= np.degrees(view.incidence_yx) <= FARTHEST_DEG
        east = np.sin(view.azimuth_yx)
        assert (east > 0) == satellite.ascending  # it looks to the right


def test_passes_return_after_twelve_days_at_dawn_and_dusk():
    for satellite in passes_over(13.0, 52.4):
        seen = list(satellite.moments(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)))
        assert len(seen) == 5 and {b - a for a, b in pairwise(seen)} == {timedelta(days=12)}
        local_h = (seen[0].hour + seen[0].minute / 60 + 13 / 15) % 24
        assert abs(local_h - (18 if satellite.ascending else 6)) < 0.8


def test_a_part_sees_what_the_whole_sees_and_incidence_grows_away_from_the_track():
    frame = Frame(32633, 300_000, 5_800_000, 60, 90)
    satellite = pass_over(12.1, 52.3, track=168, ascending=False)
    whole, part = (view_of(points_of(f), satellite) for f in (frame, frame.sub(10, 40, 30, 50)))
    assert np.array_equal(whole.incidence_yx[10:40, 30:50], part.incidence_yx)
    assert np.array_equal(whole.azimuth_yx[10:40, 30:50], part.azimuth_yx)
    assert whole.incidence_yx[30, 0] > whole.incidence_yx[30, -1]  # descending: it looks west


def test_a_track_elsewhere_is_refused_with_those_that_see_the_place():
    with pytest.raises(MisuseError, match="044a"):
        pass_over(13.0, 52.4, track=1, ascending=True)
