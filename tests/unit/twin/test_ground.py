"""The whole land with its towns, its truth and its shifts: functions of place, alike in every cut."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.grid import Frame, transformer
from eomap.twin.atmosphere import Air
from eomap.twin.climate import strangers
from eomap.twin.events import cleared
from eomap.twin.ground import CROWN_SHARE, crowns, land_of, scenery
from eomap.twin.land import DENSE_TREES, SCATTERED_TREES, WATER, Cover
from eomap.twin.materials import Material, band_table, broadened
from eomap.twin.optical import MARGIN_PX, Sun, above_air, air_optics, around, coarser, illumination, surface
from eomap.twin.shift import Kind, Shift, laid, table_under, where
from eomap.twin.truth import (
    BY_NAME,
    biomass_mg_ha,
    canopy_height_m,
    majority,
    naturalness,
    settlement_share,
    static_truth,
)

SEED, DAY = 17, date(2024, 6, 20)
X, Y = transformer(4326, 32630).transform(-1.49, 55.06)
FRAME = Frame(32630, int(X // 600) * 600, int(Y // 600) * 600 + 1800, 420, 480)
"""On the coast of the demonstration's town."""
PLUME_SEED = 7
"""With this one a plume reaches into the frame."""
ARRAYS = ("zone_yx", "cover_yx", "roofs_yx", "building_m_yx", "canopy_m_yx", "pressure_yx")


@pytest.fixture(scope="module")
def land():
    return land_of(FRAME, SEED)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(30, 110), st.integers(30, 110))
def test_a_part_equals_the_whole(land, row, col, height, width):
    part = land_of(FRAME.sub(row, row + height, col, col + width), SEED)
    cut = slice(row, row + height), slice(col, col + width)
    for name in ARRAYS:
        assert np.array_equal(getattr(part, name), getattr(land, name)[cut]), name
    assert np.array_equal(part.fraction_myx, land.fraction_myx[:, *cut])
    assert np.array_equal(part.style_kyx, land.style_kyx[:, *cut])
    one, all_ = scenery(part, DAY, SEED), scenery(land, DAY, SEED)
    assert np.array_equal(one.ground.fraction_myx, all_.ground.fraction_myx[:, *cut])


def test_the_demonstrations_town_has_what_a_map_should_find(land):
    assert {5, 6, 9, 11, 14, 17} <= set(np.unique(land.zone_yx).tolist())
    assert {Cover.BUILT, Cover.TREES, Cover.WATER, Cover.CROP} <= set(np.unique(land.cover_yx).tolist())


def test_fractions_are_shares(land):
    assert land.fraction_myx.sum(axis=0, dtype=np.int32).max() <= 255
    on_a_day = scenery(land, date(2024, 1, 20), SEED).ground.fraction_myx
    assert on_a_day.sum(axis=0, dtype=np.int32).max() <= 255
    assert (land.roofs_yx[land.zone_yx > 10] == 0).all() and land.roofs_yx.max() <= 1
    assert (land.building_m_yx > 0)[land.roofs_yx > 0].all()
    assert (np.isnan(land.street_angle_yx) == (land.zone_yx > 10)).all()
    assert land.fraction_myx[Material.WATER][land.zone_yx == WATER].min() == 255


