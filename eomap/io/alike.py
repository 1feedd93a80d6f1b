"""Scenes of many rows, made from few: rows that differ in nothing that a sensor reads share one reading.

Each class of rows is read once, by `to_item` and the sensor; the others of it take its bands, with their own
id, moment, outline and hrefs. Rows for which that would not be safe are read one by one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import shapely

from eomap.core.source import Band, Item, Scene
from eomap.io.footprints import footprint
from eomap.io.item_table import REST

OFFSET_DAY = date(2022, 1, 25)
"""From here on Sentinel-2 carries an offset where nothing else tells: two classes."""
_OWN = ("id", "datetime", "geometry", "bbox", "assets", "links", "eo:cloud_cover", "updated", "created")
_STAMP = re.compile(r"\d{6,8}T\d{6}|\d{5,}")
_PLAIN = re.compile(r"(https://[a-z0-9.-]+)/[A-Za-z0-9_/+=-]+\.(?:tiff?|jp2|TIFF?)")
"""Hrefs that no rule of `io.hrefs` can refuse but by their host: no dots in folders, no query, no escape."""

Read = Callable[[pa.Table], tuple[Sequence[Item], list[Scene], list[str]]]


def scenes_of_rows(table: pa.Table, read: Read) -> tuple[list[Scene], list[str]]:
    """Return the scenes of all rows and the remarks of `read`, which is asked for a few rows only."""
    ids, rows = table["id"].to_pylist(), _classes(table)
    first: dict[Any, int] = {}
    for n, kind in enumerate(rows):
        first.setdefault(kind, n)
    items, scenes, notes = read(table.take(pa.array(sorted(first.values()))))
    item_of, scene_of = {i.id: i for i in items}, {s.id: s for s in scenes}
    assets = table["assets"].combine_chunks()
    href_of = {f.name: assets.field(f.name).field("href").to_pylist() for f in _assets(table)}
    wkb, moments = table["geometry"].to_pylist(), table["datetime"].to_pylist()
    outlines: dict[bytes, str] = {}
    found, alone = [], []
    for n, kind in enumerate(rows):
        rep = first[kind]
        template, item = scene_of.get(ids[rep]), item_of.get(ids[rep])
        if n == rep:
            found += [template] if template else []
            continue
        bands = _bands(template, item, {k: v[n] for k, v in href_of.items()}) if template and item else None
        if template is None or bands is None or template.sun_azimuth_deg is not None or template.etag:
            alone.append(n)
            continue
        found.append(
            replace(
                template,
                id=ids[n],
                moment=moments[n].isoformat(),
                footprint_wkb=outlines.get(wkb[n]) or outlines.setdefault(wkb[n], _outline(wkb[n])),
                bands=bands,
            )
        )
    if alone:
        _, more, said = read(table.take(pa.array(alone)))
        found, notes = found + more, notes + said
    return found, notes


def _assets(table: pa.Table) -> list[pa.Field]:
    return [f for f in table.schema.field("assets").type if f.type.get_field_index("href") >= 0]


def _classes(table: pa.Table) -> list[Any]:
    """Return, row by row, what rows must share to be read alike: all but numbers, times and own names."""
    columns = []
    for name in table.column_names:
        kind = table.schema.field(name).type
        if name in _OWN[1:] or pa.types.is_floating(kind) or pa.types.is_timestamp(kind):
            continue
        values = table[name].to_pylist()
        text = pa.types.is_string(kind) or pa.types.is_dictionary(kind)
        if name == REST:
            columns.append(values)
            continue
        columns.append([_STAMP.sub("#", str(v)) for v in values] if text else [str(v) for v in values])
    assets = table["assets"].combine_chunks()
    for asset in _assets(table):
        said = assets.field(asset.name)
        for part in asset.type:
            if part.name != "href":
                columns.append([str(v) for v in said.field(part.name).to_pylist()])
            else:
                columns.append([_host(v) for v in said.field("href").to_pylist()])
    columns.append([m.date() >= OFFSET_DAY for m in table["datetime"].to_pylist()])
    return list(zip(*columns, strict=True))


def _host(href: str | None) -> tuple[str, str] | str | None:
    """Return host and ending of a plain href, the whole href where it is not plain."""
    match = _PLAIN.fullmatch(href) if href else None
    return (match[1], href[-4:]) if match and href else href


def _bands(template: Scene, item: Item, hrefs: Mapping[str, str | None]) -> Any:
    """Return the template's bands with the hrefs of another row of its class; None where one is missing.

    Those hrefs need no vetting: plain and of the template's host, or the very same (`_host`).
    """
    asset_of = {a.href: a.name for a in item.assets}
    moved = []
    for band in template.bands:
        href = hrefs.get(asset_of.get(band.href, ""))
        if href is None:
            return None
        b = band
        moved.append(Band(b.name, href, b.scale, b.offset, b.nodata, b.categorical, b.index, b.unit))
    return tuple(moved)


def _outline(wkb: bytes) -> str:
    shape = footprint(shapely.from_wkb(wkb).__geo_interface__, None)
    return shapely.to_wkb(shapely.normalize(shape), hex=True).lower() if shape is not None else ""
