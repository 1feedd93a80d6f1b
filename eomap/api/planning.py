"""From what a person asks to a frozen plan."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eomap import __version__
from eomap.core.period import Period
from eomap.core.plan import Plan
from eomap.core.sensor import Sensor
from eomap.core.source import Item
from eomap.errors import BrokenInputError, MisuseError

DEFAULT_CATALOG = "earth-search"
DEFAULT_MEMORY_BYTES = 6 << 30
EXTENTS = ("aoi", "global")
SURFACE = "L2A"
"""The level that a product without a network takes where a catalogue offers several."""

Notify = Callable[[str, Mapping[str, Any]], None]


def silent(_: str, __: Mapping[str, Any]) -> None:
    """Say nothing."""


def plan(
    aoi: str | Path | None = None,
    *,
    product: str = "lcz",
    sensor: str | None = None,
    method: str | None = None,
    bands: tuple[str, ...] = (),
    speckle: str | None = None,
    orbit: str | None = None,
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
    notify: Notify = silent,
) -> Plan:
    """Return the frozen plan of a map: tiles, pinned scenes, bytes, memory, seconds. Nothing is written.

    `aoi` is a vector file (GeoJSON, GPKG, GeoParquet, KML ...); or give `bbox` as "west,south,east,north".
    `grid`: "lattice" (EPSG:4326), "utm" (native UTM zones), or one zone for all, "EPSG:32632".
    Raises MisuseError for anything that cannot be done as asked.
    """
    from eomap.core.aoi import from_bbox
    from eomap.core.zones import grid_of
    from eomap.io.catalog import open_catalog
    from eomap.io.registry import model as model_entry
    from eomap.io.vectors import read_aoi
    from eomap.planner import Order, plan_of
    from eomap.products import product as product_of
    from eomap.sensors import sensor as sensor_of

    settings: dict[str, Any] = {"sensor": sensor, "method": method, "bands": list(bands)}
    settings |= {"speckle": speckle, "orbit": orbit}
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
    asked = model_entry(model) if model else None
    if asked:
        one_of("--model", asked.name, made.models)
    span = Period.parse(period) if period else Period.last_full_year(datetime.now(UTC).date())
    if (aoi is None) == (bbox is None):
        raise MisuseError(
            "area", expected="either --aoi FILE or --bbox west,south,east,north", got="both or none"
        )
    area = from_bbox(bbox) if bbox is not None else read_aoi(str(aoi))
    source = open_catalog(catalog)
    known = asked or (model_entry(made.models[0]) if made.models else None)
    chosen = collection or _collection(source, by, known.level if known else SURFACE)
    items = source.search(
        chosen, geometry=area.geometry, period=span, progress=lambda n: notify("search", {"items": n})
    )
    if known and not asked:
        known = model_entry(made.default_model(_levels(items, chosen)))
    order = Order(
        product=made,
        period=span,
        catalog=catalog,
        collection=chosen,
        model=known.name if known else "",
        model_sha256=known.sha256 if known else "",
        mask=mask,
        extent=extent,
        extra_layers=tuple(sorted(layers)),
        memory_bytes=memory_bytes,
        settings=settings,
        max_cloud=max_cloud,
        grid=grid,
    )
    made_plan = plan_of(
        area, order, items, names=source.entry.bands(chosen), signing=source.entry.signing, code=__version__
    )
    notes = _level_notes(made_plan, known.name, known.level) if known else ()
    return replace(made_plan, notes=(*made_plan.notes, *notes))


def _levels(items: Sequence[Item], collection: str) -> set[str]:
    """Return the processing levels of the items that say theirs."""
    from eomap.sensors.sentinel2 import level_of

    found = set()
    for item in items:
        with contextlib.suppress(BrokenInputError):
            found.add(level_of(item, collection))
    return found


def one_of(flag: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise MisuseError(flag, expected=f"one of {', '.join(allowed)}", got=value)


def _collection(source: Any, by: Sensor, level: str) -> str:
    """Return the collection of a sensor in a catalogue; of several, one of the level asked for."""
    if by.name == "sentinel-2" and source.entry.sentinel2:
        return str(source.entry.sentinel2)
    there = sorted(source.collections())
    found = [c for part in by.collections for c in there if part in c.lower()]
    if not found:
        raise MisuseError(
            "--collection",
            expected=f"a collection of {by.title} in the catalogue",
            got=", ".join(there)[:200],
        )
    return next((c for c in found if level.lower() in c.lower()), found[0])


def _level_notes(plan: Plan, model: str, level: str) -> tuple[str, ...]:
    other = sorted({str(s["level"]) for s in plan.scenes.values()} - {level})
    if not other:
        return ()
    return (f"{model} was trained on {level}, these scenes are {', '.join(other)}: expect other errors",)
