"""What Sentinel-2 items mean, on made-up items, recorded ones and real scenes."""

import json
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely

from eomap.core.source import Asset, Band, Item
from eomap.errors import BrokenInputError
from eomap.sensors import sentinel2 as s2

SQUARE = shapely.to_wkb(shapely.box(9, 47, 10, 48))
NOON = datetime(2020, 3, 2, 10, 27, 44, tzinfo=UTC)
SAYS = {True: "as if 1000 had been added", False: "as if nothing had been added"}


def item(name="x", offset=None, moment=NOON, suffix=".tif", footprint=SQUARE, **properties):
    assets = tuple(
        Asset(b, f"https://x.org/{name}/{b}{suffix}", offset=offset) for b in s2.BANDS if b != "B10"
    )
    return Item(name, "sentinel-2-l2a", moment, footprint, assets, properties)


def decided(**said):
    decision = s2.offset_of(item(**said))
    return decision.offset_dn, decision.rule


APPLIED = "earthsearch:boa_offset_applied"
BASELINE = "s2:processing_baseline"


@pytest.mark.parametrize(
    ("said", "offset_dn", "rule"),
    [
        ({APPLIED: True, "offset": -0.1, BASELINE: "05.00"}, 0, APPLIED),
        ({APPLIED: "true", "offset": -0.1}, 0, APPLIED),
        ({"sentinel:boa_offset_applied": True, BASELINE: "04.00"}, 0, APPLIED),
        ({APPLIED: False, "offset": 0.0, BASELINE: "02.14"}, 0, "raster:bands"),
        ({APPLIED: False, "offset": -0.1, BASELINE: "05.10"}, -1000, "raster:bands"),
        ({APPLIED: True, "offset": -0.1, "suffix": ".jp2"}, -1000, "raster:bands"),
        ({"offset": -0.1, BASELINE: "05.10"}, -1000, "raster:bands"),
        ({"offset": 0.0, BASELINE: "05.09"}, 0, "raster:bands"),
        ({"offset": -0.1, "moment": datetime(2021, 7, 23, tzinfo=UTC)}, -1000, "raster:bands"),
        ({"offset": -1000.0}, -1000, "raster:bands"),
        ({"offset": -0.7, BASELINE: "04.00"}, -1000, "processing baseline"),
        ({"offset": -0.7, BASELINE: "03.01"}, 0, "processing baseline"),
        ({BASELINE: "05.11"}, -1000, "processing baseline"),
        ({BASELINE: "04.00"}, -1000, "processing baseline"),
        ({BASELINE: "03.01", "moment": datetime(2023, 1, 1, tzinfo=UTC)}, 0, "processing baseline"),
        ({"processing:version": "05.00"}, -1000, "processing baseline"),
        ({"s2:product_uri": "S2A_MSIL2A_20200302T102021_N0500_R065_T32TMT_20230618T173704.SAFE"}, -1000,
         "processing baseline"),
        ({"name": "S2A_MSIL2A_20200302T102021_N0214_R065_T32TMT_20200302T140838"}, 0, "processing baseline"),
        ({BASELINE: "99.99"}, 0, "date"),
        ({"name": "S2B_MSIL2A_20200223T032739_N9999_R018_T48QUE_20230924T183543"}, 0, "date"),
        ({BASELINE: "99.99", "moment": datetime(2022, 1, 25, 0, 0, tzinfo=UTC)}, -1000, "date"),
        ({"moment": datetime(2022, 1, 24, 23, 59, tzinfo=UTC)}, 0, "date"),
        ({"processing:version": "1.2.0", BASELINE: None}, 0, "date"),
    ],
)  # fmt: skip
def test_the_offset_follows_the_documented_order(said, offset_dn, rule):
    assert decided(**said) == (offset_dn, rule)


def test_contradicting_claims_are_noted():
    assert "baseline says -1000" in s2.offset_of(item(offset=0.0, **{BASELINE: "05.09"})).note
    assert "-7000" in s2.offset_of(item(offset=-0.7, **{BASELINE: "04.00"})).note
    assert s2.offset_of(item(offset=-0.1, **{BASELINE: "05.09"})).note == ""
    scene = s2.to_scene(item(offset=0.0, **{BASELINE: "05.09"}), ["B02"])
    assert scene.offset_rule == "raster:bands (raster:bands says 0, the baseline says -1000)"


