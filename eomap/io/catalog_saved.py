"""Searches that were kept: a GeoParquet file of items is a catalogue too, and is never asked twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from shapely.geometry.base import BaseGeometry

from eomap.core.period import Period
from eomap.core.source import Item
from eomap.errors import BrokenInputError, MisuseError
from eomap.io.catalog_entry import CatalogEntry, named_catalogs
from eomap.io.hrefs import HrefRules
from eomap.io.item_table import items_of, search_of
from eomap.io.stac_items import settle

NEEDED = ("id", "geometry", "assets")


class SavedCatalog:
    """A GeoParquet file of items, ours or another program's in the layout of stac-geoparquet.

    `notes` tells, after a search, what was passed over and why. A search that eomap kept remembers its
    catalogue, so hrefs are opened as there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: tuple[str, ...] = ()
        try:
            self._schema = pq.read_schema(path)
        except (OSError, pa.ArrowException) as problem:
            said = str(problem)[:120]
            raise MisuseError("--catalog", expected="a GeoParquet file of STAC items", got=said) from None
        lacking = [n for n in NEEDED if n not in self._schema.names]
        if lacking:
            raise MisuseError(
                "--catalog",
                expected=f"a GeoParquet file with the columns {', '.join(NEEDED)}",
                got=f"{path.name} without {', '.join(lacking)}",
            )
        self.entry = _entry(path, search_of(self._schema.empty_table()))

    def search(
        self,
        collection: str,
        *,
        geometry: BaseGeometry,
        period: Period,
        progress: Callable[[int], None] | None = None,
    ) -> list[Item]:
        """Return the items that meet a lon/lat geometry within a period; see `core.ports.Catalog`."""
        table = pq.read_table(self.path, filters=_meeting(self._schema, geometry.bounds))
        found = list(items_of(table, base=str(self.path), rules=self.entry.rules, collection=self._only()))
        items = [i for i in found if isinstance(i, Item)]
        notes = sorted(n for n in found if isinstance(n, str))
        if progress:
            progress(len(items))
        if notes and not items:
            raise BrokenInputError(f"catalogue {self.path.name}", expected="STAC items", got=notes[0])
        known = self.collections()
        if known and collection not in known:
            raise MisuseError(
                f"catalogue {self.path.name}",
                expected=f"one of its collections: {', '.join(known)[:600]}",
                got=repr(collection[:80]),
            )
        self.notes = tuple(notes)
        return settle(items, collection=collection, geometry=geometry, period=period)

    def collections(self) -> list[str]:
        """Return the ids of the collections, sorted."""
        if "collection" not in self._schema.names:
            return [self.path.stem]
        column = pq.read_table(self.path, columns=["collection"])["collection"]
        return sorted(str(c) for c in pc.unique(column).to_pylist() if c)

    def _only(self) -> str:
        """Return the collection of items that name none."""
        known = self.collections()
        return known[0] if len(known) == 1 else ""


def _entry(path: Path, search: dict[str, Any] | None) -> CatalogEntry:
    named = named_catalogs().get(str((search or {}).get("catalog")))
    if named is not None:
        return named
    return CatalogEntry(path.name, str(path), HrefRules(roots=(path.parent,)))


def _meeting(schema: pa.Schema, bounds: tuple[float, float, float, float]) -> Any:
    """Return the filter by which whole row groups are passed over; None where the file has no boxes.

    An item over the antimeridian has a box from -180 to 180, or one whose west lies east of its east.
    """
    if "bbox" not in schema.names or not pa.types.is_struct(schema.field("bbox").type):
        return None
    west, south, east, north = bounds
    x0, y0, x1, y1 = (pc.field("bbox", side) for side in ("xmin", "ymin", "xmax", "ymax"))
    return (y1 >= south) & (y0 <= north) & ((x0 > x1) | ((x1 >= west) & (x0 <= east)))


def to_bytes(table: pa.Table) -> bytes:
    """Return a table as the bytes of a GeoParquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def from_bytes(data: bytes, *, where: str) -> pa.Table:
    """Return the table of the bytes of a GeoParquet file; raise BrokenInputError naming where it is from."""
    try:
        return pq.read_table(pa.BufferReader(data))
    except pa.ArrowException as problem:
        raise BrokenInputError(where, expected="a GeoParquet file", got=str(problem)[:120]) from None
