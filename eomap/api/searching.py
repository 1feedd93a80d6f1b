"""A search is done once: the catalogue's answer lies beside the ledger and is read again by a rerun."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eomap.core.source import Item
from eomap.errors import MisuseError

FILE = "search.parquet"


@dataclass
class Answers:
    """The place where the answer to one request is kept. Nothing is written before `save`."""

    store: Any
    """A listing (eomap.io.store)."""
    key: str = FILE
    _fresh: bytes = b""
    _others: "dict[str, Answers]" = field(default_factory=dict)

    def beside(self, sensor: str) -> "Answers":
        """Return the place beside this one where the answer on a further sensor is kept; saved together."""
        stem, _, ending = self.key.rpartition(".")
        return self._others.setdefault(sensor, Answers(self.store, f"{stem}-{sensor}.{ending}"))

    def of(self, request: Mapping[str, Any]) -> Any:
        """Return the kept table of items that answered this very request, or None."""
        from eomap.io.catalog_saved import from_bytes
        from eomap.io.item_table import search_of

        try:
            table = from_bytes(self.store.read(self.key), where=f"{self.store.url}/{self.key}")
        except FileNotFoundError:
            return None
        said = search_of(table) or {}
        return table if {k: said.get(k) for k in request} == dict(request) else None

    def hold(self, items: list[Item], said: Mapping[str, Any]) -> None:
        """Hold an answer until it may be written."""
        from eomap.io.catalog_saved import to_bytes
        from eomap.io.item_table import table_of

        self._fresh = to_bytes(table_of(items, search=said))

    def save(self) -> None:
        """Write the answer that was held, if any."""
        if self._fresh:
            self.store.put(self.key, self._fresh)
            self._fresh = b""
        for other in self._others.values():
            other.save()


def answers_of_cube(out: str) -> Answers:
    """Return the answers kept beside the ledger of a cube."""
    from eomap.engine.ledger import SUFFIX
    from eomap.io.store import open_store

    return Answers(open_store(out.rstrip("/") + SUFFIX))


def answers_in_file(path: str) -> Answers:
    """Return the answers kept in a file that a person named; raise MisuseError for another ending."""
    from eomap.io.store import open_store

    place = Path(path).absolute()
    if place.suffix != ".parquet":
        raise MisuseError("--search", expected="a name ending in .parquet", got=path)
    return Answers(open_store(str(place.parent)), place.name)


def found(
    catalog: str,
    request: Mapping[str, Any],
    *,
    answers: Answers | None,
    choose: Callable[[Any], str],
    ask: Callable[[Any, str], list[Item]],
) -> tuple[Any, str, list[Item]]:
    """Return the catalogue's entry, the collection and the items: from what was kept, else by asking.

    `choose(source)` names the collection, `ask(source, collection)` searches. An answer that was asked for
    now is held by `answers`.
    """
    from eomap.io.catalog import entry_of, open_catalog
    from eomap.io.item_table import items_of, search_of

    table = answers.of(request) if answers else None
    if table is not None:
        entry = entry_of(catalog)
        kept = [i for i in items_of(table, base=entry.url, rules=entry.rules) if isinstance(i, Item)]
        return entry, str((search_of(table) or {})["chosen"]), kept
    source = open_catalog(catalog)
    chosen = choose(source)
    items = ask(source, chosen)
    if answers:
        answers.hold(items, {**request, "chosen": chosen})
    return source.entry, chosen, items
