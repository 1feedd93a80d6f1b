"""Cast shadows: they fall away from the sun, on dark ground only, never on snow, and cuts change nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.sensors.cloud_shadow import REACH_PX, SunAt, shadow_of, shifts

MORNING = SunAt(45.0, 135.0)


def world(shape=(300, 300)):
    """A cloud over bright land, and a dark spot 600 m north-west: its height under a sun at 45 degrees."""
    cloud, nir = np.zeros(shape, bool), np.full(shape, 3_000, np.uint16)
    cloud[150:170, 150:170] = True
    step = round(600 / 10 * np.sqrt(0.5))
    nir[150 - step : 170 - step, 150 - step : 170 - step] = 1_200
    return cloud, nir, np.s_[150 - step : 170 - step, 150 - step : 170 - step]


def test_the_dark_spot_away_from_the_sun_is_shadow():
    cloud, nir, spot = world()
    found = shadow_of(cloud, nir, spared_yx=np.zeros(cloud.shape, bool), sun=MORNING)
    assert found[spot].mean() > 0.95
    found[spot] = False
    assert not found.any()


@pytest.mark.parametrize("azimuth_deg", [45.0, 225.0, 315.0])
def test_the_same_spot_is_no_shadow_under_another_sun(azimuth_deg):
    cloud, nir, _ = world()
    sun = SunAt(45.0, azimuth_deg)
    assert not shadow_of(cloud, nir, spared_yx=np.zeros(cloud.shape, bool), sun=sun).any()


def test_bright_ground_and_snow_are_no_shadow():
    cloud, nir, spot = world()
    assert not shadow_of(cloud, np.full_like(nir, 3_000), spared_yx=~cloud, sun=MORNING).any()
    snow = np.zeros(cloud.shape, bool)
    snow[spot] = True
    assert not shadow_of(cloud, nir, spared_yx=snow, sun=MORNING).any()


def test_a_low_sun_reaches_no_further_than_told():
    down, right = np.array(shifts(SunAt(80, 135), cell_m=20)).T
    assert 94 <= np.hypot(down, right).max() <= 97
    assert (down < 0).all() and (right < 0).all()


@given(st.integers(0, 9999), st.integers(0, 60), st.integers(0, 60), st.floats(5, 75), st.floats(0, 359))
@settings(max_examples=15, deadline=None)
def test_shadow_of_a_block_is_that_of_the_whole(seed, row, col, zenith_deg, azimuth_deg):
    rng = np.random.default_rng(seed)
    shape = (660, 640)
    coarse = np.kron(rng.random((36, 33)), np.ones((20, 20)))[: shape[0], : shape[1]]
    cloud, nir = coarse > 0.9, (500 + 4_000 * rng.permuted(coarse, axis=0)).astype(np.uint16)
    nir[coarse < 0.05] = 0
    snow, sun = coarse < 0.1, SunAt(zenith_deg, azimuth_deg)
    top, left = 270 + row // 2 * 2, 270 + col // 2 * 2
    whole = shadow_of(cloud, nir, spared_yx=snow, sun=sun)[top : top + 40, left : left + 40]
    north, west = top - REACH_PX, left - REACH_PX
    part = np.s_[north : top + 40 + REACH_PX, west : left + 40 + REACH_PX]
    found = shadow_of(cloud[part], nir[part], spared_yx=snow[part], sun=sun)
    np.testing.assert_array_equal(found[REACH_PX:][:40, REACH_PX:][:, :40], whole)


def test_a_sun_below_the_horizon_is_refused():
    with pytest.raises(MisuseError, match="above the horizon"):
        SunAt(95.0, 10.0)
