"""Calibration against closed forms and laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.ood import calibration as cal


def test_temperature_of_one_kind_of_answer_has_a_closed_form():
    logits = np.tile([4.0, 0.0], (10, 1))
    classes = np.array([0] * 8 + [1] * 2)  # right in 8 of 10: softmax(4 / T) = 0.8
    t = cal.temperature(logits, classes)
    assert t == pytest.approx(4 / np.log(4))
    p = 1 / (1 + np.exp(-logits / t @ [1, -1]))
    assert cal.calibration_error(np.column_stack([p, 1 - p]), classes) == pytest.approx(0, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 5))
def test_temperature_is_the_best_one_and_scales_with_the_logits(seed, factor):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(200, 4))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    classes = (p.cumsum(axis=1) > rng.random((200, 1))).argmax(axis=1)
    t = cal.temperature(logits, classes)
    least = cal.negative_log_likelihood(logits / t, classes)
    assert least <= min(cal.negative_log_likelihood(logits / (t * f), classes) for f in (0.9, 1.1))
    if t * factor < 90:
        assert cal.temperature(logits * factor, classes) == pytest.approx(t * factor, rel=1e-6)


def test_temperature_keeps_its_bounds():
    right = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert cal.temperature(right, [0, 1]) == pytest.approx(0.01)
    assert cal.temperature(right, [1, 0]) == pytest.approx(100.0)


def test_calibration_error_and_brier_by_hand():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    classes = [0, 1, 0, 0]
    assert cal.calibration_error(p, classes) == pytest.approx((0.4 + 0.4) / 2)
    assert cal.brier_score(p, classes) == pytest.approx((0.02 + 1.62 + 0.32 + 0.32) / 4)
    assert cal.brier_score(np.eye(3), [0, 1, 2]) == 0 and cal.brier_score(np.eye(3), [1, 2, 0]) == 2
    with pytest.raises(MisuseError):
        cal.brier_score(p, [0, 1, 2, 0])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 10), st.integers(1, 200))
def test_sigma_factor_is_the_least_that_covers(seed, spread, n):
    rng = np.random.default_rng(seed)
    truth, sigma = rng.normal(size=n), rng.uniform(0.5, 2, n)
    values = truth + spread * sigma * rng.normal(size=n)
    factor = cal.sigma_factor(values, truth, sigma)
    ratio = np.abs(values - truth) / sigma
    assert (ratio <= factor).mean() >= cal.ONE_SIGMA > (ratio < factor).mean()
    assert cal.sigma_factor(values, truth, 2 * sigma) == pytest.approx(factor / 2)


def test_sigma_factor_of_many_normal_errors_and_of_nothing():
    e = np.random.default_rng(0).normal(size=20_000)
    assert cal.sigma_factor(3 * e, np.zeros_like(e), np.ones_like(e)) == pytest.approx(3, rel=0.03)
    for bad in (([np.nan], [1.0], [1.0]), ([1.0], [1.0], [0.0])):
        with pytest.raises(MisuseError):
            cal.sigma_factor(*bad)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.floats(0.05, 0.95))
def test_with_a_sample_per_block_it_is_split_conformal(scores, coverage):
    bound = cal.conformal_bound(scores, np.arange(len(scores)), coverage=coverage)
    rank = int(np.ceil(coverage * (len(scores) + 1) - 1e-9))
    assert bound == (np.sort(scores)[rank - 1] if rank <= len(scores) else np.inf)


def test_a_block_counts_once_however_many_samples_it_has():
    scores, blocks = [1.0, 2.0, 3.0, 9.0], [0, 1, 2, 3]
    many = np.concatenate([scores, np.full(500, 9.0)]), np.concatenate([blocks, np.full(500, 3)])
    for coverage in (0.3, 0.5, 0.7):
        alone = cal.conformal_bound(scores, blocks, coverage=coverage)
        assert cal.conformal_bound(*many, coverage=coverage) == alone
    assert cal.conformal_bound(scores, blocks, coverage=0.9) == np.inf


def test_new_blocks_are_covered_where_pixels_alone_would_not_do():
    rng = np.random.default_rng(0)

    def scores(blocks):
        return np.abs(rng.lognormal(0, 1, (blocks, 1)) * rng.normal(size=(blocks, 50)))

    hits = []
    for _ in range(200):
        seen = scores(12)
        bound = cal.conformal_bound(seen, np.repeat(np.arange(12), 50), coverage=0.8)
        hits.append((scores(1) <= bound).mean())
    assert 0.78 < np.mean(hits) < 0.92


def test_interval_figures_by_hand():
    made = cal.interval_figures([0, 0, 0, np.nan], [1, 2, 3, 1], [1, 3, 1, 0])
    assert made == {"n": 3, "picp": pytest.approx(2 / 3), "mpiw": 2.0}
    assert np.isnan(cal.interval_figures([], [], [])["picp"])
    with pytest.raises(MisuseError):
        cal.conformal_bound([1.0, 2.0], [0], coverage=0.5)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.3, 5), st.integers(0, 99))
def test_tempered_probabilities_are_the_softmax_of_logits_over_t(t, seed):
    logits = np.random.default_rng(seed).normal(0, 3, (6, 5))

    def softmax(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    np.testing.assert_allclose(cal.tempered(softmax(logits), t), softmax(logits / t), atol=1e-12)


def test_a_temperature_of_one_is_the_very_array_and_nothing_stays_nothing():
    p = np.float32([[[0.0], [0.0]], [[0.9], [0.1]]])
    assert cal.tempered(p, 1.0) is p
    warm = cal.tempered(p, 2.0)
    assert (
        warm.dtype == np.float32 and warm[0].tolist() == [[0.0], [0.0]] and warm[1].sum() == pytest.approx(1)
    )