def test_bands_that_disagree_about_the_offset_are_passed_over():
    mixed = Item(
        "x", "sentinel-2-l2a", NOON, SQUARE,
        (Asset("B02", "https://x.org/2.tif", offset=0.0), Asset("B03", "https://x.org/3.tif", offset=-0.1)),
        {BASELINE: "05.00"},
    )  # fmt: skip
    decision = s2.offset_of(mixed)
    assert (decision.offset_dn, decision.rule) == (-1000, "processing baseline")
    assert "differ" in decision.note


def from_feature(said, suffix=""):
    """Return a recorded feature as an item, by the few fields that decide; io has the full reading."""
    assets, bands = [], {}
    for name, a in said["assets"].items():
        rasters = a.get("raster:bands") or [{}]
        claim = a.get("raster:offset", rasters[0].get("offset"))
        transform = tuple(a["proj:transform"][:6]) if a.get("proj:transform") else None
        assets.append(Asset(name, a["href"] + suffix, a.get("type", ""), offset=claim, transform=transform))
        pairs = a.get("eo:bands") or a.get("bands") or []
        bands[name] = [(b.get("name", ""), b.get("common_name", b.get("eo:common_name", ""))) for b in pairs]
    moment = datetime.fromisoformat(said["properties"]["datetime"])
    footprint = shapely.to_wkb(shapely.geometry.shape(said["geometry"]))
    properties = {**said["properties"], "eomap:bands": {k: v for k, v in bands.items() if v}}
    return Item(said["id"], said.get("collection") or "", moment, footprint, tuple(assets), properties)


def recorded(shared, pattern):
    found = []
    for path in sorted((shared / "data" / "stac").glob(pattern)):
        document = json.loads(path.read_text())
        features = document if isinstance(document, list) else document.get("features", [document])
        found += [from_feature(f) for f in features]
    assert found
    return found


@pytest.mark.shared
@pytest.mark.parametrize(
    ("pattern", "offset_dn", "rule"),
    [
        ("recorded/earthsearch_item_*_1_L2A.json", 0, APPLIED),
        ("recorded/earthsearch_item_*_0_L2A.json", 0, "raster:bands"),
        ("recorded/cdse_item_*.json", -1000, "raster:bands"),
        ("rustac/item-collection.json", -1000, "raster:bands"),
        ("rustac/two-sentinel-2-items.json", -1000, "processing baseline"),
        ("recorded_pc/sentinel-2-l2a.json", -1000, "processing baseline"),
        ("pc/sentinel-2-l2a-pc.json", -1000, "processing baseline"),
        ("odc-stac/S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531*.json", 0, "processing baseline"),
        ("odc-stac/S2A_28QCH_20200714_0_L2A.json", 0, "processing baseline"),
        ("stactools-sentinel2/*_N0509_*/expected_output.json", -1000, "raster:bands"),
        ("stactools-sentinel2/*_N0212_*/expected_output.json", 0, "raster:bands"),
        ("stactools-sentinel2/*MSIL1C*/expected_output.json", 0, "raster:bands"),
        ("stactools-sentinel2/*T34LBQ*/expected_output.json", -1000, "processing baseline"),
    ],
)
def test_the_offset_of_every_recorded_kind_of_item(shared, pattern, offset_dn, rule):
    for found in recorded(shared, pattern):
        decision = s2.offset_of(found)
        assert (decision.offset_dn, decision.rule) == (offset_dn, rule), found.id


