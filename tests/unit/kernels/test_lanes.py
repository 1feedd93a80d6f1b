"""What works on many pixels at once is what NumPy does with each."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.kernels import lanes
from eomap.kernels.lanes import LANES, filled, load, load_bool, prefetch, store

ROWS = st.lists(st.integers(0, 65_535), min_size=LANES + 3, max_size=LANES + 3).map(
    lambda values: np.array(values, np.uint16)
)
TWINS = {
    "lower": np.minimum,
    "higher": np.maximum,
    "both": np.bitwise_and,
    "either": np.bitwise_or,
    "differ": np.bitwise_xor,
    "minus": np.subtract,
    "halved": lambda a: a >> 1,
    "told": lambda a: np.where(a, 65_535, 0),
}


def kernel_of(name):
    work = getattr(lanes, name)
    if name in ("halved", "told"):
        return numba.njit(lambda a, b, at, out: store(out, at, work(load(a, at))))
    return numba.njit(lambda a, b, at, out: store(out, at, work(load(a, at), load(b, at))))


KERNELS = {name: kernel_of(name) for name in TWINS}


@pytest.mark.parametrize("name", TWINS)
@given(a=ROWS, b=ROWS, at=st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_operations_are_numpys_on_every_lane_and_touch_no_other_pixel(name, a, b, at):
    out = np.full(LANES + 3, 7, np.uint16)
    KERNELS[name](a, b, at, out)
    wanted = np.full(LANES + 3, 7, np.uint16)
    part = slice(at, at + LANES)
    wanted[part] = TWINS[name](a[part]) if name in ("halved", "told") else TWINS[name](a[part], b[part])
    np.testing.assert_array_equal(out, wanted)


@numba.njit
def tell(clear, at, out):
    store(out, np.uint64(0), load_bool(clear, at))


@numba.njit
def fill(value, out):
    prefetch(out, np.uint64(2**40))  # no place of ours: it may be asked for, and nothing happens
    store(out, np.uint64(0), filled(value))


def test_a_mask_becomes_bits_and_a_value_fills_all_lanes():
    clear = np.random.default_rng(0).random(LANES + 1) < 0.5
    out = np.empty(LANES, np.uint16)
    tell(clear, 1, out)
    np.testing.assert_array_equal(out, np.where(clear[1:], 65_535, 0))
    fill(np.uint16(513), out)
    assert (out == 513).all()
