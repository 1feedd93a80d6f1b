"""EnMAP and MODIS see the same Earth as Sentinel-2: the same surface, the same clouds, in any cut."""

from datetime import date, timedelta

import numpy as np
import pytest

from eomap.core.grid import Frame, transformer
from eomap.core.period import Period
from eomap.errors import MisuseError
from eomap.twin import modis
from eomap.twin.acquisitions import acquisitions
from eomap.twin.earth import points_of
from eomap.twin.ground import scenery
from eomap.twin.materials import band_table
from eomap.twin.sinusoid import RADIUS_M, SinusoidFrame, area_mean, pixel_of
from eomap.twin.source import CLASSES_ENMAP, LAND_COVER, RANK
from eomap.twin.world import World

SEED, BOUNDS, JUNE = 17, (11.05, 55.50, 11.15, 55.60), Period.parse("2024-06")
X, Y = transformer(4326, 32632).transform(11.08, 55.56)
FRAME = Frame(32632, int(X // 300) * 300, int(Y // 300) * 300, 300, 300)
"""Fields, woods and sea."""
FOUND = acquisitions(BOUNDS, JUNE, ["enmap", "modis"], seed=SEED)
ENMAP = next(a for a in FOUND if a.sensor == "enmap")
WEEK = [a for a in FOUND if a.product == "09A1"][1]
DAYS = [WEEK.interval[0].date() + timedelta(days=k) for k in range(8)]
NM = band_table("ENMAP").centre_nm
SHARED = (("B02", 492), ("B03", 560), ("B04", 665), ("B8A", 865), ("B11", 1614), ("B12", 2202))


def under(cover, *days, middle=None):
    return World(SEED, covers=dict.fromkeys(days, cover), middle=middle)


def surface_truth(world, band):
    layer = world.truth(FRAME, None)["surface"]
    return layer.values[layer.bands.index(band)] * np.float32(layer.scale)


@pytest.fixture(scope="module")
def clear_enmap():
    world = under(0.0, ENMAP.day, middle=ENMAP.day)
    return world, *world.hyperspectral(ENMAP, FRAME)


@pytest.mark.parametrize(("band", "nm"), SHARED)
def test_enmap_sees_the_surface_that_sentinel_2_sees(clear_enmap, band, nm):
    world, cube, _ = clear_enmap
    truth = surface_truth(world, band).reshape(100, 3, 100, 3).mean((1, 3))
    seen = cube[np.abs(NM - nm).argmin()]
    assert abs((seen - truth).mean()) < 0.004 and np.abs(seen - truth).mean() < 0.01
    assert np.corrcoef(seen.ravel(), truth.ravel())[0, 1] > 0.97


def test_enmap_has_its_bands_its_nodata_and_no_flag_on_a_clear_day(clear_enmap):
    _, cube, masks = clear_enmap
    assert cube.shape == (224, 100, 100) and cube.dtype == np.float32
    dark = np.isnan(cube).all((1, 2))
    assert (np.flatnonzero(dark) + 1).tolist() == [130, 131, 132, 133, 134, 135]
    assert not np.isnan(cube[~dark]).any()
    assert tuple(masks) == CLASSES_ENMAP and all(m.shape == (100, 100) for m in masks.values())
    assert not any(m.any() for m in masks.values())


def test_a_part_of_a_cloudy_enmap_scene_is_that_of_the_whole():
    world = under(0.5, ENMAP.day)
    cube, masks = world.hyperspectral(ENMAP, FRAME)
    part, flags = world.hyperspectral(ENMAP, FRAME.sub(60, 180, 120, 240))
    cut = slice(20, 60), slice(40, 80)
    assert np.array_equal(part, cube[:, *cut], equal_nan=True)
    assert all(np.array_equal(flags[n], masks[n][cut]) for n in CLASSES_ENMAP)


def test_enmaps_clouds_are_those_of_the_sky_and_what_is_not_touched_stays(clear_enmap):
    _, clear, _ = clear_enmap
    world = under(0.5, ENMAP.day)
    cube, masks = world.hyperspectral(ENMAP, FRAME)
    cloud, shadow = masks["cloud"] == 1, masks["cloud_shadow"] == 1
    assert 0.1 < cloud.mean() < 0.9 and shadow.any() and not (cloud & shadow).any()
    blue, nir = (int(np.abs(NM - nm).argmin()) for nm in (470, 865))
    assert np.median((cube - clear)[blue][cloud]) > 0.2
    assert (cube[nir][shadow] < clear[nir][shadow] + 0.01).mean() > 0.9
    same = np.isclose(cube[blue], clear[blue], atol=1e-6)
    assert same.any() and not cloud[same].any()
    assert cube[~np.isnan(cube)].max() < 3


def test_enmap_asks_for_its_own_acquisitions():
    with pytest.raises(MisuseError, match="EnMAP"):
        World(SEED).hyperspectral(WEEK, FRAME)


def grid_of(frame, tile_px):
    """Return the sinusoidal frame around a frame's pixels, and for each pixel (y, x) its place in it."""
    points = points_of(frame)
    side = np.pi * RADIUS_M / 18 / tile_px
    lat = np.radians(points.lat_deg)
    row = np.floor(-lat * RADIUS_M / side).astype(int)
    col = np.floor(np.radians(points.lon_deg) * np.cos(lat) * RADIUS_M / side).astype(int)
    h, v, _, _ = pixel_of(*points.centre_deg)
    row, col = row - (v - 9) * tile_px, col - (h - 18) * tile_px
    shape = np.ptp(row) + 1, np.ptp(col) + 1
    grid = SinusoidFrame(h, v, tile_px, int(row.min()), int(col.min()), *map(int, shape))
    return grid, (row - row.min()) * grid.width + col - col.min()


@pytest.mark.parametrize("tile_px", [2400, 4800])
def test_modis_sees_the_mean_of_the_surface_that_sentinel_2_sees(tile_px):
    world = under(0.0, *DAYS, middle=WEEK.moment.date())
    grid, place = grid_of(FRAME, tile_px)
    count = np.bincount(place.ravel(), minlength=grid.height * grid.width)
    whole = count > 0.98 * grid.pixel_m**2 / 100
    found = world.modis(WEEK, grid, ["M1", "M2", "M4", "M6", RANK])
    assert (found[RANK] == modis.GOOD).all() and whole.sum() > 20
    for band, other in (("M1", "B04"), ("M2", "B8A"), ("M4", "B03"), ("M6", "B11")):
        sums = np.bincount(place.ravel(), surface_truth(world, other).ravel(), minlength=len(count))
        truth, seen = sums[whole] / count[whole], found[band].ravel()[whole]
        # Bands differ by some nanometres, and a pixel is 16 or 64 places, not 500 or 2000.
        assert abs((seen - truth).mean()) < 0.005 and np.abs(seen - truth).mean() < 0.01, band
        assert np.corrcoef(seen, truth)[0, 1] > 0.97, band


def test_a_part_of_a_composite_is_that_of_the_whole():
    world = World(SEED, covers={d: 0.6 + 0.05 * k for k, d in enumerate(DAYS)})
    grid, _ = grid_of(FRAME, 4800)
    bands = ("M1", "M2", "M3", "M7", RANK)
    whole, part = world.modis(WEEK, grid, bands), world.modis(WEEK, grid.sub(2, 9, 3, 8), bands)
    for band in bands:
        assert np.array_equal(part[band], whole[band][2:9, 3:8]), band
    assert np.array_equal(world.modis(WEEK, grid, [LAND_COVER])[LAND_COVER][2:9, 3:8],
                          world.modis(WEEK, grid.sub(2, 9, 3, 8), [LAND_COVER])[LAND_COVER])  # fmt: skip


def test_a_week_of_clouds_is_told_and_hides_the_plants():
    grid, _ = grid_of(FRAME, 4800)
    clear, dull = (under(c, *DAYS).modis(WEEK, grid, ["M1", "M2", RANK]) for c in (0.0, 0.9))
    hidden = dull[RANK] == modis.CLOUDY
    assert 0.3 < hidden.mean() < 0.95
    # Under a cloud it is white, in the shadow of one dark.
    assert (np.abs(dull["M2"] / clear["M2"] - 1) > 0.1)[hidden].mean() > 0.9
    assert np.array_equal(dull["M1"][~hidden], clear["M1"][~hidden])
    before, after = ((m["M2"] - m["M1"]) / (m["M2"] + m["M1"]) for m in (clear, dull))
    assert np.median(after[hidden]) < np.median(before[hidden]) - 0.1


def test_a_fifth_of_the_land_cover_is_wrong():
    grid, _ = grid_of(FRAME, 2400)
    wide = SinusoidFrame(grid.h, grid.v, 2400, grid.row0 - 30, grid.col0 - 50, 70, 70)
    year = next(a for a in FOUND if a.product == "12Q1")
    assert year.interval[0].date() == date(2024, 1, 1)
    said = World(SEED).modis(year, wide, [LAND_COVER])[LAND_COVER]
    land = modis.parts_land(wide, SEED)
    made = scenery(land, year.moment.date(), SEED)
    cover = np.where(made.flooded_yx, land.cover_yx, made.cover_yx)
    needles = area_mean(land.wild.conifer_yx, 8).astype(np.float32)
    right = modis.land_cover(wide, cover, per_px=8, conifer_yx=needles)
    assert 0.15 < (said != right).mean() < 0.25
    assert {modis.Igbp.WATER, modis.Igbp.CROPLAND, modis.Igbp.URBAN} <= set(np.unique(said).tolist())
