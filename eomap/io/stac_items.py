"""From STAC item JSON to `core.source.Item`: tolerant of what real catalogues do, strict about hrefs.

What an asset says of itself wins over what its item says. Two entries are added to the properties for
those who decide further up: `eomap:bands` (asset to its bands' (name, common name) pairs) and
`eomap:refused` (asset to the reason why its href may not be opened).
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import shapely
from shapely.geometry.base import BaseGeometry

from eomap.core.period import Period
from eomap.core.plan import digest
from eomap.core.source import Asset, Item
from eomap.errors import BrokenInputError
from eomap.io.footprints import footprint
from eomap.io.hrefs import HrefRules
from eomap.io.signing import redact, strip_signature

_NOT_RASTER = (
    "application/json",
    "application/xml",
    "text/",
    "image/png",
    "image/jpeg",
    "application/geo+json",
)
_DROPPED = ("proj:geometry", "proj:bbox", "proj:wkt2", "proj:projjson", "auth:schemes", "storage:schemes")
MAX_ID = 512


def to_item(feature: Mapping[str, Any], *, base: str, rules: HrefRules, collection: str = "") -> Item:
    """Return the item of a STAC feature, hrefs made absolute against `base` and vetted.

    A missing geometry is replaced by the bbox; a null datetime by the middle of start and end, which are
    kept as its span.
    Signatures in hrefs are cut off. Assets that are no rasters (metadata, thumbnails) are left out;
    an asset whose href is refused is left out and told of in `eomap:refused`. Raises
    BrokenInputError, naming the item, where id, place or time is missing.
    """
    if not isinstance(feature, Mapping):
        raise BrokenInputError(
            f"catalogue answer {redact(base)}", expected="a STAC item", got=type(feature).__name__
        )
    name = str(feature.get("id") or "")
    where = f"item {name[:80]!r} of {redact(base)}"
    properties, assets = feature.get("properties"), feature.get("assets")
    if (
        not name
        or len(name) > MAX_ID
        or not isinstance(properties, Mapping)
        or not isinstance(assets, Mapping)
    ):
        raise BrokenInputError(
            where, expected="a STAC item with id, properties and assets", got="something else"
        )
    shape = footprint(feature.get("geometry"), feature.get("bbox"))
    if shape is None:
        raise BrokenInputError(where, expected="a polygon or a bbox", got="neither")
    span = _span(properties)
    found, described, refused = _assets(assets, properties, base, rules)
    kept = {k: v for k, v in properties.items() if k not in _DROPPED}
    return Item(
        id=name,
        collection=str(feature.get("collection") or collection),
        moment=_moment(properties, span, where),
        footprint_wkb=shapely.to_wkb(shapely.normalize(shape)),
        assets=tuple(found),
        properties={**kept, "eomap:bands": described, "eomap:refused": refused},
        span=span,
    )


def _span(properties: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Return start and end in order; either alone stands for both, and what cannot be read is not there."""
    said = [properties.get(k) for k in ("start_datetime", "end_datetime")]
    try:
        times = sorted(parse_time(str(s)) for s in said if s)
    except (ValueError, OverflowError):
        return None
    return (times[0], times[-1]) if times else None


def _moment(properties: Mapping[str, Any], span: tuple[datetime, datetime] | None, where: str) -> datetime:
    try:
        if properties.get("datetime"):
            return parse_time(str(properties["datetime"]))
        if span is None:
            raise ValueError
        return span[0] + (span[1] - span[0]) / 2
    except (ValueError, OverflowError):
        raise BrokenInputError(where, expected="a datetime, or start and end", got="none to read") from None


