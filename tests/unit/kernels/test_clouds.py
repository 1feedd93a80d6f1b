"""Kernels of the twin's clouds: each is its plain twin, and does what its formula says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.kernels.billow import Octave, billows, billows_numpy
from eomap.kernels.veil import Parts, slab, veiled, veiled_numpy

RANDOM = np.random.default_rng(1)
PLACES = tuple(RANDOM.uniform(-6.4e6, 6.4e6, (3, 30, 50)))
_aim = RANDOM.normal(size=(3, 30, 50))
AIM = tuple((_aim / np.linalg.norm(_aim, axis=0)).astype(np.float32))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(-(2**40), 2**40),
    wavelength_m=st.floats(20, 1e6),
    folded=st.lists(st.booleans(), max_size=4),
    rise=st.floats(0, 1),
)
def test_billows_are_their_twin(seed, wavelength_m, folded, rise):
    octaves = tuple(
        Octave(wavelength_m / 2**k, 0.6**k, rise * 0.6**k, f, seed + k) for k, f in enumerate(folded)
    )
    for found, true in zip(billows(PLACES, AIM, octaves), billows_numpy(PLACES, AIM, octaves), strict=True):
        assert found.shape == (30, 50) and np.array_equal(found, true)


@pytest.mark.parametrize("folded", [False, True])
def test_one_octave_is_standardised_and_its_rise_is_its_slope(folded):
    places = RANDOM.uniform(-6.4e6, 6.4e6, (3, 400_000))
    aim = RANDOM.normal(size=(3, 400_000))
    aim /= np.linalg.norm(aim, axis=0)
    octave = (Octave(200.0, 1.0, 1.0, folded, 3),)
    value, rise = billows(tuple(places), tuple(aim.astype(np.float32)), octave)
    assert abs(value.mean()) < 0.01 and abs(value.std() - 1) < 0.01
    further, _ = billows(tuple(places + 0.1 * aim), tuple(aim.astype(np.float32)), octave)
    off = np.abs((further - value) / 0.1 - rise)  # a fold between the two points breaks the slope
    assert np.quantile(off, 0.99) < 2e-4 < 0.1 * rise.std()


def _parts(shape=(20, 30)):
    tau, cirrus = (RANDOM.exponential(8, shape) * (RANDOM.random(shape) < 0.6) for _ in range(2))
    fields = (tau, cirrus / 8, RANDOM.random(shape), RANDOM.uniform(0.5, 1.3, shape))
    return Parts(*(f.astype(np.float32) for f in fields))


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 0.2), st.floats(0, 1), st.floats(1e-7, 0.3), st.floats(1e-5, 1))
def test_a_veil_is_its_twin_and_never_dark_as_less_than_nothing(path, direct, loss, gas):
    parts, below = _parts(), np.float32(path) + RANDOM.random((20, 30)).astype(np.float32)
    how = {
        "path": path,
        "direct": direct,
        "water": slab(loss, 0.85, above_gas=gas, above_path=0.8),
        "ice": slab(loss, 0.77, above_gas=gas, above_path=0.3),
    }
    found = veiled(below, parts, **how)
    assert np.allclose(found, veiled_numpy(below, parts, **how), rtol=1e-6, atol=1e-7)
    assert found.dtype == np.float32 and found.min() >= 0


def test_a_lossless_slab_reflects_what_it_does_not_let_through():
    tau = np.linspace(0.01, 60, 50, dtype=np.float32)[None]
    parts = Parts(tau, 0 * tau, 1 + 0 * tau, 1 + 0 * tau)
    how = {"path": 0.0, "direct": 1.0}
    white = slab(0.0, 0.85, above_gas=1.0, above_path=0.0)
    over_black = veiled(0 * tau, parts, water=white, ice=white, **how)
    over_white = veiled(1 + 0 * tau, parts, water=white, ice=white, **how)
    depth = (1 - 0.85) * np.sqrt(3) / 2 * tau
    assert np.allclose(over_black, depth / (1 + depth), atol=2e-3)
    assert np.allclose(over_white, 1, atol=0.03)
    dark = veiled(0 * tau, parts, water=slab(0.1, 0.85, above_gas=1, above_path=0), ice=white, **how)
    assert (dark < over_black).all() and dark.max() < 0.4
