"""Items as a table, in the layout of stac-geoparquet: what a search found, kept in one GeoParquet file.

One row an item, one column a property, `assets` a struct by asset name, `geometry` WKB in OGC:CRS84, `bbox`
its box, `datetime` its moment. Other programs' files of that layout are read too. What columns cannot say
exactly (lists, nulls, a property that is a number here and a text there) stands as JSON in `eomap:rest`, so
that items come back equal. Hrefs are those of `Item`s: signatures were cut off when the answer came in.
Source: https://github.com/stac-utils/stac-geoparquet/blob/main/spec/stac-geoparquet-spec.md
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from eomap.core.source import Asset, Item
from eomap.errors import BrokenInputError
from eomap.io.columns import binaries, column, moments, numbers
from eomap.io.hrefs import HrefRules
from eomap.io.stac_items import to_item

REST, SEARCH = "eomap:rest", b"eomap:search"
_OURS = ("eomap:bands", "eomap:refused")
_STAC = ("type", "stac_version", "stac_extensions", "links")
_FRAME = (*_STAC, "id", "collection", "geometry", "bbox", "assets")
_NUMBERS = pa.list_(pa.float64())
_ASSET = pa.struct(
    {
        "href": pa.string(),
        "type": pa.string(),
        "proj:code": pa.string(),
        "proj:shape": pa.list_(pa.int64()),
        "proj:transform": _NUMBERS,
        "raster:scale": pa.float64(),
        "raster:offset": pa.float64(),
        "nodata": pa.float64(),
        "unit": pa.string(),
        "file:checksum": pa.string(),
        "eo:bands": pa.list_(pa.struct({"name": pa.string(), "common_name": pa.string()})),
    }
)
_BOX = pa.struct({side: pa.float64() for side in ("xmin", "ymin", "xmax", "ymax")})
_GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {
        "geometry": {
            "encoding": "WKB",
            "geometry_types": [],
            "covering": {"bbox": {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}},
        }
    },
}


def table_of(items: Sequence[Item], *, search: Mapping[str, Any] | None = None) -> pa.Table:
    """Return the table of items; `search` says what was asked and stands in the file's metadata."""
    shapes = shapely.from_wkb([i.footprint_wkb for i in items]) if items else np.array([], dtype=object)
    properties = [{k: v for k, v in i.properties.items() if k not in _OURS} for i in items]
    columns = _property_columns(properties)
    # A struct needs a child to be written, also where there is no asset.
    names = sorted({a.name for i in items for a in i.assets}) or ["none"]
    found: dict[str, pa.Array] = {
        "type": column(["Feature"] * len(items), pa.string()),
        "stac_version": column(["1.1.0"] * len(items), pa.string()),
        "id": column([i.id for i in items], pa.string()),
        "collection": column([i.collection for i in items], pa.string()),
        "datetime": moments([i.moment for i in items]),
        "geometry": binaries([i.footprint_wkb for i in items]),
        "bbox": pa.StructArray.from_arrays(
            [numbers(edge) for edge in shapely.bounds(shapes).reshape(-1, 4).T], fields=list(_BOX)
        ),
        "assets": column([_asset_rows(i) for i in items], pa.struct(dict.fromkeys(names, _ASSET))),
        **columns,
    }
    values = zip(*(c.to_pylist() for c in columns.values()), strict=True)
    told = [dict(zip(columns, row, strict=True)) for row in values]
    rows = zip(items, properties, told or [{}] * len(items), strict=True)
    found[REST] = column([_rest(*row) for row in rows], pa.string())
    table = pa.table(found)
    said_of_file = {b"geo": json.dumps(_GEO).encode()}
    if search is not None:
        said_of_file[SEARCH] = json.dumps(dict(search), sort_keys=True).encode()
    return table.replace_schema_metadata(said_of_file)


def _property_columns(properties: Sequence[Mapping[str, Any]]) -> dict[str, pa.Array]:
    """Return a column for every property that is of one plain kind wherever it is given."""
    kinds: dict[str, set[type]] = {}
    for said in properties:
        for key, value in said.items():
            if value is not None:
                kinds.setdefault(key, set()).add(type(value))
    types = {str: pa.string(), bool: pa.bool_(), float: pa.float64(), int: pa.int64()}
    columns = {}
    for key in sorted(kinds.keys() - {*_FRAME, "datetime", REST}):
        kind = types.get(next(iter(kinds[key]))) if len(kinds[key]) == 1 else None
        if kinds[key] == {int, float}:
            kind = pa.float64()
        if kind is not None:
            try:
                columns[key] = column([said.get(key) for said in properties], kind)
            except (OverflowError, pa.ArrowInvalid):  # a number beyond 64 bits
                continue
    return columns


