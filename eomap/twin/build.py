"""Write what a provider would write: a static catalogue with its files, and the truth beside it.

What is finished is never made again: a file has its name only when it is whole, an item is written after
its files, and the catalogue's first document carries a digest of everything that shapes the pixels.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from eomap.core.period import Period
from eomap.core.plan import digest
from eomap.errors import MisuseError
from eomap.twin.acquisitions import acquisitions
from eomap.twin.deliveries import Delivery, deliveries
from eomap.twin.documents import catalog_of, collection_of
from eomap.twin.files import RasterFile, checksum
from eomap.twin.items import Written, item_of, raster_of
from eomap.twin.quirks import Quirks, bent_deliveries, bent_item, is_cut
from eomap.twin.rendering import Piece, pieces, rendered
from eomap.twin.source import PixelSource
from eomap.twin.squares import Bounds
from eomap.twin.truth_files import write_truth

Notify = Callable[[str, Mapping[str, Any]], None]
FORMAT = 1
MARGIN_M = 2_000.0
"""What scenes show beyond the bounds on every side: more than any halo."""
_SENSORS = {"s2": ("s2",), "s1": ("s1",), "s1-grd": ("s1",), "enmap": ("enmap",), "modis": ("modis",)}


@dataclass(frozen=True, slots=True)
class Order:
    """What to build."""

    bounds_deg: Bounds
    """West, south, east, north; east may run on beyond 180."""
    period: Period
    sensors: tuple[str, ...]
    """Of s2, s1, s1-grd, enmap, modis."""
    seed: int
    levels: tuple[str, ...] = ("L2A",)
    """Of Sentinel-2."""
    quirks: Quirks = field(default_factory=Quirks)
    whole_scenes: bool = False
    dated_truth: bool = False
    """Also the truth of every day on which Sentinel-2 looked."""

    def digest(self, source: PixelSource) -> str:
        """Return a hash of everything that shapes what is written."""
        said = (FORMAT, self.bounds_deg, str(self.period), sorted(self.sensors), self.seed)
        more = (sorted(self.levels), self.quirks.names, self.whole_scenes, self.dated_truth, source.name)
        return digest([*said, *more])


@dataclass(frozen=True, slots=True)
class Built:
    """What is there now."""

    catalog: Path
    items: int
    made: int
    """Items made by this call; the others were there."""
    bytes: int


def bounds_around(geometry: BaseGeometry) -> Bounds:
    """Return west, south, east, north around a lon/lat geometry, the short way across the antimeridian.

    >>> bounds_around(shapely.union(shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1)))
    (179.0, 0.0, 181.0, 1.0)
    """
    west, south, east, north = (float(v) for v in geometry.bounds)
    lon = shapely.get_coordinates(geometry)[:, 0]
    if east - west > 180 and (lon.max() > 179.999 and lon.min() < -179.999):
        turned = lon % 360
        if turned.max() - turned.min() < east - west:
            west, east = float(turned.min()), float(turned.max())
    return west, south, east, north


def ordered(order: Order) -> list[Delivery]:
    """Return the products that an order asks for, quirks included; raise MisuseError where there are none."""
    unknown = [s for s in order.sensors if s not in _SENSORS]
    if unknown or not order.sensors:
        raise MisuseError(
            "--sensors", expected=f"some of {', '.join(_SENSORS)}", got=", ".join(unknown) or "none"
        )
    taken = sorted({t for s in order.sensors for t in _SENSORS[s]})
    radar = [k for k, s in (("rtc", "s1"), ("grd", "s1-grd")) if s in order.sensors]
    found = acquisitions(order.bounds_deg, order.period, taken, seed=order.seed)
    clip = None if order.whole_scenes else (order.bounds_deg, MARGIN_M)
    made = deliveries(found, levels=order.levels, radar=radar, clip=clip)
    if not made:
        raise MisuseError(
            "twin build",
            expected="at least one acquisition of the area in the period",
            got="none",
            hint="a longer --period, or more --sensors",
        )
    return bent_deliveries(order.quirks, made)


def build(
    out: Path, order: Order, source: PixelSource, *, threads: int | None = None, notify: Notify | None = None
) -> Built:
    """Write the catalogue of an order into a folder and return what is there.

    The same call continues what was interrupted. The number of threads changes no byte. Raises MisuseError
    for a folder that holds something else.
    """
    made = ordered(order)
    tell = notify or (lambda kind, info: None)
    key = order.digest(source)
    _claim(out, key, order, source)
    tell("twin-begin", {"todo": len(made), "pixels": sum(_pixels(d) for d in made)})
    fresh, ids = 0, dict[str, list[str]]()
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for delivery in made:
            home = out / delivery.collection / delivery.id
            tell("twin-scene", {"id": delivery.id, "pixels": _pixels(delivery)})
            if not (home / f"{delivery.id}.json").exists():
                _write_product(home, delivery, order.quirks, source, pool)
                fresh += 1
            ids.setdefault(delivery.collection, []).append(delivery.id)
            tell("twin-done", {"id": delivery.id, "pixels": _pixels(delivery)})
        days = sorted({d.acquisition.day for d in made if d.acquisition.sensor == "s2"})
        tell("twin-scene", {"id": "truth", "pixels": 0})
        write_truth(out, order.bounds_deg, source, days=days if order.dated_truth else (), pool=pool)
    for name, members in ids.items():
        _put(out / name / "collection.json", collection_of(name, members, order.bounds_deg, order.period))
    _put(out / "catalog.json", _root(key, order, source, sorted(ids)))
    total = sum(p.stat().st_size for p in out.rglob("*") if p.is_file())
    return Built(out / "catalog.json", len(made), fresh, total)


def _pixels(delivery: Delivery) -> int:
    return delivery.frame.height * delivery.frame.width


def _root(key: str, order: Order, source: PixelSource, collections: Sequence[str]) -> dict[str, Any]:
    made_of = {
        "bounds_deg": list(order.bounds_deg), "period": str(order.period), "sensors": sorted(order.sensors),
        "levels": sorted(order.levels), "quirks": list(order.quirks.names), "seed": order.seed,
        "whole_scenes": order.whole_scenes, "dated_truth": order.dated_truth, "source": source.name,
    }  # fmt: skip
    return catalog_of(collections, **{"eomap:digest": key, "eomap:made_of": made_of})


def _claim(out: Path, key: str, order: Order, source: PixelSource) -> None:
    """Write a first, empty catalogue that says what will be here; refuse a folder of something else."""
    path = out / "catalog.json"
    if path.exists():
        try:
            said = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            said = None
        if isinstance(said, dict) and said.get("eomap:digest") == key:
            return
        asked = _root(key, order, source, ())["eomap:made_of"]
        there = said.get("eomap:made_of") if isinstance(said, dict) else None
        other = [n for n in asked if isinstance(there, dict) and there.get(n) != asked[n]]
        what = f"one of another {', '.join(other)}" if other else "another catalogue"
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        what = "other files"
    else:
        out.mkdir(parents=True, exist_ok=True)
        _put(path, _root(key, order, source, ()))
        return
    raise MisuseError(
        f"--out {out}", expected="a new folder, or the same order", got=what, hint="another folder"
    )


def _put(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(document, indent=1), encoding="utf-8")
    part.replace(path)


def _write_product(
    home: Path, delivery: Delivery, quirks: Quirks, source: PixelSource, pool: Executor
) -> None:
    """Write the files of a product that are not there yet, then its item."""
    home.mkdir(parents=True, exist_ok=True)
    todo = [f for f in delivery.files if not (home / f.filename).exists()]
    seen, counts = 0, dict[str, int]()
    with ExitStack() as stack:
        files = {}
        for file in todo:
            raster, cut = raster_of(delivery, file), is_cut(quirks, delivery, file.filename)
            files[file.key] = stack.enter_context(RasterFile(home / file.filename, raster, cut=cut))
        for piece in _made(source, delivery, frozenset(files), pool):
            seen += piece.seen
            for name, count in piece.counts.items():
                counts[name] = counts.get(name, 0) + count
            for file in todo:
                values = piece.numbers[file.key]
                if quirks.zero_mask and file.categorical and delivery.kind == "L2A":
                    values = values * 0
                files[file.key].write(values, row=piece.row // file.pixel_px, col=piece.col // file.pixel_px)
        list(pool.map(RasterFile.finish, files.values()))
    sums = dict(pool.map(lambda f: (f.key, checksum(home / f.filename)), delivery.files))
    covers = {n: round(100 * counts.get(n, 0) / max(seen, 1), 4) for n in ("cloud", *counts)}
    item = bent_item(quirks, delivery, item_of(delivery, Written(sums, covers)))
    _put(home / f"{delivery.id}.json", item)


def _made(source: PixelSource, delivery: Delivery, wanted: frozenset[str], pool: Executor) -> Iterator[Piece]:
    """Yield the pieces of a product, row of pieces by row, so that few are held at a time."""
    for row in pieces(delivery):
        yield from pool.map(lambda at: rendered(source, delivery, *at, wanted=wanted), row)
