"""TARDIS: the golden answer, what counts as no shift, and that k is chosen without labels."""

import numpy as np
import pytest

from eomap.errors import MisuseError
from eomap.ood import Samples, detection_figures, fit
from eomap.ood.tardis import chosen, cluster_numbers, surrogate


@pytest.fixture(scope="module")
def golden():
    """Known samples, wild ones of the same kind and unfamiliar ones."""
    r = np.random.RandomState(0)
    return r.randn(400, 16), r.randn(200, 16), r.randn(200, 16) * 0.7 + 2.5


def test_golden_surrogates(golden):
    known, same, other = golden
    made = surrogate(known, np.concatenate([same, other]), 120, least_known=0.1, seed=31)
    assert made.wild_w[200:].sum() == 200
    assert made.wild_w[:200].sum() <= 15
    assert made.known_n.sum() == 0


@pytest.mark.parametrize("k", [120, None])
def test_golden_detection(golden, k):
    known, same, other = golden
    made = fit("tardis", Samples.of(known), wild_nd=np.concatenate([same, other]), k=k)
    assert made.shift and 200 <= made.n_surrogate <= 215
    figures = detection_figures(made.score(same), made.score(other))
    assert (figures["auroc"], figures["fpr95"]) == (1.0, 0.0)
    p = made.probability(np.concatenate([same, other]))
    assert p[:200].max() < p[200:].min() and p.min() >= 0 and p.max() <= 1


def test_the_rarest_clusters_only_have_no_known_sample_at_all(golden):
    known, same, other = golden
    wild = np.concatenate([same, other])
    strict = surrogate(known, wild, 60, least_known=1e-9)
    loose = surrogate(known, wild, 60, least_known=0.5)
    assert strict.known_n.sum() == 0 and strict.wild_w.sum() >= 200
    assert (loose.wild_w >= strict.wild_w).all() and loose.wild_w.sum() > strict.wild_w.sum()
    for bad in (0.0, 1.1):
        with pytest.raises(MisuseError):
            surrogate(known, wild, 60, least_known=bad)


@pytest.mark.parametrize("k", [None, 2, 120])
def test_a_copy_of_the_known_samples_is_no_shift(golden, k):
    made = fit("tardis", Samples.of(golden[0]), wild_nd=golden[0], k=k)
    assert not made.shift and made.n_surrogate == 0
    assert not made.score(golden[2]).any() and not made.probability(golden[2]).any()
    assert detection_figures(made.score(golden[1]), made.score(golden[2]))["auroc"] == 0.5


def test_fresh_samples_of_the_same_kind_are_no_shift():
    for seed in range(1, 6):
        r = np.random.RandomState(seed)
        assert not fit("tardis", Samples.of(r.randn(400, 16)), wild_nd=r.randn(200, 16)).shift


def test_k_that_finds_nothing_or_everything_is_not_chosen():
    r = np.random.RandomState(3)  # four small unfamiliar groups among many known ones
    known = np.concatenate([r.randn(60, 8) + 8 * np.eye(8)[i] for i in range(6)])
    other = np.concatenate([0.5 * r.randn(10, 8) - 6 * np.eye(8)[i] for i in range(4)])
    same = known[::2] + 0.3 * r.randn(180, 8)
    wild = np.concatenate([same, other])
    tried = [surrogate(known, wild, k) for k in cluster_numbers(len(known))]
    best, shift = chosen(tried)
    assert shift and not tried[0].wild_w.any()
    assert best.wild_w[180:].mean() > 0.9 and best.wild_w[:180].mean() < 0.05
    made = fit("tardis", Samples.of(known), wild_nd=wild)
    assert made.k == best.k
    assert detection_figures(made.score(same), made.score(other))["auroc"] > 0.95


def test_without_wild_samples_there_is_nothing_to_learn(golden):
    for wild in (None, [], np.empty((0, 16))):
        with pytest.raises(MisuseError, match="wild"):
            fit("tardis", Samples.of(golden[0]), wild_nd=wild)
    with pytest.raises(MisuseError, match="16"):
        fit("tardis", Samples.of(golden[0]), wild_nd=np.ones((5, 3)))


def test_everything_new_is_a_shift(golden):
    made = fit("tardis", Samples.of(golden[0]), wild_nd=golden[2] + 5)
    assert made.shift and made.n_surrogate == 200