def _asset_rows(item: Item) -> dict[str, dict[str, Any]]:
    described = item.properties.get("eomap:bands", {})
    return {a.name: _asset_row(a, described.get(a.name)) for a in item.assets}


def _asset_row(asset: Asset, bands: Sequence[Sequence[str]] | None) -> dict[str, Any]:
    return {
        "href": asset.href,
        "type": asset.media_type or None,
        "proj:code": f"EPSG:{asset.epsg}" if asset.epsg else None,
        "proj:shape": asset.shape_yx,
        "proj:transform": asset.transform,
        "raster:scale": asset.scale,
        "raster:offset": asset.offset,
        "nodata": asset.nodata,
        "unit": asset.unit or None,
        "file:checksum": asset.etag or None,
        "eo:bands": [{"name": n, "common_name": c or None} for n, c in bands] if bands else None,
    }


def _rest(item: Item, said: Mapping[str, Any], columns: Mapping[str, Any]) -> str | None:
    """Return what the columns do not say of an item, as JSON; None where they say it all."""
    told = {"datetime": _text(item.moment), **{k: v for k, v in columns.items() if v is not None}}
    differing = {k: v for k, v in said.items() if k not in told or told[k] != v}
    missing = sorted(k for k in told if k not in said)
    refused = item.properties.get("eomap:refused") or None
    rest = {"properties": differing, "without": missing, "refused": refused}
    kept = {k: v for k, v in rest.items() if v}
    return json.dumps(kept, sort_keys=True) if kept else None


def _text(moment: datetime) -> str:
    """Return a moment as catalogues write it.

    >>> _text(datetime(2024, 6, 1, 10, 20, 30, 24000, tzinfo=UTC))
    '2024-06-01T10:20:30.024Z'
    """
    utc = moment.astimezone(UTC)
    digits = "auto" if utc.microsecond % 1000 else "milliseconds" if utc.microsecond else "seconds"
    return utc.replace(tzinfo=None).isoformat(timespec=digits) + "Z"


def search_of(table: pa.Table) -> dict[str, Any] | None:
    """Return what was asked when a table was kept, None for another program's table."""
    said = (table.schema.metadata or {}).get(SEARCH)
    try:
        found = json.loads(said) if said else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def items_of(table: pa.Table, *, base: str, rules: HrefRules, collection: str = "") -> Iterator[Item | str]:
    """Yield the item of each row, or a note on a row that is none; hrefs are vetted like a catalogue's."""
    for batch in table.to_batches(max_chunksize=2048):
        wkb = batch.column("geometry").to_numpy(zero_copy_only=False)
        shapes = shapely.from_wkb(wkb, on_invalid="ignore")
        for row, shape in zip(batch.drop_columns(["geometry"]).to_pylist(), shapes, strict=True):
            try:
                yield _item(row, shape, base, rules, collection)
            except BrokenInputError as problem:
                yield str(problem)


def _item(row: dict[str, Any], shape: Any, base: str, rules: HrefRules, collection: str) -> Item:
    rest = _loaded(row.pop(REST, None))
    properties = {k: _plain(v) for k, v in row.items() if k not in _FRAME and v is not None}
    for key in rest.get("without", ()):
        properties.pop(key, None)
    properties |= rest.get("properties", {})
    assets = {k: _without_nulls(v) for k, v in (row.get("assets") or {}).items() if v}
    box = row.get("bbox")
    feature = {
        "id": row.get("id"),
        "collection": row.get("collection"),
        "geometry": None if shape is None else shape.__geo_interface__,
        "bbox": [box[k] for k in _box_sides(box)] if isinstance(box, Mapping) else box,
        "properties": properties,
        "assets": assets,
    }
    item = to_item(feature, base=base, rules=rules, collection=collection)
    refused = {str(k): str(v) for k, v in (rest.get("refused") or {}).items() if item.asset(str(k)) is None}
    if not refused:
        return item
    return replace(
        item, properties={**item.properties, "eomap:refused": {**refused, **item.properties["eomap:refused"]}}
    )


def _box_sides(box: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(k for k in ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax") if k in box)


def _loaded(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _plain(value: Any) -> Any:
    return _text(value) if isinstance(value, datetime) else _without_nulls(value)


def _without_nulls(value: Any) -> Any:
    """Return a value without the nulls that a struct holds for keys that were not there."""
    if isinstance(value, Mapping):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value
