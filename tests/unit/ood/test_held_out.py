"""Places held out in turns: no place is judged by a detector that saw it, and none outvotes another."""

import numpy as np
import pytest

from eomap.errors import MisuseError
from eomap.ood import Familiarity, Known, fit, fitted
from eomap.ood.held_out import balanced, held_out_scores, weights


def _known(seed=0, sizes=(40, 10, 25), sources=(0, 0, 1)):
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(k, 1, (n, 3)) for k, n in enumerate(sizes)]).astype(np.float32)
    return Known(x, None, np.repeat(np.arange(len(sizes)), sizes), np.repeat(sources, sizes))


def test_a_place_is_scored_without_itself():
    known = _known()
    scores = held_out_scores("mahalanobis", known)
    own = known.place_n == 2  # alone in its source: left out by itself or with the first of the other
    rest = known.part(known.place_n == 1)
    expected = fit("mahalanobis", rest.samples()).score(known.features_nd[own])
    np.testing.assert_array_equal(scores[own], expected)
    moved = _known()
    moved.features_nd[own] += 50
    again = held_out_scores("mahalanobis", moved)
    np.testing.assert_array_equal(again[known.place_n == 0], scores[known.place_n == 0])
    assert (again[known.place_n == 1] != scores[known.place_n == 1]).all()


def test_places_and_sources_weigh_the_same():
    known = _known()
    w = weights(known)
    by_place = np.bincount(known.place_n, w)
    assert by_place == pytest.approx([0.5, 0.5, 1.0])
    kept = balanced(known)
    assert np.bincount(kept.source_n).tolist() == [25, 25]
    np.testing.assert_array_equal(kept.features_nd, balanced(known).features_nd)


def test_equal_weights_are_no_weights():
    s = np.random.default_rng(1).gamma(2, size=777)
    one, two = Familiarity.of(s), Familiarity.of(s, np.full(777, 0.3))
    np.testing.assert_array_equal(one.score_q, two.score_q)
    np.testing.assert_allclose(one.share_q, two.share_q, atol=1e-12)


def test_a_weight_of_two_is_the_sample_twice():
    s, w = np.arange(200.0), np.ones(200)
    w[150:] = 2
    made = Familiarity.of(s, w)
    assert made.layer([150.0])[0] == pytest.approx(150 / 250, abs=0.01)
    assert made.layer([201.0])[0] == 1


def test_the_order_of_samples_does_not_matter():
    known = _known()
    order = np.random.default_rng(3).permutation(len(known.place_n))
    x = np.random.default_rng(5).normal(size=(20, 3))
    (one, a), (two, b) = (fitted("mahalanobis", k) for k in (known, known.part(order)))
    np.testing.assert_array_equal(one.score(x), two.score(x))
    np.testing.assert_array_equal(a.score_q, b.score_q)


def test_one_place_is_refused():
    with pytest.raises(MisuseError, match="two places"):
        held_out_scores("mahalanobis", _known(sizes=(9,), sources=(0,)))
