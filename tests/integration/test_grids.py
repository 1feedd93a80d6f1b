"""Cubes of UTM zones, whole: an area on the border of two zones of the twin, and the laws of `--grid utm`."""

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import small_world
import xarray as xr
from made_up import Means
from small_world import command, contents

from eomap import api
from eomap.api.running import job_of
from eomap.core.grid import LATTICE, Window, cell_centres, group_of, transformer, utm_epsg
from eomap.errors import MisuseError
from eomap.io.cube import open_cube
from eomap.io.pixels import RasterReader
from eomap.kernels.median import median_composite_numpy
from eomap.planner import task_km2
from eomap.worker import sight_of

AREA = "11.992,58.296,12.008,58.301"
"""Some 900 by 550 m in Sweden, where Sentinel-2 delivers the squares of both zones."""
ZONES = (32632, 32633)
PERIOD = "2024-06-01/2024-06-10"
GRIDS = ("lattice", "utm", "EPSG:32633")


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """A folder with a made-up catalogue and its truth."""
    folder = tmp_path_factory.mktemp("twin")
    api.build_twin(folder / "scenes", bbox=AREA, period=PERIOD, seed=3, threads=2)
    return folder


def plan_of(twin, grid, product="composite", **more):
    return api.plan(
        bbox=AREA,
        product=product,
        catalog=str(twin / "scenes/catalog.json"),
        period=PERIOD,
        grid=grid,
        **more,
    )


@pytest.fixture(scope="module")
def made(twin):
    """By grid, the plan and the place of a finished composite."""
    found = {}
    for grid in GRIDS:
        plan, out = plan_of(twin, grid), str(twin / f"{grid.replace(':', '')}.zarr")
        assert api.run(plan, out, engine="inline").complete
        found[grid] = plan, out
    return found


