"""Sentinel-1 through the one door: a made-up catalogue of both directions, and the real Kalimantan series."""

import numpy as np
import pytest
import rasterio
from plain_world import PlainWorld
from small_world import command

from eomap import api
from eomap.core.grid import tile_epsg, transformer
from eomap.core.period import Period
from eomap.errors import MisuseError
from eomap.io.cube import open_cube
from eomap.twin.build import Order, build

AREA = (12.60, 52.50, 12.615, 52.508)
DAYS = "2023-06-01/2023-06-14"
PLAIN = PlainWorld(34)
KALIMANTAN = "119.19,5.35,119.26,5.415"


class Moody:
    """The plain world, whose backscatter changes from pass to pass, so that a mean is not a median."""

    name = "moody 1"

    def radar(self, acquisition, frame, *, product):
        change = np.float32(1.3 ** (acquisition.moment.toordinal() % 5) * (2 if product == "grd" else 1))
        return {k: v * change for k, v in PLAIN.radar(acquisition, frame, product=product).items()}

    def __getattr__(self, name):
        return getattr(PLAIN, name)


def mean_db(files, lon, lat, epsg, scale=1.0, decibels=False):
    """Return the mean in power over the files' pixels under the 10 m pixel that holds a place, in dB."""
    x, y = transformer(4326, epsg).transform(lon, lat)
    centre = [np.floor(v / 10) * 10 + 5 for v in (x, y)]
    powers = []
    for path in files:
        with rasterio.open(path) as file:
            at = transformer(epsg, file.crs.to_epsg()).transform(*centre)
            row, col = file.index(*at, op=np.floor)
            if not (0 <= row < file.height and 0 <= col < file.width):
                continue
            value = float(file.read(1)[int(row), int(col)])
            if value == file.nodata:
                continue
        powers.append(10 ** (value * scale / 10) if decibels else value)
    return 10 * np.log10(np.mean(powers)), len(powers)


def band(data, name):
    return data.backscatter[data.backscatter.attrs["band_names"].index(name)]


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("radar") / "twin"
    order = Order(bounds_deg=AREA, period=Period.parse(DAYS), sensors=("s1", "s1-grd"), seed=34)
    build(folder, order, Moody())
    return folder


def planned(twin, **how):
    bbox = ",".join(map(str, AREA))
    how = {"product": "composite", "sensor": "sentinel-1", "bbox": bbox, "period": "2023", **how}
    return api.plan(catalog=str(twin / "catalog.json"), **how)


def test_power_of_both_directions_becomes_its_mean_in_decibels(twin, tmp_path):
    plan = planned(twin)
    assert plan.collection == "sentinel-1-rtc" and not plan.notes
    orbits = {s["orbit"] for s in plan.scenes.values()}
    assert {o.split()[0] for o in orbits} == {"ascending", "descending"} and len(plan.scenes) > 3
    assert {s["platform"] for s in plan.scenes.values()} == {"S1A"}
    out = str(tmp_path / "map.zarr")
    assert api.run(plan, out, engine="inline").complete and api.verify(out) == {}
    data = api.open_cube(out)
    assert data.attrs["eomap:synthetic"] is True and data.backscatter.attrs["units"] == "dB"
    for lon, lat in ((12.6051, 52.5031), (12.6102, 52.5062), (12.6123, 52.5014)):
        here = data.sel(x=lon, y=lat, method="nearest")
        for name in ("VV", "VH"):
            files = sorted((twin / "sentinel-1-rtc").glob(f"*/*{name.lower()}*.tiff"))
            truth, count = mean_db(files, float(here.x), float(here.y), 32633)
            # Each look is rounded to a thousandth of a dB, and so is their mean.
            assert float(band(here, name)) == pytest.approx(truth, abs=0.0011), (lon, lat, name)
            assert int(here.n_clear) == count
    assert 0.5 < float(data.spread.mean()) < 3