@pytest.mark.shared
@pytest.mark.parametrize(
    ("pattern", "blue", "red_edge", "narrow_nir", "scene_class"),
    [
        ("recorded/earthsearch_item_*_L2A.json", "blue", "rededge1", "nir08", "scl"),
        ("recorded/cdse_item_*.json", "B02_10m", "B05_20m", "B8A_20m", "SCL_20m"),
        ("recorded_pc/sentinel-2-l2a.json", "B02", "B05", "B8A", "SCL"),
        ("rustac/item-collection.json", "blue", "rededge1", "nir08", "scl"),
        ("odc-stac/S2A_28QCH_20200714_0_L2A.json", "B02", "B05", "B8A", "SCL"),
        ("stactools-sentinel2/S2A_MSIL2A*/expected_output.json", "blue", "rededge1", "nir08", "scl"),
        ("stactools-sentinel2/*MSIL1C*/expected_output.json", "blue", "rededge1", "nir08", None),
    ],
)
def test_bands_are_found_in_recorded_items(shared, pattern, blue, red_edge, narrow_nir, scene_class):
    for found in recorded(shared, pattern):
        names = s2.asset_names(found)
        assert (names["B02"], names["B05"], names["B8A"], names.get("SCL")) == (
            blue, red_edge, narrow_nir, scene_class,
        )  # fmt: skip
        assert set(s2.LCZ_BANDS) <= set(names)
        assert names.get("B10") == ("cirrus" if scene_class is None else None)
        assert s2.level_of(found) == ("L1C" if scene_class is None else "L2A")
        assert len(s2.to_scene(found, s2.LCZ_BANDS).bands) == 10
        assert s2.tile_of(found)


def test_bands_are_found_by_key_alone():
    plain = item(suffix=".tif")
    assert s2.asset_names(plain) == {b: b for b in s2.BANDS if b != "B10"}
    odd = Item(
        "x",
        "c",
        NOON,
        SQUARE,
        (Asset("b2", "u"), Asset("b8a", "u"), Asset("B13", "u"), Asset("TCI", "u")),
        {},
    )
    assert s2.asset_names(odd) == {"B02": "b2", "B8A": "b8a"}


@pytest.mark.parametrize(
    ("name", "collection", "properties", "level"),
    [
        ("x", "sentinel-2-l1c", {}, "L1C"),
        ("x", "sentinel-2-c1-l2a", {}, "L2A"),
        ("x", "mine", {"s2:product_type": "S2MSI1C"}, "L1C"),
        ("x", "sentinel-2-l2a", {"s2:product_type": "S2MSI1C"}, "L1C"),
        ("S2A_MSIL1C_20170216T102101_T33UUU_clip", "mine", {}, "L1C"),
        ("S2_L2A_Brazil_20210723", "mine", {}, "L2A"),
        ("x", "mine", {"processing:level": "L2", "product:type": "S2MSI2A"}, "L2A"),
    ],
)
def test_levels(name, collection, properties, level):
    assert s2.level_of(Item(name, collection, NOON, SQUARE, (), properties)) == level


def test_a_level_is_told_by_what_only_one_has():
    def level(*assets):
        return s2.level_of(Item("S2A_x", "mine", NOON, SQUARE, tuple(Asset(a, "u") for a in assets), {}))

    assert level("B02", "B10") == "L1C"
    assert level("B02", "scl") == "L2A"
    with pytest.raises(BrokenInputError, match="S2A_x"):
        level("B02")


def test_a_scene_folds_the_offset_into_its_bands():
    scene = s2.to_scene(item(**{BASELINE: "05.00"}), [*s2.LCZ_BANDS, "SCL"], signing="planetary-computer")
    assert [b.name for b in scene.bands] == list(s2.LCZ_BANDS)
    assert (scene.bands[0].scale, scene.bands[0].offset, scene.bands[0].nodata) == (1e-4, -0.1, 0.0)
    assert (scene.level, scene.offset_rule, scene.signing) == (
        "L2A",
        "processing baseline",
        "planetary-computer",
    )
    assert shapely.from_wkb(bytes.fromhex(scene.footprint_wkb)).area == pytest.approx(1)
    assert datetime.fromisoformat(scene.moment) == NOON


def test_the_scene_class_has_neither_scale_nor_offset():
    found = Item(
        "x",
        "sentinel-2-l2a",
        NOON,
        SQUARE,
        (Asset("B02", "u2"), Asset("scl", "us", offset=-0.1)),
        {BASELINE: "05.00"},
    )
    scene = s2.to_scene(found, ["B02", "SCL"])
    assert scene.band("SCL") == Band("SCL", "us", 1.0, 0.0, 0.0, categorical=True)
    assert scene.band("B02").offset == -0.1


