"""Means and percentiles equal their NumPy twins bit for bit, and the twins are what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.kernels import levels

PERCENTS = [0, 10, 33, 50, 100]
KERNELS = {
    "mean": (levels.clear_mean, levels.clear_mean_numpy),
    "percentiles": (
        lambda c, m: levels.percentiles(c, m, PERCENTS),
        lambda c, m: levels.percentiles_numpy(c, m, PERCENTS),
    ),
}


@st.composite
def stacks(draw):
    looks, bands, width = draw(st.integers(1, 30)), draw(st.integers(1, 3)), draw(st.integers(1, 400))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    top = draw(st.sampled_from([3, 10_000, 65_536]))
    code = rng.integers(0, top, (looks, bands, 2, width)).astype(np.uint16)
    code[(code == 0) & (rng.random(code.shape) < 0.9)] = 1
    code[rng.random(code.shape) < 0.02] = 65_535
    return code, rng.random((looks, 2, width)) < draw(st.sampled_from([0, 0.1, 0.6, 1]))


@pytest.mark.parametrize("name", KERNELS)
@given(stack=stacks())
@settings(max_examples=40, deadline=None)
def test_kernel_equals_its_twin_bit_for_bit_and_a_block_is_part_of_the_whole(name, stack):
    kernel, twin = KERNELS[name]
    made = kernel(*stack)
    for a, b in zip(made, twin(*stack), strict=True):
        assert a.dtype == b.dtype == np.uint16
        np.testing.assert_array_equal(a, b)
    cut = stack[0].shape[3] // 2
    for part, whole in zip(kernel(*(a[..., cut:] for a in stack)), made, strict=True):
        np.testing.assert_array_equal(part, whole[..., cut:])


@given(stacks())
@settings(max_examples=20, deadline=None)
def test_twins_are_numpys_mean_and_percentile_of_the_looks(stack):
    code, clear = stack
    look = clear & (code > 0).all(axis=1)
    mean, n_clear = levels.clear_mean_numpy(code, clear)
    percentile, _ = levels.percentiles_numpy(code, clear, PERCENTS)
    for y, x in np.argwhere(n_clear >= 0)[::41]:
        seen = code[look[:, y, x], :, y, x].astype(float)
        assert n_clear[y, x] == len(seen)
        if not len(seen):
            assert not mean[:, y, x].any() and not percentile[..., y, x].any()
            continue
        np.testing.assert_allclose(mean[:, y, x], seen.mean(axis=0), atol=0.500001)
        np.testing.assert_allclose(
            percentile[..., y, x], np.percentile(seen, PERCENTS, axis=0), atol=0.500001
        )


@pytest.mark.parametrize("percents", [[], [101], [-1], [2.5]])
def test_odd_percents_are_refused(percents):
    with pytest.raises(MisuseError, match="percent"):
        levels.percentiles(np.ones((2, 1, 3, 3), np.uint16), np.ones((2, 3, 3), bool), percents)


@pytest.mark.parametrize("name", KERNELS)
def test_floats_are_refused(name):
    with pytest.raises(MisuseError, match="uint16"):
        KERNELS[name][0](np.ones((2, 1, 3, 3), np.float32), np.ones((2, 3, 3), bool))
