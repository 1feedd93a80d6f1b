"""The sinusoidal grid, and what MODIS makes of the twin: exact places, part = whole, errors as stated."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from eomap.errors import MisuseError
from eomap.twin.earth import Site, from_site, near
from eomap.twin.land import Cover
from eomap.twin.materials import Material, band_table
from eomap.twin.modis import (
    CLOUDY,
    GOOD,
    LOOKALIKES,
    MARGINAL,
    SNOW,
    Igbp,
    Looks,
    composite,
    land_cover,
    looks_of,
    mistaken,
    reliability,
    surface,
)
from eomap.twin.optical import Ground, Sun
from eomap.twin.sinusoid import (
    PX_250M,
    PX_500M,
    RADIUS_M,
    WKT,
    SinusoidFrame,
    area_mean,
    pixel_of,
)
from eomap.twin.sky import Sky

SPHERE = CRS.from_proj4(f"+proj=longlat +R={RADIUS_M} +no_defs")
TO_GRID = Transformer.from_crs(SPHERE, CRS.from_proj4(f"+proj=sinu +R={RADIUS_M} +units=m"), always_xy=True)
SOMEWHERE = SinusoidFrame(18, 4, PX_500M, 100, 200, 40, 60)
SUN = Sun(35.0, 150.0)
TABLE = band_table("MODIS")


def ground_of(frame, per_px, **share):
    """Ground of a frame's parts: even, its style rough."""
    points = frame.points(per_px=per_px)
    fraction = np.zeros((len(Material), *points.shape), np.uint8)
    for name, value in share.items():
        fraction[Material[name]] = round(255 * value)
    style = np.stack([points.fractal(4_000, k, octaves=6) for k in range(3)])
    flat = np.zeros(points.shape, np.float32)
    return Ground(fraction, style, flat, flat)


def sky_of_depth(tau_yx, cirrus_yx=0.0):
    tau = np.asarray(tau_yx, np.float32)
    one = np.ones(tau.shape, np.float32)
    return Sky(tau, np.full(tau.shape, cirrus_yx, np.float32), one, one, one)


@settings(max_examples=40, deadline=None)
@given(st.integers(10, 25), st.integers(2, 15), st.integers(0, 4799), st.integers(0, 4799))
def test_places_are_those_of_the_projection(h, v, row, col):
    frame = SinusoidFrame(h, v, PX_250M, row, col, 1, 1)
    points = frame.points()
    if not frame.on_earth().item():
        return
    x, y = TO_GRID.transform(points.lon_deg.item(), points.lat_deg.item())
    a, _, west, _, e, north = frame.transform
    assert np.allclose([x, y], [west + a / 2, north + e / 2], atol=1e-3)
    assert pixel_of(points.lon_deg.item(), points.lat_deg.item(), tile_px=PX_250M) == (h, v, row, col)


def test_pixels_have_the_sizes_of_the_products():
    assert round(SinusoidFrame(0, 0, PX_500M, 0, 0, 1, 1).pixel_m, 4) == 463.3127
    assert round(SinusoidFrame(0, 0, PX_250M, 0, 0, 1, 1).pixel_m, 4) == 231.6564
    corner = SinusoidFrame(0, 0, PX_500M, 0, 0, 1, 1).transform[2::3]
    assert np.allclose(corner, (-20015109.354, 10007554.677))
    assert CRS.from_wkt(WKT).ellipsoid.semi_major_metre == RADIUS_M


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 39), st.integers(0, 59), st.integers(1, 4), st.integers(0, 9))
def test_parts_are_the_same_however_they_are_cut(row, col, per_px, margin):
    height, width = min(3, 40 - row), min(5, 60 - col)
    part = SOMEWHERE.sub(row, row + height, col, col + width).points(per_px=per_px, margin=margin)
    wide = SOMEWHERE.points(per_px=per_px, margin=9)
    first = (row * per_px + 9 - margin, col * per_px + 9 - margin)
    cut = tuple(slice(f, f + n) for f, n in zip(first, part.shape, strict=True))
    for name in ("lon_deg", "lat_deg", "x_m", "y_m", "z_m"):
        assert np.array_equal(getattr(part, name), getattr(wide, name)[cut])
    assert np.array_equal(part.fractal(9_000, 3, octaves=8), wide.fractal(9_000, 3, octaves=8)[cut])


