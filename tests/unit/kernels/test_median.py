"""The median kernel is its NumPy twin, bit for bit, and the twin is the median."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.kernels.median import (
    NO_SPREAD,
    median_and_spread,
    median_and_spread_numpy,
    median_composite,
    median_composite_numpy,
)


@st.composite
def stacks(draw):
    looks = draw(st.sampled_from([1, 2, 3, 4, 5, 8, 11, 14, 16, 70]))  # few, as each is compiled once
    bands, height, width = draw(st.integers(1, 4)), draw(st.integers(0, 5)), draw(st.integers(1, 700))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    top = draw(st.sampled_from([2, 10, 10_000, 65_536]))
    dn = rng.integers(0, top, (looks, bands, height, width)).astype(np.uint16)
    dn[rng.random(dn.shape) < draw(st.sampled_from([0, 0.05, 0.5]))] = 0
    dn[rng.random(dn.shape) < draw(st.sampled_from([0, 0.05]))] = 65_535
    clear = rng.random((looks, height, width)) < draw(st.sampled_from([0, 0.1, 0.6, 1]))
    return dn, clear


@pytest.mark.parametrize(
    ("kernel", "twin"),
    [(median_composite, median_composite_numpy), (median_and_spread, median_and_spread_numpy)],
)
@given(stack=stacks())
@settings(max_examples=60, deadline=None)
def test_kernel_equals_its_twin_bit_for_bit(kernel, twin, stack):
    fast, plain = kernel(*stack), twin(*stack)
    for a, b in zip(fast, plain, strict=True):
        assert a.dtype == b.dtype == np.uint16
        np.testing.assert_array_equal(a, b)


@given(stacks())
@settings(max_examples=20, deadline=None)
def test_twin_is_numpys_median_of_the_looks_rounded_half_up(stack):
    dn, clear = stack
    composite, n_clear = median_composite_numpy(dn, clear)
    look = clear & (dn > 0).all(axis=1)
    for y, x in [(y, x) for y in range(dn.shape[2]) for x in range(0, dn.shape[3], 97)]:
        seen = dn[look[:, y, x], :, y, x]
        assert n_clear[y, x] == len(seen)
        wanted = np.floor(np.median(seen, axis=0) + 0.5) if len(seen) else np.zeros(dn.shape[1])
        np.testing.assert_array_equal(composite[:, y, x], wanted)


@given(stacks())
@settings(max_examples=20, deadline=None)
def test_the_spread_is_the_mean_over_bands_of_the_looks_median_absolute_deviation(stack):
    dn, clear = stack
    composite, n_clear, spread = median_and_spread_numpy(dn, clear)
    look = clear & (dn > 0).all(axis=1)
    for y, x in [(y, x) for y in range(dn.shape[2]) for x in range(0, dn.shape[3], 97)]:
        seen = dn[look[:, y, x], :, y, x].astype(int)
        if n_clear[y, x] < 2:
            assert spread[y, x] == NO_SPREAD
            continue
        deviation = np.abs(seen - composite[:, y, x])
        mad = np.floor(np.median(deviation, axis=0) + 0.5)
        assert spread[y, x] == np.floor(mad.mean() + 0.5)


@given(stacks())
@settings(max_examples=20, deadline=None)
def test_asking_for_the_spread_changes_neither_median_nor_looks(stack):
    for a, b in zip(median_composite(*stack), median_and_spread(*stack), strict=False):
        np.testing.assert_array_equal(a, b)


def test_equal_looks_do_not_spread_and_one_look_says_nothing_of_it():
    dn = np.full((3, 2, 1, 2), 700, np.uint16)
    clear = np.array([[1, 1], [1, 0], [1, 0]], bool).reshape(3, 1, 2)
    assert median_and_spread(dn, clear)[2].ravel().tolist() == [0, NO_SPREAD]


@given(stacks(), st.data())
@settings(max_examples=20, deadline=None)
def test_a_block_alone_is_the_block_of_the_whole(stack, data):
    dn, clear = stack
    cut = data.draw(st.integers(0, dn.shape[3]))
    whole = median_and_spread(dn, clear)
    part = median_and_spread(dn[..., cut:], clear[..., cut:])
    for a, b in zip(part, whole, strict=True):
        np.testing.assert_array_equal(a, b[..., cut:])


def test_one_band_without_data_takes_the_look_from_every_band():
    dn = np.array([[10, 100], [20, 0], [30, 300]], np.uint16).reshape(3, 2, 1, 1)
    composite, n_clear = median_composite(dn, np.ones((3, 1, 1), bool))
    assert composite.ravel().tolist() == [20, 200]
    assert n_clear[0, 0] == 2


def test_order_of_looks_does_not_matter():
    rng = np.random.default_rng(1)
    dn = rng.integers(0, 9, (9, 2, 3, 50)).astype(np.uint16)
    clear = rng.random((9, 3, 50)) < 0.5
    order = rng.permutation(9)
    np.testing.assert_array_equal(
        median_composite(dn, clear)[0], median_composite(dn[order], clear[order])[0]
    )


@pytest.mark.parametrize(
    ("dn", "clear"),
    [
        (np.zeros((2, 1, 3, 3), np.int32), np.ones((2, 3, 3), bool)),
        (np.zeros((2, 1, 3, 3), np.uint16), np.ones((2, 3, 4), bool)),
        (np.zeros((2, 1, 3, 3), np.uint16), np.ones((2, 3, 3), np.uint8)),
        (np.zeros((0, 1, 3, 3), np.uint16), np.ones((0, 3, 3), bool)),
        (np.zeros((2, 0, 3, 3), np.uint16), np.ones((2, 3, 3), bool)),
    ],
)
def test_wrong_arrays_are_refused(dn, clear):
    with pytest.raises(MisuseError, match="median composite"):
        median_composite(dn, clear)


@pytest.mark.parametrize("wrong", [np.zeros((1, 3, 4), np.uint16), np.zeros((1, 3, 3), np.int32)])
def test_an_out_that_does_not_fit_is_refused(wrong):
    looks = np.ones((2, 1, 3, 3), np.uint16), np.ones((2, 3, 3), bool)
    with pytest.raises(MisuseError, match="out"):
        median_composite(*looks, out=(wrong, np.zeros((3, 3), np.uint16)))


@given(stacks())
@settings(max_examples=15, deadline=None)
def test_blocks_of_a_raster_are_filled_in_place_and_nothing_beside_them(stack):
    dn, clear = stack
    wanted = median_and_spread(dn, clear)
    wide = tuple(np.full((*a.shape[:-2], a.shape[-2] + 2, a.shape[-1] + 3), 7, np.uint16) for a in wanted)
    inner = tuple(a[..., 1:-1, 2:-1] for a in wide)
    median_and_spread(dn, clear, out=inner)
    for a, b, whole in zip(inner, wanted, wide, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (whole == 7).sum() >= whole.size - a.size


@pytest.mark.parametrize("width", [31, 1024, 5003])
@pytest.mark.parametrize("looks", [1, 2, 5])
def test_looks_rows_and_columns_may_run_backwards_and_land_anywhere(looks, width):
    """Also an axis of one, whose stride says nothing."""
    rng = np.random.default_rng(width)
    dn = rng.integers(0, 9, (looks, 2, 3, width)).astype(np.uint16)
    clear = rng.random((looks, 3, width)) < 0.7
    wanted = median_and_spread_numpy(dn, clear)
    wide = tuple(np.full((*a.shape[:-2], 6, 2 * width), 7, np.uint16) for a in wanted)
    for rows, columns in [(slice(None, None, 2), slice(width)), (slice(3), slice(None, None, 2))]:
        out = tuple(a[..., rows, columns] for a in wide)
        median_and_spread(dn[::-1], clear[::-1], out=out)
        for a, b in zip(out, wanted, strict=True):
            np.testing.assert_array_equal(a, b)
        turned = median_and_spread(dn[..., ::-1, ::-1], clear[..., ::-1, ::-1])
        for a, b in zip(turned, wanted, strict=True):
            np.testing.assert_array_equal(a[..., ::-1, ::-1], b)


@given(stacks(), st.sampled_from([(0, 1, 2, 3), (2, 0, 1, 3), (3, 2, 1, 0)]))
@settings(max_examples=15, deadline=None)
def test_looks_may_lie_in_memory_in_any_order(stack, axes):
    dn, clear = stack
    laid = np.ascontiguousarray(dn.transpose(axes)).transpose(np.argsort(axes))
    for a, b in zip(
        median_composite(laid, clear[:, ::-1][:, ::-1]), median_composite(dn, clear), strict=True
    ):
        np.testing.assert_array_equal(a, b)
