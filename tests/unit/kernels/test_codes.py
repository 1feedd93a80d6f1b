"""Codes and looks: kernels are their NumPy twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eomap.kernels.codes import (
    extent_of,
    extent_of_numpy,
    mean_of_bands,
    mean_of_bands_numpy,
    named,
    named_numpy,
    placed,
    placed_numpy,
    placed_of,
    placed_of_numpy,
    shifted_codes,
    shifted_codes_numpy,
)
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


@given(arrays(np.bool_, (4, 3, 50)), st.lists(st.integers(0, 65_535), min_size=4, max_size=4), st.booleans())
@settings(deadline=None)
def test_days_are_those_of_the_twin(look, days, tall):
    look = np.repeat(look, 70, axis=2) if tall else look  # more than one chunk
    day = np.array(days, np.uint16)
    assert np.array_equal(mean_day(look, day), mean_day_numpy(look, day))
    by_row = np.ascontiguousarray(look.transpose(1, 0, 2)).transpose(1, 0, 2)
    assert np.array_equal(mean_day(by_row, day), mean_day_numpy(look, day))


@given(arrays(np.bool_, (5, 67)), arrays(np.uint16, (5, 67), elements=st.integers(0, 2)))
@settings(deadline=None)
def test_codes_are_placed_as_the_twin_does(look, code):
    one, other, out = look.copy(), look.copy(), np.full((2, 7, 70), 9, np.uint16)
    part = (slice(1, 6), slice(2, 69))
    assert placed(code, out[0][part], one) == placed_numpy(code, out[1][part], other)
    assert np.array_equal(one, other) and np.array_equal(out[0], out[1])
    assert not (one & (code == 0)).any() and (one <= look).all()


@given(
    arrays(np.bool_, (5, 67)),
    arrays(np.uint16, (5, 67), elements=st.integers(0, 2)),
    arrays(np.uint8, (5, 67), elements=st.sampled_from([0, 1, 255])),
)
@settings(deadline=None)
def test_codes_of_one_owner_are_placed_as_the_twin_does(look, code, owner):
    one, other, out = look.copy(), look.copy(), np.full((2, 7, 70), 9, np.uint16)
    part = (slice(1, 6), slice(2, 69))
    for n in (0, 1):
        lost = placed_of(n, owner, code, out[0][part], one)
        assert lost == placed_of_numpy(n, owner, code, out[1][part], other)
        assert np.array_equal(one, other) and np.array_equal(out[0], out[1])


@given(arrays(np.uint8, (3, 41)), arrays(np.bool_, 256))
@settings(deadline=None)
def test_classes_are_named_as_the_twin_does(classes, table):
    for some in (classes, classes.T, classes[:, ::2]):
        assert np.array_equal(named(table, some), named_numpy(table, some))


@given(arrays(np.bool_, (5, 7), elements=st.sampled_from([False, False, False, True])))
@settings(deadline=None)
def test_extents_are_those_of_the_twin(look):
    assert extent_of(look) == extent_of_numpy(look)


@given(
    st.integers(1, 20).flatmap(
        lambda n: st.tuples(st.just(n), arrays(np.uint32, (3, 31), elements=st.integers(0, 65_535 * n)))
    ),
    arrays(np.uint16, (3, 31), elements=st.integers(0, 3)),
)
@settings(deadline=None)
def test_means_of_bands_are_those_of_the_twin(summed, n_clear):
    one, other = np.zeros((2, 3, 31), np.uint16)
    count, total = summed
    mean_of_bands(total, count, n_clear, 65_535, one)
    mean_of_bands_numpy(total, count, n_clear, 65_535, other)
    assert np.array_equal(one, other)
