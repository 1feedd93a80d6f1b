"""MODIS items to scenes, codes and clear looks; quality bits; the two numbers of water."""

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from eomap.core.sensor import Ask
from eomap.core.source import Asset, Band, Item
from eomap.errors import MisuseError
from eomap.sensors import reads_by_band, sensor
from eomap.sensors.modis import DAILY, IGBP, INDICES, NADIR, SURFACE, igbp_codes
from eomap.sensors.modis.quality import fully_inverted, index_clear, reliable, state_clear

KINDS = {k.key: k for k in (INDICES, SURFACE, DAILY, NADIR)}
NDVI, EVI, RANK, BITS = (f"250m_16_days_{n}" for n in ("NDVI", "EVI", "pixel_reliability", "VI_Quality"))


def item(*assets, name="MOD13Q1.A2025049.h35v10.061", **more):
    footprint = shapely.to_wkb(shapely.box(12, 52, 13, 53))
    made = tuple(a if isinstance(a, Asset) else Asset(a, f"{name}_{a}.tif", **more) for a in assets)
    return Item(name, "modis", datetime(2025, 2, 26, tzinfo=UTC), footprint, made)


def scenes(kind, *items, bands=(), mask="auto"):
    by = sensor(f"modis-{kind}")
    return by.scenes_of(items, Ask(tuple(bands) or by.default_bands, mask, ""))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_valid_number_has_a_code_of_its_own_and_comes_back(kind):
    by = sensor(f"modis-{kind.key.lower()}")
    band = Band("x", "x.tif", 1e-4, 0.0, float(kind.fill))
    raw = np.arange(kind.low, kind.high + 1).astype(np.int16)[None]
    code = by.coded(raw, band)
    assert code.dtype == np.uint16 and code.min() == 1 and np.unique(code).size == raw.size
    np.testing.assert_allclose(code * by.scale + by.offset, raw * 1e-4, atol=1e-9)
    beyond = np.array([[kind.low - 1, kind.high + 1, kind.fill]], np.int32)
    assert by.coded(beyond, band).tolist() == [[0, 0, 0]]


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=40))
def test_an_index_keeps_its_sign_and_blurred_fill_is_no_value(raw):
    """Real files were resampled across their fill: -3301 to -3001 are what became of it."""
    by = sensor("modis-13q1")
    code = by.coded(np.array([raw], np.int16), Band("NDVI", "x", 1e-4, 0.0, -3000.0))[0]
    for number, c in zip(raw, code.tolist(), strict=True):
        assert c == (number + 2001 if -2000 <= number <= 10_000 else 0)


def test_assets_are_found_behind_what_stands_before_them():
    (scene,), notes = scenes("13q1", item(NDVI, EVI, RANK, BITS), bands=("NDVI", "EVI"))
    assert not notes and [b.name for b in scene.bands] == ["NDVI", "EVI", "pixel_reliability"]
    assert (scene.level, scene.orbit) == ("13Q1", "terra")
    (scene,), _ = scenes("09a1", item(*(f"sur_refl_b0{n}" for n in range(1, 8)), "sur_refl_state_500m"))
    assert [b.name for b in scene.bands] == [*(f"M{n}" for n in range(1, 8)), "state_500m"]
    names = [f"Nadir_Reflectance_Band{n}" for n in range(1, 8)]
    masks = [f"BRDF_Albedo_Band_Mandatory_Quality_Band{n}" for n in range(1, 8)]
    (scene,), _ = scenes("43a4", item(*names, *masks), bands=("M2", "M1"))
    assert [b.name for b in scene.bands] == ["M2", "M1", "Mandatory_Quality_Band2", "Mandatory_Quality_Band1"]
    assert [b.href.rpartition("_")[2] for b in scene.bands] == ["Band2.tif", "Band1.tif"] * 2


def test_fills_come_from_the_product_where_the_item_is_silent():
    (scene,), _ = scenes("13q1", item(NDVI, scale=1e-4))
    assert scene.bands[0].nodata == -3000.0
    (scene,), _ = scenes("13q1", item(NDVI, nodata=-32000.0))
    assert scene.bands[0].nodata == -32000.0


def test_a_scale_to_divide_by_is_refused():
    """HDF4 says 10000, and means by which to divide."""
    found, notes = scenes("13q1", item(NDVI, scale=10_000.0))
    assert not found and "a scale of 0.0001" in notes[0]


def test_without_a_quality_layer_pixels_are_averaged_by_area_with_one_they_are_not():
    (plain,), _ = scenes("13q1", item(NDVI))
    (masked,), _ = scenes("13q1", item(NDVI, RANK))
    (free,), _ = scenes("13q1", item(NDVI, RANK), mask="none")
    assert plain.bands[0].mean_of == free.bands[0].mean_of == (-2000.0, 10_000.0)
    assert masked.bands[0].mean_of is None and masked.bands[1].categorical
    found, notes = scenes("13q1", item(NDVI), mask="quality")
    assert not found and "--mask none" in notes[0]


