"""Laws of the twin's clouds and shadows."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.grid import Frame, transformer
from eomap.errors import MisuseError
from eomap.twin.atmosphere import BandOptics
from eomap.twin.earth import points_at, points_of
from eomap.twin.sky import CLEAR, SHADED, SHADOW, THICK_CLOUD, THIN_CLOUD, Sky, sky_of, through
from eomap.twin.weather import CIRRUS_M, CUMULUS_M, Forecast, explicit

FRAME = Frame(32633, 299_940, 5_900_040, 150, 180)
SUN = {"sun_zenith_deg": 50.0, "sun_azimuth_deg": 150.0}
MIXED = explicit(0.6, cumulus=1, stratus=0.7, cirrus=0.7)
FIELDS = ("tau_yx", "cirrus_yx", "sun_yx", "lit_yx", "shade_yx")
RED = BandOptics(path=0.02, gas=0.96, down=0.94, up_direct=0.85, up_diffuse=0.1, albedo=0.06)
BLUE = BandOptics(path=0.07, gas=0.98, down=0.86, up_direct=0.72, up_diffuse=0.17, albedo=0.14)
CIRRUS_BAND = BandOptics(path=0.001, gas=0.003, down=0.98, up_direct=0.95, up_diffuse=0.03, albedo=0.02)


@pytest.fixture(scope="module", params=["asked for", "forecast"])
def weather(request):
    return MIXED if request.param == "asked for" else Forecast(date(2023, 6, 2), 0.7, 5)


@pytest.fixture(scope="module")
def whole(weather):
    return sky_of(points_of(FRAME), weather=weather, seed=3, **SUN)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 100), st.integers(0, 120), st.integers(1, 50), st.integers(1, 60))
def test_a_part_has_the_sky_of_the_whole(weather, whole, row, col, height, width):
    part = points_of(FRAME.sub(row, row + height, col, col + width))
    found = sky_of(part, weather=weather, seed=3, **SUN)
    for name in FIELDS:
        assert np.array_equal(
            getattr(found, name), getattr(whole, name)[row : row + height, col : col + width]
        )


def test_there_is_something_to_cut(whole):
    assert len(np.unique(whole.tau_yx)) > 2_000 and whole.sun_yx.min() < 0.5


def test_another_seed_is_another_sky(whole, weather):
    other = sky_of(points_of(FRAME), weather=weather, seed=4, **SUN)
    assert np.corrcoef(other.tau_yx.ravel(), whole.tau_yx.ravel())[0, 1] < 0.5


@pytest.mark.parametrize(
    ("genus", "height_m", "spared"), [("cumulus", CUMULUS_M, 0.28), ("cirrus", CIRRUS_M, 0.4)]
)
@pytest.mark.parametrize(("zenith", "azimuth"), [(35.0, 150.0), (60.0, 260.0)])
def test_a_shadow_is_its_cloud_moved_away_from_the_sun(genus, height_m, spared, zenith, azimuth):
    """A pixel's sun is dimmed by the cloud at height x tan(zenith) towards the sun, outside the frame too."""
    only = explicit(0.5, **{"cumulus": 0.0, genus: 1.0})
    sky = sky_of(points_of(FRAME), weather=only, sun_zenith_deg=zenith, sun_azimuth_deg=azimuth, seed=2)
    x = FRAME.x0 + 10 * (np.arange(FRAME.width) + 0.5)
    y = FRAME.y0 - 10 * (np.arange(FRAME.height) + 0.5)
    lon, lat = transformer(FRAME.epsg, 4326).transform(*np.meshgrid(x, y))
    run = height_m * math.tan(math.radians(zenith)) / 111_195
    east, north = math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))
    there = points_at(lon + run * east / np.cos(np.radians(lat)), lat + run * north)
    above = sky_of(there, weather=only, sun_zenith_deg=zenith, sun_azimuth_deg=azimuth, seed=2)
    moved, unmoved = (
        np.exp(-spared * (s.tau_yx + s.cirrus_yx) / math.cos(math.radians(zenith))) for s in (above, sky)
    )
    # Waves too short for shadows are in the cloud, hence not 1.
    assert np.corrcoef(moved.ravel(), sky.sun_yx.ravel())[0, 1] > 0.94
    assert np.corrcoef(unmoved.ravel(), sky.sun_yx.ravel())[0, 1] < 0.75
    assert np.abs(moved - sky.sun_yx).mean() < 0.05
    assert sky.sun_yx.std() > 0.02


@pytest.mark.parametrize("genus", ["cumulus", "stratus", "cirrus"])
@pytest.mark.parametrize("cover", [0.1, 0.5, 0.9])
def test_the_cover_is_that_asked_for(genus, cover):
    only = explicit(cover, **{"cumulus": 0.0, genus: 1.0})
    found = []
    for k, (lon, lat) in enumerate(((12, 50), (-60, -5), (140, -30), (80, 25), (30, 65), (-100, 40))):
        at = points_at(*np.meshgrid(np.linspace(lon, lon + 4, 130), np.linspace(lat, lat + 2, 130)))
        sky = sky_of(at, weather=only, seed=k, **SUN)
        found.append(np.isin(sky.classes(), (THICK_CLOUD, THIN_CLOUD)).mean())
    assert abs(np.mean(found) - cover) < 0.03


