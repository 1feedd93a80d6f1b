"""A built twin: a sound catalogue of every sensor, its truth beside it, made once and always alike."""

import json

import numpy as np
import pytest
import rasterio
import shapely
from plain_world import PlainWorld
from shapely.geometry import box

from eomap import api
from eomap.core.grid import PIXEL_M, Frame
from eomap.core.period import Period
from eomap.errors import MisuseError
from eomap.io.catalog import open_catalog
from eomap.io.truth import open_truth
from eomap.sensors.sentinel2 import offset_of, tile_of
from eomap.twin import build as building
from eomap.twin.build import Order, bounds_around, build
from eomap.twin.earth import points_at
from eomap.twin.truth_files import truth_frames

BOUNDS = (12.60, 52.50, 12.615, 52.508)
JUNE = Period.parse("2023-06-05/2023-06-09")
EVERYTHING = ("s2", "s1", "s1-grd", "enmap", "modis")
WORLD = PlainWorld(34)


def order(**more):
    said = {"bounds_deg": BOUNDS, "period": JUNE, "sensors": ("s2",), "seed": 34} | more
    return Order(**said)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Every sensor and level; EnMAP's site is found by the seed."""
    folder = tmp_path_factory.mktemp("twin") / "full"
    wide = order(
        sensors=EVERYTHING,
        levels=("L1C", "L2A"),
        dated_truth=True,
        period=Period.parse("2023-06-02/2023-06-09"),
    )
    build(folder, wide, WORLD)
    return folder