@pytest.fixture(scope="module")
def classes(twin):
    """By grid, the place of a finished map of local climate zones, made by sums instead of a network."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        from eomap.api import running

        patch.setattr(running, "_weights", lambda plan, notify: "")
        patch.setattr(running, "_network", lambda runtime, weights, name, device: Means())
        for grid in ("lattice", "utm"):
            found[grid] = str(twin / f"lcz-{grid}.zarr")
            plan = plan_of(twin, grid, "lcz", model="eomap-lcz-s")
            assert api.run(plan, found[grid], engine="inline").complete
    return found


@pytest.fixture
def said(twin, monkeypatch, capsys):
    """Return a function that runs `eomap WORDS` beside the cubes: exit code, stdout, stderr."""
    monkeypatch.chdir(twin)
    return lambda *words: command(monkeypatch, capsys, *words)


def wanted_of(out, zone):
    """Return the written cells of a zone: their window, and the layers on it."""
    cube = open_cube(out)
    whole = cube.extent_on(zone).window
    mapped = cube.read("n_clear", whole) != 65535
    rows, cols = np.flatnonzero(mapped.any(axis=1)), np.flatnonzero(mapped.any(axis=0))
    window = Window(
        whole.step,
        whole.row0 + int(rows[0]),
        whole.row0 + int(rows[-1]) + 1,
        whole.col0 + int(cols[0]),
        whole.col0 + int(cols[-1]) + 1,
        zone,
    )
    return window, {g.name: cube.read(g.name, window) for g in cube.layers}


def test_cells_are_the_median_of_the_files_own_pixels(twin):
    """No resampling: the same composite made here from the GeoTIFFs of each zone, without frame or cube."""
    plan, out = plan_of(twin, "utm", mask="none"), str(twin / "unmasked.zarr")
    assert api.run(plan, out, engine="inline").complete
    for zone in ZONES:
        window, layers = wanted_of(out, zone)
        west, _, _, north = window.bounds
        looks = []
        for scene in (s for s in plan.scenes.values() if s["epsg"] == zone):
            red = next(b for b in scene["bands"] if b["name"] == "B04")
            with rasterio.open(red["href"]) as file:
                assert file.crs.to_epsg() == zone and file.res == (10, 10)
                row, col = round((file.transform.f - north) / 10), round((west - file.transform.c) / 10)
                assert (file.transform.c + col * 10, file.transform.f - row * 10) == (west, north)
                raw = file.read(1)[row : row + window.shape[0], col : col + window.shape[1]]
            dn = np.clip(raw.astype(np.int64) + round(red["offset"] / red["scale"]), 1, 65535)
            looks.append(np.where(raw == 0, 0, dn).astype(np.uint16))
        assert len(looks) == 4
        stack = np.array(looks)[:, None]
        wanted, n_clear = median_composite_numpy(stack, np.ones((len(looks), *window.shape), bool))
        inside = layers["n_clear"] != 65535
        assert inside.sum() > 2000 and np.array_equal(layers["n_clear"][inside], n_clear[inside])
        assert np.array_equal(layers["reflectance"][2][inside], wanted[0][inside])


def test_cells_of_a_zone_are_its_frame_bit_for_bit(made, twin):
    plan, out = made["utm"]
    reader = RasterReader()
    for task in plan.tasks:
        composite = sight_of(job_of(plan, task), reader)
        assert composite.frame.bounds_m == task.window.bounds, "not a pixel more than the window"
        for name, values in (
            ("reflectance", composite.first.code_byx),
            ("n_clear", composite.first.n_clear_yx),
            ("spread", composite.first.spread_yx),
        ):
            stored = open_cube(out).read(name, task.window)
            inside = open_cube(out).read("n_clear", task.window) != 65535
            assert inside.any() and np.array_equal(stored[..., inside], values[..., inside]), name
    reader.close()


def test_cut_into_tiles_is_the_whole(tmp_path):
    """An area over two tiles of a zone has the pixels of one frame over all of it."""
    root = small_world.write_catalog(tmp_path / "catalog")
    plan = api.plan(bbox=small_world.AREA, product="composite", catalog=str(root), period="2024", grid="utm")
    out = str(tmp_path / "map.zarr")
    assert api.run(plan, out, engine="inline").complete and api.verify(out) == {}
    first, second = plan.tasks
    assert (first.tile.id, second.tile.id) == ("z32633r236c015", "z32633r237c015")
    assert first.window.row1 == second.window.row0 == 237 * 6000
    whole = replace(
        first.window,
        row1=second.window.row1,
        col0=min(t.window.col0 for t in plan.tasks),
        col1=max(t.window.col1 for t in plan.tasks),
    )
    reader = RasterReader()
    composite = sight_of(job_of(plan, replace(first, window=whole)), reader)
    reader.close()
    cube = open_cube(out)
    inside = cube.read("n_clear", whole) != 65535
    given = {
        "reflectance": composite.first.code_byx,
        "n_clear": composite.first.n_clear_yx,
        "spread": composite.first.spread_yx,
    }
    for name, values in given.items():
        assert np.array_equal(cube.read(name, whole)[..., inside], values[..., inside]), name
    assert inside.sum() == pytest.approx(sum(task_km2(t) for t in plan.tasks) * 1e4, rel=0.01)
    for task in plan.tasks:
        assert (cube.read("n_clear", task.window) != 65535).any()


def test_each_place_is_written_once(made):
    """Centres of written cells lie in their own zone, and together they are the area."""
    plan, out = made["utm"]
    cells = 0
    for zone in ZONES:
        window, layers = wanted_of(out, zone)
        written = layers["n_clear"] != 65535
        lon, lat = cell_centres(window, LATTICE)
        clear = written & (np.abs(lon - 12) > 1e-7)
        assert {utm_epsg(x, y) for x, y in zip(lon[clear], lat[clear], strict=True)} == {zone}
        cells += int(written.sum())
    km2 = sum(task_km2(t) for t in plan.tasks)
    assert km2 == pytest.approx(sum(task_km2(t) for t in made["lattice"][0].tasks), rel=1e-6)
    assert cells * 1e-4 == pytest.approx(km2, rel=5e-3)


def test_one_zone_takes_all_of_the_area(made):
    plan, out = made["EPSG:32633"]
    assert {t.tile.epsg for t in plan.tasks} == {32633} and len(open_cube(out).extents) == 1
    assert sum(task_km2(t) for t in plan.tasks) == pytest.approx(
        sum(task_km2(t) for t in made["utm"][0].tasks), rel=1e-6
    )
    # East of the border both are native pixels of zone 33.
    window, layers = wanted_of(made["utm"][1], 32633)
    inside = layers["n_clear"] != 65535
    same = open_cube(out).read("reflectance", window)[:, inside] == layers["reflectance"][:, inside]
    assert same.mean() > 0.5


def test_points_agree_between_the_grids(made):
    """Both give the pixel nearest to the place; for the centre of a cell of the lattice the very same."""
    cubes = {grid: open_cube(made[grid][1]) for grid in ("lattice", "utm")}
    rng = np.random.default_rng(5)
    answered, apart = 0, []
    for lon, lat in zip(rng.uniform(11.9925, 12.0075, 60), rng.uniform(58.2965, 58.3005, 60), strict=True):
        if abs(lon - 12) < 0.0004:
            continue
        there = {g: api.query_point(c.url, float(lon), float(lat)) for g, c in cubes.items()}
        zone = utm_epsg(lon, lat)
        cell = there["utm"]["cell"]
        assert cell["epsg"] == zone and there["utm"]["tile"].startswith(f"z{zone}")
        assert cell["area_m2"] == pytest.approx(100, rel=2e-3)
        x, y = transformer(LATTICE, zone).transform(lon, lat)
        west, south, east, north = cell["bounds_m"]
        assert west <= x <= east and south <= y <= north
        # The lattice's cell took the zone's pixel under its own centre: ask there.
        w, s, e, n = there["lattice"]["cell"]["bounds_deg"]
        centre = api.query_point(cubes["utm"].url, (w + e) / 2, (s + n) / 2)
        if zone == 32632:
            assert centre["layers"] == there["lattice"]["layers"]
            assert centre["status"] == there["lattice"]["status"]
        elif "valid" == centre["status"] == there["lattice"]["status"]:
            # East of the border the lattice, by order of id, takes what zone 32 saw, warped.
            red = (d["layers"]["reflectance"]["value"]["B04"] for d in (centre, there["lattice"]))
            apart.append(abs(next(red) - next(red)))
        answered += 1
    assert answered > 40 and len(apart) > 10 and np.mean(apart) < 0.01
    for grid in GRIDS:
        assert api.query_point(made[grid][1], 20.0, 50.0)["status"] == "outside"
        assert api.query_point(made[grid][1], -168.0, -58.3)["status"] == "outside"


def test_a_group_opens_by_itself_with_its_place(made, twin):
    out = made["utm"][1]
    path, other = api.export(out, cog=str(twin / "a.tif"), layer="spread")
    assert (path, other) == (str(twin / "a-utm32632.tif"), str(twin / "a-utm32633.tif"))
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 32632 and file.res == (10, 10)
        for data in (xr.open_zarr(out, group="utm32632"), api.open_cube(out, zone=32632)):
            assert data.rio.crs.to_epsg() == 32632 and data.rio.transform() == file.transform
            assert data.x.attrs["units"] == "m" and data.y.attrs["standard_name"] == "projection_y_coordinate"
            assert data.attrs["eomap:synthetic"] is True and data.attrs["proj:code"] == "EPSG:32632"
            assert np.array_equal(data.n_clear.values, file_counts(out))
        values = file.read(1)
    window, layers = wanted_of(out, 32632)
    own = open_cube(out).extent_on(32632).window
    r, c = window.row0 - own.row0, window.col0 - own.col0
    part = values[r : r + window.shape[0], c : c + window.shape[1]]
    assert np.array_equal(part, layers["spread"]) and (part < 65535).any()
    root = json.loads((twin / "utm.zarr/zarr.json").read_text())
    assert set(root["consolidated_metadata"]["metadata"]) >= {"utm32632", "utm32633/reflectance"}
    with pytest.raises(MisuseError, match="32632, 32633"):
        api.open_cube(out)
    assert api.open_cube(made["EPSG:32633"][1]).rio.crs.to_epsg() == 32633


def file_counts(out):
    return open_cube(out).read("n_clear", open_cube(out).extent_on(32632).window)


def test_damage_is_found_and_only_its_tile_done_again(made, twin):
    plan, out = made["utm"]
    before = contents(out)
    assert api.verify(out) == {} and api.run(plan, out, engine="inline").done_now == 0
    task = plan.tasks[1]
    folder = twin / f"utm.zarr/utm{task.tile.epsg}/n_clear/c"
    (shard,) = (p for p in folder.rglob("*") if p.is_file())
    shard.write_bytes(b"other" + shard.read_bytes()[5:])
    (twin / "utm.zarr/utm32632/spread/c/0/7").write_bytes(b"orphan")
    (twin / "utm.zarr/utm32633/x/zarr.json").unlink()
    found = api.verify(out)
    assert set(found) == {task.tile.id, "cube"}
    assert "utm32632/spread/c/0/7" in found["cube"][0] and "utm32633/x/zarr.json" in found["cube"][1]
    problems, summary = api.repair(out, engine="inline")
    assert set(problems) == {task.tile.id, "cube"}
    assert (summary.done_now, summary.done_before) == (1, len(plan.tasks) - 1)
    assert api.verify(out) == {} and api.status(out)["complete"]
    assert contents(out) == before


def test_areas_of_classes_agree(classes, twin):
    west, south, east, north = 11.993, 58.2965, 12.007, 58.3005
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"name": "a"}, "geometry": shape}
    place = twin / "zone.geojson"
    place.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    areas = {}
    for grid, out in classes.items():
        rows = api.query_zones(out, str(place))
        areas[grid] = sum(r["area_km2"] for r in rows) + rows[0]["no_look_km2"]
        assert rows[0]["outside_km2"] == 0
    whole = 0.8203 * 0.4456  # km, along and across
    # 100 m cells along an outline of 2.5 km: as good as that
    assert areas["utm"] == pytest.approx(whole, rel=0.12) and areas["lattice"] == pytest.approx(
        whole, rel=0.12
    )


def test_classes_are_the_same_cells_on_both_grids(classes):
    """The lattice's cells are copies of the zones': it shows the class of the cell under its centre.

    West of the border, where both see native pixels only.
    """
    lattice, utm = open_cube(classes["lattice"]), open_cube(classes["utm"])
    window = lattice.extent.window
    codes = lattice.read("lcz", window)
    compared = 0
    for row, col in np.argwhere(codes != 255):
        at = Window(10, window.row0 + row, window.row0 + row + 1, window.col0 + col, window.col0 + col + 1)
        west, south, east, north = at.bounds
        lon, lat = (west + east) / 2, (south + north) / 2
        there = api.query_point(utm.url, lon, lat)
        if lon < 11.998 and there["status"] != "unwritten":
            assert there["cell"]["epsg"] == 32632
            assert there["layers"]["lcz"]["stored"] == codes[row, col]
            compared += 1
    assert compared > 15


def test_scores_are_of_both_zones(made, twin):
    page = twin / "score.html"
    scores = {
        g: api.score(made[g][1], str(twin / "scenes"), by="n_clear", html=str(page))
        for g in ("lattice", "utm")
    }
    (lattice,), (utm,) = (s["layers"] for s in scores.values())
    assert scores["utm"]["synthetic"] is True
    # A cell of the lattice has 45 m2 here, one of a zone 100.
    assert utm["cells"] * 100 == pytest.approx(lattice["cells"] * 45.4, rel=0.03)
    for name in ("MAE", "RMSE", "bias", "R2"):
        assert utm["metrics"][name] == pytest.approx(lattice["metrics"][name], abs=0.02)
    assert "SYNTHETIC" in page.read_text("utf-8")


def test_the_command_line_makes_and_shows_them(made, twin, said):
    search = (
        "--bbox",
        AREA,
        "--catalog",
        "scenes/catalog.json",
        "--period",
        PERIOD,
        "--product",
        "composite",
    )
    code, out, err = said("plan", *search, "--grid", "utm", "--out", "tiles.geojson")
    assert code == 0 and "EPSG:32632, EPSG:32633" in out, err
    tiles = json.loads((twin / "tiles.geojson").read_text())["features"]
    assert {f["properties"]["tile"][:6] for f in tiles} == {"z32632", "z32633"}
    code, out, err = said("export", "utm.zarr", "--png", "map.png")
    assert code == 0 and "map-utm32632.png" in err and "map-utm32633.png" in err
    assert all((twin / f"map-utm{z}.png").stat().st_size > 2000 for z in ZONES)
    code, out, _ = said("query", "utm.zarr", "--point", "11.995,58.298")
    assert code == 0 and "tile z32632" in out
    for words, expected in (
        (("--grid", "EPSG:32601"), "within 6 degrees"),
        (("--grid", "EPSG:3035"), "EPSG:32601-32660"),
        (("--grid", "utm", "--extent", "global"), "only the lattice"),
    ):
        code, _, err = said("plan", *search, *words)
        assert code == 2 and expected in err and err.count("\n") == 1, err
    # Another grid is another plan: it cannot continue this cube.
    code, _, err = said("run", *search, "--grid", "utm", "--engine", "inline", "--out", "lattice.zarr")
    assert code == 2 and "the plan it was begun with" in err


def test_a_cube_of_the_lattice_is_what_it_was(made, twin):
    root = json.loads((twin / "lattice.zarr/zarr.json").read_text())["attributes"]
    assert root["eomap:format"] == 1 and "epsg" not in root["eomap:extent"] and "eomap:grid" not in root
    assert group_of(LATTICE) == "" and (twin / "lattice.zarr/reflectance/zarr.json").is_file()
    zoned = json.loads((twin / "utm.zarr/zarr.json").read_text())["attributes"]
    assert zoned["eomap:format"] == 2 and zoned["eomap:grid"] == "utm" and len(zoned["eomap:extent"]) == 2
