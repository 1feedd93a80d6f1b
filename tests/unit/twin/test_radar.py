"""The twin's radar: part = whole, laws of terrain, walls, wind and moisture, looks that were asked for."""

from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.twin.land import Cover
from eomap.twin.radar import (
    ECHOES,
    LAYOVER,
    LOOKS,
    POLARISATIONS,
    SHADOW,
    SPECKLE_LAG1,
    Ground,
    View,
    backscatter,
    decibels,
    facets,
    observed,
)

PASS = "044a"
DAY = date(2024, 6, 3)
TRUTH = {"moisture_yx": 0.2, "wind_m_s_yx": 4.0}


def ground(cover, shape=(3, 3), **truth):
    values = {f.name: 0.0 for f in fields(Ground)} | TRUTH | truth
    values.pop("cover_yx")
    return Ground(
        cover_yx=np.full(shape, cover, np.uint8),
        **{name: np.full(shape, value, np.float32) for name, value in values.items()},
    )


def view(shape=(3, 3), incidence_deg=38.0, azimuth_deg=80.0):
    return View(*(np.full(shape, np.radians(a), np.float32) for a in (incidence_deg, azimuth_deg)))


def varied(shape, seed=1):
    draw = np.random.default_rng(seed)
    values = {f.name: draw.uniform(0, 1, shape).astype(np.float32) for f in fields(Ground)}
    values["cover_yx"] = draw.choice([int(c) for c in Cover], shape).astype(np.uint8)
    values["canopy_m_yx"] *= 30
    values["building_m_yx"] *= 40
    return Ground(**values)


def cut(item, rows, cols):
    return replace(item, **{f.name: getattr(item, f.name)[rows, cols] for f in fields(item)})


def in_db(power):
    return [float(decibels(p)[1, 1]) for p in power]


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 20), st.integers(0, 25), st.integers(1, 9), st.integers(1, 9), st.sampled_from([*LOOKS])
)
def test_a_part_is_that_of_the_whole(top, left, height, width, product):
    whole_ground, whole_view = varied((34, 40)), view((34, 40))
    how = {"pass_name": PASS, "day": DAY, "seed": 3, "product": product}
    whole = observed(whole_ground, whole_view, rows=slice(500, 532), cols=slice(-70, -32), **how)
    rows, cols = slice(top, top + height + 2), slice(left, left + width + 2)
    part = observed(
        cut(whole_ground, rows, cols),
        cut(whole_view, rows, cols),
        rows=slice(500 + top, 500 + top + height),
        cols=slice(-70 + left, -70 + left + width),
        **how,
    )
    for name in ("vv_yx", "vh_yx", "mask_yx"):
        expected = getattr(whole, name)[top : top + height, left : left + width]
        assert np.array_equal(getattr(part, name), expected)


@pytest.mark.parametrize("cover", [c for c in Cover if c is not Cover.BUILT])
def test_flat_open_ground_at_38_degrees_has_the_power_of_the_table(cover):
    found = in_db(backscatter(ground(cover), view()))
    style_db = [e.style_db for e in ECHOES[cover]]
    expected = [e.db - 0.5 * np.log(10) / 10 * s * s for e, s in zip(ECHOES[cover], style_db, strict=True)]
    assert np.allclose(found, expected, atol=0.01)


