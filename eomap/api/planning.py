"""From what a person asks to a frozen plan."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eomap import __version__
from eomap.api.searching import Answers, found
from eomap.core.period import Period
from eomap.core.plan import Plan
from eomap.core.sensor import Sensor
from eomap.core.source import Item, Scene
from eomap.errors import BrokenInputError, MisuseError

if TYPE_CHECKING:
    from eomap.core.aoi import Aoi
    from eomap.planner import Order

DEFAULT_CATALOG = "earth-search"
DEFAULT_MEMORY_BYTES = 6 << 30
EXTENTS = ("aoi", "global")
SURFACE = "L2A"
"""The level that a product without a network takes where a catalogue offers several."""

Notify = Callable[[str, Mapping[str, Any]], None]


def silent(_: str, __: Mapping[str, Any]) -> None:
    """Say nothing."""


def plan(
    aoi: "str | Path | Aoi | None" = None,
    *,
    product: str = "lcz",
    sensor: str | None = None,
    method: str | None = None,
    bands: tuple[str, ...] = (),
    speckle: str | None = None,
    orbit: str | None = None,
    composite: str | None = None,
    bbox: str | None = None,
    period: str | None = None,
    catalog: str = DEFAULT_CATALOG,
    collection: str | None = None,
    model: str | None = None,
    mask: str = "auto",
    extent: str = "aoi",
    layers: tuple[str, ...] = (),
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    max_cloud: float | None = None,
    grid: str = "lattice",
    max_looks: int | None = None,
    runtime: str = "float32",
    answers: Answers | None = None,
    notify: Notify = silent,
) -> Plan:
    """Return the frozen plan of a map: tiles, pinned scenes, bytes, memory, seconds. Nothing is written.

    `aoi` is a vector file (GeoJSON, GPKG, GeoParquet, KML ...) or an area that was vetted; or give `bbox`
    as "west,south,east,north".
    `grid`: "lattice" (EPSG:4326), "utm" (native UTM zones), or one zone for all, "EPSG:32632".
    Where `answers` holds what the catalogue once said to the same request, it is not asked again.
    Raises MisuseError for anything that cannot be done as asked.
    """
    from eomap.core.aoi import Aoi, from_bbox
    from eomap.core.zones import grid_of
    from eomap.io.cloud_weights import mask_model
    from eomap.io.registry import model as model_entry
    from eomap.io.vectors import read_aoi
    from eomap.planner import Found, Order, plan_of
    from eomap.products import product as product_of
    from eomap.sensors import sensor as sensor_of

    settings: dict[str, Any] = {"sensor": sensor, "method": method, "bands": list(bands)}
    settings |= {"speckle": speckle, "orbit": orbit}
    settings |= {"composite": None if composite == "median" else composite}
    settings = {k: v for k, v in settings.items() if v}
    made = product_of(product, settings)
    by = sensor_of(made.needs[0].of)
    one_of("--mask", mask, by.masks)
    one_of("--extent", extent, EXTENTS)
    grid = grid_of(grid)
    if extent == "global" and grid != "lattice":
        raise MisuseError(
            "--extent", expected=f"aoi with --grid {grid}: only the lattice spans the globe", got=extent
        )
    for name in layers:
        one_of("--layer", name, made.optional)
    if max_cloud is not None and not 0 <= max_cloud <= 100:
        raise MisuseError("--max-cloud", expected="a percentage from 0 to 100", got=f"{max_cloud:g}")
    if model and not made.models:
        raise MisuseError("--model", expected=f"none, for {made.name} needs no network", got=model)
    if max_looks is not None and max_looks < 1:
        raise MisuseError("--max-looks", expected="1 or more", got=str(max_looks))
    asked = model_entry(model) if model else None
    if asked:
        one_of("--model", asked.name, made.models)
    span = period_of(period)
    if (aoi is None) == (bbox is None):
        raise MisuseError(
            "area", expected="either --aoi FILE or --bbox west,south,east,north", got="both or none"
        )
    area = aoi if isinstance(aoi, Aoi) else from_bbox(bbox) if bbox is not None else read_aoi(str(aoi))
    known = asked or (model_entry(made.models[0]) if made.models else None)
    level = known.level if known else SURFACE

    def order_of(chosen: str, network: Any) -> Order:
        return Order(
            product=made,
            period=span,
            catalog=catalog,
            collection=chosen,
            model=network.name if network else "",
            model_sha256=network.sha256 if network else "",
            mask=mask,
            mask_network=mask_model().sha256,
            extent=extent,
            extra_layers=tuple(sorted(layers)),
            memory_bytes=memory_bytes,
            settings=settings,
            max_cloud=max_cloud,
            max_looks=max_looks,
            grid=grid,
            mflop_per_cell=(network.mflop_per_cell or 0.0) if network else 0.0,
            ood_sha256=network.ood_sha256 if network else "",
            temperature=network.temperature if network else 1.0,
            runtime=_runtime(network, runtime),
            picture_sha256=model_entry(made.picture.model).sha256 if made.picture else "",
        )

    if max_looks is not None and len(made.needs) == 1 and (path := _large(catalog)) is not None:
        return _wide_plan(path, area, lambda of: order_of(of, known), collection, by=by, level=level)

    def found_of(wanted: Sensor, into: Answers | None, of: str | None) -> tuple[Any, str, list[Item]]:
        return found(
            catalog,
            {
                "catalog": catalog,
                "collection": of or "",
                "sensor": wanted.name,
                "level": level,
                "area": area.hash,
                "period": str(span),
            },
            answers=into,
            choose=lambda source: of or collection_of(source, wanted, level),
            ask=lambda source, chosen: source.search(
                chosen, geometry=area.geometry, period=span, progress=lambda n: notify("search", {"items": n})
            ),
        )

    entry, chosen, items = found_of(by, answers, collection)
    beside = {}
    for need in made.needs[1:]:
        try:
            more = found_of(sensor_of(need.of), answers.beside(need.of) if answers else None, None)
        except MisuseError:
            if need.optional:
                continue  # the plan says so
            raise
        beside[need.of] = Found(more[2], more[1], more[0].bands(more[1]), more[0].signing)
    if known and not asked:
        known = model_entry(made.default_model(_levels(items, chosen)))
    order = order_of(chosen, known)
    made_plan = plan_of(
        area,
        order,
        items,
        names=entry.bands(chosen),
        signing=entry.signing,
        code=__version__,
        beside=beside,
    )
    notes = _level_notes(made_plan, known.name, known.level) if known else ()
    return replace(made_plan, notes=(*made_plan.notes, *notes))


def _runtime(network: Any, asked: str) -> str:
    """Return how a network is asked; `auto` is measured here, on this machine."""
    if not network or asked == "float32":
        return "float32"
    if asked == "auto" and not network.runtimes:
        return "float32"
    from eomap.api.networks import fastest_runtime

    if asked == "auto":
        return fastest_runtime(network.name)
    one_of("--runtime", asked, ("auto", "float32", *network.runtimes))
    return asked


def _large(catalog: str) -> Path | None:
    """Return the path of a kept search that is planned by columns, None for any other catalogue."""
    path = Path(catalog).expanduser()
    if path.suffix.lower() not in (".parquet", ".geoparquet") or not path.is_file():
        return None
    from eomap.io.archive import is_large

    return path if is_large(path) else None


def _wide_plan(
    path: Path,
    area: "Aoi",
    order_of: "Callable[[str], Order]",
    collection: str | None,
    *,
    by: Sensor,
    level: str,
) -> Plan:
    """Return the plan of an area from a file of so many items that they stay columns."""
    from eomap.io.alike import scenes_of_rows
    from eomap.io.archive import pinned_rows, read_archive
    from eomap.io.catalog import open_catalog
    from eomap.io.item_table import items_of
    from eomap.planner import scenes_of
    from eomap.wide_plan import wide_plan_of

    source = open_catalog(str(path))
    order = order_of(collection or collection_of(source, by, level))
    archive, rows = read_archive(path, order.collection, bounds=area.bounds_deg, period=order.period)
    names = source.entry.bands(order.collection)

    def read(table: Any) -> tuple[list[Item], list[Scene], list[str]]:
        made = items_of(table, base=str(path), rules=source.entry.rules, collection=order.collection)
        items = [i for i in made if isinstance(i, Item)]
        return items, *scenes_of(items, order, names=names, signing=source.entry.signing)

    def scenes_at(pinned: Any) -> tuple[list[Scene], list[str]]:
        return scenes_of_rows(pinned_rows(path, rows[pinned]), read)

    return wide_plan_of(area, order, archive, scenes_at=scenes_at, code=__version__)


def period_of(text: str | None) -> Period:
    """Return the period that a person wrote, the last full year where none is; raise MisuseError."""
    return Period.parse(text) if text else Period.last_full_year(datetime.now(UTC).date())


def _levels(items: Sequence[Item], collection: str) -> set[str]:
    """Return the processing levels of the items that say theirs."""
    from eomap.sensors.sentinel2 import level_of

    levels = set()
    for item in items:
        with contextlib.suppress(BrokenInputError):
            levels.add(level_of(item, collection))
    return levels


def one_of(flag: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise MisuseError(flag, expected=f"one of {', '.join(allowed)}", got=value)


def collection_of(source: Any, by: Sensor, level: str) -> str:
    """Return the collection of a sensor in a catalogue; of several, one of the levels as they are listed."""
    if known := source.entry.sensors.get(by.name):
        return str(known)
    there = sorted(source.collections())
    fitting = [c for part in by.collections for c in there if part in c.lower()]
    if not fitting:
        raise MisuseError(
            "--collection",
            expected=f"a collection of {by.title} in the catalogue",
            got=", ".join(there)[:200],
        )
    levels = level.lower().split(",")
    return next((c for one in levels for c in fitting if one in c.lower()), fitting[0])


def _level_notes(plan: Plan, model: str, level: str) -> tuple[str, ...]:
    levels = {str(s["level"]) for s in plan.scenes.values() if not s["sensor"]}
    other = sorted(levels - set(level.split(",")))
    if not other:
        return ()
    return (f"{model} was trained on {level}, these scenes are {', '.join(other)}: expect other errors",)
