"""Baselines of cloud removal, against hand values and the composites of codes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eomap.errors import MisuseError
from eomap.kernels.levels import clear_mean_numpy
from eomap.kernels.unclouded import clear_mosaic, least_cloudy

MASK = hnp.arrays(bool, (4, 3, 5))


def looks(seed=0):
    return np.random.default_rng(seed).integers(1, 60_000, (4, 2, 3, 5)).astype(np.uint16)


@given(MASK)
def test_the_least_cloudy_look_is_one_look_whole(clear_tyx):
    values = looks().astype(np.float32)
    chosen = least_cloudy(values, clear_tyx)
    best = max(clear_tyx.sum(axis=(1, 2)))
    first = next(t for t in range(4) if clear_tyx[t].sum() == best)
    assert np.array_equal(chosen, values[first])


@given(MASK, st.floats(0, 5))
def test_the_mosaic_is_the_mean_composite_but_for_its_fallback(clear_tyx, fallback):
    code = looks()
    made = clear_mosaic(code.astype(np.float32), clear_tyx, fallback=fallback)
    known = np.broadcast_to(clear_tyx.any(axis=0), made.shape)
    composite, _ = clear_mean_numpy(code, clear_tyx)
    assert (np.abs(made - composite)[known] <= 0.51).all()
    assert (made[~known] == np.float32(fallback)).all() and (composite[~known] == 0).all()


def test_the_fallback_is_the_published_one_and_unknown_clouds_do_not_matter():
    values = np.array([[[[0.2, np.nan]]], [[[0.4, 0.9]]]], np.float32)
    clear = np.array([[[True, False]], [[True, False]]])
    assert clear_mosaic(values, clear).ravel() == pytest.approx([0.3, 0.5])


def test_what_does_not_fit_is_refused():
    values = np.zeros((2, 1, 3, 3), np.float32)
    for mask in (np.ones((3, 3, 3), bool), np.ones((2, 3, 3), np.uint8)):
        for baseline in (least_cloudy, clear_mosaic):
            with pytest.raises(MisuseError, match="baseline"):
                baseline(values, mask)
    with pytest.raises(MisuseError, match="one look or more"):
        least_cloudy(values[:0], np.ones((0, 3, 3), bool))
