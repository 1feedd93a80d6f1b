"""Fields of noise: kernel = twin, and a value depends on its place alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.kernels.knots import between_knots, between_knots_numpy
from eomap.kernels.nearest import nearest_site, nearest_site_numpy
from eomap.kernels.noise import fractal, fractal_numpy, white, white_numpy
from eomap.kernels.upsample import upsampled, upsampled_numpy

PLACES = np.random.default_rng(1).uniform(-6.4e6, 6.4e6, (3, 40, 50))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(-(2**40), 2**40),
    wavelength_m=st.floats(20, 1e6),
    octaves=st.integers(1, 9),
    gain=st.floats(0.3, 0.8),
)
def test_the_kernel_is_its_twin(seed, wavelength_m, octaves, gain):
    how = {"wavelength_m": wavelength_m, "seed": seed, "octaves": octaves, "gain": gain}
    found = fractal(*PLACES, **how)
    assert found.shape == (40, 50) and np.array_equal(found, fractal_numpy(*PLACES, **how))


def test_some_octaves_and_the_others_are_the_whole():
    how = {"wavelength_m": 5000.0, "seed": 3, "octaves": 7}
    parts = [fractal(*PLACES, **how, only=slice(a, b)) for a, b in ((0, 3), (3, 64))]
    assert np.allclose(sum(parts), fractal(*PLACES, **how), atol=1e-6)


def test_a_place_has_its_value_in_any_array():
    whole = fractal(*PLACES, wavelength_m=300.0, seed=5, octaves=4)
    part = fractal(*PLACES[:, 7:30, 3:9], wavelength_m=300.0, seed=5, octaves=4)
    assert np.array_equal(part, whole[7:30, 3:9])


@pytest.mark.parametrize("octaves", [1, 4])
def test_fields_are_standardised_and_differ_by_seed(octaves):
    many = np.random.default_rng(2).uniform(-1e6, 1e6, (3, 400_000))
    a, b = (fractal(*many, wavelength_m=200.0, seed=s, octaves=octaves) for s in (1, 2))
    assert abs(a.mean()) < 0.01 and abs(a.std() - 1) < 0.01
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.01


def test_neighbours_are_alike_and_strangers_are_not():
    x, y, z = np.random.default_rng(3).uniform(-1e6, 1e6, (3, 50_000))
    here = fractal(x, y, z, wavelength_m=1000.0, seed=1, octaves=1)
    near, far = (fractal(x + d, y, z, wavelength_m=1000.0, seed=1, octaves=1) for d in (10.0, 3000.0))
    assert np.abs(near - here).max() < 0.15 and abs(np.corrcoef(here, far)[0, 1]) < 0.02


@settings(max_examples=20, deadline=None)
@given(st.integers(-(2**30), 2**30), st.integers(-(2**30), 2**30), st.integers(0, 2**31))
def test_white_noise_is_its_twin_and_knows_its_pixel(row, col, seed):
    rows, cols = slice(row, row + 20), slice(col, col + 30)
    whole = white(rows, cols, seed=seed)
    assert np.array_equal(whole, white_numpy(rows, cols, seed=seed))
    assert np.array_equal(white(slice(row + 3, row + 9), slice(col + 5, col + 8), seed=seed), whole[3:9, 5:8])


def test_white_noise_is_uniform_and_free_of_pattern():
    field = white(slice(-500, 500), slice(-500, 500), seed=9)
    assert abs(field.mean() - 0.5) < 2e-3 and abs(field.var() - 1 / 12) < 1e-3
    for shifted in (field[1:] * field[:-1], field[:, 1:] * field[:, :-1]):
        assert abs(shifted.mean() - 0.25) < 2e-3


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 20), st.integers(0, 20), st.integers(1, 40), st.integers(1, 40), st.sampled_from([2, 8])
)
def test_upsampling_is_its_twin(row0, col0, height, width, factor):
    node = np.random.default_rng(4).normal(size=(40, 40)).astype(np.float32)
    how = {"factor": factor, "row0": row0, "col0": col0, "shape": (height, width)}
    assert np.array_equal(upsampled(node, **how), upsampled_numpy(node, **how))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20), st.integers(1, 40), st.integers(1, 40))
def test_lines_between_knots_are_their_twin_and_straight(seed, height, width):
    rng = np.random.default_rng(seed)
    row, col = rng.integers(0, 7, height), rng.integers(0, 9, width)
    down, along = rng.random(height), rng.random(width)
    knots = rng.normal(size=(8, 10))
    found = between_knots(knots, row, down, col, along)
    assert np.array_equal(found, between_knots_numpy(knots, row, down, col, along))
    plane = np.add.outer(3.0 * np.arange(8), np.arange(10))
    straight = between_knots(plane, row, down, col, along)
    assert np.allclose(straight, np.add.outer(3 * (row + down), col + along))


def test_upsampling_draws_a_parabola():
    node = np.arange(12.0)[None, :] ** 2 + np.zeros((8, 1))
    found = upsampled(node.astype(np.float32), factor=4, row0=0, col0=0, shape=(8, 30))
    assert np.allclose(found, (2 + (np.arange(30) + 0.5) / 4) ** 2, rtol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 60), st.integers(0, 2**20))
def test_the_nearest_site_is_found_however_many_there_are(count, seed):
    site = np.random.default_rng(seed).uniform(0, 3000, (count, 3))
    y, x = np.mgrid[0:90, 0:110] * 25.0
    found = nearest_site(x, y, np.full_like(x, 100.0), site)
    expected = nearest_site_numpy(x, y, np.full_like(x, 100.0), site)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