@pytest.fixture(scope="module")
def savanna():
    x, y = transformer(4326, 32636).transform(35.1, 8.0)
    return land_of(Frame(32636, int(x // 600) * 600, int(y // 600) * 600, 480, 480), SEED)


def test_open_woodland_is_tree_cover_where_its_crowns_are(savanna):
    land = savanna
    crown = crowns(land.fraction_myx)
    for zone in (DENSE_TREES, SCATTERED_TREES):
        wild = (land.zone_yx == zone) & ~land.wild.road_yx & (land.cover_yx != Cover.MANGROVE)
        assert wild.sum() > 1_000
        assert ((land.cover_yx == Cover.TREES) == (crown >= CROWN_SHARE))[wild].all()
        trees = wild & (land.cover_yx == Cover.TREES)
        assert canopy_height_m(land)[trees].min() > 0 and biomass_mg_ha(land, SEED)[trees].min() > 0
    assert (land.cover_yx == Cover.GRASS)[land.zone_yx == SCATTERED_TREES].mean() > 0.4


def test_a_clearing_takes_open_woodland_whole(savanna):
    land = savanna
    seen = scenery(land, date(2026, 12, 30), SEED)
    felled = cleared(land.points, date(2026, 12, 30), SEED + 2_000) & (land.zone_yx == SCATTERED_TREES)
    assert felled.any() and seen.cleared_yx[felled].all()
    assert (canopy_height_m(land, seen)[felled] == 0).all()


def test_truth_is_stored_in_its_units(land):
    truth = static_truth(land, SEED)
    for name, values in truth.items():
        layer = BY_NAME[name]
        assert values.dtype == layer.dtype and values.shape == tuple(
            10 * n // layer.pixel_m for n in FRAME.shape
        )
    assert set(np.unique(truth["lcz"])) <= set(range(1, 18))
    share = settlement_share(land)
    assert abs(truth["settlement"].mean() * 1e-4 - share.mean()) < 1e-3
    assert naturalness(land).min() >= 0 and naturalness(land).max() <= 1
    trees = land.zone_yx == 11
    assert naturalness(land)[trees].mean() > naturalness(land)[land.cover_yx == Cover.CROP].mean() + 0.2
    built = share > 0.8
    assert naturalness(land)[built].max() < 0.2
    agb = biomass_mg_ha(land, SEED)
    assert 60 < agb[trees].mean() < 350 and (agb[land.zone_yx == WATER] == 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([2, 5, 10]))
def test_majority_counts(seed, factor):
    codes = np.random.default_rng(seed).integers(1, 4, (4 * factor, 3 * factor)).astype(np.uint8)
    found = majority(codes, factor)
    for (r, c), code in np.ndenumerate(found):
        cell = codes[r * factor : (r + 1) * factor, c * factor : (c + 1) * factor]
        counts = np.bincount(cell.ravel(), minlength=4)
        assert counts[code] == counts.max() and code == counts.argmax()


def test_slopes_towards_the_sun_are_brighter(land):
    ground = scenery(land, DAY, SEED).ground
    sun = Sun(45.0, 90.0)
    lit = illumination(ground, sun)
    east = -ground.east_yx  # ground that falls towards the east faces this sun
    assert np.corrcoef(lit.ravel(), east.ravel())[0, 1] > 0.9
    assert np.allclose(lit[(ground.east_yx == 0) & (ground.north_yx == 0)], 1, atol=1e-6)


def test_light_from_around_conserves_light_and_knows_no_cut():
    field = np.random.default_rng(0).uniform(0, 1, (480, 480)).astype(np.float32)
    whole = around(field, 1)
    assert abs(whole[120:-120, 120:-120].mean() - field[120:-120, 120:-120].mean()) < 0.01
    assert whole[120:-120, 120:-120].std() < 0.01
    cut = field[60:420, 60:420]
    inner = slice(MARGIN_PX, -MARGIN_PX)
    assert np.array_equal(around(cut, 1)[inner, inner], whole[60:420, 60:420][inner, inner])
    assert np.allclose(around(np.full((96, 96), 0.3, np.float32), 2), 0.3)


def test_air_makes_dark_ground_brighter_in_blue_and_leaves_the_infrared():
    optics = air_optics("S2A", Sun(40, 150), Air(0.15, 2.0))
    dark = np.full((12, 12), 0.02, np.float32)
    blue, red = (above_air(dark, 1, optics.band(b)).mean() for b in ("B02", "B11"))
    assert blue > 0.07 and abs(red - 0.02) < 0.01


def test_plants_are_green_and_water_is_dark(land):
    ground = scenery(land, DAY, SEED).ground
    table = band_table("S2A")
    one = np.ones(FRAME.shape, np.float32)
    nir, red = (surface(ground, table.names.index(b), table=table, lit_yx=one) for b in ("B08", "B04"))
    ndvi = (nir - red) / (nir + red)
    assert np.median(ndvi[land.zone_yx == 11]) > 0.65 and np.median(ndvi[land.zone_yx == WATER]) < 0.1
    assert nir[land.zone_yx == WATER].mean() < 0.05
    pairs = coarser(nir, 2)
    assert pairs.shape == (210, 240) and abs(pairs.mean() - nir.mean()) < 1e-4


@pytest.mark.parametrize("kind", [Kind.SMOKE, Kind.STRIPES, Kind.GLINT, Kind.SATURATION])
def test_a_shift_of_a_place_changes_that_place_only(land, kind):
    water = land.zone_yx == WATER
    seen = np.full(FRAME.shape, 0.12, np.float32)
    shift, seed = Shift(kind), PLUME_SEED
    first = FRAME.x0 // 10
    over = laid(shift, land.points, water, first_col=first, seed=seed)
    assert over is not None
    other = over.over(seen, centre_nm=560.0)
    here = where(shift, land.points, water, seed)
    assert 0 < here.mean() < 0.7
    assert (other[~here] == seen[~here]).all() and (other[here] != seen[here]).mean() > 0.9
    points = land.points.part(slice(30, 90), slice(60, 150))
    part = laid(shift, points, water[30:90, 60:150], first_col=first + 60, seed=seed)
    assert part is not None
    assert np.array_equal(part.over(seen[30:90, 60:150], centre_nm=560.0), other[30:90, 60:150])


def test_a_shift_of_the_sensor_changes_its_bands():
    usual = table_under(Shift(), "S2A")
    assert usual is band_table("S2A")
    moved = [table_under(Shift(Kind.DRIFT, s), "S2A").mean_mb for s in (0.0, 0.5, 1.0)]
    assert np.allclose(moved[0], usual.mean_mb, atol=1e-4)
    change = [np.abs(m - usual.mean_mb).max() for m in moved]
    assert all(a < b for a, b in pairwise(change)) and change[2] > 0.01
    assert np.abs(table_under(Shift(Kind.SENSOR), "S2A").mean_mb - usual.mean_mb).max() > 0.02


@pytest.mark.parametrize("satellite", ["ENMAP", "MODIS"])
@pytest.mark.parametrize("kind", [Kind.DRIFT, Kind.SENSOR])
def test_a_shift_of_the_sensor_changes_the_bands_of_enmap_and_modis(satellite, kind):
    usual, other = (table_under(Shift(k), satellite) for k in (Kind.NONE, kind))
    assert other.names == usual.names and np.array_equal(other.centre_nm, usual.centre_nm)
    change = np.abs(other.mean_mb - usual.mean_mb)
    assert other.mean_mb.shape == usual.mean_mb.shape and 0.01 < change.max() < 0.6


def test_broader_bands_see_the_same_light_with_less_detail():
    usual = band_table("ENMAP")
    same, broad = broadened("ENMAP", 0.0), broadened("ENMAP", 40.0)
    assert np.allclose(same.mean_mb, usual.mean_mb, atol=1e-6)
    step = np.abs(np.diff(usual.mean_mb[:, :90])).max(1), np.abs(np.diff(broad.mean_mb[:, :90])).max(1)
    assert (step[1] < step[0]).all() and abs(broad.mean_mb.mean() - usual.mean_mb.mean()) < 0.005
    assert np.abs(broad.mean_mb - usual.mean_mb).max() > 0.02
    for table in (same, broad):
        assert (table.mean_mb >= 0).all() and (table.mean_mb <= 1).all()
    assert all(k != own for own, k in enumerate(strangers().tolist()))
    assert not where(
        Shift(), land_of(FRAME.sub(0, 20, 0, 20), SEED).points, np.zeros((20, 20), bool), SEED
    ).any()
