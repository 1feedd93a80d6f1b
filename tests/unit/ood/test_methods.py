"""Detectors: closed forms, invariances, what they refuse, and that they survive being taken apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import BrokenInputError, MisuseError
from eomap.ood import METHODS, Samples, detection_figures, fit, from_arrays, to_arrays
from eomap.ood.kmeans import kmeans
from eomap.ood.logistic import balanced_logistic
from eomap.ood.mahalanobis import shrinkage_of

N, D, C = 120, 6, 3


def _world(seed=0, n=N):
    """Return features around three corners, logits that know them, and classes."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, C, n)
    features = rng.normal(size=(n, D)) + 5 * np.eye(C, D)[classes]
    return features, 3 * np.eye(C)[classes] + rng.normal(size=(n, C)), classes


def _options(name, seed=0):
    if name != "tardis":
        return {}
    rng = np.random.default_rng(seed + 1)
    return {"wild_nd": np.concatenate([_world(seed + 2, 40)[0], rng.normal(-6, 1, (40, D))])}


@pytest.mark.parametrize("name", METHODS)
def test_the_order_of_the_fit_samples_does_not_matter(name):
    features, logits, classes = _world()
    order = np.random.default_rng(1).permutation(N)
    options = _options(name)
    one = fit(name, Samples.of(features, logits, classes), **options)
    if options:
        options["wild_nd"] = options["wild_nd"][::-1]
    two = fit(name, Samples.of(features[order], logits[order], classes[order]), **options)
    seen = _world(9)
    assert one.score(seen[0], seen[1]).tobytes() == two.score(seen[0], seen[1]).tobytes()


@pytest.mark.parametrize("name", METHODS)
def test_detectors_survive_being_taken_apart(name):
    import json

    features, logits, classes = _world()
    made = fit(name, Samples.of(features, logits, classes), **_options(name))
    arrays, record = to_arrays(made)
    back = from_arrays(arrays, json.loads(json.dumps(record)))
    assert type(back) is type(made) and to_arrays(back)[1] == record
    got = back.score(features, logits)
    assert got.dtype == np.float32 and got.shape == (N,)
    assert got.tobytes() == made.score(features, logits).tobytes()
    assert sum(a.nbytes for a in arrays.values()) < 1_000_000


@pytest.mark.parametrize("name", METHODS)
def test_far_samples_with_flat_logits_are_less_familiar(name):
    features, logits, classes = _world()
    made = fit(name, Samples.of(features, logits, classes), **_options(name))
    seen = _world(5)
    far = np.random.default_rng(3).normal(-6, 1, (N, D))
    figures = detection_figures(made.score(seen[0], seen[1]), made.score(far, 0.1 * seen[1]))
    assert figures["auroc"] > 0.95 and figures["n_known"] == N


@pytest.mark.parametrize("name", METHODS)
def test_what_is_not_known_has_no_score(name):
    features, logits, classes = _world()
    made = fit(name, Samples.of(features, logits, classes), **_options(name))
    features[3], logits[3] = np.nan, np.nan
    score = made.score(features, logits)
    assert np.isnan(score[3]) and np.isfinite(np.delete(score, 3)).all()


def test_a_batch_scores_as_its_samples_do():
    features, logits, classes = _world()
    for name in METHODS:
        made = fit(name, Samples.of(features, logits, classes), **_options(name))
        parts = [made.score(features[i : i + 1], logits[i : i + 1])[0] for i in range(5)]
        assert np.allclose(parts, made.score(features, logits)[:5], rtol=1e-5)


def test_scores_of_logits_by_hand():
    known = Samples.of(logits_nc=[[1.0, 0.0], [0.0, 2.0]])
    logits = np.log([[0.75, 0.25]]) + 1.0
    of = {
        name: fit(name, known).score(None, logits)[0]
        for name in METHODS
        if name[0:3] in ("ene", "max", "ent")
    }
    assert of["energy"] == pytest.approx(-1.0)
    assert of["max-logit"] == pytest.approx(-1.0 - np.log(0.75))
    assert of["max-softmax"] == pytest.approx(0.25)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)) / np.log(2)
    assert of["entropy"] == pytest.approx(entropy)
    hot = fit("energy", known, temperature=2.0).score(None, [[2.0, 2.0]])[0]
    assert hot == pytest.approx(-2.0 - 2 * np.log(2))


