"""The layer `ood`: monotone, exact at knots, the same meaning for every method."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.ood import Familiarity

SCORES = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=300)


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES)
def test_the_layer_never_falls_and_stays_within_0_and_1(known, seen):
    layer = Familiarity.of(known).layer(np.sort(seen))
    assert layer.dtype == np.float32
    assert (np.diff(layer) >= 0).all() and layer.min() >= 0 and layer.max() <= 1


@settings(max_examples=60, deadline=None)
@given(SCORES)
def test_it_is_the_share_of_more_familiar_samples(known):
    curve = Familiarity.of(known)
    s = np.asarray(known, np.float64)
    exact = np.array([(s < at).mean() for at in curve.score_q])
    assert curve.layer(curve.score_q) == pytest.approx(exact, abs=1e-6)
    assert curve.layer([s.min() - 1, s.max() + 1]) == pytest.approx([0, 1])


def test_between_knots_it_is_close_and_needs_no_more_than_70():
    s = np.random.default_rng(0).normal(size=5000)
    curve = Familiarity.of(s)
    at = np.linspace(-3, 4, 400)
    exact = np.array([(s < v).mean() for v in at])
    assert len(curve.score_q) <= 70 and np.abs(curve.layer(at) - exact).max() < 0.01


def test_held_out_samples_are_spread_evenly_whatever_the_score():
    rng = np.random.default_rng(1)
    for score in (np.exp, np.arctan, lambda v: 1e3 * v):
        layer = Familiarity.of(score(rng.normal(size=4000))).layer(score(rng.normal(size=4000)))
        assert np.quantile(layer, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.03)


def test_ties_and_unknown():
    curve = Familiarity.of([1.0, 1.0, 1.0, 2.0])
    assert curve.layer([1.0, 2.0, 2.5]) == pytest.approx([0, 0.75, 1])
    assert np.isnan(curve.layer([np.nan])[0])
    for bad in ([], [1.0, np.inf]):
        with pytest.raises(MisuseError):
            Familiarity.of(bad)
