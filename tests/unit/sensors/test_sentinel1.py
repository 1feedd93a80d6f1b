"""What Sentinel-1 items mean, on made-up items and pixels."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.sensor import Ask
from eomap.core.source import Asset, Band, Item
from eomap.errors import BrokenInputError
from eomap.sensors import sensor
from eomap.sensors import sentinel1 as s1

SQUARE = shapely.to_wkb(shapely.box(12, 52, 13, 53))
DAWN = datetime(2020, 6, 7, 5, 20, tzinfo=UTC)
S1 = sensor("sentinel-1")
COMPOSITE = Ask(("VV", "VH"), "auto", "")


def item(
    name="x",
    *,
    collection="sentinel-1-rtc",
    moment=DAWN,
    square=SQUARE,
    keys=("vv", "vh"),
    asset=None,
    **said,
):
    assets = tuple(Asset(k, f"https://x.org/{name}/{k}.tif", **(asset or {})) for k in keys)
    return Item(name, collection, moment, square, assets, said)


def scenes(*items, mask="auto", bands=("VV", "VH")):
    return s1.scenes_of(items, Ask(bands, mask, ""))


def band_of(level, **asset):
    known = s1.meaning_of(Asset("vv", "x.tif", **asset), level=level, where="here")
    return Band("VV", "x.tif", known.scale, known.offset, known.nodata, unit=known.unit), known.rule


@pytest.mark.parametrize(
    ("level", "asset", "raw", "db"),
    [
        ("GRD", {"unit": "dB"}, np.float32([-12.5, 0, 7.25]), [-12.5, 0, 7.25]),
        ("GRD", {"unit": "dB", "scale": 0.01, "nodata": -999}, np.int16([-149, 0, -999]), [-1.49, 0, None]),
        ("RTC", {"unit": "linear"}, np.float32([0.1, 1, 0]), [-10, 0, None]),
        ("RTC", {"nodata": -32768.0}, np.float32([0.01, -32768, np.nan]), [-20, None, None]),
        ("GRD", {"unit": "Power"}, np.float32([0.5, -1e-5, np.inf]), [-3.0103, None, None]),
        ("GRD", {"scale": 1e-3, "nodata": 0.0}, np.uint16([100, 1000, 0]), [-20, 0, None]),
        ("RTC", {"unit": "amplitude", "scale": 1.0}, np.float32([0.1, 1, 0]), [-20, 0, None]),
        ("RTC", {"unit": "dB"}, np.float32([-9999, -60, 30]), [None, -49.999, 15.535]),
    ],
)  # fmt: skip
def test_every_unit_becomes_the_same_codes(level, asset, raw, db):
    band, _ = band_of(level, **asset)
    code = S1.coded(raw[None], band)[0]
    assert code.dtype == np.uint16
    assert code.tolist() == [0 if v is None else round((v + 50) * 1000) for v in db]


@given(st.lists(st.floats(-49.9, 15.5), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_power_and_decibels_meet_in_one_code(db):
    power, _ = band_of("RTC")
    said, _ = band_of("RTC", unit="dB")
    exact = np.array([db])
    from_power = S1.coded((10 ** (exact / 10)), power).astype(int)
    assert np.abs(from_power - S1.coded(exact, said)).max() <= 1
    assert np.allclose(from_power * S1.scale + S1.offset, exact, atol=0.0011)


def test_zero_decibels_are_a_measurement_and_beyond_the_file_is_none():
    band, _ = band_of("GRD", unit="dB")
    assert band.nodata == -32768.0 and S1.coded(np.array([[band.nodata]]), band).tolist() == [[0]]
    band, _ = band_of("GRD", unit="dB", scale=0.01, offset=-100.0)
    assert band.nodata == 0.0


def test_raw_amplitudes_are_refused_with_what_to_take_instead():
    with pytest.raises(BrokenInputError) as refused:
        band_of("GRD")
    assert "calibrated" in str(refused.value) and "RTC" in str(refused.value)
    with pytest.raises(BrokenInputError, match="degrees"):
        band_of("RTC", unit="degrees")
    found, notes = scenes(item(collection="sentinel-1-grd"))
    assert not found and "scale" in notes[0]


def test_decibels_said_to_be_power_are_refused_and_power_said_to_be_decibels_is_doubted():
    db, power = np.full((8, 8), -12.0, np.float32), np.full((8, 8), 0.06, np.float32)
    as_power, _ = band_of("RTC")
    as_db, _ = band_of("RTC", unit="dB")
    with pytest.raises(BrokenInputError, match="decibels"):
        S1.coded(db, as_power)
    assert "as if power" in s1.unit_doubt({"VV": 0.06}, (as_db,))
    assert "as if dB" in s1.unit_doubt({"VV": -0.1}, (as_power,))
    assert s1.unit_doubt({"VV": -24.0}, (as_db,)) is None
    assert s1.unit_doubt({"VV": 0.001, "VH": np.inf}, (as_power,)) is None
    few = power.copy()
    few[0, :3] = -1e-6  # noise taken off leaves a few below nothing
    assert (S1.coded(few, as_power) == 0).sum() == 3


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ({"collection": "sentinel-1-rtc", "sar:product_type": "GRD"}, "RTC"),  # the Planetary Computer
        ({"collection": "c", "name": "S1A_IW_GRDH_1SDV_x_rtc", "sar:product_type": "GRD"}, "RTC"),
        ({"collection": "c", "sar:product_type": "RTC"}, "RTC"),
        ({"collection": "sentinel-1-grd"}, "GRD"),
        ({"collection": "c", "name": "S1A_IW_GRDH_1SDV_20200607T010800_x"}, "GRD"),
    ],
)
def test_levels(said, level):
    assert s1.level_of(item(**said)) == level


def test_complex_products_are_set_aside_and_named():
    found, notes = scenes(item("S1A_IW_SLC__1SDV_x", collection="c", **{"sar:product_type": "SLC"}))
    assert not found and "SLC" in notes[0] and "S1A_IW_SLC" in notes[0]


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (("vv", "vh"), {"VV": "vv", "VH": "vh"}),
        (("iw-vv", "iw-vh", "schema-noise-vv"), {"VV": "iw-vv", "VH": "iw-vh"}),
        (("gamma0_vv", "gamma0_vh", "incidence"), {"VV": "gamma0_vv", "VH": "gamma0_vh"}),
        (("HH", "HV", "schema-calibration-hh"), {"HH": "HH", "HV": "HV"}),
        (("vv", "vv-cog", "layover_shadow_mask"), {"VV": "vv", "terrain": "layover_shadow_mask"}),
    ],
)
def test_assets_are_known_by_their_polarisation(keys, names):
    assert s1.asset_names(item(keys=keys)) == names


def test_a_missing_polarisation_is_named():
    found, notes = scenes(item(keys=("hh", "hv")), bands=("VV",))
    assert not found and "VV" in notes[0] and "HH, HV" in notes[0]
    assert [b.name for b in scenes(item(keys=("hh", "hv")), bands=("HV",), mask="none")[0][0].bands] == ["HV"]


ORBIT, STATE = "sat:relative_orbit", "sat:orbit_state"


@pytest.mark.parametrize(
    ("said", "orbit"),
    [
        ({ORBIT: 107, STATE: "descending"}, "descending 107"),
        ({ORBIT: "7", STATE: "ASCENDING"}, "ascending 007"),
        ({"name": "S1A_IW_GRDH_1SDV_20200607T010800_20200607T010825_032904_03CFBA_D457"}, "descending 107"),
        ({"sat:absolute_orbit": 30643, "platform": "sentinel-1a"}, "descending 121"),
        ({"platform": "sentinel-1"}, "descending"),
        ({"moment": DAWN + timedelta(hours=12)}, "ascending"),
        ({"moment": DAWN + timedelta(hours=12), STATE: "descending"}, "descending"),
        ({"square": shapely.to_wkb(shapely.box(12, 78, 13, 79))}, ""),
    ],
)
def test_orbits(said, orbit):
    assert s1.orbit_of(item(**said)) == orbit


def test_scenes_keep_orbit_platform_rule_and_only_what_is_asked_or_helps():
    grd = item("g", collection="sentinel-1-grd", asset={"unit": "dB"}, platform="sentinel-1b", **{ORBIT: 3})
    rtc = item("r", keys=("vv", "vh", "layover_shadow_mask"), platform="SENTINEL-1C")
    found, notes = scenes(rtc, grd, bands=("VH",))
    assert [(s.id, s.level, s.platform, s.orbit) for s in found] == [
        ("g", "GRD", "S1B", "descending 003"),
        ("r", "RTC", "S1C", "descending"),
    ]
    assert [[b.name for b in s.bands] for s in found] == [["VH", "VV"], ["VH", "VV", "terrain"]]
    assert [s.offset_rule for s in found] == ["unit dB", "RTC without a unit: linear power"] and not notes


PRODUCT = "S1A_IW_GRDH_1SDV_20200607T010800_20200607T010825_032904_03CFBA_"


@given(st.permutations(range(5)))
@settings(max_examples=20, deadline=None)
def test_of_two_deliveries_the_later_stays_whatever_the_order(order):
    said = {"sat:absolute_orbit": 32904}
    late = {"s1:processing_datetime": "2020-06-08T00:00:00Z"}
    items = [
        item(PRODUCT + "0001", **said),
        item(PRODUCT + "0001_COG", **said),
        item(PRODUCT + "0000", moment=DAWN + timedelta(seconds=1), **said, **late),
        item("next slice", moment=DAWN + timedelta(seconds=25), platform="S1A", **said),
        item("other half", square=shapely.to_wkb(shapely.box(12.5, 52, 14, 53)), platform="S1A", **said),
    ]
    kept, notes = s1.newest_delivery([(items[k], "RTC") for k in order])
    assert [i.id for i, _ in kept] == [PRODUCT + "0000", "next slice", "other half"]
    assert len(notes) == 2 and all(PRODUCT + "0000, a later delivery" in n for n in notes)
    assert [i.id for i, _ in s1.newest_delivery([(items[0], "RTC"), (items[1], "RTC")])[0]] == [
        PRODUCT + "0001_COG"
    ]


def field(shape=(300, 300), db=-12.0):
    return np.full(shape, round((db + 50) * 1000), np.uint16)


def test_darkness_is_border_noise_beside_nodata_only():
    code = field()
    code[:, :40] = 0
    code[:, 40:60] = (-35 + 50) * 1000
    code[100:110, 200:210] = (-32 + 50) * 1000  # a lake, far from any border
    noise = s1.border_noise(code)
    assert noise[:, 40:60].all() and not noise[:, 62:].any()
    assert not s1.border_noise(field()).any()
    calm = field(db=-28)
    calm[:, :40] = 0
    assert not s1.border_noise(calm).any()


@given(st.integers(0, 2**31), st.integers(110, 190), st.integers(110, 190))
@settings(max_examples=10, deadline=None)
def test_no_pixel_beyond_the_margin_changes_a_mask(seed, top, left):
    rng = np.random.default_rng(seed)
    code = rng.choice(np.array([0, 15_000, 38_000], np.uint16), (400, 400), p=[0.001, 0.1, 0.899])
    scene = scenes(item("g", collection="sentinel-1-grd", asset={"unit": "dB"}))[0][0]
    reach = S1.margin_px(scene, "auto")
    part = code[top - reach : top + 50 + reach, left - reach : left + 50 + reach]
    whole = S1.clear({"VV": code, "VH": code}, scene, "auto")[top : top + 50, left : left + 50]
    cut = S1.clear({"VV": part, "VH": part}, scene, "auto")[reach : reach + 50, reach : reach + 50]
    assert (whole == cut).all()


def test_which_mask_reads_what():
    grd = scenes(item("g", collection="sentinel-1-grd", asset={"unit": "dB"}))[0][0]
    rtc = scenes(item("r", keys=("vv", "vh", "layover_shadow_mask")))[0][0]
    assert S1.mask_bands(grd, "auto") == ("VV",) and S1.mask_bands(grd, "none") == ()
    assert S1.mask_bands(rtc, "auto") == ("terrain",) and S1.margin_px(rtc, "auto") == 0
    assert S1.mask_bands(rtc, "border") == ("VV", "terrain") and S1.margin_px(rtc, "border") > 0
    terrain = np.zeros((300, 300), np.uint8)
    terrain[0, :4] = [1, 2, 3, 255]
    clear = S1.clear({"VV": field(), "terrain": terrain}, rtc, "auto")
    assert (~clear).sum() == 4 and not clear[0, :4].any()
    assert S1.clear({"VV": field(), "terrain": terrain}, rtc, "none").all()