def test_tiles_share_the_parts_beyond_their_edge():
    west = SinusoidFrame(18, 4, PX_500M, 0, 2398, 2, 2).points(per_px=2, margin=4)
    east = SinusoidFrame(19, 4, PX_500M, 0, 0, 2, 2).points(per_px=2, margin=4)
    assert np.array_equal(west.x_m[:, 4:], east.x_m[:, :-4])


@settings(max_examples=20, deadline=None)
@given(st.floats(-150, 150), st.floats(-65, 65))
def test_the_skew_is_that_of_the_grid(lon, lat):
    h, v, row, col = pixel_of(lon, lat)
    frame = SinusoidFrame(h, v, PX_500M, row, col, 1, 1)
    wide = frame.points(margin=1)
    step = np.array([float(getattr(wide, n)[0, 1] - getattr(wide, n)[2, 1]) for n in ("x_m", "y_m", "z_m")])
    lam, phi = np.radians(wide.lon_deg[1, 1]), np.radians(wide.lat_deg[1, 1])
    east = step @ [-np.sin(lam), np.cos(lam), 0]
    north = step @ [-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)]
    # The Earth is flatter than the grid's sphere.
    assert east / north == pytest.approx(float(frame.skew(frame.points())[0, 0]), abs=0.015)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(100, 5_000))
def test_what_is_near_a_site_is_found_where_the_grid_is_most_askew(down, along, reach_m):
    h, v, row, col = pixel_of(150.0, 62.0)
    points = SinusoidFrame(h, v, PX_500M, row, min(col, 2360), 40, 40).points()
    site = Site(1, *(float(a[int(40 * down), int(40 * along)]) for a in (points.lon_deg, points.lat_deg)))
    u, w = from_site(points, site)
    inside = np.hypot(u, w) < reach_m
    inside[near(points, site, reach_m)] = False
    assert not inside.any()


@pytest.mark.shared
def test_a_real_product_lies_on_the_grid(shared):
    (path, *_) = sorted((shared / "data/catalog/modis-13q1").glob("*/*.json"))
    item = json.loads(path.read_text())
    (asset,) = item["assets"].values()
    pixel, _, west, _, _, north = asset["proj:transform"]
    a, _, x0, _, _, y0 = SinusoidFrame(12, 10, PX_250M, 0, 0, 1, 1).transform
    assert abs(pixel - a) < 1e-6
    for offset in ((west - x0) / a, (north - y0) / a):
        assert abs(offset - round(offset)) < 1e-3


def test_beyond_the_outline_there_is_nothing():
    frame = SinusoidFrame(0, 3, PX_500M, 0, 0, 5, 5)
    assert not frame.on_earth().any() and SOMEWHERE.on_earth().all()
    assert np.isfinite(frame.points(margin=2).x_m).all()
    assert (land_cover(frame, np.full((10, 10), 80, np.uint8), per_px=2) == 255).all()


def test_the_land_cover_knows_no_cut():
    codes = np.full(SOMEWHERE.shape, int(Igbp.CROPLAND), np.uint8)
    cut = slice(7, 21), slice(30, 47)
    part = SOMEWHERE.sub(7, 21, 30, 47)
    assert np.array_equal(mistaken(part, codes[cut], 3), mistaken(SOMEWHERE, codes, 3)[cut])


