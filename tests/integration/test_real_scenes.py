"""The main job on real Sentinel-2 scenes, with a published network, from catalogue to answers."""

import json

import numpy as np
import pytest
import rasterio

from eomap import api
from eomap.io.cube import open_cube

pytestmark = pytest.mark.shared
NETWORK = "so2sat-resnet20"
BUILT, TREES, LOW_PLANTS, WATER = range(1, 11), (11, 12), (14,), (17,)


@pytest.fixture(scope="module", autouse=True)
def _published_weights(shared):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EOMAP_MODEL_MIRROR", str(shared / "data" / "weights"))
        yield


@pytest.fixture(scope="module")
def plan_of(shared):
    """Return a function that plans a scene's own footprint, or a bbox, as `eomap plan` does."""

    def plan(scene, period, *, collection="sentinel-2-l1c", **how):
        catalog = shared / "data" / "catalog"
        area = scene and catalog / collection / scene / f"{scene}.json"
        how = {"model": NETWORK, **how}
        return api.plan(area, catalog=str(catalog), collection=collection, period=period, **how)

    return plan


def made(plan, out):
    """Return the classes (y, x) of the cube of a plan, made in this process, and what the run said."""
    summary = api.run(plan, str(out), engine="inline")
    assert summary.complete, summary.failed
    cube = open_cube(str(out))
    return cube.read("lcz", cube.extent.window), summary


@pytest.fixture(scope="module")
def havel(plan_of, tmp_path_factory):
    out = tmp_path_factory.mktemp("havel") / "havel.zarr"
    plan = plan_of("S2A_MSIL1C_20170216T102101_T33UUU_clip", "2017-02-01/2017-03-01")
    return str(out), *made(plan, out)


def test_havel_is_whole_and_verified(havel):
    out, lcz, _ = havel
    assert api.verify(out) == {}
    mapped = lcz[(lcz != 255)]
    assert mapped.size > 19_000, "100 m cells of 118 km2"
    share = {name: np.isin(mapped, codes).mean() for name, codes in (("water", WATER), ("trees", TREES))}
    assert 0.04 < share["water"] < 0.15
    assert share["trees"] > 0.02


@pytest.mark.parametrize(
    ("place", "lon", "lat", "codes"),
    [
        ("Trebelsee", 12.690, 52.506, WATER),
        ("Rietzer See", 12.570, 52.470, WATER),
        ("forest west of Schmerzke", 12.527, 52.487, TREES),
        ("fields in the south-east", 12.660, 52.470, LOW_PLANTS),
        ("Götz", 12.717, 52.472, BUILT),
    ],
)
def test_havel_places_are_what_they_are(havel, place, lon, lat, codes):
    found = api.query_point(havel[0], lon, lat)
    assert found["status"] == "valid", place
    assert found["layers"]["lcz"]["stored"] in codes, place


def test_havel_cloud_is_no_clear_look_and_outside_is_unwritten(havel):
    assert api.query_point(havel[0], 12.65, 52.51)["status"] == "no clear look"
    assert api.query_point(havel[0], 12.45, 52.51)["status"] == "unwritten"
    assert api.query_point(havel[0], 20.0, 52.51)["status"] == "outside"


def test_havel_pictures_open(havel, tmp_path):
    from PIL import Image

    api.export(havel[0], png=str(tmp_path / "havel.png"), cog=str(tmp_path / "havel.tif"))
    assert Image.open(tmp_path / "havel.png").size[0] > 1000
    with rasterio.open(tmp_path / "havel.tif") as file:
        assert file.crs.to_epsg() == 4326 and file.nodata == 255
        assert file.colormap(1)[17][:3] == (106, 106, 255)
        assert file.overviews(1) or max(file.shape) <= 512


@pytest.mark.parametrize(
    ("scene", "period", "offset"),
    [("S2_L1C_Brazil_20210723", "2021-07", -1000), ("S2_L1C_Tanzania_20230610", "2023-06", 0)],
)
def test_the_offset_is_decided_per_item_and_applied(shared, plan_of, scene, period, offset):
    from eomap.api.running import job_of
    from eomap.io.pixels import RasterReader
    from eomap.worker import sight_of

    plan = plan_of(scene, period, mask="none")
    pinned = plan.scenes[scene]
    band = next(b for b in pinned["bands"] if b["name"] == "B02")
    assert round(band["offset"] / band["scale"]) == offset
    assert pinned["offset_rule"] == "raster:bands"
    folder = shared / "data/catalog/sentinel-2-l1c" / scene
    href = json.loads((folder / f"{scene}.json").read_text())["assets"]["B02"]["href"]
    with rasterio.open(folder / href) as file:
        raw, left, top = file.read(1), file.bounds.left, file.bounds.top
        zone = file.crs.to_epsg()
    seen = 0
    for task in plan.tasks:
        made = sight_of(job_of(plan, task), RasterReader())
        frame = made.frame
        assert frame.epsg == zone and made.warnings == ()
        dn = made.first.code_byx[0]
        y, x = np.nonzero(dn)
        row = np.floor((top - frame.y0) / 10 + y + 0.5).astype(int)
        col = np.floor((frame.x0 - left) / 10 + x + 0.5).astype(int)
        expected = np.maximum(raw[row, col].astype(int) + offset, 1)
        assert np.array_equal(dn[y, x], expected)
        seen += y.size
    assert seen > 0.5 * raw.size


