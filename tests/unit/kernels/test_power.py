"""Codes of decibels and linear power: exact both ways, and looks averaged where averages mean something."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eomap.errors import MisuseError
from eomap.kernels.composite import Looks, composed
from eomap.kernels.power import code_of, code_of_numpy, mean_in_power, mean_in_power_numpy, powers

CODES = st.one_of(st.just(0), st.integers(1, 65_535), st.sampled_from([1, 65_535]))
LOOKS = st.integers(1, 6).flatmap(
    lambda t: st.tuples(
        arrays(np.uint16, (t, 2, 3, 4), elements=CODES), arrays(np.bool_, (t, 3, 4), elements=st.booleans())
    )
)


@given(LOOKS)
@settings(max_examples=100, deadline=None)
def test_the_kernel_is_its_plain_twin(looks):
    for fast, plain in zip(mean_in_power(*looks), mean_in_power_numpy(*looks), strict=True):
        assert fast.dtype == plain.dtype == np.uint16 and (fast == plain).all()


@given(LOOKS)
@settings(max_examples=50, deadline=None)
def test_a_pixel_depends_on_itself_and_looks_have_no_order(looks):
    code, look = looks
    whole, count = mean_in_power(code, look)
    part, some = mean_in_power(code[..., 1:], look[..., 1:])
    assert (part == whole[..., 1:]).all() and (some == count[..., 1:]).all()
    turned, _ = mean_in_power(code[::-1].copy(), look[::-1].copy())
    assert np.abs(turned.astype(int) - whole.astype(int)).max() <= 1  # sums round by their order


def test_half_a_power_is_three_decibels_less():
    code = np.array([40_000, 40_000, 0], np.uint16).reshape(3, 1, 1, 1)
    code[1] = 1  # as good as nothing
    value, count = mean_in_power(code, np.ones((3, 1, 1), bool))
    assert int(count[0, 0]) == 2 and int(value[0, 0, 0]) == 40_000 - 3010


def test_speckle_leaves_the_mean_where_it_is_but_not_the_median():
    rng = np.random.default_rng(7)
    power = 0.1 * rng.gamma(4.4, 1 / 4.4, (400, 1, 30, 30))
    looks = np.ones((400, 30, 30), bool)
    mean = mean_in_power(code_of(power), looks)[0] / 1000 - 50
    median = composed("median", Looks(code_of(power), looks, np.ones(400, np.uint16), ("VV",)))
    median = median.code_byx / 1000 - 50
    assert mean.mean() == pytest.approx(-10, abs=0.02)
    assert median.mean() < -10.2


def test_nearest_codes_and_their_ends():
    power = powers()
    between = np.sqrt(power[1:-1] * power[2:])
    for power_of in (between, power, power * (1 + 1e-12), power * (1 - 1e-12), between.astype(np.float32)):
        assert (code_of(power_of) == code_of_numpy(power_of)).all()
    assert (code_of(between * (1 + 1e-9)) == np.arange(2, 65_536)).all()
    assert (code_of(between * (1 - 1e-9)) == np.arange(1, 65_535)).all()
    assert code_of(np.array([0, -1, np.nan, 1e-9, 1e9])).tolist() == [0, 0, 0, 1, 65_535]


def test_composite_by_power_has_count_spread_and_day():
    code = np.array([40_000, 41_000, 43_000], np.uint16).reshape(3, 1, 1, 1)
    days = np.array([10, 20, 40], np.uint16)
    made = composed("mean_in_power", Looks(code, np.ones((3, 1, 1), bool), days, ("VV",)), spread=True)
    assert made.code_byx[0, 0, 0] == mean_in_power_numpy(code, np.ones((3, 1, 1), bool))[0][0, 0, 0]
    assert (int(made.n_clear_yx[0, 0]), int(made.spread_yx[0, 0]), int(made.day_yx[0, 0])) == (3, 1000, 23)


def test_other_shapes_and_types_are_refused():
    with pytest.raises(MisuseError, match="mean in power"):
        mean_in_power(np.zeros((1, 1, 2, 2), np.int32), np.ones((1, 2, 2), bool))
