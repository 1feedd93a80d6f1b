"""Laws of towns: functions of place and seed, in any cut and zone; as dense as Stewart and Oke say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.grid import Frame, transformer
from eomap.twin.earth import Site, points_at, points_of
from eomap.twin.people import Settlement, radius_m
from eomap.twin.town import REACH, built_surface, town_of, town_zones

SITE = Site(4_711, 11.98, 48.21)
SEED = 17
X, Y = transformer(4326, 32632).transform(SITE.lon_deg, SITE.lat_deg)
FRAME = Frame(32632, int(X // 600) * 600 - 1_800, int(Y // 600) * 600 + 1_800, 360, 380)
STEWART_OKE = {
    1: (0.40, 0.60, 25, np.inf),
    2: (0.40, 0.70, 10, 25),
    3: (0.40, 0.70, 3, 10),
    4: (0.20, 0.40, 25, np.inf),
    5: (0.20, 0.40, 10, 25),
    6: (0.20, 0.40, 3, 10),
    7: (0.60, 0.90, 2, 4),
    8: (0.30, 0.50, 3, 10),
    9: (0.10, 0.20, 3, 10),
    10: (0.20, 0.30, 5, 15),
}
"""Least and greatest building surface fraction, and height of buildings in metres: Stewart and Oke 2012,
table 3 (doi:10.1175/BAMS-D-11-00019.1)."""


def town(people=60_000.0, style="old", site=SITE):
    return town_of(Settlement(site, people), climate="temperate", seed=SEED, style=style)


def with_margin(frame):
    return points_of(frame.sub(-1, frame.height + 1, -1, frame.width + 1))


@pytest.fixture(scope="module")
def zones():
    return town_zones(points_of(FRAME), town(), seed=SEED)


@pytest.fixture(scope="module")
def built(zones):
    return built_surface(with_margin(FRAME), zones, town(), seed=SEED)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(8, 60), st.integers(8, 80))
def test_a_part_equals_the_whole(zones, built, row, col, height, width):
    frame = FRAME.sub(row, row + height, col, col + width)
    cut = slice(row, row + height), slice(col, col + width)
    quarters = town_zones(points_of(frame), town(), seed=SEED)
    assert np.array_equal(quarters, zones[cut])
    part = built_surface(with_margin(frame), quarters, town(), seed=SEED)
    assert np.array_equal(part.fraction_myx, built.fraction_myx[:, *cut])
    assert np.array_equal(part.roofs_yx, built.roofs_yx[cut])
    assert np.array_equal(part.height_m_yx, built.height_m_yx[cut])


def test_quarters_are_the_same_in_the_next_zone(zones):
    """The middles of a row of pixels, seen from the zone to the east."""
    here = points_of(FRAME)
    x, y = transformer(4326, 32633).transform(here.lon_deg[180, 40:340], here.lat_deg[180, 40:340])
    next_ = Frame(32633, int(x[0] // 600) * 600 - 600, int(np.max(y) // 600) * 600 + 600, 220, 480)
    there = town_zones(points_of(next_), town(), seed=SEED)
    rows, cols = ((next_.y0 - y) // 10).astype(int), ((x - next_.x0) // 10).astype(int)
    inside = (rows >= 0) & (rows < next_.height) & (cols >= 0) & (cols < next_.width)
    assert inside.sum() > 200
    # Up to half a pixel off: only borders may differ.
    assert (there[rows[inside], cols[inside]] == zones[180, 40:340][inside]).mean() > 0.95


def test_another_seed_is_another_town(zones, built):
    assert (town_zones(points_of(FRAME), town(), seed=SEED + 1) != zones).mean() > 0.1
    other = built_surface(with_margin(FRAME), zones, town(), seed=SEED + 1)
    assert (other.roofs_yx != built.roofs_yx)[zones > 0].mean() > 0.5


def test_nothing_is_built_outside(zones, built):
    assert not built.fraction_myx[:, zones == 0].any() and not built.roofs_yx[zones == 0].any()
    assert (zones > 0).any() and (zones == 0).any()


def test_fractions_are_shares(built):
    assert built.fraction_myx.min() >= 0 and built.fraction_myx.sum(axis=0).max() <= 1 + 1e-6


@pytest.mark.parametrize("code", STEWART_OKE)
@pytest.mark.parametrize("style", ["old", "informal"])
def test_quarters_are_as_dense_and_high_as_published(code, style):
    least, most, low_m, high_m = STEWART_OKE[code]
    frame = FRAME.sub(0, 200, 0, 200)
    for seed in (1, 2):
        made = built_surface(
            with_margin(frame), np.full((200, 200), code, np.uint8), town(style=style), seed=seed
        )
        assert least <= made.roofs_yx.mean() <= most
        mean_m = np.average(made.height_m_yx, weights=made.roofs_yx)
        assert low_m <= mean_m <= high_m


@pytest.mark.parametrize("people", [1_500.0, 60_000.0, 2e6])
def test_a_town_is_as_large_as_its_people_need(people):
    reach = int(REACH * radius_m(people) // 10) + 80
    step = max(1, reach // 150)
    frame = Frame(
        32632, int(X // 600) * 600 - 10 * reach, int(Y // 600) * 600 + 10 * reach, *(2 * (2 * reach,))
    )
    zone = town_zones(points_of(frame, every_px=step), town(people), seed=SEED)
    area_m2 = (zone > 0).sum() * (10 * step) ** 2
    assert 0.6 < area_m2 / (np.pi * radius_m(people) ** 2) < 1.8
    edge = np.concatenate([zone[0], zone[-1], zone[:, 0], zone[:, -1]])
    assert not edge.any()


def test_only_large_cities_have_high_rise_cores_and_heavy_industry(zones):
    assert not np.isin(zones, (1, 7)).any()
    village = town_zones(points_of(FRAME), town(900.0), seed=SEED)
    assert set(np.unique(village).tolist()) == {0, 6, 9}


def test_styles_differ_and_dry_towns_are_less_green():
    frame = FRAME.sub(0, 100, 0, 100)
    zone = np.full((100, 100), 6, np.uint8)
    moist = town()
    dry = replace(moist, green=0.4)
    shares = [
        built_surface(with_margin(frame), zone, t, seed=SEED).fraction_myx[[1, 3]].sum(axis=0).mean()
        for t in (moist, dry)
    ]
    assert shares[1] < 0.6 * shares[0]
    kinds = {style: set(np.unique(town_zones(points_of(FRAME), town(style=style), seed=SEED)).tolist())
             for style in ("old", "dense", "informal")}  # fmt: skip
    assert kinds["old"] != kinds["dense"] and 7 in kinds["informal"]


def test_a_town_lies_where_its_site_is():
    far = town_zones(points_at([[SITE.lon_deg + 1.0]], [[SITE.lat_deg]]), town(), seed=SEED)
    assert far[0, 0] == 0
