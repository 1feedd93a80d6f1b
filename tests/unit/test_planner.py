"""Plans are pure: equal inputs give equal plans, and whatever decides the result changes the run id."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.aoi import from_bbox
from eomap.core.period import Period
from eomap.core.plan import Plan
from eomap.core.source import Asset, Item
from eomap.errors import MisuseError
from eomap.planner import Order, plan_of, task_km2
from eomap.products import product
from eomap.products.lcz import BANDS

AREA = from_bbox("12.4,52.3,13.1,52.6")
ORDER = Order(product("lcz"), Period.parse("2024"), "made-up", "sentinel-2-l2a", "so2sat-resnet20", "a" * 64)


COMPOSITE = replace(ORDER, product=product("composite"), model="", model_sha256="")
both = pytest.mark.parametrize("order", [ORDER, COMPOSITE], ids=lambda o: o.product.name)


def item(number, *, box=(12.3, 52.2, 13.2, 52.7), baseline="05.10", minutes=0, **properties):
    """Return a made-up L2A item; items of one number are one acquisition."""
    moment = datetime(2024, 1, 1, 10, 20, tzinfo=UTC) + timedelta(days=5 * number, minutes=minutes)
    name = f"S2A_33UUU_{moment:%Y%m%d}_{baseline}_L2A"
    return Item(
        id=name,
        collection="sentinel-2-l2a",
        moment=moment,
        footprint_wkb=shapely.to_wkb(shapely.box(*box)),
        assets=tuple(Asset(b, f"/made/up/{name}/{b}.tif") for b in (*BANDS, "SCL")),
        properties={
            "platform": "sentinel-2a",
            "s2:processing_baseline": baseline,
            "s2:mgrs_tile": "33UUU",
            **properties,
        },
    )


def planned(items, *, order=ORDER, area=AREA, code="1"):
    return plan_of(area, order, items, names=None, signing="", code=code)


ITEMS = (
    *(item(n, **{"eo:cloud_cover": 10 * n}) for n in range(6)),
    item(2, baseline="04.00"),
    item(7, box=(12.3, 52.2, 12.45, 52.7)),
    item(8, box=(40, 0, 41, 1)),
)


@settings(max_examples=20, deadline=None)
@given(st.permutations(ITEMS), st.integers(0, 3))
def test_the_order_and_repetition_of_the_answer_do_not_matter(items, repeated):
    wanted = planned(ITEMS)
    assert planned(items) == wanted
    twice = planned([*items, *items[:repeated]])
    assert replace(twice, notes=()) == replace(wanted, notes=()) and twice.run_id == wanted.run_id


def test_a_plan_comes_back_from_json_equal():
    made = planned(ITEMS)
    assert Plan.from_json(made.to_json()) == made
    assert made.to_json()["run_id"] == made.run_id


DECIDING = {
    "mask": dict(order=replace(ORDER, mask="none")),
    "model": dict(order=replace(ORDER, model="sen2lcz-mf")),
    "weights": dict(order=replace(ORDER, model_sha256="b" * 64)),
    "period": dict(order=replace(ORDER, period=Period.parse("2024-01-01/2024-12-30"))),
    "extent": dict(order=replace(ORDER, extent="global")),
    "layers": dict(order=replace(ORDER, extra_layers=("probability",))),
    "product version": dict(order=replace(ORDER, product=replace(product("lcz"), version="2.0"))),
    "temperature": dict(order=replace(ORDER, temperature=2.0)),
    "detector": dict(order=replace(ORDER, ood_sha256="c" * 64)),
    "max cloud": dict(order=replace(ORDER, max_cloud=25.0)),
    "area": dict(area=from_bbox("12.4,52.3,13.1,52.59")),
    "a cell's edge": dict(area=from_bbox("12.4,52.3,13.1,52.60001")),
}


@pytest.mark.parametrize("what", DECIDING)
def test_what_decides_the_result_changes_the_run_id(what):
    assert planned(ITEMS, **DECIDING[what]).run_id != planned(ITEMS).run_id


@pytest.mark.parametrize(
    "change",
    [
        lambda i: replace(i, assets=tuple(replace(a, etag="other") for a in i.assets)),
        lambda i: replace(i, assets=tuple(replace(a, nodata=7.0) for a in i.assets)),
        lambda i: replace(i, properties={**i.properties, "s2:processing_baseline": "03.01"}),
        lambda i: replace(i, moment=i.moment + timedelta(seconds=1)),
        lambda i: replace(i, id=i.id + "x"),
    ],
    ids=["etag", "nodata", "offset", "moment", "id"],
)
def test_another_scene_changes_the_run_id(change):
    assert planned([change(ITEMS[0]), *ITEMS[1:]]).run_id != planned(ITEMS).run_id


def test_what_does_not_decide_the_result_does_not_change_the_run_id():
    moved = [replace(i, assets=tuple(replace(a, href=a.href + "?moved") for a in i.assets)) for i in ITEMS]
    for made in (
        planned(moved),
        planned(ITEMS, code="2"),
        planned(ITEMS, order=replace(ORDER, memory_bytes=1 << 40)),
        planned(ITEMS, order=replace(ORDER, catalog="a mirror of it")),
    ):
        assert made.run_id == planned(ITEMS).run_id


def test_tasks_read_only_scenes_that_meet_them_and_tiles_without_scenes_are_told():
    made = planned(ITEMS, area=from_bbox("12.4,52.3,13.1,52.8"))
    by_tile = {t.tile.id: t for t in made.tasks}
    west, east = item(7, box=(12.3, 52.2, 12.45, 52.7)).id, item(8).id
    assert west in by_tile["r075c384"].scenes and west not in by_tile["r075c385"].scenes
    assert all(east not in t.scenes for t in made.tasks) and east not in made.scenes
    assert set(made.unseen).isdisjoint(by_tile) and len(by_tile) + len(made.unseen) == 6
    far = planned(ITEMS, area=from_bbox("50,10,50.6,10.2"))
    assert not far.tasks and len(far.unseen) == 2 and not far.scenes


def test_the_newest_baseline_wins_and_the_other_is_named():
    old = item(2, baseline="04.00").id
    made = planned(ITEMS)
    assert item(2).id in made.scenes and old not in made.scenes
    assert any(old in note and "set aside" in note for note in made.notes)


def test_cloudy_scenes_are_left_out_and_counted():
    made = planned(ITEMS, order=replace(ORDER, max_cloud=25.0))
    assert {item(n).id for n in (3, 4, 5)}.isdisjoint(made.scenes) and item(2).id in made.scenes
    assert any(note.startswith("3 scenes left out") for note in made.notes)
    odd = item(10, **{"eo:cloud_cover": "unknown"})
    assert odd.id in planned([odd], order=replace(ORDER, max_cloud=25.0)).scenes


def test_items_that_are_no_use_are_set_aside_by_name():
    blind = replace(item(20), assets=item(20).assets[1:])
    made = planned([*ITEMS, blind])
    assert blind.id not in made.scenes and any(blind.id in note and "B02" in note for note in made.notes)
    assert made.run_id == planned(ITEMS).run_id


@both
@settings(max_examples=10, deadline=None)
@given(looks=st.integers(1, 300), budget=st.floats(0.7e9, 3e10))
def test_every_task_keeps_within_the_budget_or_the_plan_is_refused(order, looks, budget):
    items, order = [item(n) for n in range(looks)], replace(order, memory_bytes=int(budget))
    try:
        made = planned(items, order=order)
    except MisuseError:
        with pytest.raises(MisuseError, match=rf"per worker.* {looks + 1} scenes.*--max-cloud"):
            planned([*items, item(looks)], order=order)
    else:
        assert made.tasks and all(0 < t.memory_bytes <= budget for t in made.tasks)


@both
def test_a_smaller_budget_takes_smaller_blocks_and_the_same_keys(order):
    items = [item(n) for n in range(60)]
    small, large = (planned(items, order=replace(order, memory_bytes=n << 20)) for n in (2500, 30_000))
    pairs = [(s.block_px, g.block_px) for s, g in zip(small.tasks, large.tasks, strict=True)]
    assert all(s <= g for s, g in pairs) and any(s < g for s, g in pairs)
    assert [t.key for t in small.tasks] == [t.key for t in large.tasks] and small.run_id == large.run_id


def test_a_product_without_a_network_is_planned_without_one():
    made = planned(ITEMS, order=COMPOSITE)
    assert (made.model, made.network) == ("", "no network") and Plan.from_json(made.to_json()) == made
    assert planned(ITEMS).network == ORDER.model
    assert made.tasks[0].window.step == 1 and {t.key for t in made.tasks}.isdisjoint(
        t.key for t in planned(ITEMS).tasks
    )


def test_values_of_a_whole_tile_are_held_and_counted():
    whole, part = (
        planned(ITEMS, order=COMPOSITE, area=from_bbox(box)).tasks[0]
        for box in ("12.5,52,13,52.5", "12.5,52.3,12.55,52.35")
    )
    values = 6000**2 * 12 * 2  # ten bands, the looks and the spread, 16 bits each
    assert whole.memory_bytes > part.memory_bytes + values and whole.seconds > 50 * part.seconds


def test_the_area_of_the_tasks_is_the_area_asked_for():
    made = planned([item(0, box=(0, 0, 90, 80))])
    from pyproj import Geod

    wanted = abs(Geod(ellps="WGS84").geometry_area_perimeter(AREA.geometry)[0]) / 1e6
    # Edges are geodesics, which leave a parallel the more the longer they are: a few parts in 1e5 here.
    assert sum(task_km2(t) for t in made.tasks) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.shared
def test_a_continent_with_a_year_of_scenes_is_planned(shared):
    from eomap.io.vectors import read_aoi

    africa = read_aoi(str(shared / "data/aoi/africa_ne110m.geojson"))
    west, south, east, north = africa.bounds_deg
    corners = [(x, y) for x in np.arange(west, east, 2) for y in np.arange(south, north, 2)]
    items = [
        item(n % 70, box=(x, y, x + 2.1, y + 2.1), minutes=n // 70, **{"s2:mgrs_tile": ""})
        for n, (x, y) in enumerate(corners)
    ]
    made = planned(items, area=africa)
    assert len(made.tasks) > 10_000 and not made.unseen
    assert sum(t.read_bytes for t in made.tasks) > 1e12


@pytest.mark.parametrize("suffix", [".geojson", ".parquet"])
def test_a_plan_opens_on_a_map(tmp_path, suffix):
    import geopandas

    from eomap.io.tables import write_plan

    made = planned(ITEMS, area=from_bbox("12.4,52.3,13.1,52.8"))
    made = replace(made, tasks=made.tasks[:-1], unseen=(made.tasks[-1].tile.id,))
    path = tmp_path / f"plan{suffix}"
    path.write_text("an older plan, replaced whole")
    write_plan(made, str(path))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    read = geopandas.read_file(path) if suffix == ".geojson" else geopandas.read_parquet(path)
    assert read.crs.to_epsg() == 4326 and len(read) == len(made.tasks) + 1
    assert (read.state == "planned").sum() == len(made.tasks)
    for task in made.tasks:
        row = read[read.tile == task.tile.id].iloc[0]
        assert shapely.equals(row.geometry, shapely.box(*task.tile.bounds_deg))
        assert (row.key, row.scenes) == (task.key, len(task.scenes))
