"""Static STAC catalogues: JSON documents that link to each other, in a folder or on a web server."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from shapely.geometry.base import BaseGeometry

from eomap.core.period import Period
from eomap.core.source import Item
from eomap.errors import BrokenInputError, MisuseError
from eomap.io.catalog_entry import CatalogEntry, Patience
from eomap.io.documents import LARGEST_BYTES, parse_json
from eomap.io.signing import redact
from eomap.io.stac_items import absolute, settle, to_item

MOST_DOCUMENTS = 500_000
PROGRESS_EVERY = 100


class StaticCatalog:
    """A catalogue made of files. `notes` tells, after a search, what was passed over and why.

    Links are followed only below the folder of the catalogue's first document: never to another host,
    never from the web to this machine. A broken document is passed over with a note.
    """

    def __init__(self, entry: CatalogEntry, *, patience: Patience | None = None) -> None:
        self.entry = entry
        self.notes: tuple[str, ...] = ()
        self._remote = "://" in entry.url
        self._folder = entry.url.rpartition("/")[0] + "/"
        self._session = _session(entry.url, patience or Patience()) if self._remote else None

    def search(
        self,
        collection: str,
        *,
        geometry: BaseGeometry,
        period: Period,
        progress: Callable[[int], None] | None = None,
    ) -> list[Item]:
        """Return the items that meet a lon/lat geometry within a period; see `core.ports.Catalog`."""
        items: list[Item] = []
        notes: list[str] = []
        known: set[str] = set()
        for where, owner, feature in self._features(collection, known, notes):
            try:
                items.append(to_item(feature, base=where, rules=self.entry.rules, collection=owner))
            except BrokenInputError as error:
                notes.append(str(error))
            if progress and len(items) % PROGRESS_EVERY == 0:
                progress(len(items))
        if progress:
            progress(len(items))
        if collection not in known and not any(i.collection == collection for i in items):
            raise MisuseError(
                f"catalogue {self.entry.name}",
                expected=f"one of its collections: {', '.join(sorted(known))[:600]}",
                got=repr(collection[:80]),
            )
        if notes and not items:
            raise BrokenInputError(f"catalogue {self.entry.name}", expected="STAC items", got=notes[0])
        self.notes = tuple(sorted(notes))
        return settle(items, collection=collection, geometry=geometry, period=period)

    def collections(self) -> list[str]:
        """Return the ids of the collections, sorted."""
        known: set[str] = set()
        for _ in self._features("", known, []):
            pass
        return sorted(known)

    def _features(
        self, collection: str, known: set[str], notes: list[str]
    ) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield address, collection and JSON of the items of a collection (or of none); fill `known`."""
        waiting = [(self.entry.url, "", "child")]
        seen = {self.entry.url}
        while waiting:
            where, owner, rel = waiting.pop()
            try:
                document = self._read(where)
            except BrokenInputError as error:
                if where == self.entry.url:
                    raise
                notes.append(str(error))
                continue
            kind = document.get("type")
            if kind == "Feature" or rel == "item":
                yield where, owner, document
                continue
            if kind == "Collection" or "extent" in document:
                owner = str(document.get("id") or "")
                known.add(owner)
            waiting += self._links(document, where, owner, collection, seen, notes)

    def _links(
        self,
        document: Mapping[str, Any],
        where: str,
        owner: str,
        collection: str,
        seen: set[str],
        notes: list[str],
    ) -> list[tuple[str, str, str]]:
        found = []
        for link in document.get("links") or ():
            rel = link.get("rel") if isinstance(link, Mapping) else None
            # Items of other collections are not read; those outside any collection may say theirs.
            if rel not in ("child", "item") or (rel == "item" and owner not in ("", collection)):
                continue
            if rel == "item" and not collection:
                continue
            try:
                target = self._vet(absolute(link.get("href"), where))
            except BrokenInputError as error:
                notes.append(str(error))
                continue
            if target not in seen:
                seen.add(target)
                found.append((target, owner, rel))
        if len(seen) > MOST_DOCUMENTS:
            raise MisuseError(
                f"catalogue {self.entry.name}",
                expected=f"at most {MOST_DOCUMENTS} documents",
                got="more",
                hint="use a STAC API for a catalogue of this size",
            )
        return found

    def _vet(self, target: str) -> str:
        """Return the address of a linked document below the catalogue's own folder, or raise."""
        if not self._remote:
            return self.entry.rules.vet(target)
        asked, own = urlsplit(target), urlsplit(self._folder)
        inside = asked.path.startswith(own.path) and ".." not in unquote(asked.path).split("/")
        if (asked.scheme, asked.netloc) != (own.scheme, own.netloc) or not inside:
            raise BrokenInputError(
                f"catalogue {self.entry.name}",
                expected="links below its own address",
                got=redact(target)[:120],
            )
        return target.partition("#")[0]

    def _read(self, where: str) -> Mapping[str, Any]:
        if self._session is not None:
            from eomap.io.web import fetch_json

            document = fetch_json(self._session, where)
        else:
            document = parse_json(_file_text(Path(where)), where)
        if not isinstance(document, Mapping):
            raise BrokenInputError(redact(where), expected="a STAC document", got=type(document).__name__)
        return document


def _session(url: str, patience: Patience) -> Any:
    from eomap.io.web import own_host_session  # here, so that files on disk need no requests

    return own_host_session(url, patience)


def _file_text(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BrokenInputError(str(path), expected=f"at most {LARGEST_BYTES >> 20} MiB", got="more")
        return path.read_bytes()
    except OSError as error:
        raise BrokenInputError(str(path), expected="a readable file", got=error.strerror or "none") from None