def content(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def items(folder, collection):
    return [json.loads(p.read_text()) for p in sorted((folder / collection).glob("*/*.json"))]


def test_all_collections_are_found_and_every_item_says_synthetic(full):
    catalogue = open_catalog(str(full))
    assert catalogue.collections() == [
        "enmap-hsi-l2a", "modis-09A1-061", "modis-12Q1-061", "modis-13Q1-061", "modis-43A4-061",
        "sentinel-1-grd", "sentinel-1-rtc", "sentinel-2-l1c", "sentinel-2-l2a", "vnp46a4-002",
    ]  # fmt: skip
    for name in catalogue.collections():
        found = catalogue.search(name, geometry=box(*BOUNDS), period=Period.parse("2023"))
        assert found and catalogue.notes == ()
        assert all(i.properties["eomap:synthetic"] is True and i.id.startswith("SYNTHETIC_") for i in found)
        assert len(found) == len(items(full, name)), "every product meets the bounds"
    for path in full.rglob("*.json"):
        document = json.loads(path.read_text())
        said = document.get("properties", document)
        assert said.get("eomap:synthetic", document.get("synthetic")) is True


def test_every_file_is_where_and_what_its_item_says(full):
    for path in sorted(full.glob("*/*/*.json")):
        item = json.loads(path.read_text())
        for asset in item["assets"].values():
            with rasterio.open(path.parent / asset["href"]) as file:
                if "proj:shape" in asset:
                    assert list(file.shape) == asset["proj:shape"]
                    assert list(file.transform)[:6] == pytest.approx(asset["proj:transform"])
                for said, dtype in zip(asset.get("raster:bands", ()), file.dtypes, strict=False):
                    assert said["data_type"] == dtype and said.get("nodata") == file.nodata
                assert "SYNTHETIC" in file.tags()


def test_pixels_of_sentinel_2_are_those_of_the_source(full):
    catalogue = open_catalog(str(full))
    for level in ("L1C", "L2A"):
        found = catalogue.search(f"sentinel-2-{level.lower()}", geometry=box(*BOUNDS), period=JUNE)
        one = found[0]
        assert tile_of(one) == "33UUU" and offset_of(one).offset_dn == -1000 and offset_of(one).note == ""
        assert one.asset("cirrus" if level == "L1C" else "scl") is not None
        blue = one.asset("blue")
        with rasterio.open(blue.href) as file:
            dn, box_m = file.read(1), file.bounds
        frame = Frame(blue.epsg, round(box_m.left), round(box_m.top), *dn.shape)

        class At:
            moment = one.moment

        value = WORLD.optical(At, frame, ["B02"], level=level)["B02"]
        seen = dn > 0
        assert seen.any() and np.abs((dn[seen] * 1e-4 - 0.1) - value[seen]).max() < 0.51e-4


def test_radar_is_linear_power_and_grd_amplitude_without_a_place_in_the_item(full):
    rtc, grd = items(full, "sentinel-1-rtc")[0], items(full, "sentinel-1-grd")[0]
    assert grd["id"] + "_rtc" == rtc["id"] and rtc["properties"]["proj:epsg"] == 32633
    assert not [k for a in (grd["properties"], *grd["assets"].values()) for k in a if k.startswith("proj:")]
    pixels = {}
    for item in (rtc, grd):
        path = full / item["collection"] / item["id"] / item["assets"]["vv"]["href"]
        with rasterio.open(path) as file:
            pixels[item["collection"]] = file.read(1).astype(np.float64)
    power = pixels["sentinel-1-rtc"]
    seen = power != -32_768
    assert power[seen].min() > 0.04 and power[seen].max() < 0.16
    sigma = (pixels["sentinel-1-grd"][seen] / 1000) ** 2
    assert np.abs(sigma - 0.8 * power[seen]).max() < 0.001


def test_enmap_and_modis_have_the_habits_of_their_providers(full):
    one = items(full, "enmap-hsi-l2a")[0]
    assert isinstance(one["properties"]["eo:cloud_cover"], str) and one["properties"]["proj:epsg"] is None
    with rasterio.open(full / one["collection"] / one["id"] / one["assets"]["image"]["href"]) as file:
        assert file.count == 224 and file.res == (30, 30) and file.nodata == -32_768
        assert "Nanometers" in file.descriptions[0]
    for name, size in (("modis-13Q1-061", 231.656), ("modis-09A1-061", 463.313)):
        one = items(full, name)[0]
        said = one["properties"]
        assert said["datetime"] is None and said["proj:epsg"] is None and "6371007.181" in said["proj:wkt2"]
        path = next((full / name / one["id"]).glob("*.tif"))
        with rasterio.open(path) as file:
            assert file.res[0] == pytest.approx(size, abs=0.001) and "6371007" in file.crs.to_wkt()
    moment = open_catalog(str(full)).search(
        "modis-13Q1-061", geometry=box(*BOUNDS), period=Period.parse("2023")
    )
    assert all(i.moment for i in moment), "the middle of start and end"
    for name, asked in (("modis-12Q1-061", "2023-02"), ("vnp46a4-002", "2023-12-31/2024-01-31")):
        found = open_catalog(str(full)).search(name, geometry=box(*BOUNDS), period=Period.parse(asked))
        assert [i.id for i in found] == [i["id"] for i in items(full, name)]
        assert not open_catalog(str(full)).search(name, geometry=box(*BOUNDS), period=Period.parse("2024"))
    ndvi = full / "modis-13Q1-061" / items(full, "modis-13Q1-061")[0]["id"] / "250m_16_days_NDVI.tif"
    with rasterio.open(ndvi) as file:
        row, col = file.shape[0] // 2, file.shape[1] // 2
        x, y = file.xy(row, col)
        lat = np.degrees(y / 6_371_007.181)
        lon = np.degrees(x / 6_371_007.181 / np.cos(np.radians(lat)))
        wave = float(WORLD._waves(points_at([[lon]], [[lat]]))[0, 0])
        red, nir = 0.05 + 0.1 * wave, 0.1 + 0.1 * wave
        assert file.read(1)[row, col] == pytest.approx(10_000 * (nir - red) / (nir + red), abs=1)


def test_truth_lies_beside_with_every_layer_described(full):
    truth = json.loads((full / "truth.json").read_text())
    assert truth["synthetic"] is True and [f["id"] for f in truth["frames"]] == ["utm33n"]
    frame = truth["frames"][0]
    assert {"height", "lcz"} < set(frame["layers"])
    dated = [n for n, layer in frame["layers"].items() if "date" in layer]
    assert dated and all(n.startswith("cloud_2023") for n in dated)
    for layer in frame["layers"].values():
        with rasterio.open(full / layer["href"]) as file:
            assert file.crs.to_epsg() == frame["epsg"] and file.res == (layer["pixel_m"],) * 2
            assert (file.bounds.left, file.bounds.top) == (frame["x0"], frame["y0"])
            assert layer["synthetic"] is True and layer["nodata"] == file.nodata
    whole = truth_frames(BOUNDS)[0]
    assert (whole.x0, whole.y0) == (frame["x0"], frame["y0"])
    with rasterio.open(full / frame["layers"]["height"]["href"]) as file:
        assert np.array_equal(file.read(1), WORLD.truth(whole, None)["height"].values)


def test_truth_frames_hold_the_bounds_in_each_zone():
    wide = (11.9, 52.4, 12.1, 52.5)
    frames = truth_frames(wide)
    assert [f.epsg for f in frames] == [32632, 32633]
    for frame in frames:
        assert frame.x0 % 300 == frame.y0 % 300 == frame.height * PIXEL_M % 300 == 0
    outlines = shapely.union_all([box(*f.bounds_deg()) for f in frames])
    assert outlines.contains(box(*wide))


def test_threads_and_a_second_call_change_no_byte(tmp_path):
    one = build(tmp_path / "one", order(), WORLD, threads=1)
    two = build(tmp_path / "two", order(), WORLD, threads=2)
    assert one.made == one.items == two.made > 0
    before = content(tmp_path / "one")
    assert before == content(tmp_path / "two")
    assert build(tmp_path / "one", order(), WORLD).made == 0 and content(tmp_path / "one") == before


def test_an_interrupted_build_goes_on_and_ends_alike(tmp_path, monkeypatch):
    build(tmp_path / "whole", order(), WORLD)
    left = [3]
    real = building.rendered

    def failing(*args, **more):
        left[0] -= 1
        if left[0] == 1:
            raise KeyboardInterrupt
        return real(*args, **more)

    monkeypatch.setattr(building, "rendered", failing)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "torn", order(), WORLD, threads=1)
    monkeypatch.setattr(building, "rendered", real)
    there = content(tmp_path / "torn")
    assert not [n for n in there if "scratch" in n or "part" in n]
    finished = sum(n.endswith(".json") and n.startswith("sentinel") for n in there)
    assert finished and open_catalog(str(tmp_path / "torn")).collections() == []
    again = build(tmp_path / "torn", order(), WORLD)
    assert again.made == again.items - finished
    assert content(tmp_path / "torn") == content(tmp_path / "whole")