def test_reflectance_is_the_mean_of_the_parts_and_of_light():
    frame = SOMEWHERE.sub(0, 4, 0, 6)
    ground = ground_of(frame, 4, GRASS=0.6, SOIL=0.4)
    fine = surface(ground, ["M1", "M2"], sun=SUN, per_px=1, table=TABLE)
    coarse = surface(ground, ["M1", "M2"], sun=SUN, per_px=4, table=TABLE)
    assert coarse.shape == (2, 4, 6) and coarse.dtype == np.float32
    assert np.allclose(coarse, area_mean(fine, 4), atol=1e-6) and fine.std() > 0.01
    tilted = Ground(ground.fraction_myx, ground.style_kyx, ground.east_yx + 1, ground.north_yx)
    lit = surface(tilted, ["M2"], sun=Sun(35.0, 270.0), per_px=4, table=TABLE)[0]
    # A slope of 45 degrees that faces a sun 35 degrees from the zenith, and .35 of skylight.
    assert np.allclose(lit / coarse[1], (np.cos(np.radians(10)) + 0.35) / (np.cos(np.radians(35)) + 0.35))


def test_a_composite_takes_clear_days_and_else_the_clearest():
    frame = SOMEWHERE.sub(0, 2, 0, 3)
    depths = np.zeros((3, 4, 5))
    depths[:, 1:3, 1] = [[9], [4], [20]]  # the first column of the frame: a cloud on every day
    depths[0] += 6
    looks = looks_of(sky_of_depth(d) for d in depths)
    assert looks.clear_yx[1:-1, 1:-1].tolist() == [[0, 2, 2], [0, 2, 2]]
    assert looks.tau_yx[1, 1] == 4
    ground = ground_of(frame, 8, CROP=1.0)
    bands = ["M1", "M2", "M4", "M6"]
    clear = composite(frame, ground, looks_of([sky_of_depth(np.zeros((4, 5)))]), bands, sun=SUN)
    veiled = composite(frame, ground, looks, bands, sun=SUN)
    for band in bands:
        assert np.array_equal(veiled[band][:, 1:], clear[band][:, 1:])
    assert (veiled["M1"][:, 0] > clear["M1"][:, 0] + 0.1).all()
    ndvi = (veiled["M2"] - veiled["M1"]) / (veiled["M2"] + veiled["M1"])
    assert (ndvi[:, 0] < ndvi[:, 1:].min()).all()
    with pytest.raises(MisuseError, match="at least one day"):
        looks_of([])


def test_reliability_says_cloud_then_snow_then_doubt():
    bands = {k: np.full((2, 3), v, np.float32) for k, v in {"M2": 0.36, "M4": 0.06, "M6": 0.2}.items()}
    days = np.full((4, 5), 6)
    days[1, 1], days[2, 3] = 0, 1
    assert reliability(bands, days).tolist() == [[CLOUDY, MARGINAL, GOOD], [MARGINAL, MARGINAL, MARGINAL]]
    white = {k: np.full((2, 3), v, np.float32) for k, v in {"M2": 0.75, "M4": 0.85, "M6": 0.1}.items()}
    assert reliability(white, days).tolist() == [[CLOUDY, SNOW, SNOW], [SNOW, SNOW, SNOW]]
    with pytest.raises(MisuseError):
        reliability(bands, days[1:-1, 1:-1])


