"""Codes and looks: kernels are their NumPy twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eomap.kernels.codes import drop_unseen, drop_unseen_numpy, shifted_codes, shifted_codes_numpy
from eomap.kernels.days import mean_day, mean_day_numpy


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32])
@given(data=st.data())
@settings(deadline=None)
def test_codes_are_those_of_the_twin(dtype, data):
    info = np.iinfo(dtype)
    edges = [v for v in (info.min, 0, 1, 999, 1000, 1001, info.max) if info.min <= v <= info.max]
    value = st.sampled_from(edges) | st.integers(int(info.min), int(info.max))
    raw = data.draw(arrays(dtype, (3, 41), elements=value))
    shift = data.draw(st.sampled_from([0, -1000, 3001]))
    nodata = data.draw(st.sampled_from([None, 0, 1, 999.0, -32768, -9999, 65535, float("nan"), 0.5]))
    assert np.array_equal(shifted_codes(raw, shift, nodata), shifted_codes_numpy(raw, shift, nodata))


@given(arrays(np.bool_, (5, 67)), arrays(np.uint16, (5, 67), elements=st.integers(0, 2)))
@settings(deadline=None)
def test_looks_lose_what_was_not_seen(look, code):
    one, other = look.copy(), look.copy()
    assert drop_unseen(one, code) == drop_unseen_numpy(other, code)
    assert np.array_equal(one, other) and not (one & (code == 0)).any() and (one <= look).all()


@given(arrays(np.bool_, (4, 3, 50)), st.lists(st.integers(0, 65_535), min_size=4, max_size=4), st.booleans())
@settings(deadline=None)
def test_days_are_those_of_the_twin(look, days, tall):
    look = np.repeat(look, 70, axis=2) if tall else look  # more than one chunk
    day = np.array(days, np.uint16)
    assert np.array_equal(mean_day(look, day), mean_day_numpy(look, day))