def test_a_lost_file_alone_is_made_again(tmp_path):
    build(tmp_path / "a", order(), WORLD)
    before = content(tmp_path / "a")
    item = next((tmp_path / "a" / "sentinel-2-l2a").glob("*/*.json"))
    item.unlink()
    (item.parent / "B04.tif").unlink()
    kept = (item.parent / "B02.tif").stat().st_mtime_ns
    assert build(tmp_path / "a", order(), WORLD).made == 1
    assert content(tmp_path / "a") == before and (item.parent / "B02.tif").stat().st_mtime_ns == kept


def test_other_arguments_or_other_files_are_refused(tmp_path):
    build(tmp_path / "a", order(), WORLD)
    before = content(tmp_path / "a")
    with pytest.raises(MisuseError, match="another seed"):
        build(tmp_path / "a", order(seed=4), PlainWorld(34))
    with pytest.raises(MisuseError, match="another period"):
        build(tmp_path / "a", order(period=Period.parse("2023-07")), WORLD)
    assert content(tmp_path / "a") == before
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("x")
    with pytest.raises(MisuseError, match="other files"):
        build(tmp_path / "b", order(), WORLD)
    with pytest.raises(MisuseError, match="none"):
        build(tmp_path / "c", order(period=Period.parse("2010")), WORLD)
    assert not (tmp_path / "c").exists()
    with pytest.raises(MisuseError, match="landsat"):
        build(tmp_path / "c", order(sensors=("landsat",)), WORLD)


def test_a_clipped_scene_is_a_part_of_a_wider_one(tmp_path):
    build(tmp_path / "a", order(), WORLD)
    build(tmp_path / "b", order(bounds_deg=(12.59, 52.49, 12.63, 52.52)), WORLD)
    for small in sorted((tmp_path / "a" / "sentinel-2-l2a").glob("*/B05.tif")):
        with (
            rasterio.open(small) as inner,
            rasterio.open(tmp_path / "b" / small.relative_to(tmp_path / "a")) as outer,
        ):
            assert outer.shape > inner.shape
            window = outer.window(*inner.bounds)
            assert np.array_equal(outer.read(1, window=window), inner.read(1))


def test_the_engine_plans_and_pins_what_was_built(tmp_path):
    build(tmp_path / "a", order(), WORLD)
    plan = api.plan(bbox="12.60,52.50,12.615,52.508", catalog=str(tmp_path / "a"), period="2023-06")
    assert plan.tasks and all(s["synthetic"] and s["etag"] for s in plan.scenes.values())
    assert len(plan.scenes) == len(items(tmp_path / "a", "sentinel-2-l2a"))


def test_bounds_go_the_short_way_round():
    both = shapely.union(box(179.5, -1, 180, 1), box(-180, -1, -179.8, 1))
    assert bounds_around(both) == pytest.approx((179.5, -1, 180.2, 1))
    assert bounds_around(box(-20, -1, 30, 1)) == (-20, -1, 30, 1)


def test_a_twin_over_the_antimeridian_is_found_from_both_sides(tmp_path):
    few = Period.parse("2023-06-01/2023-06-05")
    build(tmp_path / "a", order(bounds_deg=(179.99, -16.77, 180.01, -16.76), period=few), WORLD)
    catalogue = open_catalog(str(tmp_path / "a"))
    for side in (box(179.991, -16.769, 179.995, -16.761), box(-179.995, -16.769, -179.991, -16.761)):
        assert catalogue.search("sentinel-2-l2a", geometry=side, period=few)


def test_scores_can_read_the_truth(full):
    found = open_truth(full)
    assert found.synthetic and {"height", "lcz"} < set(found.names)
    height, zones = found.layer("height"), found.layer("lcz")
    assert (height.kind, height.unit, height.files[0].pixel_m) == ("value", "m", 10)
    assert zones.files[0].nodata == 0 and zones.kind == "class"
    assert found.layer("cloud_20230602").dates == ("2023-06-02",)
