"""Figures of detection and of selective maps, against pairs counted one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.kernels.scores import Outcomes
from eomap.ood import detection_figures, risk_figures

FEW = st.lists(st.integers(-3, 3), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(FEW, FEW)
def test_detection_with_ties_is_what_pairs_say(known, unfamiliar):
    figures = detection_figures(np.array(known) / 7, np.array(unfamiliar) / 7)
    a, b = np.array(known)[:, None], np.array(unfamiliar)
    assert figures["auroc"] == pytest.approx(((b > a) + 0.5 * (b == a)).mean())
    flags = [(a >= t).mean() for t in set(unfamiliar) if (b >= t).mean() >= 0.95]
    assert figures["fpr95"] == pytest.approx(min(flags))
    swapped = detection_figures(-np.array(unfamiliar) / 7, -np.array(known) / 7)
    assert swapped["aupr_out"] == pytest.approx(figures["aupr_in"])


def test_detection_at_its_ends():
    perfect, useless = detection_figures([0, 1], [2, 3, 4]), detection_figures([1, 1, 1], [1])
    assert [perfect[k] for k in ("auroc", "aupr_out", "aupr_in", "fpr95")] == [1, 1, 1, 0]
    assert [useless[k] for k in ("auroc", "aupr_out", "aupr_in", "fpr95")] == [0.5, 0.25, 0.75, 1]
    with pytest.raises(ValueError, match="NaN"):
        detection_figures([0.0, np.nan], [1.0])


def test_risk_and_coverage_by_hand():
    wrong = [False, False, True, True]
    counts = Outcomes.ranked([0.1, 0.2, 0.3, 0.4], wrong)
    coverage, risk = counts.risk_coverage()
    assert coverage == pytest.approx([0.25, 0.5, 0.75, 1]) and risk == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert counts.aurc() == pytest.approx((1 / 3 + 1 / 2) / 4)
    tied = Outcomes.ranked([0.1, 0.2, 0.2, 0.2], wrong)
    assert tied.aurc() == pytest.approx(3 / 4 * 1 / 2)
    assert np.isnan(Outcomes.of(np.zeros(0, int), [], size=4).aurc())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40))
def test_risk_is_the_mean_over_thresholds_at_every_sample(pairs):
    s, wrong = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    each = [wrong[s <= at].mean() for at in s]
    assert Outcomes.ranked(s, wrong).aurc() == pytest.approx(np.mean(each))
    half = Outcomes.of(s[::2], wrong[::2], size=6) + Outcomes.of(s[1::2], wrong[1::2], size=6)
    assert half.aurc() == pytest.approx(np.mean(each))
    figures = risk_figures(s, wrong)
    assert figures["risk"] == pytest.approx(wrong.mean()) == figures["aurc_random"]


def test_leaving_out_what_is_flagged_helps_only_where_scores_know():
    rng = np.random.default_rng(0)
    wrong = rng.random(2000) < 0.2
    knows = risk_figures(wrong + rng.normal(size=2000), wrong)
    random = risk_figures(rng.normal(size=2000), wrong)
    assert knows["risk_50"] < knows["risk_80"] < knows["risk"] and knows["aurc"] < 0.6 * knows["aurc_random"]
    assert random["aurc"] == pytest.approx(random["aurc_random"], abs=0.03)
