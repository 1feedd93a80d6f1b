"""Each choice equals its NumPy twin bit for bit, and keeps the laws of a choice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.kernels import choice


@st.composite
def stacks(draw):
    looks, bands, width = draw(st.integers(1, 13)), draw(st.integers(2, 4)), draw(st.integers(1, 600))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    top = draw(st.sampled_from([3, 10_000, 65_536]))
    code = rng.integers(0, top, (looks, bands, 2, width)).astype(np.uint16)
    code[(code == 0) & (rng.random(code.shape) < 0.9)] = 1
    clear = rng.random((looks, 2, width)) < draw(st.sampled_from([0, 0.1, 0.6, 1]))
    score = rng.integers(-2, 3, clear.shape).astype(np.float32)
    score[rng.random(score.shape) < draw(st.sampled_from([0, 0.2]))] = np.nan
    score[rng.random(score.shape) < draw(st.sampled_from([0, 0.2]))] = -np.inf
    return code, clear, score


CHOICES = {
    "medoid": (lambda c, m, s: choice.medoid(c, m), lambda c, m, s: choice.medoid_numpy(c, m)),
    "best": (choice.best_scored, choice.best_scored_numpy),
    "greenest": (
        lambda c, m, s: choice.greenest(c, m, red=1, nir=0),
        lambda c, m, s: choice.greenest_numpy(c, m, red=1, nir=0),
    ),
}


@pytest.mark.parametrize("name", CHOICES)
@given(stack=stacks())
@settings(max_examples=40, deadline=None)
def test_kernel_equals_its_twin_bit_for_bit(name, stack):
    kernel, twin = CHOICES[name]
    for a, b in zip(kernel(*stack), twin(*stack), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", CHOICES)
@given(stack=stacks())
@settings(max_examples=15, deadline=None)
def test_what_is_chosen_is_one_clear_look_in_all_its_bands_and_a_block_is_part_of_the_whole(name, stack):
    kernel, _ = CHOICES[name]
    code, clear, _ = stack
    made = kernel(*stack)
    look = clear & (code > 0).all(axis=1)
    np.testing.assert_array_equal(made.n_clear_yx, look.sum(axis=0))
    for y, x in np.argwhere(made.look_yx >= 0)[::29]:
        t = made.look_yx[y, x]
        assert look[t, y, x]
        np.testing.assert_array_equal(made.code_byx[:, y, x], code[t, :, y, x])
    assert (made.code_byx[:, made.look_yx < 0] == 0).all()
    cut = code.shape[3] // 2
    for part, whole in zip(kernel(*(a[..., cut:] for a in stack)), made, strict=True):
        np.testing.assert_array_equal(part, whole[..., cut:])


@given(stacks())
@settings(max_examples=15, deadline=None)
def test_no_other_look_is_greener(stack):
    code, clear, _ = stack
    made = choice.greenest(code, clear, red=0, nir=1)
    look = clear & (code > 0).all(axis=1)
    red, nir = code[:, 0].astype(float), code[:, 1].astype(float)
    index = np.where(look, (nir - red) / np.maximum(nir + red, 1), -2)
    seen = look.any(axis=0)
    taken = np.take_along_axis(index, np.maximum(made.look_yx, 0)[None].astype(int), 0)[0]
    assert (taken[seen] == index.max(axis=0)[seen]).all()


def test_the_medoid_is_no_outlier_and_ties_go_to_the_earliest():
    code = np.array([100, 9000, 120, 110], np.uint16).reshape(4, 1, 1, 1)
    assert choice.medoid(code, np.ones((4, 1, 1), bool)).look_yx[0, 0] == 2
    assert choice.medoid(code[:2], np.ones((2, 1, 1), bool)).look_yx[0, 0] == 0
    assert choice.greenest(code[[0, 0]], np.ones((2, 1, 1), bool), red=0, nir=0).look_yx[0, 0] == 0


def test_wrong_arrays_are_refused():
    code, clear = np.ones((2, 1, 3, 3), np.uint16), np.ones((2, 3, 3), bool)
    with pytest.raises(MisuseError, match="medoid"):
        choice.medoid(code.astype(np.float32), clear)
    with pytest.raises(MisuseError, match="scores"):
        choice.best_scored(code, clear, np.ones((2, 3, 3)))
