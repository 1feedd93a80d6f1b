"""The geometric median and the distances from it, against their twins, geomad's numbers, and their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.kernels.deviations import deviations, deviations_numpy
from eomap.kernels.geomedian import geomedian, geomedian_numpy

NAN = np.nan
LOOKS = np.array(
    [
        [[0.325, 0.404, NAN, NAN], [0.097, 0.416, NAN, NAN], [0.311, 0.233, NAN, NAN]],
        [[0.328, NAN, 0.266, NAN], [0.162, NAN, -0.054, NAN], [0.354, NAN, 0.219, NAN]],
        [[0.318, 0.495, 0.363, 0.25], [0.17, 0.442, -0.039, 0.25], [0.471, 0.167, 0.208, 0.25]],
        [[0.288, 0.551, 0.43, NAN], [0.168, NAN, 0.013, NAN], [0.399, 0.278, 0.237, NAN]],
        [[0.33, 0.427, 0.399, NAN], [0.135, 0.429, 0.067, NAN], [0.336, 0.205, 0.198, NAN]],
    ],
    np.float32,
)[:, :, None]
"""Looks (t, b, y, x) with gaps; the fourth look of the second pixel lacks one band."""
GEOMAD = np.array(
    [
        [0.32314792, 0.42700001, 0.37016064, 0.25],
        [0.15108617, 0.42899999, -0.01336661, 0.25],
        [0.35755086, 0.20500001, 0.21359321, 0.25],
    ]
)[:, None]
"""geomad 1.0.0, nangeomedian_pcm(eps=1e-7), of LOOKS."""
GEOMAD_MADS = np.array(
    [
        [0.00574484, 0.00160616, 0.01005377, 0.0],
        [0.05691648, 0.03849674, 0.07812518, 0.0],
        [0.05543736, 0.03027434, 0.09435691, 0.0],
    ]
)[:, None]
"""Its smad_pcm, emad_pcm and bcmad_pcm."""


@st.composite
def stacks(draw):
    """Looks that differ, of either type, with gaps and whole pixels unseen."""
    looks, bands, width = draw(st.integers(1, 12)), draw(st.integers(2, 5)), draw(st.integers(1, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dn = rng.uniform(100, 6000, (1, bands, 2, width)) + rng.normal(0, 300, (looks, bands, 2, width))
    dn = np.maximum(dn, 1).astype(np.uint16)
    dn[rng.random(dn.shape) < draw(st.sampled_from([0, 0.02]))] = 0
    clear = rng.random((looks, 2, width)) < draw(st.sampled_from([0.1, 0.6, 1]))
    return (dn, np.where(dn == 0, NAN, dn).astype(np.float32), clear)


def test_equals_geomad_with_gaps_in_looks_and_bands():
    centre, looks = geomedian(LOOKS, np.ones((5, 1, 4), bool), eps=1e-7)
    np.testing.assert_allclose(centre, GEOMAD, atol=1e-5)
    assert looks.tolist() == [[5, 3, 4, 1]]
    for ours, theirs in zip(
        deviations(LOOKS, np.ones((5, 1, 4), bool), GEOMAD.astype(np.float32)), GEOMAD_MADS, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@given(stacks())
@settings(max_examples=40, deadline=None)
def test_kernels_equal_their_twins(stack):
    *both, clear = stack
    for value in both:
        fast, looks = geomedian(value, clear, eps=0.1)
        plain, looks_too = geomedian_numpy(value, clear, eps=0.1)
        np.testing.assert_allclose(fast, plain, atol=0.3)
        np.testing.assert_array_equal(looks, looks_too)
        for a, b in zip(deviations(value, clear, plain), deviations_numpy(value, clear, plain), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@given(stacks())
@settings(max_examples=20, deadline=None)
def test_codes_and_floats_give_the_same_bits_and_a_block_alone_is_the_block_of_the_whole(stack):
    dn, value, clear = stack
    whole = geomedian(value, clear)
    for a, b in zip(geomedian(dn, clear), whole, strict=True):
        np.testing.assert_array_equal(a, b)
    cut = dn.shape[3] // 2
    for a, b in zip(geomedian(dn[..., cut:], clear[..., cut:]), whole, strict=True):
        np.testing.assert_array_equal(a, b[..., cut:])


@given(stacks())
@settings(max_examples=20, deadline=None)
def test_no_look_is_nearer_to_all_looks_than_the_geomedian(stack):
    dn, _, clear = stack
    look = clear & (dn > 0).all(axis=1)
    centre, _ = geomedian(dn, clear, eps=0.01)
    for y, x in np.argwhere(look.any(axis=0))[::17]:
        seen = dn[look[:, y, x], :, y, x].astype(float)
        total = np.linalg.norm(seen - centre[:, y, x], axis=1).sum()
        rivals = [*seen, seen.mean(axis=0), np.median(seen, axis=0)]
        assert all(total <= np.linalg.norm(seen - r, axis=1).sum() + 0.1 for r in rivals)


def test_a_look_that_is_the_geomedian_is_found_though_the_iteration_starts_on_it():
    line = np.array([10, 20, 30], np.uint16).reshape(3, 1, 1, 1).repeat(2, axis=1)
    assert geomedian(line, np.ones((3, 1, 1), bool))[0].ravel().tolist() == [20, 20]


def test_no_look_is_nan():
    centre, looks = geomedian(np.ones((2, 2, 1, 1), np.uint16), np.zeros((2, 1, 1), bool))
    assert np.isnan(centre).all() and looks[0, 0] == 0
    assert all(
        np.isnan(d).all()
        for d in deviations(LOOKS[:, :, :, :1], np.zeros((5, 1, 1), bool), centre[[0, 0, 0]])
    )


@pytest.mark.parametrize("kernel", [geomedian, lambda v, c: deviations(v, c, v[0])])
def test_wrong_arrays_are_refused(kernel):
    with pytest.raises(MisuseError, match="at least one look"):
        kernel(np.zeros((2, 1, 3, 3), np.int32), np.ones((2, 3, 3), bool))
