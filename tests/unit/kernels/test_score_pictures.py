"""Scores of pictures and of their stated variances, against the reference's numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.kernels.scores import Calibration, Picture, discard_curve


def ramp(a, b=0.0):
    n = np.arange(13 * 32 * 32)
    return (0.5 + 0.5 * np.sin(a * n + b)).reshape(13, 32, 32)


def test_a_picture_has_the_reference_scores():
    scores = Picture.of(ramp(0.0113, 0.3), ramp(0.011))
    assert scores.rmse.value == pytest.approx(0.571672, abs=2e-6)
    assert scores.mae.value == pytest.approx(0.490004, abs=2e-6)
    assert scores.psnr_db.value == pytest.approx(4.857057, abs=2e-5)
    assert scores.sam_deg.value == pytest.approx(55.409157, abs=1e-4)
    assert scores.ssim.value == pytest.approx(-0.0243735, abs=1e-6)


def test_scores_are_averaged_over_pictures_not_pixels():
    good, bad = Picture.of(ramp(0.011) + 0.01, ramp(0.011)), Picture.of(ramp(0.011) + 0.1, ramp(0.011))
    both = good + bad
    assert both.psnr_db.value == pytest.approx((40 + 20) / 2)
    assert both.rmse.value == pytest.approx((0.01 + 0.1) / 2)


def test_a_perfect_picture():
    scores = Picture.of(ramp(0.011) + 1, ramp(0.011) + 1)
    assert scores.ssim.value == pytest.approx(1) and scores.sam_deg.value == 0 and scores.rmse.value == 0
    assert scores.psnr_db.n == 0


def samples(n=1000):
    i = np.arange(n)
    variance = 0.01 + 0.04 * (0.5 + 0.5 * np.sin(0.1 * i))
    return variance, np.sqrt(variance) * np.sin(1.7 * i) * 1.3


def test_calibration_has_the_reference_numbers():
    found = Calibration.of(*samples())
    assert found.uce == pytest.approx(0.0189832, abs=5e-8)
    assert found.auce == pytest.approx(0.0238865, abs=5e-8)


def test_the_last_bin_holds_the_highest_variance_alone():
    found = Calibration.of([0.0, 1.0, 18.99, 19.0], [0.0, 0.0, 0.0, 0.0])
    assert found.n_k[[0, 1, 18, 19]].tolist() == [1, 1, 1, 1] and found.n_k.sum() == 4


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_calibration_of_parts_is_that_of_the_whole(cut, seed):
    variance, _ = samples()
    error = np.random.default_rng(seed).normal(size=1000) * np.sqrt(variance)
    ends = {"lowest": 0.0, "highest": 0.06}
    whole = Calibration.of(variance, error, **ends)
    parts = Calibration.of(variance[:cut], error[:cut], **ends) + Calibration.of(
        variance[cut:], error[cut:], **ends
    )
    assert np.array_equal(parts.n_k, whole.n_k)
    assert parts.uce == pytest.approx(whole.uce) and parts.auce == pytest.approx(whole.auce)


def test_true_variances_are_calibrated_and_false_ones_are_not():
    rng = np.random.default_rng(4)
    variance = rng.uniform(0.01, 1, 200_000)
    error = rng.normal(size=200_000) * np.sqrt(variance)
    assert Calibration.of(variance, error).uce < 0.01
    assert Calibration.of(4 * variance, error).uce == pytest.approx(np.sqrt(variance).mean(), rel=0.05)


def test_nothing_is_unknown_and_bins_that_differ_do_not_add():
    nothing = Calibration.of([np.nan], [1.0])
    assert math.isnan(nothing.uce) and math.isnan(nothing.auce)
    assert np.isnan(discard_curve([], [])).all()
    with pytest.raises(ValueError, match="do not add"):
        Calibration.of([1.0, 2.0], [0, 0]) + Calibration.of([1.0, 3.0], [0, 0])


@given(st.integers(20, 500), st.integers(0, 1000))
def test_the_discard_curve_falls_where_variance_is_the_error(n, seed):
    error = np.random.default_rng(seed).normal(size=n)
    curve = discard_curve(error**2, error)
    assert len(curve) == 20 and curve[0] == pytest.approx(np.sqrt((error**2).mean()))
    assert (np.diff(curve) <= 1e-12).all()
    least = np.sort(np.abs(error))[: n - 19 * n // 20]
    assert curve[19] == pytest.approx(np.sqrt((least**2).mean()))


def test_the_discard_curve_does_not_depend_on_the_order_of_the_samples():
    variance, error = samples()
    order = np.random.default_rng(0).permutation(1000)
    assert discard_curve(variance[order], error[order]) == pytest.approx(discard_curve(variance, error))