def test_no_cloud_is_a_clear_sky():
    sky = sky_of(points_of(FRAME), weather=explicit(0.0), seed=3, **SUN)
    assert (sky.classes() == CLEAR).all() and (sky.sun_yx == 1).all() and (sky.lit_yx == 1).all()
    ground = np.random.default_rng(1).random(FRAME.shape).astype(np.float32) + np.float32(0.1)
    seen = through(ground, sky, at=RED, wavelength_nm=665, sun_zenith_deg=50)
    assert np.allclose(seen, ground, atol=1e-6)


def test_classes_follow_their_thresholds():
    def row(*values):
        return np.array([values], np.float32)

    one = row(1, 1, 1, 1, 1)
    lit = row(SHADED, 0.1, 0.1, 0.6, 1)
    sky = Sky(row(0, 0.5, 3, 0, 0), row(0, 0, 0, 0.3, 2.9), one, lit, one)
    assert sky.classes().tolist() == [[CLEAR, THIN_CLOUD, THICK_CLOUD, SHADOW, THIN_CLOUD]]


def _plain(tau, cirrus, lit):
    a, b, c = (np.full((1, 1), v, np.float32) for v in (tau, cirrus, lit))
    return Sky(a, b, c, c, np.ones((1, 1), np.float32))


def _seen(sky, below, at, wavelength_nm):
    field = np.full((1, 1), below, np.float32)
    return float(through(field, sky, at=at, wavelength_nm=wavelength_nm, sun_zenith_deg=40)[0, 0])


def test_ice_alone_is_seen_at_1375_nm():
    clear, low, ice = (_seen(_plain(t, c, 1), 0.001, CIRRUS_BAND, 1375) for t, c in ((0, 0), (40, 0), (0, 1)))
    assert clear == pytest.approx(0.001, abs=1e-4) and low < 0.03 and ice > 0.06


def test_clouds_are_white_in_the_visible_and_darker_beyond_and_ice_more_so():
    drops = [_seen(_plain(30, 0, 0), 0.1, RED, nm) for nm in (490, 665, 1610, 2200)]
    ice = [_seen(_plain(0, 30, 0), 0.1, RED, nm) for nm in (490, 665, 1610, 2200)]
    assert abs(drops[0] - drops[1]) < 0.03 and drops[0] > 0.65 and drops[1] > drops[2] > drops[3] > 0.35
    assert ice[2] < drops[2] - 0.15


def test_shadows_are_bluer_than_the_land_and_keep_the_airs_own_light():
    below = 0.2
    red, blue = (_seen(_plain(0, 0, 0.2), below, at, 600) for at in (RED, BLUE))
    assert RED.path < red < 0.4 * below
    assert (blue - BLUE.path) / (below - BLUE.path) > 1.2 * (red - RED.path) / (below - RED.path)


def test_reflectance_is_never_negative_nor_absurd(whole):
    ground = np.full(FRAME.shape, 0.05, np.float32)
    for at, nm in ((RED, 665), (BLUE, 490), (CIRRUS_BAND, 1375)):
        seen = through(ground, whole, at=at, wavelength_nm=nm, sun_zenith_deg=50)
        assert seen.dtype == np.float32 and seen.min() >= 0 and seen.max() < 1.3


def test_means_over_squares_keep_the_sum(whole):
    coarse = whole.coarser(6)
    assert coarse.tau_yx.shape == (25, 30) and coarse.tau_yx.mean() == pytest.approx(
        whole.tau_yx.mean(), rel=1e-4
    )
    assert whole.coarser(1) is whole


@pytest.mark.parametrize("west", [32632])
def test_the_sky_goes_on_over_a_zone_border(west):
    skies = []
    for epsg in (west, west + 1):
        x, y = transformer(4326, epsg).transform(12.0, 52.3)
        frame = Frame(epsg, int(x // 10) * 10 - 300, int(y // 10) * 10 + 300, 60, 60)
        skies.append((sky_of(points_of(frame), weather=MIXED, seed=12, **SUN), frame))
    (a, frame), (b, other) = skies
    xs, ys = frame.x0 + 10 * np.arange(20, 40) + 5.0, frame.y0 - 10 * np.arange(20, 40) - 5.0
    xx, yy = np.meshgrid(xs, ys)
    there = transformer(west, west + 1).transform(xx, yy)
    cols, rows = np.rint((there[0] - other.x0) / 10 - 0.5), np.rint((other.y0 - there[1]) / 10 - 0.5)
    matched = b.tau_yx[rows.astype(int), cols.astype(int)]
    here = a.tau_yx[20:40, 20:40]
    step = np.abs(np.diff(a.tau_yx, axis=1)).mean()
    assert here.std() > 0.1 and np.abs(matched - here).mean() < 2 * step


@pytest.mark.parametrize("zenith", [90.0, 120.0, -1.0])
def test_there_are_no_shadows_at_night(zenith):
    with pytest.raises(MisuseError):
        sky_of(points_of(FRAME), weather=MIXED, sun_zenith_deg=zenith, sun_azimuth_deg=0, seed=1)
