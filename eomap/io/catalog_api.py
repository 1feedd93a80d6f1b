"""STAC APIs, searched page by page through pystac-client."""

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any

import shapely
from pystac.errors import STACError
from pystac.link import Link
from pystac_client import Client
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from pystac_client.warnings import PystacClientWarning
from requests.exceptions import ChunkedEncodingError, ContentDecodingError
from shapely.geometry.base import BaseGeometry

from eomap.core.period import Period
from eomap.core.source import Item
from eomap.errors import BrokenInputError, EomapError, MisuseError
from eomap.io.catalog_entry import CatalogEntry, Patience
from eomap.io.documents import parse_json
from eomap.io.footprints import search_area
from eomap.io.signing import redact
from eomap.io.stac_items import settle, to_item
from eomap.io.web import TIMEOUT_S, OwnHostAdapter, failure

PAGE_ITEMS = 250
CORNERS, CORNERS_IN_URL = 300, 40
EMPTY_PAGES = 3
"""Empty pages in a row after which a search is over, next link or not."""


class ApiCatalog:
    """A STAC API. `notes` tells, after a search, what was passed over and why."""

    def __init__(self, entry: CatalogEntry, *, patience: Patience | None = None) -> None:
        self.entry = entry
        self.notes: tuple[str, ...] = ()
        self._patience = patience or Patience()
        self._client: Client | None = None

    def search(
        self,
        collection: str,
        *,
        geometry: BaseGeometry,
        period: Period,
        progress: Callable[[int], None] | None = None,
    ) -> list[Item]:
        """Return the items that meet a lon/lat geometry within a period; see `core.ports.Catalog`.

        `progress` is called after each page with the number of items so far.
        """
        items: list[Item] = []
        notes: list[str] = []
        try:
            for page in self._pages(collection, geometry, period, notes):
                for feature in page["features"]:
                    self._take(feature, collection, items, notes)
                if progress:
                    progress(len(items))
        except (MisuseError, BrokenInputError):
            self._check_known(collection)
            raise
        if notes and not items:
            raise BrokenInputError(f"catalogue {self.entry.name}", expected="STAC items", got=notes[0])
        found = settle(items, collection=collection, geometry=geometry, period=period)
        if not found:
            self._check_known(collection)
        self.notes = tuple(sorted(notes))
        return found

    def collections(self) -> list[str]:
        """Return the ids of the collections, sorted."""
        client = self._open()
        link = client.get_single_link("data")
        url = str(link.href) if link else self.entry.url.rstrip("/") + "/collections"
        with _translated(self.entry.url):
            pages = client._stac_io.get_pages(url) if client._stac_io else ()
            return sorted({str(c["id"]) for page in pages for c in page.get("collections", ())})

    def _check_known(self, collection: str) -> None:
        """Raise MisuseError where the catalogue lists its collections and this is none of them."""
        try:
            known = self.collections()
        except EomapError:
            return
        if known and collection not in known:
            raise MisuseError(
                f"catalogue {self.entry.name}",
                expected=f"one of its collections: {', '.join(known)[:600]}",
                got=repr(collection[:80]),
            )

    def _take(self, feature: Mapping[str, Any], collection: str, items: list[Item], notes: list[str]) -> None:
        base = self.entry.url
        for link in feature.get("links") or () if isinstance(feature, Mapping) else ():
            if isinstance(link, Mapping) and link.get("rel") == "self":
                base = str(link.get("href") or base)
        try:
            items.append(to_item(feature, base=base, rules=self.entry.rules, collection=collection))
        except BrokenInputError as error:
            notes.append(str(error))

    def _open(self) -> Client:
        if self._client is None:
            with _translated(self.entry.url), warnings.catch_warnings():
                warnings.simplefilter("ignore", PystacClientWarning)
                client = Client.open(self.entry.url, stac_io=_OwnHostIO(self.entry.url, self._patience))
                client.add_conforms_to("ITEM_SEARCH")  # some landing pages forget to say so
            self._client = client
        return self._client

    def _pages(
        self, collection: str, geometry: BaseGeometry, period: Period, notes: list[str]
    ) -> Iterator[dict[str, Any]]:
        client = self._open()
        method = _method(client)
        area = search_area(geometry, corners=CORNERS if method == "POST" else CORNERS_IN_URL)
        search = client.search(
            method=method,
            collections=[collection],
            intersects=json.loads(shapely.to_geojson(area)),
            datetime=_interval(period),
            limit=PAGE_ITEMS,
        )
        seen_pages: set[tuple[str, ...]] = set()
        unique: set[str] = set()
        matched = None
        with _translated(self.entry.url):
            for page in search.pages_as_dicts():
                ids = tuple(str(f.get("id")) if isinstance(f, Mapping) else "" for f in page["features"])
                if ids in seen_pages:
                    raise BrokenInputError(
                        f"catalogue {self.entry.name}", expected="a new page", got="a page that came before"
                    )
                seen_pages.add(ids)
                unique.update(ids)
                matched = page.get("numberMatched", (page.get("context") or {}).get("matched"))
                yield page
        if isinstance(matched, int) and matched > len(unique):
            notes.append(f"catalogue {self.entry.name}: announced {matched} items, sent {len(unique)}")


