"""The whole twin as a source of pixels: pure, alike in every cut and every process, true to what it says."""

import hashlib
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from eomap.core.grid import Frame, transformer
from eomap.core.period import Period
from eomap.sensors.sentinel2 import BANDS, SCENE_CLASS
from eomap.twin.acquisitions import acquisitions
from eomap.twin.land import WATER, Cover
from eomap.twin.shift import OF_A_PLACE, Kind, Shift
from eomap.twin.truth import BY_NAME
from eomap.twin.world import World, sun_at

ROOT = Path(__file__).parents[3]
BOX = (11.06, 55.475, 11.20, 55.575)
FRAME = Frame(32632, 634_800, 6_153_600, 120, 180)
"""A coast with fields, near the demonstration's town."""
DAY = date(2024, 6, 12)
WORLD = World(17, middle=DAY)
L1C = tuple(BANDS)


def flights(sensor):
    found = acquisitions(BOX, Period(DAY, DAY), (sensor,), seed=17)
    assert found
    return found


@pytest.fixture(scope="module")
def acquisition():
    return flights("s2")[0]


@pytest.fixture(scope="module")
def seen(acquisition):
    return WORLD.optical(acquisition, FRAME, (*L1C, SCENE_CLASS), level="L1C")


def sizes(band):
    return 2 if band == SCENE_CLASS else BANDS[band] // 10


def test_every_band_has_its_own_pixels(seen):
    for band, values in seen.items():
        assert values.shape == (120 // sizes(band), 180 // sizes(band))
        assert np.isfinite(values).all() and values.dtype == (np.uint8 if band == SCENE_CLASS else np.float32)


def test_a_part_of_a_scene_is_the_part_of_the_scene(acquisition, seen):
    part = WORLD.optical(acquisition, FRAME.sub(60, 120, 6, 96), (*L1C, SCENE_CLASS), level="L1C")
    for band, values in part.items():
        n = sizes(band)
        assert np.array_equal(values, seen[band][60 // n : 120 // n, 6 // n : 96 // n]), band


def test_another_process_makes_the_same_bytes(acquisition, seen):
    code = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1]); import test_world as t\n"
        "made = t.WORLD.optical(t.flights('s2')[0], t.FRAME, ('B02', 'B11', 'SCL'), level='L1C')\n"
        "print(hashlib.sha256(b''.join(made[b].tobytes() for b in ('B02', 'B11', 'SCL'))).hexdigest())"
    )
    words = [sys.executable, "-c", code, str(Path(__file__).parent)]
    said = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
    here = hashlib.sha256(b"".join(seen[b].tobytes() for b in ("B02", "B11", "SCL"))).hexdigest()
    assert said.stdout.strip() == here


def test_another_seed_is_another_scene(acquisition, seen):
    other = World(18).optical(acquisition, FRAME, ("B04",), level="L1C")["B04"]
    assert (np.abs(other - seen["B04"]) > 0.01).mean() > 0.3


