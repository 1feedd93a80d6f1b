"""Parcels: kernel = twin, and they lie in strips of their site's own direction."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.kernels.parcels import Plots, parcels, parcels_numpy


def _plots(rng, count):
    axis, _ = np.linalg.qr(rng.normal(size=(count, 3, 3)))
    return Plots(
        rng.uniform(0, 3000, (count, 3)),
        np.ascontiguousarray(axis[:, :, :2].swapaxes(1, 2)),
        rng.uniform(90, 320, count),
        rng.integers(0, 2**40, count),
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**30), st.integers(1, 9))
def test_parcels_are_their_twin_in_any_cut(seed, count):
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 3000, (3, 30, 40))
    owner, plots = rng.integers(0, count, (30, 40)).astype(np.int32), _plots(rng, count)
    found = parcels(*places, owner, plots, seed=seed)
    for one, true in zip(found, parcels_numpy(*places, owner, plots, seed=seed), strict=True):
        assert np.array_equal(one, true) and one.dtype == true.dtype
    part = parcels(*places[:, 4:20, 9:33], owner[4:20, 9:33], plots, seed=seed)
    assert all(np.array_equal(p, w[4:20, 9:33]) for p, w in zip(part, found, strict=True))


def test_a_parcel_ends_at_its_strip():
    plots = Plots(np.zeros((1, 3)), np.array([[[1.0, 0, 0], [0, 1, 0]]]), np.array([100.0]), np.array([7]))
    u, v = np.meshgrid(np.arange(0.5, 600), np.arange(0.5, 300))
    number, lane = parcels(u, v, 0 * u, np.zeros(u.shape, np.int32), plots, seed=1)
    assert (lane == (v % 100 < 4)).all()
    runs = [np.diff(np.flatnonzero(np.diff(number[row]) != 0)) for row in (50, 150, 250)]
    assert all(r.min() >= 60 and r.max() <= 280 for r in runs if len(r))
    assert len({float(number[row, 300]) for row in (50, 150, 250)}) == 3
    assert (number[10] == number[90]).all()
