"""Rank correlation agrees with SciPy's, whatever the ties."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eomap.kernels.scores.ranks import rank_correlation, ranks

VALUES = st.lists(st.integers(-5, 5), min_size=3, max_size=40)
QUICK = settings(deadline=None, max_examples=50)


@QUICK
@given(VALUES)
def test_ranks_are_those_of_scipy(values):
    assert np.array_equal(ranks(values), stats.rankdata(values))


@QUICK
@given(VALUES, st.randoms(use_true_random=False))
def test_rho_is_that_of_scipy(values, random):
    other = np.array(random.choices(values, k=len(values)))
    found = rank_correlation(values, other)
    if len(set(values)) == 1 or len(set(other)) == 1:
        assert np.isnan(found)
    else:
        assert np.isclose(found, stats.spearmanr(values, other).statistic, atol=1e-12)


def test_any_rising_function_keeps_the_order():
    x = np.random.default_rng(1).normal(size=50)
    assert np.isclose(rank_correlation(x, np.exp(3 * x)), 1) and np.isclose(rank_correlation(x, -x), -1)
