"""A product of several sensors: looks as they are, radar paired with them, and what may be missing."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from made_up import EPSG, TILE, edge_within

from eomap.core.aoi import from_bbox
from eomap.core.grid import Window, tile_window
from eomap.core.layer import Layer
from eomap.core.period import Period
from eomap.core.plan import Plan
from eomap.core.product import Need, Product
from eomap.core.source import Asset, Item
from eomap.errors import BrokenInputError
from eomap.planner import Found, Order, plan_of
from eomap.worker import Job, sight_of

AREA = from_bbox("12.6,52.35,12.75,52.45")
OPTICAL, RADAR = ("B04", "B08"), ("VV", "VH")
START = datetime(2024, 6, 1, 10, 20, tzinfo=UTC)


def nothing(inputs, predict):
    """Map nothing."""
    return {}


PRODUCT = Product(
    name="made-up",
    version="1.0",
    title="Of two sensors",
    needs=(
        Need("sentinel-2", OPTICAL, 20, looks=2),
        Need("sentinel-1", RADAR, 20, looks=2, optional=True),
    ),
    gives=(Layer("value", "uint8", "nothing", fill=255),),
    step=1,
    cell_px=1,
    compute=nothing,
)
ORDER = Order(PRODUCT, Period.parse("2024-06"), "made-up", "sentinel-2-l2a", "", "", mask="scl")


def optical(day, cloud, box=(12.3, 52.2, 13.2, 52.7)):
    moment = START + timedelta(days=day)
    name = f"S2A_33UUU_{moment:%Y%m%d}_L2A"
    said = {"platform": "sentinel-2a", "s2:processing_baseline": "05.10", "s2:mgrs_tile": "33UUU"}
    return Item(
        name,
        "sentinel-2-l2a",
        moment,
        shapely.to_wkb(shapely.box(*box)),
        tuple(Asset(b, f"/made/up/{day}/{b}") for b in (*OPTICAL, "SCL")),
        {**said, "eo:cloud_cover": cloud},
    )


def radar(day, orbit, box=(12.3, 52.2, 13.2, 52.7)):
    moment = START + timedelta(days=day, hours=5)
    said = {"platform": "sentinel-1a", "sat:orbit_state": "ascending", "sat:relative_orbit": orbit}
    return Item(
        f"S1A_IW_GRDH_{moment:%Y%m%d}_{orbit}_rtc",
        "sentinel-1-rtc",
        moment,
        shapely.to_wkb(shapely.box(*box)),
        tuple(Asset(b.lower(), f"/made/up/{day}/{b}") for b in RADAR),
        said,
    )


OPTICALS = [optical(0, 90), optical(5, 10), optical(10, 30), optical(20, 60)]
RADARS = [radar(1, 15), radar(6, 44), radar(12, 15), radar(25, 44)]


def planned(opticals=OPTICALS, radars=RADARS, order=ORDER):
    beside = {"sentinel-1": Found(radars, "sentinel-1-rtc")} if radars is not None else {}
    return plan_of(AREA, order, opticals, names=None, signing="", code="1", beside=beside)


@dataclass
class World:
    """A reader: optical DN 1000 + day, radar power by day, cloud in the west of odd days, edges by band."""

    edge: float = np.inf
    cut: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    def read(self, band, frame, *, signing=""):
        day, which = band.href.split("/")[-2:]
        if day in self.broken:
            raise BrokenInputError(band.href, expected="a file", got="none")
        x = np.broadcast_to(frame.x0 + 10 * np.arange(frame.width) + 5, frame.shape)
        west = x < self.edge
        if which in RADAR:
            value = np.full(frame.shape, 0.01 * (int(day) + 1), np.float32)
        elif which == "SCL":
            value = np.where(west & (int(day) % 2 == 1), 9, 4).astype(np.uint8)
        else:
            value = np.full(frame.shape, 2000 + int(day), np.uint16)
        return np.where(west, 0, value).astype(value.dtype) if day in self.cut else value

    def read_many(self, bands, frame, *, signing=""):
        return [self.read(b, frame) for b in bands]


def seen(plan, world):
    task = plan.tasks[0]
    whole = tile_window(TILE, 1)
    window = Window(1, whole.row0 + 3000, whole.row0 + 3030, whole.col0 + 3000, whole.col0 + 3050)
    from eomap.api.running import scene_of

    scenes = tuple(scene_of(plan, s) for s in task.scenes)
    return sight_of(Job(replace(task, window=window, tile=TILE), PRODUCT, scenes, "scl", ()), world)


def days_of(plan, sensor):
    return sorted(
        (datetime.fromisoformat(s["moment"]) - START).days
        for s in plan.scenes.values()
        if (s["sensor"] or "sentinel-2") == sensor
    )


def test_the_clearest_looks_are_pinned_with_the_radar_nearest_in_time():
    plan = planned()
    assert days_of(plan, "sentinel-2") == [5, 10] and days_of(plan, "sentinel-1") == [6, 12]
    assert Plan.from_json(plan.to_json()) == plan
    assert planned(OPTICALS[::-1], RADARS[::-1]) == plan


def test_looks_come_from_the_clearest_on_and_radar_with_each():
    plan = planned()
    sight = seen(plan, World(edge=edge_within(TILE)))
    first, beside = sight.seen
    assert first.looks.code_tbyx.shape[:2] == (2, 2) and first.code_byx.shape[1] == 0
    values = first.looks.code_tbyx[:, :, 0, 0].astype(int)
    assert values[0, 0] - values[1, 0] == 5 - 10  # day 5, called 10 % cloudy, comes first
    assert first.looks.day_t.tolist() == [19_880, 19_885]
    nearer = beside.looks.code_tbyx[:, 0, 0, 0]
    later_by_db = 10 * np.log10(13 / 7) * 1000
    assert int(nearer[1]) - int(nearer[0]) == pytest.approx(later_by_db, abs=2)


def test_where_a_look_does_not_reach_the_next_one_steps_in():
    east = edge_within(TILE)
    plan = planned(OPTICALS[1:3] + [optical(20, 60)], order=replace(ORDER, product=three_looks()))
    sight = sight_in(plan, World(edge=east, cut=("5",)))
    code = sight.seen[0].looks.code_tbyx[:, 0].astype(int)
    x = sight.frame.x0 + 10 * np.arange(sight.frame.width) + 5
    base = code[0, 0, -1] - 5
    assert (code[:2][:, :, x >= east] - base == np.array([5, 10])[:, None, None]).all()
    assert (code[0][:, x < east] - base == 10).all()


def three_looks():
    return replace(PRODUCT, needs=(replace(PRODUCT.needs[0], looks=3),))


def sight_in(plan, world):
    from eomap.api.running import scene_of

    task, whole = plan.tasks[0], tile_window(TILE, 1)
    window = Window(1, whole.row0 + 3000, whole.row0 + 3020, whole.col0 + 2960, whole.col0 + 3040)
    scenes = tuple(scene_of(plan, s) for s in task.scenes)
    product = three_looks()
    return sight_of(Job(replace(task, window=window, tile=TILE), product, scenes, "scl", ()), world)


def test_an_optional_sensor_may_be_missing_and_the_plan_says_so():
    without = planned(radars=None)
    assert days_of(without, "sentinel-1") == [] and any("made without" in n for n in without.notes)
    assert seen(without, World()).seen[1] is None
    needed = replace(PRODUCT, needs=(PRODUCT.needs[0], replace(PRODUCT.needs[1], optional=False)))
    none = planned(radars=[], order=replace(ORDER, product=needed))
    assert not none.tasks and none.unseen and any("nothing is made there" in n for n in none.notes)


def test_radar_that_cannot_be_read_is_set_aside_and_another_takes_its_place():
    plan = planned()
    sight = seen(plan, World(broken=("6",)))
    assert len(sight.failed) == 1 and "S1A" in next(iter(sight.failed))
    assert (sight.seen[1].looks.code_tbyx[:, 0] > 0).all()


def test_which_radar_is_pinned_changes_the_key():
    assert planned().tasks[0].key != planned(radars=[radar(2, 15), radar(9, 44)]).tasks[0].key


def test_the_frame_is_that_of_the_first_sensor():
    assert seen(planned(), World()).frame.epsg == EPSG
