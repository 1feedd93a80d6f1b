"""The twin's land: a function of place and seed, the same in every cut; seasons and events by date."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.grid import Frame, transformer
from eomap.twin.climate import CLIMATES, climate_at, geography, land_share
from eomap.twin.earth import points_at, points_of
from eomap.twin.events import cleared, clearings, flooded, floods
from eomap.twin.land import WATER, Cover, wild_land
from eomap.twin.materials import Material
from eomap.twin.season import in_season, season_of, temperature_c

FRAME = Frame(32633, 330_000, 6_002_400, 300, 320)
SEED = 17


def shown(wild):
    """Return every array of some wild land, by name."""
    names = ("zone_yx", "cover_yx", "climate_yx", "conifer_yx", "canopy_m_yx", "road_yx")
    relief = {
        n: getattr(wild.relief, n) for n in ("height_m_yx", "slope_yx", "water_yx", "river_yx", "sea_yx")
    }
    fields = {"parcel_yx": wild.fields.parcel_yx, "lane_yx": wild.fields.lane_yx}
    return {n: getattr(wild, n) for n in names} | relief | fields


@pytest.fixture(scope="module")
def whole():
    return shown(wild_land(points_of(FRAME.sub(-1, 301, -1, 321)), SEED))


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 200), st.integers(0, 200), st.integers(20, 100), st.integers(20, 100))
def test_a_part_equals_the_whole(whole, row, col, height, width):
    frame = FRAME.sub(row - 1, row + height + 1, col - 1, col + width + 1)
    for name, part in shown(wild_land(points_of(frame), SEED)).items():
        assert np.array_equal(part, whole[name][row : row + height, col : col + width]), name


def test_another_seed_is_another_land(whole):
    other = shown(wild_land(points_of(FRAME.sub(-1, 301, -1, 321)), SEED + 1))
    assert (other["cover_yx"] != whole["cover_yx"]).mean() > 0.2


def test_water_is_water_and_low(whole):
    assert ((whole["zone_yx"] == WATER) == (whole["cover_yx"] == Cover.WATER)).all()
    assert (whole["zone_yx"] == WATER)[whole["water_yx"]].all() and whole["height_m_yx"].min() >= 0
    assert set(np.unique(whole["cover_yx"])) <= {int(c) for c in Cover}
    assert set(np.unique(whole["zone_yx"])) <= set(range(11, 18))


def test_coast_and_climate_are_the_earths():
    places = {
        "Berlin": (13.4, 52.5),
        "Sahara": (10.0, 24.0),
        "Amazon": (-62.0, -5.0),
        "Atlantic": (-33.0, 30.0),
    }
    places |= {"Greenland": (-40.0, 72.0), "Siberia": (100.0, 62.0)}
    lon, lat = np.array(list(places.values())).T[:, None, :]
    points = points_at(lon, lat)
    names = [CLIMATES[k].name for k in climate_at(points, SEED)[0]]
    found = dict(zip(places, names, strict=True))
    assert found["Berlin"] == "temperate" and found["Sahara"] == "desert" and found["Amazon"] == "rain forest"
    assert found["Greenland"] == "ice" and found["Siberia"] == "boreal"
    share = dict(zip(places, land_share(points)[0], strict=True))
    assert share["Atlantic"] == 0 and min(share[k] for k in places if k != "Atlantic") > 0.9
    assert len(geography().city_population) > 5000


def test_the_land_goes_on_over_a_zone_border():
    """Two zones see the same places: covers agree but where a border runs between pixel centres."""

    def cover(epsg):
        x, y = transformer(4326, epsg).transform(12.0, 53.6)
        frame = Frame(epsg, int(x // 10) * 10 - 1000, int(y // 10) * 10 + 1000, 200, 200)
        points = points_of(frame)
        inner = points.part(slice(1, -1), slice(1, -1))
        return inner, wild_land(points, SEED)

    (a, west), (b, east) = cover(32632), cover(32633)
    rows, cols = np.mgrid[20:180:7, 20:180:7].reshape(2, -1)
    same = height = 0
    for r, c in zip(rows, cols, strict=True):
        far = np.hypot(np.hypot(b.x_m - a.x_m[r, c], b.y_m - a.y_m[r, c]), b.z_m - a.z_m[r, c])
        i, j = np.unravel_index(far.argmin(), far.shape)
        same += west.cover_yx[r, c] == east.cover_yx[i, j]
        height += abs(west.relief.height_m_yx[r, c] - east.relief.height_m_yx[i, j]) < 5
    assert same / len(rows) > 0.9 and height / len(rows) > 0.95


def season(day, lat=52.0, climate="temperate", parcel=0.1, height=50.0):
    index = [c.name for c in CLIMATES].index(climate)
    one = np.ones((1, 1), np.float32)
    return season_of(
        day,
        lat_deg=np.full((1, 1), lat),
        climate_yx=np.full((1, 1), index, np.uint8),
        height_m_yx=height * one,
        parcel_yx=parcel * one,
        patch_yx=0 * one,
    )


def test_seasons_turn_and_are_opposite_in_the_south():
    july, january = date(2024, 7, 10), date(2024, 1, 10)
    assert season(july).leaf_yx > 0.9 > 0.3 > season(january).leaf_yx
    assert season(july, lat=-35.0).leaf_yx < 0.3 and season(january, lat=-35.0).leaf_yx > 0.9
    assert (
        season(july, climate="mediterranean").green_yx
        < season(date(2024, 3, 20), climate="mediterranean").green_yx
    )
    assert season(january, climate="boreal", lat=63.0).snow_yx > 0.9 and season(july).snow_yx == 0
    assert season(july, height=4500.0).snow_yx > 0.5
    wheat, maize = (season(date(2024, 5, 10), parcel=p).crop_yx for p in (0.1, 0.6))
    assert wheat > 0.7 > 0.3 > maize and season(date(2024, 8, 10), parcel=0.6).crop_yx > 0.6


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 365), st.floats(-70, 70), st.sampled_from([c.name for c in CLIMATES]), st.floats(0, 0.99)
)
def test_materials_of_a_date_are_shares(number, lat, climate, parcel):
    found = season(date(2023, 1, 1) + timedelta(days=number), lat, climate, parcel)
    rng = np.random.default_rng(number)
    fraction = (255 * rng.dirichlet(np.ones(16), size=1)[0][:15]).astype(np.uint8)[:, None, None]
    out = in_season(fraction, found, soil_yx=np.full((1, 1), 0.7, np.float32))
    assert out.dtype == np.uint8 and out.sum(dtype=np.int32) <= 255
    assert out[Material.WATER] == fraction[Material.WATER]


def test_it_is_warmer_in_summer_and_below():
    at = {"lat_deg": np.full((1, 1), 50.0), "climate_yx": np.full((1, 1), 5, np.uint8)}
    low, high = (np.full((1, 1), h, np.float32) for h in (0.0, 2000.0))
    july = temperature_c(date(2024, 7, 25), height_m_yx=low, **at)
    assert 17 < july < 21 and temperature_c(date(2024, 1, 25), height_m_yx=low, **at) < 5
    assert abs(july - temperature_c(date(2024, 7, 25), height_m_yx=high, **at) - 13) < 0.1


def test_what_is_cleared_stays_cleared():
    points = points_of(Frame(32633, 330_000, 6_002_400, 1500, 1500), every_px=1)
    days = [date(2015, 1, 1), date(2020, 6, 1), date(2027, 1, 1)]
    before, between, after = (cleared(points, d, SEED) for d in days)
    assert not before.any() and (after >= between).all() and 0.001 < after.mean() < 0.1
    assert after.mean() > between.mean() > 0 and len({e.day for e in clearings(points, SEED)}) > 2


def test_a_flood_comes_and_goes():
    points = points_of(Frame(32633, 330_000, 6_002_400, 40, 40))
    first = min((e.day for e in floods(points, SEED)), default=None)
    assert first is not None
    river, flat = np.full((40, 40), 1.5, np.float32), np.zeros((40, 40), np.float32)
    event = next(e for e in floods(points, SEED) if e.day == first)
    near = points_at(np.full((2, 2), event.site.lon_deg), np.full((2, 2), event.site.lat_deg))

    def wet(day):
        return flooded(near, day, SEED, river_yx=river[:2, :2], slope_yx=flat[:2, :2]).all()

    assert wet(first + timedelta(days=12)) and not wet(first + timedelta(days=30))
    assert not wet(first - timedelta(days=1))
