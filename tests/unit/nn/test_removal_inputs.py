"""What networks that remove clouds are fed: published scales, order of bands, days from 2014-04-03."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eomap.nn.removal_inputs import (
    FIRST_DAY,
    optical,
    optical_resnet,
    radar,
    radar_resnet,
    series,
    series_days,
)


def pair(vv_db, vh_db):
    return np.array([vv_db, vh_db], np.float32).reshape(2, 1, 1)


def test_optical_bands_have_the_published_scales():
    dn = 12_000
    assert optical(dn / 10_000) == 1.0
    assert optical_resnet(dn / 10_000) == 5.0
    assert optical_resnet(3_000 / 10_000) == pytest.approx(3_000 / 2_000)
    assert optical(-0.02) == 0.0


@pytest.mark.parametrize(
    ("vv_db", "vh_db", "unit", "double"),
    [
        (-12.5, -32.5, (0.5, 0.0), (1.0, 0.0)),
        (-25.0, -16.25, (0.0, 0.35), (0.0, 1.0)),
        (0.0, 3.0, (1.0, 1.0), (2.0, 2.0)),
        (np.nan, np.nan, (0.0, 0.0), (0.0, 0.0)),
    ],
)
def test_radar_has_the_published_scales(vv_db, vh_db, unit, double):
    assert radar(pair(vv_db, vh_db)).ravel() == pytest.approx(unit)
    assert radar_resnet(pair(vv_db, vh_db)).ravel() == pytest.approx(double)


@given(st.floats(-100, 100))
def test_scales_end_where_they_say(value):
    assert 0 <= optical(value) <= 1 and 0 <= optical_resnet(value) <= 5
    assert ((radar(pair(value, value)) >= 0) & (radar(pair(value, value)) <= 1)).all()
    assert ((radar_resnet(pair(value, value)) >= 0) & (radar_resnet(pair(value, value)) <= 2)).all()


def test_radar_comes_first_and_unknown_looks_are_missing():
    db = np.full((3, 2, 4, 4), -12.5)
    reflectance = np.full((3, 13, 4, 4), 0.3)
    db[2], reflectance[2] = np.nan, np.nan
    x = series(db, reflectance, scale_by=10.0)
    assert x.shape == (3, 15, 4, 4) and x.dtype == np.float32
    assert x[:2, :2] == pytest.approx(5.0) and x[:2, 2:] == pytest.approx(3.0)
    assert (x[2] == 0).all()


def test_days_are_means_of_pairs_from_the_launch_of_sentinel_1():
    assert date(2014, 4, 3) == FIRST_DAY
    day = (date(2018, 6, 21) - date(1970, 1, 1)).days
    assert series_days([day, day], [day, day + 3]).tolist() == [1540.0, 1541.5]
