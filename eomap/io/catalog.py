"""Open a catalogue by name, path or address."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eomap.core.ports import Catalog
from eomap.errors import BrokenInputError, MisuseError
from eomap.io.catalog_entry import CatalogEntry, CollectionEntry, Patience, named_catalogs
from eomap.io.hrefs import HrefRules, is_loopback
from eomap.io.signing import redact

__all__ = [
    "Catalog",
    "CatalogEntry",
    "CollectionEntry",
    "Patience",
    "entry_of",
    "named_catalogs",
    "open_catalog",
]


def open_catalog(name_or_path_or_url: str, *, patience: Patience | None = None) -> Any:
    """Return the catalogue of that name, path or address: an ApiCatalog, a StaticCatalog or a SavedCatalog.

    All are a `core.ports.Catalog` and have `entry` (bands per collection, signing), `notes` and
    `collections()`. Nothing is asked of a named API before the first search. Raises MisuseError for a
    name, path or address that is none, TransientError for a host that does not answer.
    """
    text = name_or_path_or_url.strip()
    if text in named_catalogs():
        return _api(named_catalogs()[text], patience)
    if "://" in text:
        return _remote(text, patience)
    path = Path(text).expanduser()
    if path.is_dir():
        path = next((p for n in ("catalog.json", "collection.json") if (p := path / n).is_file()), path)
    if path.is_file():
        return _local(path.resolve(), patience)
    near = get_close_matches(text, named_catalogs(), n=1)
    raise MisuseError(
        "--catalog",
        expected=f"one of {', '.join(named_catalogs())}, or a path or URL of a STAC catalogue",
        got=repr(text[:120]),
        hint=near[0] if near else "the path of a catalog.json",
    )


def entry_of(name_or_path_or_url: str) -> CatalogEntry:
    """Return what is known of a catalogue unasked: enough to open the hrefs of a search that was kept."""
    text = name_or_path_or_url.strip()
    if text in named_catalogs():
        return named_catalogs()[text]
    if "://" in text:
        host = urlsplit(text).netloc
        return CatalogEntry(host, text, HrefRules(own_hosts=(host,)))
    entry: CatalogEntry = open_catalog(text).entry
    return entry


def _api(entry: CatalogEntry, patience: Patience | None) -> Any:
    from eomap.io.catalog_api import ApiCatalog

    return ApiCatalog(entry, patience=patience)


def _local(path: Path, patience: Patience | None) -> Any:
    if path.suffix.lower() in (".parquet", ".geoparquet"):
        from eomap.io.catalog_saved import SavedCatalog

        return SavedCatalog(path)
    from eomap.io.catalog_static import StaticCatalog

    return StaticCatalog(
        CatalogEntry(path.parent.name, str(path), HrefRules(roots=(path.parent,))), patience=patience
    )


def _remote(url: str, patience: Patience | None) -> Any:
    """Return the catalogue at an address: an API when it says where to search, else a static one."""
    from eomap.io.web import fetch_json, own_host_session

    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if not host or parts.scheme not in ("https", "http") or "@" in parts.netloc:
        raise MisuseError("--catalog", expected="an https address", got=repr(redact(url)[:120]))
    if parts.scheme == "http" and not is_loopback(host):
        raise MisuseError(
            "--catalog", expected="https", got=repr(redact(url)[:120]), hint="the same with https://"
        )
    entry = CatalogEntry(parts.netloc, url, HrefRules(own_hosts=(parts.netloc,)))
    try:
        root = fetch_json(own_host_session(url, patience or Patience()), url)
    except BrokenInputError as error:
        raise MisuseError("--catalog", expected="a STAC catalogue", got=str(error)) from None
    links = root.get("links") if isinstance(root, dict) else None
    if not isinstance(links, list):
        raise MisuseError("--catalog", expected="a STAC catalogue", got=f"other JSON at {redact(url)[:120]}")
    if any(isinstance(link, dict) and link.get("rel") == "search" for link in links):
        return _api(entry, patience)
    from eomap.io.catalog_static import StaticCatalog

    return StaticCatalog(entry, patience=patience)
