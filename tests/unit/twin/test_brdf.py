"""Kernels against numbers worked out by hand from the formulas, and the laws that they obey."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eomap.twin.brdf import SHAPES, li_sparse_reciprocal, relative_to_nadir, ross_thick
from eomap.twin.materials import Material

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


@given(angle, azimuth, st.sampled_from(list(Material)))
def test_nadir_is_one_and_views_of_sentinel_2_stay_plausible(sun, phi, material):
    shape = {"iso": 1.0, "vol": SHAPES[material].vol, "geo": SHAPES[material].geo}
    assert relative_to_nadir(sun, 0.0, phi, **shape) == 1
    assert 0.7 < relative_to_nadir(sun, 12.0, phi, **shape) < 1.3
    assert 0.7 < relative_to_nadir(sun, 12.0, np.array([0.0, 180.0]), **shape).mean() < 1.2


def test_plants_look_brighter_with_the_sun_behind_the_satellite():
    for material in (Material.BROADLEAF, Material.CONIFER, Material.GRASS, Material.CROP):
        shape = {"iso": 1.0, "vol": SHAPES[material].vol, "geo": SHAPES[material].geo}
        assert relative_to_nadir(40, 10, 0, **shape) > 1.02 > relative_to_nadir(40, 10, 180, **shape)


def test_every_material_has_a_shape():
    assert set(SHAPES) == set(Material)
