"""Gap filling: kernel = twin = a plain loop, whatever the cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.kernels.fill import fill_gaps, fill_gaps_numpy


@st.composite
def rasters(draw):
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 30), st.integers(1, 30)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dn = rng.integers(1, draw(st.sampled_from([3, 65_536])), shape).astype(np.uint16)
    dn[rng.random(shape) < draw(st.sampled_from([0, 0.1, 0.9, 1]))] = 0
    return dn, draw(st.integers(0, 40))


@given(rasters())
@settings(max_examples=80, deadline=None)
def test_kernel_equals_its_twin_bit_for_bit(raster):
    fast, plain = fill_gaps(*raster), fill_gaps_numpy(*raster)
    assert fast.dtype == plain.dtype == np.uint16
    np.testing.assert_array_equal(fast, plain)


@given(rasters())
@settings(max_examples=15, deadline=None)
def test_twin_is_the_rounded_mean_of_the_box(raster):
    dn, radius = raster
    filled = fill_gaps_numpy(dn, radius)
    for b, y, x in np.argwhere(dn == 0)[:50]:
        box = dn[b, max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]
        values = [int(v) for v in box.ravel() if v]
        wanted = (2 * sum(values) + len(values)) // (2 * len(values)) if values else 0
        assert filled[b, y, x] == wanted


@given(rasters(), st.data())
@settings(max_examples=40, deadline=None)
def test_cutting_does_not_matter_beyond_the_radius(raster, data):
    dn, radius = raster
    y, x = data.draw(st.integers(0, dn.shape[1])), data.draw(st.integers(0, dn.shape[2]))
    inner = fill_gaps(dn[:, y:, x:], radius)[:, radius if y else 0 :, radius if x else 0 :]
    whole = fill_gaps(dn, radius)
    rows, cols = inner.shape[1:]
    np.testing.assert_array_equal(inner, whole[:, dn.shape[1] - rows :, dn.shape[2] - cols :])


def test_values_stay_and_full_rasters_are_not_copied():
    dn = np.full((2, 4, 4), 7, np.uint16)
    assert fill_gaps(dn, 3) is dn
    dn[0, 1, 1] = 0
    before = dn.copy()
    assert fill_gaps(dn, 1)[0, 1, 1] == 7
    np.testing.assert_array_equal(dn, before)


def test_a_far_gap_stays_empty():
    dn = np.zeros((1, 1, 9), np.uint16)
    dn[0, 0, 0] = 5
    assert fill_gaps(dn, 3).ravel().tolist() == [5, 5, 5, 5, 0, 0, 0, 0, 0]


def test_wrong_arrays_are_refused():
    with pytest.raises(MisuseError, match="gap fill"):
        fill_gaps(np.zeros((3, 3), np.uint16), 1)
    with pytest.raises(MisuseError, match="gap fill"):
        fill_gaps(np.zeros((1, 3, 3), np.uint16), -1)
