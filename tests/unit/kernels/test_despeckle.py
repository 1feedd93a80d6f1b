"""Speckle filters: as their plain twins, any cut alike, less noise, the same mean, edges where they were."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.speckle import RADIUS_PX, margin_px
from eomap.errors import MisuseError
from eomap.kernels.despeckle import (
    despeckled,
    equivalent_looks,
    lee,
    lee_numpy,
    multitemporal,
    multitemporal_numpy,
)
from eomap.kernels.power import code_of, powers


def speckled(seed, ground, looks=4.4, times=None):
    rng = np.random.default_rng(seed)
    shape = ground.shape if times is None else (times, *ground.shape)
    return (ground * rng.gamma(looks, 1 / looks, shape)).astype(np.float32)


def holed(seed, shape):
    rng = np.random.default_rng(seed)
    power = speckled(seed, np.full(shape[-2:], 0.1), times=shape[0] if len(shape) == 3 else None)
    power[rng.random(shape) < 0.2] = 0
    power[..., :2, :3] = 0
    return power


@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(1, 30), st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_the_kernels_are_their_plain_twins(seed, radius, height, width):
    one, many = holed(seed, (height, width)), holed(seed, (3, height, width))
    assert np.array_equal(lee(one, radius_px=radius), lee_numpy(one, radius_px=radius))
    assert np.array_equal(multitemporal(many, radius_px=radius), multitemporal_numpy(many, radius_px=radius))


@given(st.integers(0, 2**31), st.integers(3, 20), st.integers(3, 20))
@settings(max_examples=15, deadline=None)
def test_a_part_is_what_it_is_in_the_whole(seed, top, left):
    code = code_of(holed(seed, (3, 40, 40)))[:, None].repeat(2, axis=1)
    rows, cols = slice(top - RADIUS_PX, top + 10 + RADIUS_PX), slice(left - RADIUS_PX, left + 9 + RADIUS_PX)
    inner = (..., slice(RADIUS_PX, -RADIUS_PX), slice(RADIUS_PX, -RADIUS_PX))
    for name in ("lee", "multitemporal"):
        whole = despeckled(name, code)[:, :, top : top + 10, left : left + 9]
        assert margin_px(name) == RADIUS_PX
        assert np.array_equal(despeckled(name, np.ascontiguousarray(code[..., rows, cols]))[inner], whole)


def test_even_ground_gets_more_looks_and_keeps_its_mean():
    power = speckled(1, np.full((200, 200), 0.1), times=12)
    before = np.median(equivalent_looks(power[0]))
    assert before == pytest.approx(4.4, rel=0.1)
    for name, made in (("lee", lee(power[0])), ("multitemporal", multitemporal(power)[0])):
        assert made.mean() == pytest.approx(power[0].mean(), rel=0.01), name
        assert np.median(equivalent_looks(made)) > (6 if name == "lee" else 8) * before, name


def test_edges_stay_where_they_were():
    ground = np.full((60, 200), 0.01)
    ground[30:] = 0.2
    power = speckled(3, ground, times=12)
    size = 2 * RADIUS_PX + 1
    box = np.stack([power[0, k : k + 60 - size + 1] for k in range(size)]).mean(axis=0)  # columns only
    smeared = box[29 - RADIUS_PX].mean() / 0.01
    assert smeared > 8
    assert lee(power[0])[29].mean() / 0.01 < smeared / 2
    assert multitemporal(power)[0, 29].mean() / 0.01 < 1.3


def test_a_change_between_looks_is_kept_in_time():
    ground = np.full((12, 60, 60), 0.1)
    ground[6:, 20:40, 20:40] = 0.01
    rng = np.random.default_rng(5)
    made = multitemporal((ground * rng.gamma(4.4, 1 / 4.4, ground.shape)).astype(np.float32))
    inside = made[:, 25:35, 25:35].mean(axis=(1, 2))
    assert np.allclose(inside[:6], 0.1, rtol=0.15) and np.allclose(inside[6:], 0.01, rtol=0.15)


def test_unseen_stays_unseen_and_none_does_nothing():
    code = code_of(holed(9, (4, 20, 20)))[:, None]
    for name in ("none", "lee", "multitemporal"):
        made = despeckled(name, code)
        assert made.dtype == np.uint16 and np.array_equal(made == 0, code == 0)
    assert despeckled("none", code) is code
    one = np.zeros((9, 9), np.float32)
    one[4, 4] = powers()[40_000]
    assert lee(one)[4, 4] == one[4, 4] and (lee(one) > 0).sum() == 1


def test_misuse_is_named():
    with pytest.raises(MisuseError, match="--speckle"):
        despeckled("frost", np.zeros((1, 1, 2, 2), np.uint16))
    with pytest.raises(MisuseError, match="speckle filter"):
        lee(np.zeros((2, 2)))