CLOUDY, ALL = ("2015-07-31/2015-08-20", 2), ("2015-07-01/2015-09-30", 5)
WITHIN = "14.5535,45.8674,14.5622,45.8736"
"""Where every 32 x 32 window lies inside the five small scenes."""


def test_two_cloudy_dates_alone_are_no_look_and_five_give_trees(plan_of, tmp_path):
    maps = {}
    for name, (period, n_scenes) in (("cloudy", CLOUDY), ("all", ALL)):
        plan = plan_of(None, period, bbox=WITHIN)
        assert len(plan.scenes) == n_scenes
        maps[name], _ = made(plan, tmp_path / f"{name}.zarr")
        assert api.verify(str(tmp_path / f"{name}.zarr")) == {}
    inside = maps["all"] != 255
    assert inside.sum() > 60
    assert (maps["cloudy"][inside] == 0).all(), "processed, and never seen clearly"
    assert np.isin(maps["all"][inside], TREES).all()


def test_the_default_network_is_the_better_one_for_the_scenes_level(plan_of):
    l1c = plan_of("S2_L1C_Tanzania_20230610", "2023-06", model=None)
    l2a = plan_of("S2_L2A_Tanzania_20230610", "2023-06", collection="sentinel-2-l2a", model=None)
    assert (l1c.model, l2a.model) == ("so2sat-resnet20", "sen2lcz-mf")
    assert not [n for n in l1c.notes if "trained on" in n]
    assert [n for n in l2a.notes if "trained on" in n] == [
        "sen2lcz-mf was trained on L1C, these scenes are L2A: expect other errors"
    ]


def test_a_network_of_l1c_on_l2a_warns_once_and_writes_it_down(plan_of, tmp_path):
    plan = plan_of("S2_L2A_Denmark_20171030", "2017-10", collection="sentinel-2-l2a", model="eomap-lcz-s")
    _, summary = made(plan, tmp_path / "l2a.zarr")
    said = [w for w in summary.warnings if "L1C" in w and "L2A" in w]
    assert len(said) == 1
    assert said[0] in open_cube(str(tmp_path / "l2a.zarr")).attributes()["eomap:warnings"]


SLOVENIA = ("20150711", "20150731", "20150820", "20150830", "20150909")
CLOUDED = ("20150731", "20150820")


@pytest.fixture(scope="module")
def slovenia(plan_of, tmp_path_factory):
    """The composite of five real dates, two of them under cloud all over."""
    out = tmp_path_factory.mktemp("slovenia") / "composite.zarr"
    plan = plan_of(f"S2A_L1C_Slovenia_{SLOVENIA[0]}", "2015", model=None, product="composite")
    assert len(plan.scenes) == len(SLOVENIA)
    assert api.run(plan, str(out), engine="inline").complete
    cube = open_cube(str(out))
    (task,) = plan.tasks
    return str(out), task.window, {g.name: cube.read(g.name, task.window) for g in cube.layers}


def test_two_clouded_dates_of_five_do_not_count(slovenia):
    out, _, layers = slovenia
    looks = layers["n_clear"][layers["n_clear"] != 65535]
    assert api.verify(out) == {}
    # The network takes the thinnest of an overcast day's veil for clear: docs/explanation/cloud-masks.md.
    assert np.median(looks) == 3 and (looks <= 3).mean() > 0.8
    blue = layers["reflectance"][0].astype(float)
    seen = (layers["n_clear"] > 0) & (layers["n_clear"] != 65535)
    assert 0.02 < np.median(blue[seen]) / 1e4 < 0.12, "a summer's haze, no cloud"
    spread = layers["spread"][layers["spread"] != 65535]
    assert 0 < np.median(spread) / 1e4 < 0.05


def test_a_real_composite_is_the_median_of_what_the_files_say(shared, slovenia):
    from eomap.core.grid import transformer

    _, window, layers = slovenia
    lon, lat = np.meshgrid(window.lon(), window.lat())
    x, y = transformer(4326, 32633).transform(lon, lat)
    x, y = x // 10 * 10 + 5, y // 10 * 10 + 5  # centre of the pixel of the zone's 10 m grid
    clear = [d for d in SLOVENIA if d not in CLOUDED]
    counted = layers["n_clear"] == 3
    assert counted.sum() > 5_000
    agreeing = []
    for number, band in enumerate(("B02", "B03", "B04")):
        seen = []
        for day in clear:
            name = f"S2A_L1C_Slovenia_{day}"
            path = shared / "data/catalog/sentinel-2-l1c" / name / f"{band}.tif"
            with rasterio.open(path) as file:
                col, row = ~file.transform * (x[counted], y[counted])
                seen.append(file.read(1)[row.astype(int), col.astype(int)])
        agreeing.append(layers["reflectance"][number][counted] == np.median(seen, axis=0))
    assert np.mean(agreeing) > 0.95, "elsewhere a clouded date was taken for clear, and a clear one not"
