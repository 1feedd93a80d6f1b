"""Houses at 2.5 m: kernel = twin, part = whole, shares of one, shade where the sun is taken."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.kernels.buildings import HIGH_M, LOW_M, QUANTITIES, built_pixels
from eomap.kernels.buildings_numpy import built_pixels_numpy
from eomap.twin.materials import Material
from eomap.twin.town import _OPEN, _QUARTERS

QUARTERS = np.zeros((11, QUANTITIES), np.float32)
for _code, (_streets, _roofs) in _QUARTERS.items():
    QUARTERS[_code] = (*_streets, *_roofs, *_OPEN[_code])
SUN = (0.5, -0.7)


def ground(zone_yx, *, turn=0.3, east_m=0.0, north_m=0.0, sun=SUN, seed=5, made=built_pixels):
    """Return what is built on a raster of 10 m pixels whose first one lies at a place of the plane."""
    rows, cols = np.indices(zone_yx.shape)
    x, y = east_m + 10.0 * cols, north_m - 10.0 * rows
    cos, sin = np.cos(turn), np.sin(turn)
    plane = np.stack([x * cos + y * sin, y * cos - x * sin])
    one = np.ones(zone_yx.shape)
    slope = np.array([[10 * cos * one, -10 * sin * one], [-10 * sin * one, -10 * cos * one]])
    toward = np.stack([sun[0] * one, sun[1] * one])
    return made(zone_yx, plane, slope, quarters_zq=QUARTERS, sun_uv=toward, seed=seed)


@st.composite
def rasters(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    zone = np.repeat(np.repeat(rng.integers(0, 11, (3, 4)), 5, axis=0), 5, axis=1).astype(np.uint8)
    how = {
        "turn": draw(st.floats(-3.1, 3.1)),
        "east_m": draw(st.floats(-30_000, 30_000)),
        "north_m": draw(st.floats(-30_000, 30_000)),
        "seed": draw(st.integers(0, 2**40)),
    }
    return zone, how


@settings(max_examples=25, deadline=None)
@given(rasters())
def test_kernel_equals_its_twin_bit_for_bit(case):
    zone, how = case
    fast, plain = ground(zone, **how), ground(zone, **how, made=built_pixels_numpy)
    for one, other in zip(fast, plain, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, other)


@settings(max_examples=25, deadline=None)
@given(rasters(), st.integers(0, 10), st.integers(0, 15))
def test_a_part_has_the_bits_of_the_whole(case, row, col):
    zone, how = case
    place = {k: how[k] for k in ("turn", "seed")}
    # Whole kilometres: the part's coordinates are then the whole's, without rounding.
    whole = ground(zone, **place, east_m=3_000.0, north_m=-7_000.0)
    part = ground(zone[row:, col:], **place, east_m=3_000.0 + 10 * col, north_m=-7_000.0 - 10 * row)
    for one, other in zip(part, whole, strict=True):
        np.testing.assert_array_equal(one, other[..., row:, col:])


@pytest.mark.parametrize("code", range(1, 11))
def test_materials_are_shares_and_heights_are_in_range(code):
    fraction, roofs, height = ground(np.full((40, 40), code, np.uint8))
    assert fraction.min() >= 0 and fraction.sum(axis=0).max() <= 1 + 1e-6
    assert roofs.min() >= 0 and roofs.max() <= 1
    assert ((height > 0) == (roofs > 0)).all()
    built = height[roofs > 0]
    assert QUARTERS[code, LOW_M] <= built.min() and built.max() <= QUARTERS[code, HIGH_M]
    for absent in (Material.WATER, Material.SNOW, Material.CROP, Material.CONIFER):
        assert not fraction[absent].any()


def test_nothing_is_built_outside_quarters():
    for made in ground(np.zeros((9, 9), np.uint8)):
        assert not made.any()


def test_a_low_sun_shades_more_than_a_high_one_and_towers_more_than_houses():
    def shade(code, reach):
        fraction = ground(np.full((60, 60), code, np.uint8), sun=(reach, 0.0))[0]
        return 1 - float(fraction.sum(axis=0).mean())

    assert shade(4, 0.0) < shade(4, 0.5) < shade(4, 1.2)
    assert shade(4, 0.9) - shade(4, 0.0) > 2 * (shade(6, 0.9) - shade(6, 0.0))


def test_another_seed_is_another_town():
    zone = np.full((30, 30), 6, np.uint8)
    assert (ground(zone, seed=1)[1] != ground(zone, seed=2)[1]).mean() > 0.5