def test_looks_of_different_passes_on_one_day_stay_apart(twin):
    from eomap.api.running import scene_of
    from eomap.core.grid import frame_of
    from eomap.fetch import looks_of

    plan = planned(twin)
    task = plan.tasks[0]
    frame = frame_of(task.window, tile_epsg(task.tile), cell_px=1, halo_px=0)
    scenes = tuple(scene_of(plan, s) for s in plan.scenes)
    for _, group in looks_of(scenes, frame):
        assert len({(s.orbit, s.moment[:10]) for s in group}) == 1


@pytest.mark.parametrize("orbit", ["ascending", "descending", "number"])
def test_one_orbit_alone(twin, orbit):
    every = {s["orbit"] for s in planned(twin).scenes.values()}
    wanted = min(every).split()[1] if orbit == "number" else orbit
    plan = planned(twin, orbit=wanted.lstrip("0"))
    assert {s["orbit"] for s in plan.scenes.values()} == {o for o in every if wanted in o.split()}
    assert "left out: not of orbit" in plan.notes[0]
    assert {t.key for t in plan.tasks}.isdisjoint(t.key for t in planned(twin).tasks)


@pytest.mark.parametrize("speckle", ["lee", "multitemporal"])
def test_filtered_looks_are_the_same_in_every_block(twin, tmp_path, speckle, monkeypatch):
    from eomap import planner

    made = []
    for side in (2000, 50):
        monkeypatch.setattr(planner, "BLOCKS_PX", (side,))
        out = str(tmp_path / f"{side}.zarr")
        plan = planned(twin, speckle=speckle, method="median", orbit="ascending")
        assert {t.block_px for t in plan.tasks} == {side}
        assert api.run(plan, out, engine="inline").complete
        window = plan.tasks[0].window
        made.append(open_cube(out).read("backscatter", window))
    assert np.array_equal(*made) and (made[0] != 65_535).any()


@pytest.mark.parametrize("said", [{"speckle": "frost"}, {"orbit": "176"}, {"orbit": "north"}])
def test_strange_settings_are_refused(twin, said):
    with pytest.raises(MisuseError, match=f"--{next(iter(said))}"):
        planned(twin, **said)
    with pytest.raises(MisuseError, match="no radar"):
        planned(twin, sensor="sentinel-2", orbit="ascending")


def test_raw_grd_makes_no_map_and_says_why(twin):
    plan = planned(twin, collection="sentinel-1-grd")
    assert not plan.tasks and plan.notes and all("calibrated" in n and "RTC" in n for n in plan.notes)


@pytest.mark.shared
def test_kalimantan_from_the_catalogue_by_one_command(shared, tmp_path, monkeypatch, capsys):
    catalog = shared / "data" / "catalog"
    out = tmp_path / "kalimantan.zarr"
    code, _, err = command(
        monkeypatch, capsys, "run", "--product", "composite", "--sensor", "sentinel-1",
        "--catalog", catalog / "catalog.json", "--collection", "sentinel-1-grd", "--bbox", KALIMANTAN,
        "--period", "2017-01-01/2018-12-31", "--engine", "inline", "--out", out,
    )  # fmt: skip
    assert code == 0, err
    assert api.verify(str(out)) == {}
    data = api.open_cube(str(out))
    assert data.attrs["eomap:synthetic"] is False
    assert np.unique(data.n_clear).tolist() == [0, 24, 65_535]
    assert data.attrs["eomap:scenes"]["levels"] == {"GRD": 24}
    for lon, lat in ((119.2052, 5.4031), (119.2233, 5.3814), (119.2401, 5.3655), (119.2159, 5.3702)):
        here = data.sel(x=lon, y=lat, method="nearest")
        for name in ("VV", "VH"):
            files = sorted((catalog / "sentinel-1-grd").glob(f"S1_GRD_Kalimantan_*/{name.lower()}.tif"))
            truth, count = mean_db(files, float(here.x), float(here.y), 32650, scale=0.01, decibels=True)
            assert count == 24
            assert float(band(here, name)) == pytest.approx(truth, abs=0.00051), (lon, lat, name)
