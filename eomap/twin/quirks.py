"""The habits and faults of real catalogues, each to be switched on by name.

Faults befall every third product of a collection, from the first on, so that sound ones stay beside them;
habits of a provider befall all. What eomap does about each is in tests/unit/twin/test_quirks.py.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import shapely

from eomap.core.antimeridian import polygonal
from eomap.errors import MisuseError
from eomap.twin.deliveries import LEVELS, Delivery, reprocessed
from eomap.twin.items import outline

Json = dict[str, Any]
_EVERY = 3
EXPIRED = "se=2020-01-01T00%3A00%3A00Z&sig=expired"
"""A token that no server takes any more."""


@dataclass(frozen=True, slots=True)
class Quirks:
    """What is odd about a catalogue; nothing by default. Names on the command line have dashes."""

    two_baselines: bool = False
    """Every Sentinel-2 scene comes twice: as first processed, and processed again."""
    offset_undeclared: bool = False
    """Files have the +1000, items say nothing of an offset."""
    offset_denied: bool = False
    """Files have the +1000, items say that the offset is 0. Only the pixels can tell."""
    offset_twice: bool = False
    """The +1000 has been taken away, items say so and declare the offset all the same (Earth Search)."""
    missing_asset: bool = False
    """Every third item of a collection lacks an asset."""
    string_numbers: bool = False
    """Numbers are written as text."""
    null_datetime: bool = False
    """No datetime, but start and end."""
    no_proj: bool = False
    """Nothing of the projection extension: only the files know where they lie."""
    expired_tokens: bool = False
    """Hrefs carry a token that is no longer good. For catalogues that are served, not for folders."""
    broken_file: bool = False
    """Every third product of a collection has a file that breaks off in the middle."""
    zero_mask: bool = False
    """The scene classification is all zero, whatever the sky."""
    antimeridian: bool = False
    """Footprints jump from 180 to -180 instead of being cut there, and boxes have their west in the east."""

    @property
    def names(self) -> tuple[str, ...]:
        """The quirks that are on, as written on the command line."""
        return tuple(f.name.replace("_", "-") for f in fields(self) if getattr(self, f.name))


NAMES = tuple(f.name.replace("_", "-") for f in fields(Quirks))


def quirks_named(names: Sequence[str]) -> Quirks:
    """Return the quirks of those names; raise MisuseError for an unknown one.

    >>> quirks_named(["no-proj"]).no_proj
    True
    """
    for name in names:
        if name not in NAMES:
            raise MisuseError("--quirk", expected=f"one of {', '.join(NAMES)}", got=name)
    return Quirks(**{n.replace("-", "_"): True for n in names})


def bent_deliveries(quirks: Quirks, sound: Sequence[Delivery]) -> list[Delivery]:
    """Return what a provider with these quirks delivers instead."""
    found = []
    for delivery in sound:
        twice = quirks.two_baselines and delivery.kind in LEVELS
        found += [delivery, reprocessed(delivery)] if twice else [delivery]
    if quirks.offset_twice:
        found = [replace(d, offset_dn=0) if d.kind in LEVELS else d for d in found]
    met = Counter[str]()
    for place, delivery in enumerate(found):
        found[place] = replace(delivery, odd=met[delivery.collection] % _EVERY == 0)
        met[delivery.collection] += 1
    return found


def bent_item(quirks: Quirks, delivery: Delivery, item: Json) -> Json:
    """Return the item as a provider with these quirks writes it."""
    bent: Json = json.loads(json.dumps(item))
    for name in quirks.names:
        if change := _CHANGES.get(name):
            change(delivery, bent)
    return bent


def _rasters(item: Json) -> list[Json]:
    return [band for asset in item["assets"].values() for band in asset.get("raster:bands", ())]


def _offset_undeclared(_: Delivery, item: Json) -> None:
    for band in _rasters(item):
        band.pop("offset", None)


def _offset_denied(_: Delivery, item: Json) -> None:
    for band in _rasters(item):
        if "offset" in band:
            band["offset"] = 0


def _offset_twice(delivery: Delivery, item: Json) -> None:
    if delivery.kind in LEVELS and delivery.baseline >= "04.00":
        item["properties"]["earthsearch:boa_offset_applied"] = True
        for band in _rasters(item):
            if "offset" in band:
                band["offset"] = -0.1


def _missing_asset(delivery: Delivery, item: Json) -> None:
    if delivery.odd:
        item["assets"].pop(next((k for k in ("red", "vv", "image") if k in item["assets"]), ""), None)


def _string_numbers(_: Delivery, item: Json) -> None:
    said = item["properties"]
    for holder, keys in (
        (said, ("eo:cloud_cover", "proj:epsg")),
        *((b, ("scale", "offset", "nodata")) for b in _rasters(item)),
    ):
        for key in keys:
            if holder.get(key) is not None:
                holder[key] = str(holder[key])


def _null_datetime(delivery: Delivery, item: Json) -> None:
    start, end = delivery.acquisition.interval
    ends = {"start_datetime": start.isoformat(), "end_datetime": end.isoformat()}
    item["properties"] |= {"datetime": None, **ends}


def _no_proj(_: Delivery, item: Json) -> None:
    for holder in (item["properties"], *item["assets"].values()):
        for key in [k for k in holder if k.startswith("proj:")]:
            del holder[key]


def _expired_tokens(_: Delivery, item: Json) -> None:
    for asset in item["assets"].values():
        asset["href"] += f"?{EXPIRED}"


def _antimeridian(delivery: Delivery, item: Json) -> None:
    shape = polygonal(outline(delivery))
    west, south, east, north = shape.bounds
    rolled = shapely.transform(shape, lambda lonlat: (lonlat + [180, 0]) % [360, 1e9] - [180, 0])
    parts = shapely.get_parts(rolled)
    item["geometry"] = shapely.geometry.mapping(parts[0] if len(parts) == 1 else rolled)
    item["bbox"] = [(west + 180) % 360 - 180, south, (east + 180) % 360 - 180, north]


_CHANGES: dict[str, Callable[[Delivery, Json], None]] = {
    "offset-undeclared": _offset_undeclared,
    "offset-denied": _offset_denied,
    "offset-twice": _offset_twice,
    "missing-asset": _missing_asset,
    "string-numbers": _string_numbers,
    "null-datetime": _null_datetime,
    "no-proj": _no_proj,
    "expired-tokens": _expired_tokens,
    "antimeridian": _antimeridian,
}


def is_cut(quirks: Quirks, delivery: Delivery, filename: str) -> bool:
    """Say whether a file is to break off in the middle."""
    return quirks.broken_file and delivery.odd and filename == delivery.files[0].filename
