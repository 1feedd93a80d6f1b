"""Cells and class probabilities: kernel = twin, and the twin says what it means."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.kernels.cells import cell_clear, cell_clear_numpy, entropy, summarise, summarise_numpy

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 6), st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 2, 30, 65_536]))
@settings(max_examples=60, deadline=None)
def test_cell_kernel_equals_its_twin(seed, cell_px, rows, cols, top):
    n_clear = np.random.default_rng(seed).integers(0, top, (rows * cell_px, cols * cell_px)).astype(np.uint16)
    for a, b in zip(cell_clear(n_clear, cell_px), cell_clear_numpy(n_clear, cell_px), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_cells_are_counted_where_they_lie():
    n_clear = np.zeros((20, 30), np.uint16)
    n_clear[10:20, 20:30] = 4
    n_clear[0, 0] = 9
    fraction, looks = cell_clear(n_clear, 10)
    assert fraction[1, 2] == 1
    assert fraction[0, 0] == np.float32(0.01)
    assert looks.tolist() == [[0, 0, 0], [0, 0, 4]]


def test_a_mask_counts_as_one_look():
    fraction, looks = cell_clear(np.array([[True, False], [True, True]]), 2)
    assert fraction[0, 0] == 0.75
    assert looks[0, 0] == 1


def test_cells_must_fit():
    with pytest.raises(MisuseError, match="multiples of 10 px"):
        cell_clear(np.zeros((20, 25), np.uint16), 10)


@given(seeds, st.integers(2, 17), st.integers(1, 8), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_summary_equals_its_twin(seed, classes, height, width):
    rng = np.random.default_rng(seed)
    prob = rng.integers(0, 4, (classes, height, width)).astype(np.float32) ** 2
    prob[0] += prob.sum(axis=0) == 0
    prob /= prob.sum(axis=0)
    wanted = rng.random((height, width)) < 0.7
    code, confidence, spread = summarise(prob, wanted)
    code_np, confidence_np, spread_np = summarise_numpy(prob, wanted)
    np.testing.assert_array_equal(code, code_np)
    np.testing.assert_array_equal(confidence, confidence_np)
    np.testing.assert_allclose(spread, spread_np, atol=1e-6)
    assert (code[~wanted] == 0).all()
    assert (code[wanted] > 0).all()


def test_ties_go_to_the_smaller_code_and_all_alike_is_full_entropy():
    prob = np.full((17, 1, 2), 1 / 17, np.float32)
    prob[:, 0, 1] = 0
    prob[4, 0, 1] = 1
    code, confidence, spread = summarise(prob, np.ones((1, 2), bool))
    assert code.tolist() == [[1, 5]]
    assert confidence[0, 1] == 1
    assert spread[0] == pytest.approx([1, 0], abs=1e-6)
    assert entropy(prob)[0] == pytest.approx([1, 0], abs=1e-6)


def test_wrong_shapes_are_refused():
    with pytest.raises(MisuseError, match="class probabilities"):
        summarise(np.zeros((17, 2, 2), np.float32), np.ones((2, 3), bool))