def test_hdf4_is_taken_where_there_is_nothing_else():
    hdf = Asset("hdf", "https://x.org/MOD13Q1.hdf", "application/x-hdf")
    (scene,), notes = scenes("13q1", item(hdf))
    assert not notes and [(b.name, b.data_set) for b in scene.bands] == [
        ("NDVI", "NDVI"), ("pixel_reliability", "pixel_reliability"),
    ]  # fmt: skip
    assert len({b.place for b in scene.bands}) == 2 and len({b.href for b in scene.bands}) == 1
    tif = Asset(NDVI, "https://x.org/a.tif", "image/tiff; application=geotiff")
    (scene,), _ = scenes("13q1", item(hdf, tif))
    assert [b.href for b in scene.bands] == [tif.href]
    evi = Asset(EVI, "https://x.org/a.tif", "image/tiff; application=geotiff")
    found, notes = scenes("13q1", item(hdf, evi))
    assert not found and "an asset for NDVI" in notes[0]


def test_two_satellites_of_one_day_are_two_looks():
    both = scenes("13q1", item(NDVI), item(NDVI, name="MYD13Q1.A2025049.h35v10.061"))[0]
    assert {s.orbit for s in both} == {"terra", "aqua"}


def test_composites_are_read_band_after_band():
    from eomap.products import product

    need = product("composite", {"sensor": "modis-09a1"}).needs[0]
    found, _ = scenes("09a1", item(*(f"sur_refl_b0{n}" for n in range(1, 8)), "sur_refl_state_500m"))
    assert reads_by_band(need, "auto", found)


def test_reliability_keeps_snow_and_drops_cloud_and_fill_in_either_type():
    rank = np.array([-1, 0, 1, 2, 3], np.int8)
    assert reliable(rank).tolist() == [False, True, True, True, False]
    assert reliable(rank.view(np.uint8)).tolist() == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("bits", "clear"),
    [
        (0b0000_0000_0000_0000, True), (0b01, True), (0b10, False), (0b11, False),
        (12 << 2, True), (13 << 2, False), (15 << 2, False),
        (1 << 8, True), (1 << 10, False), (1 << 14, True), (1 << 15, False), (65_535, False),
    ],
)  # fmt: skip
def test_bits_of_an_index(bits, clear):
    assert bool(index_clear(np.array([bits], np.uint16))[0]) is clear


@pytest.mark.parametrize(
    ("bits", "clear"),
    [
        (0, True), (1, False), (2, False), (3, True), (1 << 2, False), (0b111 << 3, True), (0b11 << 6, True),
        (1 << 8, True), (2 << 8, False), (3 << 8, False), (1 << 10, False), (1 << 12, True), (1 << 13, True),
        (1 << 15, True), (65_535, False),
    ],
)  # fmt: skip
def test_bits_of_a_state(bits, clear):
    assert bool(state_clear(np.array([bits], np.uint16))[0]) is clear


@given(st.integers(0, 65_535), st.integers(3, 7), st.booleans())
def test_land_or_water_and_aerosol_decide_nothing(bits, place, up):
    other = bits | (1 << place) if up else bits & ~(1 << place)
    assert state_clear(np.array([bits], np.uint16)) == state_clear(np.array([other], np.uint16))


def test_only_full_inversions_are_clear():
    assert fully_inverted(np.array([0, 1, 255], np.uint8)).tolist() == [True, False, False]


def test_water_is_17_on_one_grid_and_0_on_the_other():
    sea = {"MCD12Q1": 17, "MCD12C1": 0}
    assert {int(igbp_codes(np.array([n]), p)[0]) for p, n in sea.items()} == {17}
    assert igbp_codes(np.array([0]), "MCD12Q1")[0] == 0, "no class, and no water"
    for n in range(1, 17):
        assert {int(igbp_codes(np.array([n]), p)[0]) for p in sea} == {n}
    assert list(IGBP) == list(range(1, 18)) and IGBP[17] == "water"
    with pytest.raises(MisuseError, match="MCD12Q1 or MCD12C1"):
        igbp_codes(np.array([1]), "MOD13Q1")


@given(st.lists(st.integers(0, 255), min_size=1, max_size=30), st.sampled_from(["MCD12Q1", "MCD12C1"]))
def test_land_cover_is_total_and_a_second_turn_changes_nothing(raw, product):
    once = igbp_codes(np.array(raw, np.uint8), product)
    assert set(once.tolist()) <= {0, *IGBP}
    np.testing.assert_array_equal(igbp_codes(once, "MCD12Q1"), once)
