"""Speckle: kernel = twin, part = whole, the looks and the correlation that were asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.kernels.speckle import speckle, speckle_numpy

LOOKS, LAG1 = st.floats(2, 30), st.floats(0.5, 0.9)
PLACE = st.integers(-(2**30), 2**30)


@settings(max_examples=15, deadline=None)
@given(PLACE, PLACE, st.integers(0, 2**31), LOOKS, LAG1)
def test_the_kernel_is_its_twin_and_any_part_is_that_of_the_whole(row, col, seed, looks, lag1):
    how = {"seed": seed, "looks": looks, "lag1": lag1}
    whole = speckle(slice(row, row + 25), slice(col, col + 31), **how)
    assert np.array_equal(whole, speckle_numpy(slice(row, row + 25), slice(col, col + 31), **how))
    part = speckle(slice(row + 4, row + 11), slice(col + 9, col + 10), **how)
    assert np.array_equal(part, whole[4:11, 9:10])


@pytest.mark.parametrize("looks", [2.0, 4.4, 4.9, 12.0])
@pytest.mark.parametrize("lag1", [0.5, 0.78, 0.9])
def test_looks_and_correlation_are_those_asked_for(looks, lag1):
    field = speckle(slice(0, 900), slice(0, 900), seed=4, looks=looks, lag1=lag1).astype(float)
    assert abs(field.mean() - 1) < 0.02
    assert abs(field.mean() ** 2 / field.var() / looks - 1) < 0.075 - 0.005 * min(looks, 5)
    for a, b in ((field[1:], field[:-1]), (field[:, 1:], field[:, :-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1] - lag1) < 0.03


def test_speckle_is_gamma_not_normal():
    # Skewness of a gamma law: 2 / sqrt(looks).
    field = speckle(slice(0, 1500), slice(0, 1500), seed=8, looks=4.4, lag1=0.78).astype(float)
    skewness = np.mean((field - field.mean()) ** 3) / field.std() ** 3
    assert field.min() > 0 and abs(skewness / (2 / np.sqrt(4.4)) - 1) < 0.15


def test_seeds_are_independent():
    a, b = (speckle(slice(0, 700), slice(0, 700), seed=s, looks=4.4, lag1=0.8) for s in (1, 2))
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize(("looks", "lag1"), [(1.5, 0.8), (4.4, 0.95), (4.4, 0.1)])
def test_what_cannot_be_kept_is_refused(looks, lag1):
    with pytest.raises(MisuseError):
        speckle(slice(0, 2), slice(0, 2), seed=1, looks=looks, lag1=lag1)
