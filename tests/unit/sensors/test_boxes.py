"""Neighbourhoods against plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.sensors.boxes import box_sum, dilate, erode


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_boxes_equal_a_plain_loop(seed, height, width, radius):
    rng = np.random.default_rng(seed)
    value = rng.integers(0, 65_536, (height, width)).astype(np.uint16)
    mask = rng.random((height, width)) < rng.choice([0.05, 0.5, 0.95])
    total, grown, shrunk = box_sum(value, radius), dilate(mask, radius), erode(mask, radius)
    for y in range(height):
        for x in range(width):
            box = np.s_[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]
            assert total[y, x] == value[box].sum(dtype=np.int64)
            assert grown[y, x] == mask[box].any()
            assert shrunk[y, x] == mask[box].all()


@pytest.mark.parametrize("radius", [0, 1, 6, 8])
def test_growth_has_the_stated_reach(radius):
    mask = np.zeros((21, 21), bool)
    mask[10, 10] = True
    rows, cols = np.nonzero(dilate(mask, radius))
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (10 - radius, 10 + radius) * 2
    assert len(rows) == (2 * radius + 1) ** 2
