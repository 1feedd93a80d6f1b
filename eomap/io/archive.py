"""The columns of a large GeoParquet file of items, and whole rows only of those that are pinned."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from eomap.core.archive import Archive
from eomap.core.period import Period
from eomap.errors import MisuseError

LARGE_ROWS = 100_000
"""From so many rows on, a file with `--max-looks` is planned by columns."""
_OPTIONAL = ("eo:cloud_cover", "platform", "s2:mgrs_tile", "grid:code", "s2:processing_baseline")
_GENERATED = ("s2:generation_time", "updated")


def is_large(path: Path) -> bool:
    """Say whether a file is planned by columns."""
    return bool(pq.read_metadata(path).num_rows >= LARGE_ROWS)


def read_archive(
    path: Path, collection: str, *, bounds: tuple[float, float, float, float], period: Period
) -> tuple[Archive, npt.NDArray[np.int64]]:
    """Return the items of a collection in a period whose boxes meet bounds, and their rows in the file.

    Raises MisuseError for a file without moments, which cannot be planned by columns.
    """
    schema = pq.read_schema(path)
    if "datetime" not in schema.names or not pa.types.is_timestamp(schema.field("datetime").type):
        raise MisuseError("--catalog", expected="a column datetime of time stamps", got=path.name)
    names = [n for n in (*_OPTIONAL, *_GENERATED) if n in schema.names]
    keep = _rows(path, schema, collection, bounds, period)
    texts = [n for n in names if pa.types.is_string(schema.field(n).type) and n not in _GENERATED]
    columns = ["id", "datetime", "geometry", *names]
    table = pq.read_table(path, columns=columns, read_dictionary=["geometry", *texts])
    table = table.take(pa.array(keep)).combine_chunks()
    wkb, shape = _coded(table["geometry"])
    moment = table["datetime"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    return (
        Archive(
            moment_us=moment,
            cloud_percent=_numbers(table, "eo:cloud_cover"),
            shape=shape,
            footprints=np.asarray(shapely.from_wkb(wkb), dtype=object),
            place=_place(table),
            age=_age(table),
            ids=table["id"].combine_chunks(),
        ),
        keep,
    )


def _rows(
    path: Path, schema: pa.Schema, collection: str, bounds: Any, period: Period
) -> npt.NDArray[np.int64]:
    """Return the numbers of the rows of a collection and period whose boxes meet the bounds."""
    boxes = "bbox" in schema.names and pa.types.is_struct(schema.field("bbox").type)
    columns = ["datetime", *(["bbox"] if boxes else []), *({"collection"} & set(schema.names))]
    table = pq.read_table(path, columns=columns, read_dictionary=["collection"])
    start = datetime.combine(period.start, time(), UTC)
    end = datetime.combine(period.end, time(), UTC) + timedelta(days=1)
    moment = table["datetime"]
    kept = pc.and_(pc.greater_equal(moment, start), pc.less(moment, end))
    if "collection" in columns:
        kept = pc.and_(kept, pc.equal(pc.cast(table["collection"], pa.string()), collection))
    if boxes:
        west, south, east, north = bounds
        x0, y0, x1, y1 = (pc.struct_field(table["bbox"], side) for side in ("xmin", "ymin", "xmax", "ymax"))
        within = pc.and_(pc.greater_equal(x1, west), pc.less_equal(x0, east))
        kept = pc.and_(kept, pc.or_(within, pc.greater(x0, x1)))
        kept = pc.and_(kept, pc.and_(pc.greater_equal(y1, south), pc.less_equal(y0, north)))
    return np.flatnonzero(pc.fill_null(kept, False).to_numpy()).astype(np.int64)


def _coded(column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    """Return the different values of a column, and which of them each row has."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], pa.binary())
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    again = array.dictionary.dictionary_encode()  # chunks may have brought a value twice
    of = again.indices.to_numpy(zero_copy_only=False)
    return again.dictionary.to_numpy(zero_copy_only=False), of[array.indices.to_numpy(zero_copy_only=False)]


def _numbers(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), float)


def _place(table: pa.Table) -> npt.NDArray[np.int32]:
    """Return one number for every platform and square, -1 where either is not said."""
    square = next((n for n in ("s2:mgrs_tile", "grid:code") if n in table.column_names), None)
    if square is None or "platform" not in table.column_names:
        return np.full(table.num_rows, -1, np.int32)
    codes, missing = [], np.zeros(table.num_rows, bool)
    for name in ("platform", square):
        missing |= table[name].is_null().to_numpy()
        filled = table[name].combine_chunks()
        _, code = _coded(pa.chunked_array([filled]) if not isinstance(filled, pa.ChunkedArray) else filled)
        codes.append(np.nan_to_num(code).astype(np.int64))
    both = codes[0] * (codes[1].max(initial=0) + 1) + codes[1]
    return np.where(missing, -1, np.unique(both, return_inverse=True)[1]).astype(np.int32)


def _age(table: pa.Table) -> npt.NDArray[np.int64]:
    """Return the place of each row in the order of baseline, time of generation and id."""
    keys = [n for n in ("s2:processing_baseline", *_GENERATED[:1], "id") if n in table.column_names]
    plain = {n: pc.fill_null(table[n].cast(pa.string()), "") for n in keys}
    order = pc.sort_indices(pa.table(plain), sort_keys=[(n, "ascending") for n in keys])
    age = np.empty(table.num_rows, np.int64)
    age[order.to_numpy()] = np.arange(table.num_rows)
    return age


def pinned_rows(path: Path, rows: npt.NDArray[np.int64]) -> pa.Table:
    """Return whole rows of a file, in the order of `rows` (ascending); one row group is held at a time."""
    file = pq.ParquetFile(path)
    columns = [n for n in file.schema_arrow.names if n != "links"]
    parts, first = [], 0
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        here = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + count)] - first
        if len(here):
            parts.append(file.read_row_group(group, columns=columns).take(pa.array(here)))
        first += count
    return pa.concat_tables(parts) if parts else file.schema_arrow.empty_table()