def test_names_given_come_before_names_found():
    scene = s2.to_scene(item(), ["B02"], names={"B02": "B03"})
    assert scene.bands[0].href.endswith("B03.tif")


def test_a_missing_band_names_item_and_band():
    with pytest.raises(BrokenInputError, match=r"item x; .*B10"):
        s2.to_scene(item(), ["B02", "B10"])
    refused = item(**{"eomap:refused": {"B10": "asset address refused"}})
    with pytest.raises(BrokenInputError, match="address refused"):
        s2.to_scene(refused, ["B10"])


@pytest.mark.parametrize("scale", [0.0, 1.0, -1e-4])
def test_a_scale_that_cannot_be_is_broken(scale):
    found = Item("x", "sentinel-2-l2a", NOON, SQUARE, (Asset("B02", "u", scale=scale),), {})
    with pytest.raises(BrokenInputError, match="scale"):
        s2.to_scene(found, ["B02"])


def test_checksums_make_the_scenes_etag():
    def scene(etag):
        return s2.to_scene(Item("x", "s2-l2a", NOON, SQUARE, (Asset("B02", "u", etag=etag),), {}), ["B02"])

    assert scene("").etag == ""
    assert scene("1").etag != scene("2").etag


def test_reflectance_is_exact_in_whole_numbers():
    raw = np.array([[0, 1, 999, 1000, 1001, 5000, 65535]], np.uint16)
    with_offset = s2.reflectance_dn(raw, Band("B02", "u", 1e-4, -0.1, 0))
    assert with_offset.tolist() == [[0, 1, 1, 1, 1, 4000, 64535]]
    assert with_offset.dtype == np.uint16
    assert s2.reflectance_dn(raw, Band("B02", "u", 1e-4, 0.0, 0)).tolist() == raw.tolist()
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    shifted = s2.reflectance_dn(every, Band("B02", "u", 1e-4, -0.1, None)).ravel()
    assert (shifted[1001:] == np.arange(1001, 65536) - 1000).all()


def test_reflectance_of_other_scales_nodata_and_nan():
    doubled = s2.reflectance_dn(np.array([[0, 1000, 60000]], np.uint16), Band("B02", "u", 2e-4, -0.1, 60000))
    assert doubled.tolist() == [[0, 1000, 0]]
    floats = s2.reflectance_dn(np.array([[0, np.nan, 2500.4]], np.float32), Band("B02", "u", 1e-4, 0.0, None))
    assert floats.tolist() == [[0, 0, 2500]]
    signed = s2.reflectance_dn(np.array([[-9999, -5, 7]], np.int16), Band("B02", "u", 1e-4, 0.0, -9999))
    assert signed.tolist() == [[0, 1, 7]]


def dark_dn(folder, document):
    import rasterio

    found = {}
    for band in s2.LCZ_BANDS:
        with rasterio.open(folder / document["assets"][band]["href"]) as file:
            raw = file.read(1)
        found[band] = float(np.percentile(raw[raw > 0], 0.1))
    return found


@pytest.mark.shared
def test_dark_pixels_bear_out_the_offset_of_every_real_scene(shared):
    doubts = {}
    for path in sorted((shared / "data" / "catalog").glob("sentinel-2-l*/*/*.json")):
        document = json.loads(path.read_text())
        found = from_feature(document)
        decision = s2.offset_of(found)
        dark = dark_dn(path.parent, document)
        assert s2.offset_doubt(dark, decision) is None, found.id
        flipped = s2.OffsetDecision(-1000 - decision.offset_dn, "date")
        doubts[found.id] = s2.offset_doubt(dark, flipped) or ""
    assert SAYS[True] in doubts["S2_L1C_Brazil_20210723"]
    for place in ("S2_L1C_Tanzania_20230610", "S2_L1C_Denmark_20171030", "S2_L2A_Tanzania_20230610"):
        assert SAYS[False] in doubts[place]
    # Two of the series are cloud from edge to edge: nothing dark is left to judge by in one of them.
    assert [name for name, doubt in doubts.items() if not doubt] == ["S2A_L1C_Slovenia_20150820"]


