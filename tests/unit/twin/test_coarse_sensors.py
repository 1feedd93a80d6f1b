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
from eomap.twin.shift import Kind, Shift
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


PLUME, PLUME_SEED = Frame(32632, 634_800, 6_158_400, 480, 480), 51
"""Coast and land, and with this seed the edge of a plume over both."""
ABOVE = (Kind.STRIPES, Kind.SMOKE, Kind.GLINT, Kind.SATURATION)


def shifted(kind, *, cover=0.0):
    days = {*DAYS, ENMAP.day}
    return World(PLUME_SEED, shift=Shift(kind), covers=dict.fromkeys(days, cover))


def told(world, day):
    """Return where the truth says that the shift holds (y, x), at 10 m."""
    return world.truth(PLUME, day)["shift"].values == 1


@pytest.mark.parametrize("cover", [0.0, 0.5])
@pytest.mark.parametrize("kind", ABOVE)
def test_a_shift_changes_enmap_where_the_truth_says_and_nowhere_else(kind, cover):
    world = shifted(kind, cover=cover)
    share = area_mean(told(world, ENMAP.day), 3)
    assert 0.01 < (share > 0).mean() < 0.98, "the frame must hold both, or nothing is tested"
    (usual, _), (other, masks) = (
        w.hyperspectral(ENMAP, PLUME) for w in (shifted(Kind.NONE, cover=cover), world)
    )
    assert np.array_equal(usual[:, share == 0], other[:, share == 0], equal_nan=True)
    blue = int(np.abs(NM - 490).argmin())
    assert (other[blue] != usual[blue])[share == 1].mean() > 0.8
    part, flags = world.hyperspectral(ENMAP, PLUME.sub(60, 180, 120, 300))
    assert np.array_equal(part, other[:, 20:60, 40:100], equal_nan=True)
    assert all(np.array_equal(flags[n], masks[n][20:60, 40:100]) for n in CLASSES_ENMAP)


@pytest.mark.parametrize("cover", [0.0, 0.7])
@pytest.mark.parametrize("kind", ABOVE)
def test_a_shift_changes_modis_where_the_truth_says_and_nowhere_else(kind, cover):
    world = shifted(kind, cover=cover)
    grid, place = grid_of(PLUME, 4800)
    count = np.bincount(place.ravel(), minlength=grid.height * grid.width)
    whole = count > 0.98 * grid.pixel_m**2 / 100
    share = (
        np.bincount(place.ravel(), told(world, DAYS[0]).ravel(), minlength=len(count))[whole] / count[whole]
    )
    usual, other = (w.modis(WEEK, grid, ("M1", "M3", RANK)) for w in (shifted(Kind.NONE, cover=cover), world))
    changed = (other["M3"] != usual["M3"]).ravel()[whole]
    # A pixel is 16 places in MODIS and 500 in the truth: thin edges of a plume can fall between them.
    assert 0.01 < (share > 0).mean() < 0.98 and not changed[share == 0].any()
    assert changed[share > 0.5].mean() > (0.8 if kind is not Kind.STRIPES else 0.95)
    part = world.modis(WEEK, grid.sub(2, 9, 3, 8), ("M1", "M3", RANK))
    assert all(np.array_equal(part[b], other[b][2:9, 3:8]) for b in part)


def test_smoke_is_thickest_at_short_waves_for_enmap_and_modis():
    grid, _ = grid_of(PLUME, 4800)
    (clear, _), (hazy, _) = (shifted(k).hyperspectral(ENMAP, PLUME) for k in (Kind.NONE, Kind.SMOKE))
    near = [int(np.abs(NM - nm).argmin()) for nm in (450, 2200)]
    blue, swir = (np.abs(hazy[b] - clear[b]).mean() for b in near)
    assert blue > 3 * swir
    dull = [w.modis(WEEK, grid, ("M3", "M7")) for w in (shifted(Kind.NONE), shifted(Kind.SMOKE))]
    blue, swir = (np.abs(dull[1][b] - dull[0][b]).mean() for b in ("M3", "M7"))
    assert blue > 2 * swir


TOWN = Frame(32632, 633_600, 6_155_400, 90, 90)


@pytest.mark.parametrize("kind", [Kind.DRIFT, Kind.SENSOR, Kind.CITY, Kind.BIOME])
def test_a_shift_of_the_whole_scene_changes_enmap_and_modis(kind):
    usual, other = (
        World(SEED, shift=Shift(k), covers=dict.fromkeys([*DAYS, ENMAP.day], 0.0)) for k in (Kind.NONE, kind)
    )
    assert (other.truth(TOWN, ENMAP.day)["shift"].values == 1).all()
    (before, _), (after, _) = (w.hyperspectral(ENMAP, TOWN) for w in (usual, other))
    assert (np.abs(after - before) > 0.005).any(0).mean() > 0.1
    grid, _ = grid_of(TOWN, 4800)
    before, after = (w.modis(WEEK, grid, ("M1", "M5", "M6")) for w in (usual, other))
    assert all((after[b] != before[b]).mean() > 0.3 for b in after)
    assert max(np.abs(after[b] - before[b]).max() for b in after) > 0.001


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