def test_sure_answers_are_not_all_alike():
    score = fit("max-softmax", Samples.of(logits_nc=[[1.0, 0.0]])).score(None, [[40.0, 0.0], [60.0, 0.0]])
    assert 0 < score[1] < score[0] < 1e-16


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_mahalanobis_does_not_depend_on_units_or_axes(seed):
    rng = np.random.default_rng(seed)
    features, _, classes = _world(seed)
    matrix = rng.normal(size=(D, D)) + 3 * np.eye(D)
    move = rng.normal(size=D)
    seen = _world(seed + 1)[0]
    if np.linalg.cond(matrix) > 100:
        return
    for name in ("mahalanobis", "relative-mahalanobis"):
        plain = fit(name, Samples.of(features, classes_n=classes), shrinkage=0.0)
        moved = fit(name, Samples.of(features @ matrix + move, classes_n=classes), shrinkage=0.0)
        assert np.allclose(plain.score(seen), moved.score(seen @ matrix + move), rtol=1e-3, atol=1e-3)


def test_mahalanobis_by_hand():
    x = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # variances 2 and 1/2
    made = fit("mahalanobis", Samples.of(x), by_class=False, shrinkage=0.0)
    assert made.score([[2.0, 0.0], [0.0, 3.0]]) == pytest.approx([2.0, 18.0])
    two = Samples.of(np.concatenate([x, x + [10, 0]]), classes_n=[0] * 4 + [1] * 4)
    assert fit("mahalanobis", two, shrinkage=0.0).score([[12.0, 0.0]])[0] == pytest.approx(2.0)


def test_features_that_never_vary_do_not_break_distances():
    features = np.column_stack([_world()[0], np.full(N, 2.0)])
    made = fit("mahalanobis", Samples.of(features), by_class=False)
    off = features.copy()
    off[:, -1] += 3
    assert (made.score(off) > made.score(features)).all()


def test_shrinkage_is_little_where_samples_are_many():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5000, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    assert 0 < shrinkage_of(np.cov(x.T), 5000) < 0.01 < shrinkage_of(np.cov(x[:10].T), 10) < 1


def test_neighbours_by_hand():
    bank = Samples.of([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0]])
    made = fit("neighbours", bank, k=2)
    assert made.score([[5.0, 0.0]])[0] == pytest.approx(np.sqrt(2))
    small = fit("neighbours", Samples.of(_world()[0]), limit_bytes=4 * D * 10)
    assert small.bank_md.shape == (10, D)


def test_vim_is_energy_where_features_leave_nothing_over():
    features, logits, _ = _world()
    features[:, -1] = 0.3 * features[:, -1]
    made = fit("vim", Samples.of(features, logits + 1), principal=D - 1)
    inside = made.origin_d + np.zeros((1, D))
    energy = fit("energy", Samples.of(logits_nc=logits)).score(None, logits[:1] - made.offset)
    assert made.offset == pytest.approx(logits.mean() + 1) and made.gain > 0
    assert made.score(inside, logits[:1]) == pytest.approx(energy)
    direction = made.residual_dr[:, 0].astype(float)
    assert made.score(inside + 2 * direction, logits[:1]) == pytest.approx(energy + 2 * made.gain, rel=1e-5)


def test_vim_does_not_see_what_softmax_does_not():
    features, logits, _ = _world()
    one, two = (fit("vim", Samples.of(features, logits + by)) for by in (0.0, -20.0))
    assert np.allclose(one.score(features, logits), two.score(features, logits - 20.0), rtol=1e-5, atol=1e-5)


