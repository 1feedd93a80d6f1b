"""Each habit or fault of a real catalogue, and what eomap does about it."""

import json

import numpy as np
import pytest
import rasterio
from plain_world import PlainWorld
from shapely.geometry import box

from eomap import api
from eomap.core.grid import Frame
from eomap.core.period import Period
from eomap.core.source import Band
from eomap.errors import BrokenInputError, MisuseError
from eomap.io.catalog import open_catalog
from eomap.io.pixels import RasterReader
from eomap.sensors.cloudmask import scl_clear
from eomap.sensors.sentinel2 import (
    newest_baseline,
    offset_doubt,
    offset_of,
    reflectance_dn,
    to_scene,
)
from eomap.twin.build import Order, build
from eomap.twin.quirks import NAMES, Quirks, quirks_named

BOUNDS = (12.60, 52.50, 12.606, 52.504)
PERIOD = Period.parse("2023-06-05/2023-06-09")
L2A = "sentinel-2-l2a"
WORLD = PlainWorld(3)
BLUE_FRAME = Frame(32633, 337_200, 5_819_400, 60, 60)
"""Lies within every scene of BOUNDS."""


def built(folder, *names, bounds=BOUNDS, period=PERIOD, levels=("L2A",)):
    order = Order(bounds, period, ("s2",), 3, levels=levels, quirks=quirks_named(names))
    build(folder, order, WORLD)
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return built(tmp_path_factory.mktemp("sound") / "c")


def search(folder, bounds=BOUNDS, period=PERIOD):
    catalogue = open_catalog(str(folder))
    return catalogue.search(L2A, geometry=box(*bounds), period=period)


def planned(folder):
    text = ",".join(str(v) for v in BOUNDS)
    return api.plan(bbox=text, catalog=str(folder), period=str(PERIOD))


def reflectance(item, band="B02"):
    """Return what eomap makes of a band of an item, x 10000."""
    scene = to_scene(item, [band])
    return reflectance_dn(RasterReader().read(scene.bands[0], BLUE_FRAME), scene.bands[0])


def test_without_quirks_nothing_is_odd(sound):
    plan = planned(sound)
    assert plan.notes == () or all("L2A" in n for n in plan.notes)
    assert len(plan.scenes) == len(search(sound)) == 2
    assert (reflectance(search(sound)[0]) > 0).all(), "the frame of these tests lies within the scenes"


def test_two_baselines_come_and_the_newest_is_used(tmp_path, sound):
    old = Period.parse("2021-06-01/2021-06-04")
    found = search(built(tmp_path / "c", "two-baselines", period=old), period=old)
    kept, notes = newest_baseline(found)
    assert len(found) == 2 * len(kept) == 2 * len(notes)
    assert {i.properties["s2:processing_baseline"] for i in kept} == {"05.00"}
    assert {i.properties["s2:processing_baseline"] for i in found} == {"03.00", "05.00"}
    pairs = {}
    for item in found:
        pairs.setdefault(item.moment, []).append(item)
    for first, second in pairs.values():
        assert {offset_of(first).offset_dn, offset_of(second).offset_dn} == {0, -1000}
        assert np.array_equal(reflectance(first), reflectance(second)), "the offset is all that differs"


@pytest.mark.parametrize(
    ("quirk", "rule", "right"),
    [
        ("offset-undeclared", "processing baseline", True),
        ("offset-twice", "earthsearch:boa_offset_applied", True),
        ("offset-denied", "raster:bands", False),
    ],
)
def test_the_offset_is_applied_once_or_doubted(tmp_path, sound, quirk, rule, right):
    bent, usual = search(built(tmp_path / "c", quirk)), search(sound)
    assert [i.id for i in bent] == [i.id for i in usual]
    for odd, plain in zip(bent, usual, strict=True):
        decision = offset_of(odd)
        assert decision.rule == rule
        assert np.array_equal(reflectance(odd), reflectance(plain)) is right
        if not right:  # nobody can know, but the contradiction is told
            assert "baseline says -1000" in decision.note
            assert offset_doubt({"B02": 1020.0}, decision) is not None


