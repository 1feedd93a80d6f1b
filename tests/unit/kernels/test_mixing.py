"""Mixtures of materials: kernel = twin, part = whole, shade is dark, fractions weigh linearly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.kernels.mixing import DARKEST, mixed, mixed_numpy


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    materials, shape = draw(st.integers(1, 15)), draw(st.tuples(st.integers(1, 9), st.integers(1, 40)))
    fraction = rng.dirichlet(np.full(materials + 1, 0.3), shape)[..., :-1] * 255
    return (
        np.moveaxis(fraction, -1, 0).astype(np.uint8),
        rng.normal(0, 1.5, (3, *shape)).astype(np.float32),
        rng.uniform(0, 0.6, materials).astype(np.float32),
        rng.normal(0, 0.05, (3, materials)).astype(np.float32),
    )


@given(cases())
@settings(max_examples=80, deadline=None)
def test_kernel_equals_its_twin_bit_for_bit(case):
    fraction, style, mean, spread = case
    fast = mixed(fraction, style, mean_m=mean, spread_km=spread)
    plain = mixed_numpy(fraction, style, mean_m=mean, spread_km=spread)
    assert fast.dtype == plain.dtype == np.float32
    np.testing.assert_array_equal(fast, plain)


@given(cases(), st.data())
@settings(max_examples=40, deadline=None)
def test_a_part_has_the_bits_of_the_whole(case, data):
    fraction, style, mean, spread = case
    height, width = fraction.shape[1:]
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    whole = mixed(fraction, style, mean_m=mean, spread_km=spread)
    part = mixed(fraction[:, y:, x:], style[:, y:, x:], mean_m=mean, spread_km=spread)
    np.testing.assert_array_equal(part, whole[y:, x:])


def test_fractions_weigh_and_the_rest_is_shade():
    fraction = np.array([255, 0, 0, 0, 51, 102], np.uint8).reshape(2, 1, 3)
    style = np.zeros((3, 1, 3), np.float32)
    made = mixed(
        fraction, style, mean_m=np.array([0.2, 0.5], np.float32), spread_km=np.zeros((3, 2), np.float32)
    )
    np.testing.assert_allclose(made, [[0.2, 0.1, 0.2]], rtol=1e-6)


def test_no_style_takes_a_material_below_the_darkest():
    style = np.full((3, 1, 1), -9, np.float32)
    made = mixed(
        np.full((1, 1, 1), 255, np.uint8),
        style,
        mean_m=np.array([0.1], np.float32),
        spread_km=np.full((3, 1), 0.05, np.float32),
    )
    assert made[0, 0] == DARKEST


def test_what_does_not_fit_is_refused():
    fraction, style = np.zeros((2, 3, 4), np.uint8), np.zeros((3, 3, 4), np.float32)
    mean, spread = np.zeros(2, np.float32), np.zeros((3, 2), np.float32)
    mixed(fraction, style, mean_m=mean, spread_km=spread)
    wrong = (
        (fraction.astype(np.float32), style, mean, spread),
        (fraction, style[:, :2], mean, spread),
        (fraction, style[:2], mean, spread),
        (fraction, style, mean[:1], spread),
        (fraction, style, mean, spread.astype(np.float64)),
    )
    for a, b, c, d in wrong:
        with pytest.raises(MisuseError, match="mixture of materials"):
            mixed(a, b, mean_m=c, spread_km=d)