def test_without_spectral_bands_there_is_no_doubt():
    assert s2.offset_doubt({}, s2.OffsetDecision(0, "date")) is None
    assert s2.offset_doubt({"SCL": 1.0}, s2.OffsetDecision(-1000, "date")) is None


@pytest.mark.shared
def test_an_acquisition_that_comes_twice_is_used_once(shared):
    found = recorded(shared, "recorded/earthsearch_item_*.json")
    kept, notes = s2.newest_baseline(found)
    assert [i.id for i in kept] == sorted(i.id for i in found if i.id.endswith("_1_L2A"))
    assert len(notes) == 8
    assert notes[0] == (
        "S2A_32TMT_20200302_0_L2A (baseline 02.14) set aside for S2A_32TMT_20200302_1_L2A (baseline 05.00)"
    )
    for seed in range(5):
        random.Random(seed).shuffle(found)
        assert s2.newest_baseline(found) == (kept, notes)


@pytest.mark.shared
def test_different_acquisitions_all_stay(shared):
    for pattern in ("recorded/cdse_search*.json", "rustac/item-collection.json", "pc/sentinel-2-l2a-pc.json"):
        found = recorded(shared, pattern)
        kept, notes = s2.newest_baseline(found)
        assert len(kept) == len({i.id for i in found})
        assert notes == ()


def passes(*said):
    """Return items of one tile: (name, seconds later, baseline, west, east)."""
    return [
        item(n, moment=NOON + timedelta(seconds=t), footprint=shapely.to_wkb(shapely.box(w, 47, e, 48)),
             platform="Sentinel-2A", **{"s2:mgrs_tile": "32TMT", BASELINE: b})
        for n, t, b, w, e in said
    ]  # fmt: skip


def ids(items):
    kept, notes = s2.newest_baseline(items)
    assert len(kept) + len(notes) == len(items)
    assert s2.newest_baseline(items[::-1]) == (kept, notes)
    return [i.id for i in kept]


def test_two_halves_of_one_pass_both_stay():
    assert ids(passes(("a", 0, "05.00", 9, 9.55), ("b", 4, "05.00", 9.5, 10))) == ["a", "b"]


def test_an_old_whole_goes_when_new_halves_cover_it():
    assert ids(
        passes(("a", 0, "05.00", 9, 9.55), ("b", 4, "05.00", 9.5, 10), ("old", 2, "02.14", 9, 10))
    ) == ["a", "b"]


def test_an_old_whole_stays_when_the_new_covers_half():
    assert ids(passes(("a", 0, "05.00", 9, 9.5), ("old", 2, "02.14", 9, 10))) == ["a", "old"]


def test_the_next_pass_and_other_platforms_stay():
    assert ids(passes(("a", 0, "05.00", 9, 10), ("b", 6000, "02.14", 9, 10))) == ["a", "b"]
    one, other = passes(("a", 0, "05.00", 9, 10), ("b", 1, "02.14", 9, 10))
    assert ids(
        [one, item("b", moment=other.moment, platform="sentinel-2b", **{"s2:mgrs_tile": "32TMT"})]
    ) == ["a", "b"]


def test_a_private_baseline_is_the_oldest_and_equal_ones_go_by_generation():
    assert ids(passes(("a", 0, "99.99", 9, 10), ("b", 1, "02.14", 9, 10))) == ["b"]
    twins = passes(("a", 0, "05.00", 9, 10), ("b", 0, "05.00", 9, 10))
    twins[0].properties["s2:generation_time"] = "2023-06-18T17:37:04.000000Z"
    twins[1].properties["s2:generation_time"] = "2020-06-18T17:37:04.000000Z"
    assert ids(twins) == ["a"]


def test_tiles_by_every_name():
    assert s2.tile_of(item("S2A_5QKB_20200302_0_L2A")) == "05QKB"
    assert s2.tile_of(item("x", **{"grid:code": "MGRS-32TMT"})) == "32TMT"
    assert s2.tile_of(item("S2B_MSIL2A_20240825T173909_R098_T13TDE_20240825T215747")) == "13TDE"
    assert s2.tile_of(item("S2_L1C_Brazil_20210723")) == ""
