"""Windows of samples: aligned cuts, pure batches, what is varied and what never is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_training import RECIPE, samples

from eomap.core.recipe import Variation
from eomap.errors import MisuseError
from eomap.training.windows import Windows, resized, varied

SET = samples()
WINDOWS = Windows(RECIPE, SET)


def test_a_batch_is_a_function_of_seed_and_step_and_its_parts_make_the_whole():
    whole, again = WINDOWS.batch(3, 5), WINDOWS.batch(3, 5)
    np.testing.assert_array_equal(whole.code_ncyx, again.code_ncyx)
    halves = [WINDOWS.batch(3, 5, part=slice(k, 4, 2)) for k in (0, 1)]
    for k, half in enumerate(halves):
        np.testing.assert_array_equal(half.code_ncyx, whole.code_ncyx[k::2])
        np.testing.assert_array_equal(half.target_nkrc, whole.target_nkrc[k::2])
    assert not np.array_equal(WINDOWS.batch(3, 6).code_ncyx, whole.code_ncyx)
    assert whole.code_ncyx.shape == (4, 5, 16, 16) and whole.target_nkrc.shape == (4, 1, 8, 8)


@given(st.integers(0, 4), st.integers(0, 4), st.integers(0, 11))
def test_a_window_is_the_same_piece_of_every_array(row, col, n):
    assert WINDOWS.places == 5
    code, aside, target = WINDOWS.window(n, (row, col))
    at = slice(2 * row, 2 * row + 16), slice(2 * col, 2 * col + 16)
    np.testing.assert_array_equal(code[:3], SET.arrays["one"].rows[n][(slice(None), *at)])
    share = SET.arrays["share"].rows[n][row : row + 8, col : col + 8]
    np.testing.assert_allclose(target[0][share < 65_535], share[share < 65_535] * 1e-4, rtol=1e-6)
    assert np.isnan(target[0][share == 65_535]).all()
    np.testing.assert_array_equal(aside, SET.place_n2[n])


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_variation_turns_code_and_truth_alike_and_keeps_gaps(seed):
    """Truth is copied into a channel of radar, which is neither brightened nor, here, hidden."""
    code, aside, target = WINDOWS.window(0, (0, 0))
    code[4] = target[0].repeat(2, 0).repeat(2, 1)
    how = replace(RECIPE, variation=Variation(gaps=0, without=0, gain=0.05))
    x, _, y = varied(code, aside, target, how, np.random.default_rng(seed))
    np.testing.assert_array_equal(x[4], y[0].repeat(2, 0).repeat(2, 1))
    assert ((x[:3] == 0).sum() == (code[:3] == 0).sum()) and (x[:3] == np.rint(x[:3])).all()
    without = replace(RECIPE, variation=Variation(turns=False, gaps=0, without=1, gain=0))
    x, _, _ = varied(code, aside, target, without, np.random.default_rng(seed))
    assert not x[3:].any()
    np.testing.assert_array_equal(x[:3], code[:3])


def test_means_and_deviations_are_those_of_what_was_seen():
    mean, std = WINDOWS.measured()
    one = np.concatenate([SET.arrays[n].rows[SET.of("train")][:, 0, ::3, ::3] for n in ("one", "other")])
    one = one[:, :5, :5].astype(float)
    seen = one[one > 0]
    assert len(mean) == 5 and abs(mean[0] - seen.mean()) < 60 and abs(std[0] - seen.std()) < 60


def test_judging_looks_at_every_sample_once_and_always_the_same():
    first, second = (list(WINDOWS.judged("test")) for _ in range(2))
    assert sum(len(b.code_ncyx) for b in first) == len(SET.of("test"))
    np.testing.assert_array_equal(first[0].code_ncyx, second[0].code_ncyx)


def test_resizing_takes_means_of_what_was_seen_only():
    code = np.array([[[0, 4, 8, 8], [2, 6, 8, 8], [0, 0, 1, 2], [0, 0, 0, 0]]], np.float32)
    assert resized(code, 10, 20).tolist() == [[[4, 8], [0, 2]]]
    assert resized(resized(code, 10, 20), 20, 10).shape == code.shape
    with pytest.raises(MisuseError):
        resized(code, 20, 30)


def test_what_does_not_fit_is_refused():
    with pytest.raises(MisuseError, match="extent"):
        Windows(replace(RECIPE, side_px=64), SET)
    with pytest.raises(MisuseError, match="an array elsewhere"):
        Windows(replace(RECIPE, truth=("elsewhere",)), SET)
    with pytest.raises(MisuseError, match="split night"):
        SET.of("night")
