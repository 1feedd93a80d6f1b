"""Made-up catalogues are read, searched and planned by the engine's own code, like real ones."""

import json
from datetime import date

import numpy as np
import pytest
import rasterio
from shapely.geometry import box

from eomap import api
from eomap.core.period import Period
from eomap.errors import MisuseError
from eomap.io.catalog import open_catalog
from eomap.sensors.sentinel2 import BANDS, offset_of, scl_clear
from eomap.twin.catalog import write_catalog

BOUNDS = (-33.02, 45.19, -32.98, 45.21)
DATES = (date(2024, 6, 4), date(2024, 7, 14))


def made(folder, level="L1C", seed=17):
    return write_catalog(folder, bounds_deg=BOUNDS, dates=DATES, seed=seed, cloudy=(0.0, 0.5), level=level)


@pytest.fixture(scope="module")
def l1c(tmp_path_factory):
    return made(tmp_path_factory.mktemp("l1c"))


@pytest.fixture(scope="module")
def l2a(tmp_path_factory):
    return made(tmp_path_factory.mktemp("l2a"), "L2A")


def items(path):
    """Return item JSON and folder, by id."""
    found = sorted(path.parent.glob("sentinel-2-*/*/*.json"))
    return {p.stem: (json.loads(p.read_text()), p.parent) for p in found}


def pixels(folder, band):
    with rasterio.open(folder / f"{band}.tif") as file:
        return file.read(1), file.bounds


def test_same_seed_same_bytes(l1c, tmp_path):
    again, other = made(tmp_path / "again"), made(tmp_path / "other", seed=18)

    def content(path):
        return {p.relative_to(path.parent): p.read_bytes() for p in path.parent.rglob("*") if p.is_file()}

    assert content(again) == content(l1c)
    assert content(other).keys() == content(l1c).keys() and content(other) != content(l1c)


@pytest.mark.parametrize("band", ["B02", "B05", "B09"])
def test_neighbouring_scenes_agree_where_they_overlap(l1c, band):
    for day in DATES:
        name = f"SYNTHETIC_MSIL1C_{day:%Y%m%d}_"
        folder = l1c.parent / "sentinel-2-l1c"
        (west, left), (east, right) = (pixels(folder / f"{name}{side}", band) for side in ("west", "east"))
        shared = round((left.right - right.left) / BANDS[band])
        assert shared > 20
        # The blur of a coarse pixel at a border lacks nothing: land is made with a margin.
        assert np.array_equal(west[:, -shared:], east[:, :shared])


def test_the_engine_finds_and_plans_them(l1c):
    catalog = open_catalog(str(l1c))
    assert catalog.collections() == ["sentinel-2-l1c"]
    june = Period.parse("2024-06")
    found = catalog.search("sentinel-2-l1c", geometry=box(*BOUNDS), period=june)
    assert len(found) == 2 and all(i.properties["eomap:synthetic"] is True for i in found)
    assert {offset_of(i).offset_dn for i in found} == {-1000} and {offset_of(i).note for i in found} == {""}
    plan = api.plan(bbox="-33.02,45.19,-32.98,45.21", catalog=str(l1c), period="2024")
    assert [t.tile.id for t in plan.tasks] == ["r089c293", "r089c294"] and not plan.notes
    assert all(s["synthetic"] and s["level"] == "L1C" and s["etag"] for s in plan.scenes.values())
    assert all(len(t.scenes) == 4 for t in plan.tasks), "both scenes of a date reach into both tiles"


def test_each_level_has_its_own_bands(l1c, l2a):
    for item, _ in items(l1c).values():
        assert set(item["assets"]) == set(BANDS)
    for item, folder in items(l2a).values():
        assert set(item["assets"]) == set(BANDS) - {"B10"} | {"SCL"}
        assert not (folder / "B10.tif").exists()
    plan = api.plan(bbox="-33.02,45.19,-32.98,45.21", catalog=str(l2a), period="2024")
    assert {s["level"] for s in plan.scenes.values()} == {"L2A"}
    assert "trained on L1C" in plan.notes[0]


def test_pixels_lie_where_the_item_says(l1c):
    for item, folder in items(l1c).values():
        for name, asset in item["assets"].items():
            with rasterio.open(folder / asset["href"]) as file:
                assert list(file.transform)[:6] == asset["proj:transform"]
                assert list(file.shape) == asset["proj:shape"]
                assert f"EPSG:{file.crs.to_epsg()}" == item["properties"]["proj:code"]
                assert file.transform.a == BANDS[name] and file.tags()["SYNTHETIC"]
                assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_clouds_cover_what_they_claim(l1c, l2a):
    for item, folder in items(l1c).values():
        claimed = item["properties"]["eo:cloud_cover"]
        # In blue, land is at 0.12 and cloud at 0.53 where it hides half of the land: together 0.32.
        bright = (pixels(folder, "B02")[0] > 1000 + 3200).mean() * 100
        assert abs(bright - claimed) < 3
        assert (claimed == 0) == ("20240604" in item["id"])
    for item, folder in items(l2a).values():
        classes, _ = pixels(folder, "SCL")
        assert abs((classes == 9).mean() * 100 - item["properties"]["eo:cloud_cover"]) < 3
        assert 0 < scl_clear(classes).mean() * 100 <= 100 - item["properties"]["eo:cloud_cover"]


def test_dates_and_clouds_must_pair(tmp_path):
    with pytest.raises(MisuseError, match="one share of cloud per date"):
        write_catalog(tmp_path, bounds_deg=BOUNDS, dates=DATES, seed=1, cloudy=(0.1,))
    with pytest.raises(MisuseError, match="L1C or L2A"):
        write_catalog(tmp_path, bounds_deg=BOUNDS, dates=DATES, seed=1, cloudy=(0.1, 0.2), level="L3")
    assert not list(tmp_path.iterdir())
