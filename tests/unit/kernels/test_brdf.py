"""Kernels against numbers worked out by hand from the formulas, and the laws that they obey."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eomap.kernels.brdf import li_sparse_reciprocal, ross_thick

angle = st.floats(0, 75)
azimuth = st.floats(0, 360)


def test_both_kernels_vanish_with_sun_and_satellite_overhead():
    assert abs(ross_thick(0, 0, 0)) < 1e-12 and abs(li_sparse_reciprocal(0, 0, 0)) < 1e-12


def test_sun_at_45_degrees_seen_from_above():
    # Phase angle 45 degrees: (pi/4 cos 45 + sin 45) / (1 + cos 45) - pi/4.
    half = math.sqrt(0.5)
    assert ross_thick(45, 0, 0) == pytest.approx((math.pi / 4 * half + half) / (1 + half) - math.pi / 4)
    # tan 45 = 1, secants 1 + sqrt 2, cos t = 2 / 2.41421 = 0.828427, t = 0.594503.
    overlap = (0.594503 - math.sin(0.594503) * 0.828427) * 2.414214 / math.pi
    expected = overlap - 2.414214 + (1 + half) / 2 * 1.414214
    assert li_sparse_reciprocal(45, 0, 0) == pytest.approx(expected, abs=2e-6)


def test_the_hot_spot():
    # Phase angle 0: pi/2 / (2 cos 30) - pi/4; no distance, full overlap t = pi/2: 2 sec / 2 - 2 sec + sec^2.
    assert ross_thick(30, 30, 0) == pytest.approx(math.pi / 2 / math.sqrt(3) - math.pi / 4)
    secant = 2 / math.sqrt(3)
    assert li_sparse_reciprocal(30, 30, 0) == pytest.approx(secant - 2 * secant + secant**2)


def test_forward_scattering_with_no_overlap():
    # 60 and 60 opposite: D = 2 sqrt 3, cos t = 2 x 3.4641 / 4 > 1, so nothing overlaps; phase angle 120.
    assert li_sparse_reciprocal(60, 60, 180) == pytest.approx(-4 + (1 - 0.5) / 2 * 4)
    phase = math.radians(120)
    expected = (math.pi / 2 - phase) * -0.5 + math.sin(phase) - math.pi / 4
    assert ross_thick(60, 60, 180) == pytest.approx(expected)


@given(angle, angle, azimuth)
def test_sun_and_satellite_may_change_places(sun, view, phi):
    for kernel in (ross_thick, li_sparse_reciprocal):
        assert kernel(sun, view, phi) == pytest.approx(kernel(view, sun, phi), abs=1e-9)
        assert kernel(sun, view, phi) == pytest.approx(kernel(sun, view, -phi), abs=1e-9)


def test_equals_sen2nbar():
    # sen2nbar 2024.6.0, kvol and kgeo; the fifth is the hot spot's plane seen from nadir.
    sun, view = [30, 45, 60, 70, 25, 20.5], [5, 10, 12, 8, 0, 11.5]
    azimuths = [40, 140, 95, 180, 0, 312.25]
    volume = [-0.0124784720, -0.0834796256, -0.0315534452, -0.0185276663, -0.0243501094, 0.0085917619]
    shadow = [-0.6096422532, -1.2598089117, -1.5160435753, -2.1504292076, -0.5736493694, -0.3338438156]
    np.testing.assert_allclose(ross_thick(sun, view, azimuths), volume, atol=1e-9)
    np.testing.assert_allclose(li_sparse_reciprocal(sun, view, azimuths), shadow, atol=1e-9)