@pytest.mark.parametrize(
    ("cover", "truth", "vv", "vh"),
    [
        (Cover.TREES, {"tree_yx": 0.95, "canopy_m_yx": 18}, (-9.4, -6.9), (-15.0, -12.6)),
        (Cover.TREES, {"tree_yx": 0.9, "canopy_m_yx": 3}, (-9.4, -6.9), (-15.2, -12.6)),
        (Cover.CROP, {"moisture_yx": 0.08}, (-13.0, -8.8), (-18.9, -16.4)),
        (Cover.CROP, {"moisture_yx": 0.35}, (-13.0, -8.8), (-18.9, -16.2)),
        (Cover.WATER, {}, (-16.6, -15.6), (-22.2, -21.2)),
        (Cover.WATER, {"wind_m_s_yx": 9}, (-11.6, -10.6), (-18.5, -17.5)),
        (Cover.GRASS, {"snow_yx": 1}, (-13.8, -12.8), (-21.2, -20.2)),
        (
            Cover.BUILT,
            {"building_yx": 0.25, "building_m_yx": 5, "street_angle_yx": 0.426},
            (-11.5, -8.2),
            (-17, -14),
        ),
    ],
)
def test_classes_are_as_bright_as_real_ones(cover, truth, vv, vh):
    found = in_db(backscatter(ground(cover, **truth), view()))
    assert vv[0] <= found[0] <= vv[1] and vh[0] <= found[1] <= vh[1]


def test_style_spreads_a_class_but_keeps_its_mean():
    draw = np.random.default_rng(2).normal(size=(400, 400)).astype(np.float32)
    here = replace(ground(Cover.CROP, (400, 400)), style_yx=draw)
    for power, echo in zip(backscatter(here, view((400, 400))), ECHOES[Cover.CROP], strict=True):
        assert abs(10 * np.log10(power.mean()) - echo.db) < 0.05
        assert abs(decibels(power).std() - echo.style_db) < 0.02


@pytest.mark.parametrize(("name", "low", "high", "cover"), [
    ("moisture_yx", 0.05, 0.4, Cover.BARE), ("wind_m_s_yx", 2, 12, Cover.WATER),
    ("canopy_m_yx", 2, 20, Cover.TREES),
    ("building_m_yx", 4, 40, Cover.BUILT),
])  # fmt: skip
def test_more_of_it_is_brighter(name, low, high, cover):
    rest = {"tree_yx": 0.8 * (cover == Cover.TREES), "building_yx": 0.4 * (cover == Cover.BUILT)}
    dark, bright = (in_db(backscatter(ground(cover, **rest | {name: v}), view())) for v in (low, high))
    assert all(b > d + 0.5 for d, b in zip(dark, bright, strict=True))


def test_walls_that_face_the_beam_shine_from_either_side_of_the_block():
    def seen(street_deg, azimuth_deg):
        town = ground(Cover.BUILT, building_yx=0.4, building_m_yx=12, street_angle_yx=np.radians(street_deg))
        return in_db(backscatter(town, view(azimuth_deg=azimuth_deg)))

    facing, turned = seen(0, 90), seen(45, 90)  # a beam to the east meets walls that run north and south
    assert facing[0] > turned[0] + 4 and facing[1] > turned[1]
    for street_deg, azimuth_deg in ((90, 90), (0, -90), (-30, 120)):
        assert np.allclose(seen(street_deg, azimuth_deg), facing, atol=0.02)


def test_mean_wall_gain_over_all_angles_is_one():
    turns = np.linspace(0, np.pi, 2000, dtype=np.float32)[None, :] + np.zeros((1, 1), np.float32)
    town = replace(ground(Cover.BUILT, (1, 2000), building_yx=0.4, building_m_yx=12), street_angle_yx=turns)
    flat = replace(town, building_m_yx=np.zeros_like(turns))
    (vv, _), (bare, _) = (backscatter(g, view((1, 2000))) for g in (town, flat))
    assert abs((vv - bare).mean() / (0.78 * 0.4 * 12 / 16) - 1) < 0.01


