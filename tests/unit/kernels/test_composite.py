"""Every method gives one picture of many looks, wherever they are cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eomap.core.methods import BEST_EDGE_PX
from eomap.errors import MisuseError
from eomap.kernels.clearance import clearance, clearance_numpy
from eomap.kernels.composite import METHODS, Looks, composed

BANDS = ("B02", "B03", "B04", "B08")


def looks(seed=3, *, count=7, height=40, width=90, edge=0):
    """Return looks of noise, three in ten clouded in squares, some pixels without any."""
    rng = np.random.default_rng(seed)
    shape = (height + 2 * edge, width + 2 * edge)
    code = rng.integers(1, 9_000, (count, len(BANDS), *shape)).astype(np.uint16)
    coarse = rng.random((count, shape[0] // 8 + 1, shape[1] // 8 + 1)) > 0.3
    clear = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, : shape[0], : shape[1]].copy()
    clear[:, edge : edge + 3, edge : edge + 3] = False
    days = (19_000 + 5 * np.arange(count)).astype(np.uint16)
    return Looks(code, clear, days, BANDS, edge)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_counts_dates_and_stays_among_its_looks(method):
    seen = looks(edge=BEST_EDGE_PX if method == "best" else 0)
    inner = seen.inner()
    made = composed(method, seen, spread=True)
    n = inner.clear_tyx.sum(axis=0)
    assert np.array_equal(made.n_clear_yx, n) and (n == 0).any()
    assert ((made.code_byx > 0) == (n > 0)).all()
    assert ((made.day_yx > 0) == (n > 0)).all()
    least = np.where(inner.clear_tyx[:, None], inner.code_tbyx, 65_535).min(axis=0)
    most = np.where(inner.clear_tyx[:, None], inner.code_tbyx, 0).max(axis=0)
    within = (made.code_byx >= least) & (made.code_byx <= most)
    assert within[:, n > 0].all()
    assert np.array_equal(made.spread_yx, composed("median", inner, spread=True).spread_yx)


@pytest.mark.parametrize("method", ["medoid", "best", "greenest", "latest"])
def test_a_chosen_look_is_that_of_its_day(method):
    seen = looks(edge=BEST_EDGE_PX if method == "best" else 0)
    inner, made = seen.inner(), composed(method, seen)
    rows, cols = np.nonzero(made.n_clear_yx)
    t = np.searchsorted(inner.day_t, made.day_yx[rows, cols])
    assert (inner.day_t[t] == made.day_yx[rows, cols]).all() and inner.clear_tyx[t, rows, cols].all()
    assert np.array_equal(inner.code_tbyx[t, :, rows, cols].T, made.code_byx[:, rows, cols])


def test_the_latest_look_is_the_last_clear_one():
    seen = looks()
    last = np.where(seen.clear_tyx, seen.day_t[:, None, None], 0).max(axis=0)
    assert np.array_equal(composed("latest", seen).day_yx, last)


def test_the_best_look_is_farther_from_cloud_than_any_other():
    seen = looks(edge=BEST_EDGE_PX)
    edge, inner = BEST_EDGE_PX, seen.inner()
    far = np.stack([clearance_numpy(c, edge)[edge:-edge, edge:-edge] for c in seen.clear_tyx])
    made = composed("best", seen)
    rows, cols = np.nonzero(made.n_clear_yx)
    t = np.searchsorted(inner.day_t, made.day_yx[rows, cols])
    assert (far[t, rows, cols] == far.max(axis=0)[rows, cols]).all() and len(set(t.tolist())) > 2


def test_what_lies_beyond_a_block_changes_nothing():
    """A block with its edge gives what the whole gives, for the method that looks farthest."""
    edge, whole = BEST_EDGE_PX, looks(edge=BEST_EDGE_PX)
    part = Looks(
        whole.code_tbyx[:, :, 5 : 5 + 20 + 2 * edge, 11 : 11 + 30 + 2 * edge],
        whole.clear_tyx[:, 5 : 5 + 20 + 2 * edge, 11 : 11 + 30 + 2 * edge],
        whole.day_t,
        BANDS,
        edge,
    )
    assert np.array_equal(composed("best", part).code_byx, composed("best", whole).code_byx[:, 5:25, 11:41])


def test_the_geomedian_tells_how_far_its_looks_lie():
    made = composed("geomedian", looks())
    assert made.deviation_kyx.shape == (3, 40, 90)
    assert (made.deviation_kyx[1][made.n_clear_yx > 2] > 0).all()
    assert composed("median", looks()).deviation_kyx is None


def test_an_unknown_method_is_refused():
    with pytest.raises(MisuseError, match="median"):
        composed("average", looks())


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))), st.integers(1, 9))
@settings(deadline=None)
def test_clearance_is_its_twin(clear, reach):
    assert np.array_equal(clearance(clear, reach), clearance_numpy(clear, reach))