def test_vim_takes_the_origin_of_the_paper():
    features, logits, _ = _world()
    weight, bias = np.random.default_rng(2).normal(size=(C, D)), np.array([0.5, -1.0, 2.0])
    made = fit("vim", Samples.of(features, logits + 1), classifier=(weight, bias))
    assert weight @ made.origin_d + bias == pytest.approx(np.zeros(C), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "features", "logits"),
    [
        ("energy", None, np.log([[0.5, 0.5]])),
        ("max-logit", None, np.log([[0.9, 0.1]])),
        ("vim", np.eye(4), np.log(np.full((4, 2), 0.5))),
        ("vim", np.eye(4), None),
        ("mahalanobis", None, np.ones((2, 2))),
        ("relative-mahalanobis", np.eye(4), None),
        ("neighbours", np.eye(3), None),
        ("of the future", np.eye(3), None),
    ],
)
def test_bad_requests_are_refused(name, features, logits):
    with pytest.raises(MisuseError):
        fit(name, Samples.of(features, logits))


def test_samples_have_to_fit_and_be_finite():
    for bad in ({"features_nd": [[np.nan, 1.0]]}, {"features_nd": np.ones(3)}, {},
                {"features_nd": np.ones((3, 2)), "classes_n": [0, 1]}):  # fmt: skip
        with pytest.raises(MisuseError):
            Samples.of(**bad)
    made = fit("mahalanobis", Samples.of(_world()[0]))
    with pytest.raises(MisuseError, match="6"):
        made.score(np.ones((2, D + 1)))


def test_parts_of_no_detector_are_refused():
    arrays, record = to_arrays(fit("mahalanobis", Samples.of(_world()[0])))
    for bad in (({}, record), (arrays, record | {"method": "odin"}), (arrays, {})):
        with pytest.raises(BrokenInputError):
            from_arrays(*bad)


def test_kmeans_finds_what_is_apart_and_keeps_its_seed():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(at, 0.1, (30, 2)) for at in (-3, 0, 3)])
    centres, cluster = kmeans(x, 3, seed=1)
    assert [len(set(cluster[i : i + 30])) for i in (0, 30, 60)] == [1, 1, 1] and len(set(cluster)) == 3
    assert np.sort(centres[:, 0]) == pytest.approx([-3, 0, 3], abs=0.1)
    assert kmeans(x, 20, seed=4)[1].tobytes() == kmeans(x, 20, seed=4)[1].tobytes()
    assert np.bincount(kmeans(x, 60, seed=4)[1], minlength=60).min() > 0
    assert set(kmeans(np.ones((5, 2)), 3)[1]) <= {0, 1, 2}


def test_logistic_regression_is_where_its_gradient_vanishes():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4))
    event = x[:, 0] + 0.5 * rng.normal(size=60) > 1.0
    w, b = balanced_logistic(x, event)
    weight = np.where(event, 30 / event.sum(), 30 / (~event).sum())
    left = weight * (1 / (1 + np.exp(-(x @ w + b))) - event)
    assert x.T @ left + w == pytest.approx(np.zeros(4), abs=1e-5) and left.sum() == pytest.approx(0, abs=1e-5)


def test_kmeans_and_logistic_regression_agree_with_scikit_learn():
    pytest.importorskip("sklearn")
    from sklearn.cluster import KMeans
    from sklearn.linear_model import LogisticRegression

    x, _, classes = _world(3, 300)
    _, cluster = kmeans(x, 12, seed=0)
    ours = sum(((x[cluster == k] - x[cluster == k].mean(axis=0)) ** 2).sum() for k in range(12))
    theirs = KMeans(12, n_init=1, random_state=0).fit(x).inertia_
    assert ours == pytest.approx(theirs, rel=0.03)
    w, b = balanced_logistic(x, classes == 1)
    judge = LogisticRegression(class_weight="balanced", max_iter=5000, tol=1e-8).fit(x, classes == 1)
    assert w == pytest.approx(judge.coef_[0], abs=1e-4) and b == pytest.approx(judge.intercept_[0], abs=1e-4)
