"""What is known of a catalogue before asking it: the entries of catalogs.toml, or the bare minimum."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from eomap.io.hrefs import HrefRules


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a failed request is repeated, and how long to wait in between."""

    retries: int = 5
    backoff_s: float = 0.5
    """The first wait; doubled each time."""
    longest_wait_s: float = 60.0
    """Also the bound for what a server asks for by Retry-After."""


@dataclass(frozen=True, slots=True)
class CollectionEntry:
    """A collection: processing level and the asset of each band; empty where the items tell."""

    level: str = ""
    bands: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A catalogue: where it is, what it may point to, how its hrefs are signed."""

    name: str
    url: str
    """Address of the API or of the static catalogue's first document; a path for a local one."""
    rules: HrefRules
    title: str = ""
    sensors: Mapping[str, str] = field(default_factory=dict)
    """The collection of each sensor to use when none is named."""
    signing: str = ""
    """What it takes to open an href; see `io.access`."""
    s3_endpoint: str = ""
    collections: Mapping[str, CollectionEntry] = field(default_factory=dict)

    def bands(self, collection: str) -> Mapping[str, str] | None:
        """Return the asset of each band of a collection, or None where the items have to tell."""
        known = self.collections.get(collection)
        return known.bands if known and known.bands else None


@cache
def named_catalogs() -> Mapping[str, CatalogEntry]:
    """Return the catalogues that have a name, by name."""
    said = tomllib.loads(files("eomap.io").joinpath("catalogs.toml").read_text("utf-8"))
    return {name: _entry(name, fields) for name, fields in said.items()}


def _entry(name: str, fields: Mapping[str, Any]) -> CatalogEntry:
    known = {k: v for k, v in fields.items() if k not in ("asset_hosts", "collections")}
    return CatalogEntry(
        name=name,
        rules=HrefRules(hosts=tuple(fields["asset_hosts"])),
        collections={k: CollectionEntry(**v) for k, v in fields.get("collections", {}).items()},
        **known,
    )