def parse_time(text: str) -> datetime:
    """Return the UTC moment of an RFC 3339 text; a missing zone means UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip().upper())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _assets(
    assets: Mapping[str, Any], properties: Mapping[str, Any], base: str, rules: HrefRules
) -> tuple[list[Asset], dict[str, list[list[str]]], dict[str, str]]:
    found: list[Asset] = []
    described: dict[str, list[list[str]]] = {}
    refused: dict[str, str] = {}
    for name, said in sorted(assets.items()):
        if not isinstance(said, Mapping) or not said.get("href") or _is_no_raster(said):
            continue
        try:
            href = rules.vet(absolute(said["href"], base))
        except BrokenInputError as error:
            refused[name] = str(error)
            continue
        found.append(_asset(name, href, said, properties))
        bands = _bands(said, "eo:bands") or _bands(said, "bands")
        if bands:
            common = [b.get("common_name", b.get("eo:common_name")) for b in bands]
            described[name] = [
                [str(b.get("name") or ""), str(c or "")] for b, c in zip(bands, common, strict=True)
            ]
    return found, described, refused


def _is_no_raster(said: Mapping[str, Any]) -> bool:
    kind = str(said.get("type") or "").lower()
    roles = said.get("roles") or ()
    if kind.startswith(_NOT_RASTER):
        return True
    return "data" not in roles and "metadata" in roles and "tiff" not in kind  # masks may be called so


def absolute(href: Any, base: str) -> str:
    """Return a href joined to the document it stands in; tricks are left for the vetting to see."""
    text = str(href)
    scheme = urlsplit(text).scheme if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", text) else ""
    if scheme or text.startswith(("/", "<")):
        return text
    if "://" in base:
        return urljoin(base, strip_signature(text))
    return base.rpartition("/")[0] + "/" + text


def _asset(name: str, href: str, said: Mapping[str, Any], properties: Mapping[str, Any]) -> Asset:
    def get(key: str) -> Any:
        return said[key] if said.get(key) is not None else properties.get(key)

    rasters = _bands(said, "raster:bands") or _bands(said, "bands")
    shape = _numbers(get("proj:shape"), 2)
    transform = _numbers(get("proj:transform"), 6)
    return Asset(
        name=name,
        href=href,
        media_type=str(said.get("type") or ""),
        epsg=_epsg(said) or _epsg(properties),
        shape_yx=(int(shape[0]), int(shape[1])) if shape else None,
        transform=transform,
        scale=_shared(said, rasters, "scale"),
        offset=_shared(said, rasters, "offset"),
        nodata=_shared(said, rasters, "nodata"),
        etag=str(said.get("file:checksum") or ""),
        unit=_unit(said, rasters),
    )


def _bands(said: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    bands = said.get(key)
    if not isinstance(bands, Sequence) or isinstance(bands, str):
        return []
    return [b if isinstance(b, Mapping) else {} for b in bands]


def _shared(said: Mapping[str, Any], bands: list[Mapping[str, Any]], key: str) -> float | None:
    """Return the number that the asset, or all of its bands alike, give for scale, offset or nodata."""
    for holder in (f"raster:{key}", key):
        if (value := to_number(said.get(holder))) is not None:
            return value
    values = {to_number(b.get(key, b.get(f"raster:{key}"))) for b in bands}
    return values.pop() if len(values) == 1 else None


def _unit(said: Mapping[str, Any], bands: list[Mapping[str, Any]]) -> str:
    """Return the unit that the asset, or all of its bands alike, give; empty where they do not."""
    for holder in (said.get("raster:unit"), said.get("unit")):
        if holder:
            return str(holder)
    units = {str(b.get("unit") or b.get("raster:unit") or "") for b in bands}
    return units.pop() if len(units) == 1 else ""


def to_number(value: Any) -> float | None:
    """Return a number that may be written as text ("0"), None for what is no finite number.

    >>> to_number("0"), to_number(-0.1), to_number("nan"), to_number(None)
    (0.0, -0.1, None, None)
    """
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) < count:
        return None
    numbers = [to_number(v) for v in value[:count]]
    return None if None in numbers else tuple(n for n in numbers if n is not None)


def _epsg(said: Mapping[str, Any]) -> int | None:
    """Return the EPSG code of `proj:epsg`, `proj:code` or `proj:wkt2`; None where there is none."""
    number = to_number(said.get("proj:epsg"))
    if number and number.is_integer():
        return int(number)
    if match := re.fullmatch(r"EPSG:(\d{4,6})", str(said.get("proj:code") or "").upper()):
        return int(match[1])
    return _epsg_of_wkt(str(said["proj:wkt2"])) if said.get("proj:wkt2") else None


@lru_cache(maxsize=512)
def _epsg_of_wkt(wkt: str) -> int | None:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_wkt(wkt).to_epsg()
    except CRSError:
        return None


def settle(items: Iterable[Item], *, collection: str, geometry: BaseGeometry, period: Period) -> list[Item]:
    """Return the items of a collection that meet a geometry within a period: sorted by id, each once.

    Servers may ignore what they were asked, so everything is asked again here. Of two items with one
    id the later `updated` stays, whatever the order they came in.
    """
    shapely.prepare(geometry)
    unique: dict[str, Item] = {}
    for item in items:
        if item.collection != collection or not item.within(period):
            continue
        if item.id in unique and _rank(unique[item.id]) >= _rank(item):
            continue
        if shapely.intersects(geometry, shapely.from_wkb(item.footprint_wkb)):
            unique[item.id] = item
    return [unique[name] for name in sorted(unique)]


def _rank(item: Item) -> tuple[str, str]:
    said = [
        item.moment.isoformat(),
        item.footprint_wkb.hex(),
        [(a.name, a.href, a.etag) for a in item.assets],
    ]
    return str(item.properties.get("updated") or ""), digest(said)