def test_looks_know_no_order():
    draw = np.random.default_rng(2)
    skies = [sky_of_depth(draw.exponential(1.0, (6, 7))) for _ in range(5)]
    one, other = looks_of(skies), looks_of(skies[::-1])
    assert isinstance(one, Looks) and np.array_equal(one.clear_yx, other.clear_yx)
    assert np.array_equal(one.tau_yx, other.tau_yx) and 0 < one.clear_yx.mean() < 5


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({Cover.WATER: 10}, Igbp.WATER),
        ({Cover.BUILT: 4, Cover.CROP: 6}, Igbp.URBAN),
        ({Cover.CROP: 7, Cover.TREES: 3}, Igbp.CROPLAND),
        ({Cover.CROP: 5, Cover.GRASS: 5}, Igbp.MOSAIC),
        ({Cover.TREES: 8, Cover.GRASS: 2}, Igbp.DECIDUOUS_BROAD),
        ({Cover.TREES: 4, Cover.GRASS: 6}, Igbp.WOODY_SAVANNA),
        ({Cover.TREES: 2, Cover.GRASS: 8}, Igbp.SAVANNA),
        ({Cover.SHRUB: 7, Cover.BARE: 3}, Igbp.CLOSED_SHRUB),
        ({Cover.SHRUB: 5, Cover.BARE: 5}, Igbp.OPEN_SHRUB),
        ({Cover.BARE: 9, Cover.SHRUB: 1}, Igbp.BARREN),
        ({Cover.SNOW: 6, Cover.BARE: 4}, Igbp.SNOW),
        ({Cover.WETLAND: 6, Cover.GRASS: 4}, Igbp.WETLAND),
        ({Cover.GRASS: 10}, Igbp.GRASSLAND),
    ],
)
def test_classes_follow_the_shares_of_covers(shares, expected):
    pixel = SinusoidFrame(18, 4, PX_500M, 5, 5, 1, 1)  # 49 N
    parts = np.concatenate([np.full(10 * n, c, np.uint8) for c, n in shares.items()]).reshape(10, 10)
    assert land_cover(pixel, parts, per_px=10).item() == expected


def test_forests_by_needles_and_latitude():
    parts = np.full((2, 2), Cover.TREES, np.uint8)
    here, tropic, north = (SinusoidFrame(18, v, PX_500M, 5, 5, 1, 1) for v in (4, 9, 2))
    assert land_cover(tropic, parts, per_px=2).item() == Igbp.EVERGREEN_BROAD
    assert land_cover(north, parts, per_px=2).item() == Igbp.EVERGREEN_NEEDLE
    for share, expected in (
        (0.9, Igbp.EVERGREEN_NEEDLE),
        (0.5, Igbp.MIXED_FOREST),
        (0.1, Igbp.DECIDUOUS_BROAD),
    ):
        conifer = np.full((1, 1), share, np.float32)
        assert land_cover(here, parts, per_px=2, conifer_yx=conifer).item() == expected


@pytest.mark.parametrize("share", [0.15, 0.20, 0.25])
def test_errors_are_as_many_as_asked_and_lie_in_blobs(share):
    frame = SinusoidFrame(18, 4, PX_500M, 0, 0, 600, 600)
    truth = np.full(frame.shape, int(Igbp.CROPLAND), np.uint8)
    map_ = mistaken(frame, truth, 11, share=share)
    wrong = map_ != truth
    assert abs(wrong.mean() - share) < 0.02
    assert set(np.unique(map_[wrong]).tolist()) == set(LOOKALIKES[Igbp.CROPLAND])
    both = (wrong[1:] & wrong[:-1]).mean() / wrong.mean()
    assert both > 2 * share  # a wrong pixel's neighbour is wrong far more often than any


def test_every_class_is_taken_for_others_only():
    assert set(LOOKALIKES) == set(Igbp)
    assert all(c not in others for c, others in LOOKALIKES.items())


def test_what_does_not_fit_is_refused():
    with pytest.raises(MisuseError):
        SinusoidFrame(36, 0, PX_500M, 0, 0, 1, 1)
    with pytest.raises(MisuseError):
        SinusoidFrame(0, 0, PX_500M, 0, 0, 2401, 1)
    with pytest.raises(MisuseError):
        land_cover(SOMEWHERE, np.zeros((3, 3), np.uint8), per_px=2)
    with pytest.raises(MisuseError):
        mistaken(SOMEWHERE, np.zeros(SOMEWHERE.shape, np.uint8), 1, share=0.7)
