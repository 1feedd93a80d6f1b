"""The documents of a static STAC catalogue above its items."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from eomap.core.period import Period

Json = dict[str, Any]
_WORDS = "Made up by eomap.twin: no satellite took these scenes, and what they show does not exist."


def collection_of(name: str, ids: Sequence[str], bounds_deg: tuple[float, ...], period: Period) -> Json:
    """Return a collection's document with a link to each of its items."""
    root = {"rel": "root", "href": "../catalog.json", "type": "application/json"}
    links = [{"rel": "item", "href": f"./{n}/{n}.json", "type": "application/geo+json"} for n in ids]
    ends = [f"{period.start}T00:00:00Z", f"{period.end}T23:59:59Z"]
    return {
        "type": "Collection",
        "id": name,
        "stac_version": "1.0.0",
        "description": _WORDS,
        "license": "CC0-1.0",
        "eomap:synthetic": True,
        "extent": {"spatial": {"bbox": [list(bounds_deg)]}, "temporal": {"interval": [ends]}},
        "links": [root, *links],
    }


def catalog_of(collections: Sequence[str], **said: Any) -> Json:
    """Return the root document with a link to each collection."""
    children = [
        {"rel": "child", "href": f"./{c}/collection.json", "type": "application/json"} for c in collections
    ]
    return {
        "type": "Catalog",
        "id": "eomap-twin",
        "stac_version": "1.0.0",
        "description": _WORDS,
        "eomap:synthetic": True,
        **said,
        "links": [{"rel": "root", "href": "./catalog.json", "type": "application/json"}, *children],
    }


def utc(moment: datetime) -> str:
    """Return a moment as catalogues write it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
