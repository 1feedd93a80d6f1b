"""Which asset is which polarisation, and what an item says of level, orbit and satellite."""

import re
from collections.abc import Mapping
from datetime import timedelta

import shapely

from eomap.core.source import Item
from eomap.errors import BrokenInputError

BANDS: Mapping[str, float] = {"VV": 10, "VH": 10, "HH": 10, "HV": 10}
"""Polarisations, sent then received, and the side of their pixels in metres."""
CO_POLARISED = ("VV", "HH")
TERRAIN = "terrain"
"""Layover and shadow: 0 where there is neither."""
_NO_BACKSCATTER = ("noise", "calib", "angle", "incid", "mask", "area", "product", "preview", "layover")
_FIRST_ABSOLUTE = {"S1A": 73, "S1B": 27}
"""Relative orbit = (absolute - this) mod 175 + 1."""
_ORBITS = 175
_SUN_SYNCHRONOUS_DEG = 60.0
"""Nearer the poles the hour of a pass no longer tells which way it flies."""


def product_names(item: Item) -> tuple[str, ...]:
    """Return the names that may be ESA product names, the id last."""
    said = item.properties.get("s1:product_identifier")
    return (*((str(said),) if said else ()), item.id)


def asset_names(item: Item) -> dict[str, str]:
    """Return the asset of each polarisation, and of the terrain's mask, as found in the item itself.

    Keys such as vv, VV, iw-vv, gamma0_vv or vv-cog are known, else the name of the asset's only band. Of
    several assets the shorter key wins, then the alphabet.
    """
    described = item.properties.get("eomap:bands", {})
    found: dict[str, list[tuple[int, str]]] = {}
    for asset in item.assets:
        pairs = described.get(asset.name, ())
        said = (asset.name, pairs[0][0] if len(pairs) == 1 else "")
        band = next((b for b in map(_band_of, said) if b), None)
        if band:
            found.setdefault(band, []).append((len(asset.name), asset.name))
    return {band: min(rivals)[1] for band, rivals in sorted(found.items())}


def _band_of(name: str) -> str | None:
    text = name.lower()
    if "layover" in text or "shadow" in text:
        return TERRAIN
    if any(part in text for part in _NO_BACKSCATTER):
        return None
    match = re.search(r"(?<![a-z])(vv|vh|hh|hv)(?![a-z])", text)
    return match[1].upper() if match else None


def level_of(item: Item, collection: str = "") -> str:
    """Return GRD or RTC; raise BrokenInputError for anything else (complex and ocean products).

    Collection and id are asked first: items of terrain-corrected collections go on calling themselves GRD
    in `sar:product_type`, after what they were made of.
    """
    said = str(item.properties.get("sar:product_type") or "").upper()
    texts = [t.upper() for t in (collection or item.collection, item.id)]
    if any(re.search(r"(?<![A-Z])(RTC|NRB)(?![A-Z])", t) for t in (*texts, said)):
        return "RTC"
    if said == "GRD" or any("GRD" in t for t in texts):
        return "GRD"
    raise BrokenInputError(
        f"item {item.id}", expected="a Sentinel-1 product, GRD or RTC", got=said or "no sign of either"
    )


def platform_of(item: Item) -> str:
    """Return S1A, S1B ... or what the item calls its satellite; empty where it is silent."""
    said = str(item.properties.get("platform") or "").upper()
    match = re.fullmatch(r"S(?:ENTINEL-?)?1([A-D])", said.replace("_", "-"))
    if match:
        return f"S1{match[1]}"
    named = (re.match(r"(S1[A-D])_", n) for n in product_names(item))
    return next((m[1] for m in named if m), said)


def orbit_of(item: Item) -> str:
    """Return direction and relative orbit, such as `descending 107`, as far as they can be known.

    The number is that of `sat:relative_orbit`, else it follows from the absolute orbit, which ESA's product
    names carry. A direction that is not said is told by the hour: the satellites fly north at six in the
    evening and south at six in the morning, local solar time.
    """
    said = str(item.properties.get("sat:orbit_state") or "").lower()
    direction = said if said in ("ascending", "descending") else _direction_by_hour(item)
    number = _relative_orbit(item)
    return " ".join(t for t in (direction, "" if number is None else f"{number:03d}") if t)


def _relative_orbit(item: Item) -> int | None:
    for key in ("sat:relative_orbit", "s1:relative_orbit"):
        text = str(item.properties.get(key) or "")
        if text.isdigit():
            return int(text)
    first = _FIRST_ABSOLUTE.get(platform_of(item))
    absolute = absolute_orbit(item)
    return None if first is None or absolute is None else (absolute - first) % _ORBITS + 1


def absolute_orbit(item: Item) -> int | None:
    """Return the number of the revolution since launch, from the item or its product's name."""
    text = str(item.properties.get("sat:absolute_orbit") or "")
    if text.isdigit():
        return int(text)
    named = (re.search(r"_\d{8}T\d{6}_(\d{6})(?:_|$)", n) for n in product_names(item))
    return next((int(m[1]) for m in named if m), None)


def _direction_by_hour(item: Item) -> str:
    west, south, east, north = shapely.from_wkb(item.footprint_wkb).bounds
    if max(abs(south), abs(north)) > _SUN_SYNCHRONOUS_DEG or east - west > 180:
        return ""
    hour = (item.moment + timedelta(hours=(west + east) / 2 / 15)).hour
    return "descending" if hour < 12 else "ascending"