def _interval(period: Period) -> tuple[datetime, datetime]:
    """Return the period as moments; the last midnight belongs to the next day and is filtered out later."""
    start = datetime.combine(period.start, time(), UTC)
    return start, datetime.combine(period.end, time(), UTC) + timedelta(days=1)


def _method(client: Client) -> str:
    """Return POST, or GET where the landing page advertises that alone."""
    said = {link.extra_fields.get("method") for link in client.links if link.rel == "search"}
    return "GET" if said == {"GET"} else "POST"


class _OwnHostIO(StacApiIO):
    """Requests of pystac-client, kept to the catalogue's own host, with paging that cannot go in circles."""

    def __init__(self, url: str, patience: Patience) -> None:
        super().__init__(timeout=TIMEOUT_S, max_retries=None)
        self._retries = patience.retries
        for prefix in ("http://", "https://"):
            self.session.mount(prefix, OwnHostAdapter(url, patience))

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take over settings from the client, but keep the time-out."""
        super().update(*args, **{**kwargs, "timeout": kwargs.get("timeout") or TIMEOUT_S})

    def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
        """Return the text behind a link; refuse what is no web address, such as a file of this machine."""
        href = getattr(source, "href", source)
        if not str(href).startswith(("https://", "http://")):
            raise BrokenInputError("catalogue link", expected="a web address", got=redact(str(href))[:120])
        return super().read_text(source, *args, **kwargs)

    def request(self, *args: Any, **kwargs: Any) -> str:
        """Return the body of an answer, asked for again where it broke off in the middle."""
        left = self._retries
        while True:
            try:
                return super().request(*args, **kwargs)
            except APIError as error:
                if isinstance(error.__context__, EomapError):
                    raise error.__context__ from None
                if isinstance(error.__context__, UnicodeDecodeError):
                    raise BrokenInputError("catalogue answer", expected="UTF-8", got="other bytes") from None
                torn = isinstance(error.__context__, ChunkedEncodingError | ContentDecodingError)
                if not (torn and left):
                    raise
                left -= 1

    def get_pages(
        self, url: str, method: str | None = None, parameters: dict[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the pages that hold something; an empty one in the middle does not end the search."""
        asked: set[str] = set()
        page = self._page(url, method=method, parameters=parameters)
        empty = 0
        while True:
            filled = bool(page.get("features") or page.get("collections"))
            empty = 0 if filled else empty + 1
            if filled:
                yield page
            links = [li for li in page.get("links") or () if isinstance(li, dict) and li.get("rel") == "next"]
            if not links or empty >= EMPTY_PAGES:
                return
            request = json.dumps([links[0].get(k) for k in ("href", "method", "body")], sort_keys=True)
            if request in asked:
                if not filled:
                    return
                raise BrokenInputError(
                    redact(url), expected="a link to a new page", got="one followed before"
                )
            asked.add(request)
            page = self._page(Link.from_dict(links[0]), parameters=parameters)

    def _page(self, source: Any, **kwargs: Any) -> dict[str, Any]:
        where = str(getattr(source, "href", source))
        page = parse_json(self.read_text(source, **kwargs), where)
        if not isinstance(page, dict) or not isinstance(page.get("features", page.get("collections")), list):
            raise BrokenInputError(redact(where), expected="a page of STAC items", got="something else")
        return page


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turn the errors of pystac-client, and of answers that are no STAC, into those of eomap."""
    try:
        yield
    except APIError as error:
        raise failure(url, getattr(error, "status_code", None), str(error)) from None
    except (STACError, ValueError, KeyError, TypeError, AttributeError) as error:
        said = redact(f"{type(error).__name__}: {error}")[:200]
        raise BrokenInputError(f"catalogue {redact(url)}", expected="STAC", got=said) from None