def test_slopes_turn_sign_with_the_orbit_and_steep_ones_lay_over_or_hide():
    slope = {"north_yx": np.float32(0.0)}
    up, down = (
        facets(view(azimuth_deg=a), east_yx=np.full((3, 3), 0.3, np.float32), **slope) for a in (90, -90)
    )
    assert up.local_yx[1, 1] > np.cos(np.radians(38)) > down.local_yx[1, 1]
    assert up.plane_yx[1, 1] < np.sin(np.radians(38)) < down.plane_yx[1, 1]
    steep = np.full((3, 3), np.tan(np.radians(55)), np.float32)
    towards, away = (facets(view(azimuth_deg=a), east_yx=steep, **slope).mask_yx[1, 1] for a in (90, -90))
    assert towards == LAYOVER and away == SHADOW
    assert not facets(view(), east_yx=np.zeros((3, 3), np.float32), **slope).mask_yx.any()


def test_terrain_is_flattened_in_rtc_and_not_in_grd():
    size = 300
    how = {
        "rows": slice(0, size - 2),
        "cols": slice(0, size - 2),
        "pass_name": PASS,
        "day": DAY,
        "seed": 1,
    }
    means = {}
    for product in LOOKS:
        for east in (0.0, 0.25):
            hill = ground(Cover.TREES, (size, size), tree_yx=1, canopy_m_yx=40, east_yx=east)
            image = observed(hill, view((size, size), azimuth_deg=90), product=product, **how)
            means[product, east] = 10 * np.log10(image.vv_yx.mean())
    assert abs(means["RTC", 0.25] - means["RTC", 0.0]) < 0.1
    assert means["GRD", 0.25] > means["GRD", 0.0] + 2
    assert abs(means["RTC", 0.0] - means["GRD", 0.0] + 10 * np.log10(np.cos(np.radians(38)))) < 0.1


@pytest.mark.parametrize("product", [*LOOKS])
def test_looks_and_correlation_of_even_forest(product):
    size = 1002
    how = {"rows": slice(0, size - 2), "cols": slice(0, size - 2), "pass_name": PASS, "product": product}
    forest = ground(Cover.TREES, (size, size), tree_yx=1, canopy_m_yx=20)
    first, second = (
        observed(forest, view((size, size)), day=d, seed=1, **how) for d in (DAY, date(2024, 6, 15))
    )
    for band in (first.vv_yx, first.vh_yx):
        power = band.astype(float)
        assert abs(power.mean() ** 2 / power.var() / LOOKS[product] - 1) < 0.05
        assert abs(np.corrcoef(power[1:].ravel(), power[:-1].ravel())[0, 1] - SPECKLE_LAG1) < 0.02
    for other in (first.vh_yx, second.vv_yx):
        assert abs(np.corrcoef(first.vv_yx.ravel(), other.ravel())[0, 1]) < 0.02


def test_a_textured_scene_is_as_smooth_as_real_ones():
    size = 702
    blocks = np.random.default_rng(5).normal(size=(44, 44)).astype(np.float32)
    style = np.kron(blocks, np.ones((16, 16), np.float32))[:size, :size]
    farm = replace(ground(Cover.CROP, (size, size)), style_yx=style)
    how = {
        "rows": slice(0, size - 2),
        "cols": slice(0, size - 2),
        "pass_name": PASS,
        "day": DAY,
        "seed": 2,
    }
    image = observed(farm, view((size, size)), **how)
    for power in (image.vv_yx, image.vh_yx):
        for a, b in ((power[1:], power[:-1]), (power[:, 1:], power[:, :-1])):
            assert 0.80 <= np.corrcoef(a.ravel(), b.ravel())[0, 1] <= 0.90


def test_other_products_and_missing_margins_are_refused():
    how = {"pass_name": PASS, "day": DAY, "seed": 1, "rows": slice(0, 1)}
    with pytest.raises(MisuseError, match="RTC"):
        observed(ground(Cover.CROP), view(), cols=slice(0, 1), product="SLC", **how)
    with pytest.raises(MisuseError, match="around"):
        observed(ground(Cover.CROP), view(), cols=slice(0, 3), **how)


def test_every_cover_has_an_echo_in_both_polarisations():
    assert set(ECHOES) == set(Cover) and {len(e) for e in ECHOES.values()} == {len(POLARISATIONS)}
