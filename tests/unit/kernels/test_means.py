"""Means of squares and of neighbours: kernel = twin, and a part is the part of the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.kernels.means import softened, softened_numpy, square_means, square_means_numpy

FIELD = np.random.default_rng(0).normal(size=(60, 90)).astype(np.float32)


@pytest.mark.parametrize("factor", [1, 2, 3, 5, 6])
def test_square_means_are_their_twin_and_means(factor):
    field = FIELD[: 60 // factor * factor, : 90 // factor * factor]
    found = square_means(field, factor)
    assert np.array_equal(found, square_means_numpy(field, factor)) and found.dtype == np.float32
    cells = field.reshape(len(field) // factor, factor, -1, factor).astype(np.float64)
    assert np.allclose(found, cells.mean(axis=(1, 3)), atol=1e-6)
    assert np.array_equal(square_means(field[factor:], factor), found[1:])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 40), st.integers(0, 60), st.integers(1, 20), st.integers(1, 30))
def test_softening_is_its_twin_and_knows_no_cut(row, col, height, width):
    part = FIELD[row : row + height, col : col + width]
    found = softened(part)
    assert np.array_equal(found, softened_numpy(part))
    inner = (slice(1, -1), slice(1, -1))
    assert np.array_equal(found[inner], softened(FIELD)[row : row + height, col : col + width][inner])


def test_softening_keeps_light():
    one = np.zeros((9, 9), np.float32)
    one[4, 4] = 1
    assert softened(one).sum() == 1 and softened(one)[4, 4] == 0.25
