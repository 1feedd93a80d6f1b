"""Sums of errors, outcomes, structure and seams: by hand, by independent ways, and part by part."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from eomap.kernels.scores import (
    Bins,
    Coverage,
    Errors,
    Mean,
    Outcomes,
    Seam,
    spectral_angle,
    structural_similarity,
)

numbers = st.floats(-1000, 1000, width=32)
pairs = hnp.arrays(np.float64, st.tuples(st.just(2), st.integers(1, 60)), elements=numbers)
shape = st.shared(st.integers(1, 80), key="n")
codes = hnp.arrays(np.uint8, shape, elements=st.integers(0, 20))
events = hnp.arrays(np.bool_, shape)


def test_errors_by_hand():
    e = Errors.of([1.0, 2.0, 4.0, np.nan], [2.0, 2.0, 2.0, 2.0])
    assert (e.n, e.mae, e.bias) == (3, 1.0, pytest.approx(1 / 3))
    assert e.rmse == pytest.approx(math.sqrt(5 / 3)) and math.isnan(e.r2)
    assert e.psnr(1.0) == pytest.approx(10 * math.log10(3 / 5))
    assert Errors.of([1.0], [1.0]).psnr(1.0) == math.inf


def test_nothing_compared_is_unknown():
    e = Errors.of([np.nan], [1.0])
    assert e == Errors()
    assert all(math.isnan(v) for v in (e.mae, e.rmse, e.bias, e.r2, e.psnr(1.0)))
    assert math.isnan(Mean().value) and math.isnan(Coverage().share_1) and math.isnan(Seam().ratio)
    assert Bins.of([], [], size=4).quantiles() == []


def test_r2_is_one_minus_unexplained_variance():
    rng = np.random.default_rng(1)
    t = rng.normal(3000, 5, 500)
    v = t + rng.normal(0, 2, 500)
    assert Errors.of(v, t).r2 == pytest.approx(
        1 - ((v - t) ** 2).sum() / ((t - t.mean()) ** 2).sum(), rel=1e-12
    )
    assert Errors.of(np.full(500, t.mean()), t).r2 == pytest.approx(0, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(pairs, st.integers(0, 60), st.booleans())
def test_errors_of_parts_are_errors_of_the_whole(vt, cut, swapped):
    v, t = vt
    parts = [Errors.of(v[:cut], t[:cut]), Errors.of(v[cut:], t[cut:])]
    together = parts[1] + parts[0] if swapped else parts[0] + parts[1]
    whole = Errors.of(v, t)
    for name in ("n", "mae", "rmse", "bias", "truth_spread"):
        assert getattr(together, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-9)


def test_any_tiling_in_any_order_agrees_to_the_twelfth_digit():
    rng = np.random.default_rng(2)
    t = rng.integers(0, 4000, 20_000) * 1e-4
    v = np.rint((t + rng.normal(0, 0.02, t.size)) * 1e4) * 1e-4
    whole = Errors.of(v, t)
    for seed in range(5):
        order = np.random.default_rng(seed)
        cuts = np.sort(order.integers(0, t.size, 40))
        parts = list(zip(np.split(v, cuts), np.split(t, cuts), strict=True))
        order.shuffle(parts)
        total = sum((Errors.of(*p) for p in parts), Errors())
        for name in ("mae", "rmse", "bias", "r2"):
            assert getattr(total, name) == pytest.approx(getattr(whole, name), rel=1e-12, abs=1e-12)


def test_bins_are_tenths_of_the_truth():
    rng = np.random.default_rng(3)
    t = rng.integers(0, 1000, 5000)
    e = rng.normal(t / 100, 1)
    made = Bins.of(t, e, size=1024).quantiles(10)
    assert len(made) == 10 and sum(b[2] for b in made) == 5000
    assert all(abs(b[2] - 500) < 15 for b in made)
    for low, high, n, bias, mae in made:
        inside = (t >= low) & (t <= high)
        assert inside.sum() == n
        assert bias == pytest.approx(e[inside].mean()) and mae == pytest.approx(np.abs(e[inside]).mean())


def test_a_truth_that_is_mostly_zero_has_fewer_bins():
    t = np.r_[np.zeros(80, int), np.arange(1, 21)]
    made = Bins.of(t, np.ones(100), size=32).quantiles(10)
    assert made[0][:3] == (0, 0, 80) and sum(b[2] for b in made) == 100


def test_coverage_counts_both_sides_and_leaves_the_unknown_out():
    c = Coverage.of([0, 0, 0, 0, np.nan], [1, -1.5, 2, 2.5, 0], [1, 1, 1, 1, 1])
    assert (c.n, c.within_1, c.within_2) == (4, 1, 3)
    rng = np.random.default_rng(4)
    c = Coverage.of(rng.normal(0, 3, 40_000), np.zeros(40_000), np.full(40_000, 3.0))
    assert c.share_1 == pytest.approx(0.683, abs=0.01) and c.share_2 == pytest.approx(0.954, abs=0.005)


@settings(max_examples=80, deadline=None)
@given(codes, events)
def test_auroc_is_the_mann_whitney_statistic(k, happened):
    found = Outcomes.of(k, happened, size=21).auroc()
    if happened.all() or not happened.any():
        assert math.isnan(found)
    else:
        u = stats.mannwhitneyu(k[happened].astype(float), k[~happened].astype(float)).statistic
        assert found == pytest.approx(u / (happened.sum() * (~happened).sum()))


def slow_curve(k, happened):
    """Return (threshold, recall, precision, false alarms) for every threshold, highest first."""
    for threshold in sorted(set(k.tolist()), reverse=True):
        flagged = k >= threshold
        yield (
            threshold,
            (flagged & happened).sum() / happened.sum(),
            (flagged & happened).sum() / flagged.sum(),
            (flagged & ~happened).sum() / (~happened).sum(),
        )


@settings(max_examples=80, deadline=None)
@given(codes, events)
def test_average_precision_and_fpr95_by_every_threshold(k, happened):
    o = Outcomes.of(k, happened, size=21)
    if happened.all() or not happened.any():
        assert math.isnan(o.average_precision()) and math.isnan(o.false_alarms())
        return
    before, area, alarms = 0.0, 0.0, None
    for _, recall, precision, false in slow_curve(k, happened):
        area += (recall - before) * precision
        before = recall
        if alarms is None and recall >= 0.95:
            alarms = false
    assert o.average_precision() == pytest.approx(area)
    assert o.false_alarms() == pytest.approx(alarms)
    mirrored = Outcomes.of(20 - k.astype(int), ~happened, size=21)
    assert o.reverse.average_precision() == pytest.approx(mirrored.average_precision())
    assert o.reverse.auroc() == pytest.approx(o.auroc())


@settings(max_examples=40, deadline=None)
@given(codes, events, st.integers(0, 80))
def test_outcomes_of_parts_are_outcomes_of_the_whole(k, happened, cut):
    parts = Outcomes.of(k[cut:], happened[cut:], size=21) + Outcomes.of(k[:cut], happened[:cut], size=21)
    whole = Outcomes.of(k, happened, size=21)
    assert np.array_equal(parts.yes_k, whole.yes_k) and np.array_equal(parts.no_k, whole.no_k)


def test_calibration_error_by_hand():
    k = np.array([50, 50, 50, 50, 225, 225])
    right = np.array([1, 0, 0, 0, 1, 0], bool)
    o = Outcomes.of(k, right, size=256)
    probability = np.arange(256) / 250
    assert o.reliability(probability) == [(4, pytest.approx(0.2), 0.25), (2, pytest.approx(0.9), 0.5)]
    assert o.calibration_error(probability) == pytest.approx((4 * 0.05 + 2 * 0.4) / 6)
    rng = np.random.default_rng(5)
    k = rng.integers(0, 251, 100_000)
    calibrated = Outcomes.of(k, rng.random(k.size) < k / 250, size=256)
    assert calibrated.calibration_error(probability) < 0.01


def slow_similarity(a, b):
    """SSIM of one 11 x 11 window, from its definition with weighted moments."""
    y, x = np.mgrid[-5:6, -5:6]
    w = np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    w /= w.sum()
    ma, mb = (w * a).sum(), (w * b).sum()
    va, vb = (w * (a - ma) ** 2).sum(), (w * (b - mb) ** 2).sum()
    vab = (w * (a - ma) * (b - mb)).sum()
    c1, c2 = 0.01**2, 0.03**2
    return (2 * ma * mb + c1) * (2 * vab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))


def test_structural_similarity_window_by_window():
    rng = np.random.default_rng(6)
    a = rng.random((19, 23)) * 0.5
    b = a + rng.normal(0, 0.05, a.shape)
    b[3, 20] = np.nan
    found = structural_similarity(a, b)
    assert found.shape == (9, 13)
    for r in range(9):
        for c in range(13):
            window = b[r : r + 11, c : c + 11]
            if np.isnan(window).any():
                assert np.isnan(found[r, c])
            else:
                assert found[r, c] == pytest.approx(
                    slow_similarity(a[r : r + 11, c : c + 11], window), abs=1e-9
                )
    assert np.nanmin(structural_similarity(a, a)) == pytest.approx(1)
    assert structural_similarity(a[:7], a[:7]).size == 0


def test_structural_similarity_of_a_part_is_that_part_of_the_whole():
    rng = np.random.default_rng(7)
    a, b = rng.random((2, 40, 30))
    assert np.array_equal(
        structural_similarity(a, b)[7:21, 4:], structural_similarity(a[7:31, 4:], b[7:31, 4:])
    )


def test_spectral_angle_by_hand():
    v = np.array([[1, 1, 2, 0, 1], [0, 1, 2, 0, np.nan]], float)[:, None]
    t = np.array([[0, 1, 1, 1, 1], [1, 0, 1, 1, 1]], float)[:, None]
    found = spectral_angle(v, t)[0]
    assert found[:3] == pytest.approx([90, 45, 0], abs=1e-12)
    assert np.isnan(found[3:]).all()
    assert spectral_angle(np.array([[[1.0]], [[1e-9]]]), np.array([[[1.0]], [[0.0]]]))[0, 0] == pytest.approx(
        np.degrees(1e-9)
    )


def test_a_seam_of_known_height():
    ramp = np.tile(np.arange(40.0), (24, 1))
    assert Seam.of(ramp, first=(5, 3), every=10, halo=5).ratio == pytest.approx(1)
    stepped = ramp + 4 * (np.arange(40) >= 12)  # inner cell 7 is lattice column 10
    seam = Seam.of(stepped, first=(5, 3), every=10, halo=5)
    # Columns 10, 20 and 30 begin tiles; row 10 does too, but along it nothing differs.
    assert (seam.step.n, seam.step.total) == (3 * 14 + 30, 14 * (5 + 1 + 1))
    assert seam.beside.total == 3 * 14 * 2
    stepped[:, 11] = np.nan
    assert Seam.of(stepped, first=(5, 3), every=10, halo=5).step.total == 14 * 2


def test_seams_of_parts_are_those_of_the_whole():
    rng = np.random.default_rng(8)
    field = rng.random((50, 64))
    whole = Seam.of(field, first=(0, 0), every=9, halo=5)
    parts = Seam()
    for r in range(0, 40, 8):
        for c in range(0, 54, 27):
            parts += Seam.of(field[r : r + 18, c : c + 37], first=(r, c), every=9, halo=5)
    assert parts.step.n == whole.step.n and parts.ratio == pytest.approx(whole.ratio, rel=1e-12)