def test_a_correction_comes_near_the_true_surface(acquisition):
    clear = World(17, covers={DAY: 0.0}, middle=DAY)
    ground = clear.optical(acquisition, FRAME, ("B03", "B8A", "B12"), level="L2A")
    truth = clear.truth(FRAME, None)["surface"]
    for band, values in ground.items():
        true = truth.values[truth.bands.index(band)] * truth.scale
        n = sizes(band)
        mean = true.reshape(true.shape[0] // n, n, -1, n).mean(axis=(1, 3))
        assert np.abs(values - mean).mean() < 0.012 + 0.06 * mean.mean(), band


def test_cloud_is_where_truth_says(acquisition):
    cloudy, frame = World(17, covers={DAY: 0.6}), Frame(32632, 634_800, 6_160_200, 600, 600)
    blue = cloudy.optical(acquisition, frame, ("B02",), level="L1C")["B02"]
    truth = cloudy.truth(frame, DAY)
    cloud = truth["cloud"].values
    assert {0, 1} <= set(np.unique(cloud).tolist()) <= {0, 1, 2, 3}
    assert blue[cloud == 1].mean() > blue[cloud == 0].mean() + 0.15
    depth = truth["cloud_optical_thickness"].values * truth["cloud_optical_thickness"].scale
    assert depth[cloud == 1].min() >= 3 - 0.01 and depth[cloud == 0].max() < 0.4 + 0.01


def test_neighbouring_squares_of_a_pass_agree_where_they_overlap():
    box = (10.46, 55.44, 10.6, 55.6)  # two squares share this strip
    found = acquisitions(box, Period.parse("2024-06-01/2024-06-08"), ("s2",), seed=17)
    passes = {}
    for one in found:
        passes.setdefault((one.day, one.relative_orbit), []).append(one)
    pair = next(p for p in passes.values() if len({a.frame.epsg for a in p}) == 1 and len(p) > 1)
    west, south, east, north = (
        pick(a.frame.bounds_m[k] for a in pair[:2]) for k, pick in ((0, max), (1, max), (2, min), (3, min))
    )
    assert east > west and north > south
    frame = Frame(pair[0].frame.epsg, west + 1200, north - 6000, 60, 60)
    one, other = (WORLD.optical(a, frame, ("B08",), level="L1C")["B08"] for a in pair[:2])
    assert np.abs(one - other).mean() < 0.01
    assert (
        abs(
            sun_at(pair[0].frame, pair[0].moment).zenith_deg
            - sun_at(pair[1].frame, pair[1].moment).zenith_deg
        )
        < 2
    )


def test_truth_says_all_it_promises():
    static, dated = WORLD.truth(FRAME, None), WORLD.truth(FRAME, DAY)
    expected = {name for name, layer in BY_NAME.items() if not layer.dated} | {"surface"}
    assert set(static) == expected
    assert set(dated) == {name for name, layer in BY_NAME.items() if layer.dated}
    for name, layer in {**static, **dated}.items():
        assert layer.pixel_m == BY_NAME[name].pixel_m and layer.unit == BY_NAME[name].unit


SMALL = Frame(32632, 633_600, 6_155_400, 90, 90)
"""A coast in a town."""
PLUME, PLUME_SEED = Frame(32632, 634_800, 6_158_400, 480, 480), 51
"""Coast and land, and with this seed the edge of a plume over both."""


def taken(acquisition, frame, shift, seed):
    world = World(seed, shift=shift, covers={DAY: 0.0})
    return world, world.optical(acquisition, frame, ("B04", "B11"), level="L1C")


@pytest.mark.parametrize("kind", [Kind.BIOME, Kind.CITY, Kind.SENSOR, Kind.DRIFT])
def test_a_shift_of_the_whole_scene_changes_it(acquisition, kind):
    _, usual = taken(acquisition, SMALL, Shift(), 17)
    world, other = taken(acquisition, SMALL, Shift(kind), 17)
    assert (world.truth(SMALL, DAY)["shift"].values == 1).all()
    assert (np.abs(other["B04"] - usual["B04"]) > 1e-3).mean() > 0.2
    assert world.name != World(17, covers={DAY: 0.0}).name


@pytest.mark.parametrize("kind", OF_A_PLACE)
def test_a_shift_of_a_place_changes_that_place_and_no_other(acquisition, kind):
    frame = PLUME
    _, usual = taken(acquisition, frame, Shift(), PLUME_SEED)
    world, other = taken(acquisition, frame, Shift(kind), PLUME_SEED)
    told = world.truth(frame, DAY)["shift"].values == 1
    assert 0.02 < told.mean() < 0.98, "the frame must hold both, or nothing is tested"
    changed = np.abs(other["B04"] - usual["B04"]) > 1e-4
    new = told & (world.land(frame).zone_yx != WATER) if kind is Kind.FLOOD else told
    assert new.sum() > 1000 and changed[new].mean() > 0.85
    # Light is scattered in from around: a flood shows beyond its edge, all others act above the ground.
    beyond = (np.abs(other["B04"] - usual["B04"]) > 5e-3)[~told].mean()
    assert beyond < 0.05 if kind is Kind.FLOOD else not changed[~told].any()


def test_a_flood_is_under_water_for_every_sensor_and_in_the_truth():
    frame = PLUME
    dry, wet = (World(PLUME_SEED, shift=Shift(k), middle=DAY) for k in (Kind.NONE, Kind.FLOOD))
    truth = wet.truth(frame, DAY)
    told = truth["shift"].values == 1
    assert (truth["change"].values[told] == 2).all() and (truth["change"].values[~told] != 2).mean() > 0.99
    nir = truth["surface"].bands.index("B08")
    land = told & (dry.land(frame).cover_yx != Cover.WATER) & (dry.land(frame).zone_yx > 10)
    flooded, usual = (t["surface"].values[nir][land].mean() for t in (truth, dry.truth(frame, DAY)))
    assert flooded < 0.4 * usual
    radar = flights("s1")[0]
    before, after = (w.radar(radar, frame, product="rtc")["VH"][land].mean() for w in (dry, wet))
    assert after < 0.7 * before


def test_a_foreign_biome_is_that_of_each_place_in_every_cut():
    world = World(17, shift=Shift(Kind.BIOME))
    epsg, (x, y) = 32632, transformer(4326, 32632).transform(9.3, 46.9)  # two climates within a degree
    whole = Frame(epsg, int(x // 600) * 600, int(y // 600) * 600, 60, 6_000)
    land = world.land(whole)
    assert len(np.unique(land.wild.climate_yx)) > 1
    for col in (0, 2_900, 5_900):
        part = world.land(whole.sub(0, 60, col, col + 90))
        assert np.array_equal(part.cover_yx, land.cover_yx[:, col : col + 90])
        assert np.array_equal(part.wild.climate_yx, land.wild.climate_yx[:, col : col + 90])
