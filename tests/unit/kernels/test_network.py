"""The networks sort, and the compiled middle is the middle."""

import numpy as np
import pytest

from eomap.kernels.network import middle_ranks, rows_for, sorting_network


@pytest.mark.parametrize("n", range(1, 13))
def test_network_sorts_every_pattern_of_zeros_and_ones(n):
    """Knuth's zero-one principle: then it sorts everything."""
    values = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    for i, j in sorting_network(n):
        values[:, [i, j]] = np.sort(values[:, [i, j]], axis=1)
    assert (np.diff(values, axis=1) >= 0).all()
    assert len(sorting_network(10)) == 31


@pytest.mark.parametrize("n", range(1, 9))
def test_filled_up_in_turn_the_middle_stays_where_it_is(n):
    alone, other = middle_ranks(n)
    for pattern in range(1, 2**n):
        seen = [(pattern >> t) & 1 for t in range(n)]
        gaps = iter([9, -9] * n)
        row = np.sort([t if s else next(gaps) for t, s in enumerate(seen)])
        values = [t for t in range(n) if seen[t]]
        middle = row[alone] if len(values) % 2 else (row[alone] + row[other]) / 2
        assert middle == np.median(values)


def test_rows_are_never_fewer_than_looks():
    assert all(n <= rows_for(n) < n + 4 for n in range(1, 200))
