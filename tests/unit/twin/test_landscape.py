"""Laws of the made-up land: a function of place and seed, however it is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.grid import Frame
from eomap.sensors.sentinel2 import BANDS
from eomap.twin.landscape import TREES, WATER, Cover, land_of
from eomap.twin.noise import fractal, regions, smooth, uniform
from eomap.twin.spectra import OPAQUE, Sky, coarser, opacity, seen, shadow, surface

FRAME = Frame(32625, 486_000, 5_009_520, 600, 700)
SEED = 17


@pytest.fixture(scope="module")
def land():
    return land_of(FRAME, SEED)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 500), st.integers(0, 600), st.integers(20, 100), st.integers(20, 100))
def test_a_part_equals_the_whole(land, row, col, height, width):
    part = land_of(FRAME.sub(row, row + height, col, col + width), SEED)
    for name in ("zone_yx", "cover_yx", "tone_yx"):
        whole = getattr(land, name)[row : row + height, col : col + width]
        assert np.array_equal(getattr(part, name), whole), name


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 500), st.integers(0, 600), st.sampled_from([130.0, 1700.0, 15_000.0]))
def test_fields_of_noise_do_not_see_the_frame(row, col, wavelength_m):
    part = FRAME.sub(row, row + 60, col, col + 50)
    cut = (slice(row, row + 60), slice(col, col + 50))
    assert np.array_equal(smooth(part, wavelength_m, 3), smooth(FRAME, wavelength_m, 3)[cut])
    for a, b in zip(regions(part, wavelength_m, 3), regions(FRAME, wavelength_m, 3), strict=True):
        assert np.array_equal(a, b[cut])


def test_another_seed_is_another_land(land):
    other = land_of(FRAME, SEED + 1)
    assert (other.zone_yx != land.zone_yx).mean() > 0.2
    # Neighbouring seeds must not be the same numbers in another order.
    a, b = (set(uniform(s, np.arange(64)[:, None], np.arange(64)).ravel().tolist()) for s in (6, 7))
    assert len(a & b) < 10


def test_noise_is_standardised():
    wide = Frame(32625, 300_000, 5_100_000, 1500, 1500)
    field = fractal(wide, 200, 1, octaves=2)
    assert abs(field.mean()) < 0.1 and abs(field.std() - 1) < 0.1


def test_land_has_what_a_map_should_find(land):
    assert {2, 5, 6, 8, 9, TREES, 14, WATER} <= set(np.unique(land.zone_yx).tolist())
    assert ((land.zone_yx == WATER) == (land.cover_yx == Cover.WATER)).all()


def test_spectra_are_physical(land):
    values = {b: surface(land, b) for b in BANDS}
    for band, ground in values.items():
        still = np.zeros_like(ground)
        top = seen(ground, still, still, band=band, level="L1C")
        assert top.min() > 0 and top.max() < 0.6, band
    inside = (slice(1, -1), slice(1, -1))
    deep = coarser((land.cover_yx[20:-20, 20:-20] == Cover.WATER).astype(np.float32), 10) == 1
    leafy = coarser((land.zone_yx[20:-20, 20:-20] == TREES).astype(np.float32), 10) == 1
    nir, red = (coarser(values[b][20:-20, 20:-20], 10) for b in ("B08", "B04"))
    assert (nir < red)[deep].all() and (nir > 3 * red)[leafy].all()
    assert np.isfinite(values["B12"][inside]).all()


def test_clouds_whiten_and_their_shadows_darken(land):
    sky = Sky(0.0, 2, always=(FRAME.x0 + 3_500, FRAME.y0 - 3_500, 400.0))
    cloud, shade = opacity(FRAME, sky), shadow(FRAME, sky)
    ground = surface(land, "B04")
    value = seen(ground, cloud, shade * (1 - cloud), band="B04", level="L2A")
    assert value[cloud > 0.9].min() > 0.45
    dark = (shade > 0.9) & (cloud < 0.01)
    assert dark.any() and (value[dark] < 0.5 * ground[dark]).all()
    assert np.array_equal(shade[:-70, :-50], cloud[70:, 50:]), "700 m north and 500 m west of its cloud"


@pytest.mark.parametrize("cover", [0.1, 0.5, 0.8])
def test_a_wide_sky_has_the_cover_aimed_at(cover):
    wide = Frame(32625, 100_000, 5_600_000, 3000, 3000)
    many = [(opacity(wide, Sky(cover, seed)) > OPAQUE * 0.97).mean() for seed in range(4)]
    assert abs(np.mean(many) - cover) < 0.12


def test_the_cloud_of_every_date_is_there():
    x, y = FRAME.x0 + 3_000, FRAME.y0 - 2_000
    for seed in (1, 2, 3):
        cloud = opacity(FRAME, Sky(0.0, seed, always=(x, y, 500.0)))
        assert cloud[180:220, 280:320].min() > OPAQUE
        assert cloud[:100].max() < OPAQUE and cloud[:, 400:].max() < OPAQUE