def test_a_missing_asset_sets_its_item_aside_and_names_it(tmp_path, sound):
    folder = built(tmp_path / "c", "missing-asset")
    lacking = [p.stem for p in folder.glob("*/*/*.json") if "red" not in json.loads(p.read_text())["assets"]]
    plan = planned(folder)
    assert lacking and set(plan.scenes) == {i.id for i in search(sound)} - set(lacking)
    for name in lacking:
        assert any(name in note and "B04" in note for note in plan.notes)


def test_numbers_as_text_change_nothing(tmp_path, sound):
    bent, usual = search(built(tmp_path / "c", "string-numbers")), search(sound)
    assert isinstance(bent[0].properties["eo:cloud_cover"], str)
    for odd, plain in zip(bent, usual, strict=True):
        assert odd.assets and [(a.scale, a.offset, a.nodata, a.epsg) for a in odd.assets] == [
            (a.scale, a.offset, a.nodata, a.epsg) for a in plain.assets
        ]


def test_a_null_datetime_is_the_middle_of_start_and_end(tmp_path, sound):
    bent, usual = search(built(tmp_path / "c", "null-datetime")), search(sound)
    for odd, plain in zip(bent, usual, strict=True):
        assert abs((odd.moment - plain.moment).total_seconds()) < 0.01


def test_without_proj_the_file_tells_where_it_lies(tmp_path, sound):
    bent, usual = search(built(tmp_path / "c", "no-proj")), search(sound)
    assert all(a.epsg is None and a.transform is None for i in bent for a in i.assets)
    assert np.array_equal(reflectance(bent[0]), reflectance(usual[0]))


def test_a_token_in_a_local_href_is_no_file(tmp_path):
    found = search(built(tmp_path / "c", "expired-tokens"))
    blue = found[0].asset("blue")
    with pytest.raises(BrokenInputError):
        RasterReader().read(Band("B02", blue.href, 1e-4, -0.1, 0.0), BLUE_FRAME)


def test_a_broken_file_is_broken_input_and_sound_ones_beside_it_are_read(tmp_path, sound):
    folder = built(tmp_path / "c", "broken-file")
    broken, whole = [], []
    for item, plain in zip(search(folder), search(sound), strict=True):
        coastal = item.asset("coastal")
        with open(coastal.href, "rb") as cut, open(plain.asset("coastal").href, "rb") as full:
            short = len(cut.read()) < len(full.read())
        (broken if short else whole).append(item)
    assert broken and whole
    for item in broken:
        with pytest.raises(BrokenInputError):
            reflectance(item, "B01")
        assert (reflectance(item, "B02") > 0).all()
    assert (reflectance(whole[0], "B01") > 0).all()


def test_a_mask_of_zeros_shows_nothing_clear(tmp_path, sound):
    bent, usual = search(built(tmp_path / "c", "zero-mask")), search(sound)
    for odd, plain in zip(bent, usual, strict=True):
        with rasterio.open(odd.asset("scl").href) as mask, rasterio.open(plain.asset("scl").href) as real:
            assert not mask.read().any() and real.read().any()
            assert not scl_clear(mask.read(1)).any()
        assert odd.properties["eo:cloud_cover"] == plain.properties["eo:cloud_cover"], "a claim of its own"


def test_footprints_that_jump_at_the_antimeridian_are_understood(tmp_path):
    place, few = (179.99, -16.77, 180.01, -16.76), Period.parse("2023-06-01/2023-06-05")
    plain = search(built(tmp_path / "a", bounds=place, period=few), (179.991, -16.769, 180, -16.761), few)
    folder = built(tmp_path / "b", "antimeridian", bounds=place, period=few)
    raw = [json.loads(p.read_text()) for p in folder.glob("*/*/*.json")]
    assert any(i["bbox"][0] > i["bbox"][2] and i["geometry"]["type"] == "Polygon" for i in raw)
    for side in ((179.991, -16.769, 179.995, -16.761), (-179.995, -16.769, -179.991, -16.761)):
        assert [i.id for i in search(folder, side, few)] == [i.id for i in plain] != []


def test_quirks_go_together_and_unknown_ones_are_refused():
    assert quirks_named(NAMES) == Quirks(*(True for _ in NAMES))
    assert quirks_named(NAMES).names == NAMES and Quirks().names == ()
    with pytest.raises(MisuseError, match="two-baselines"):
        quirks_named(["three-baselines"])
