"""The +1000 offset of Sentinel-2: decided once per item, checked against dark pixels.

Since processing baseline 04.00 (25 January 2022, and everything reprocessed as
Collection 1) digital numbers carry +1000: reflectance = (dn - 1000) / 10000. Some providers have
already taken it away, some say so, some do not. It is decided once per item, by the first of these
rules that applies, and the rule's name goes into the provenance:

1. `earthsearch:boa_offset_applied` (or the older `sentinel:boa_offset_applied`) is true: the
   provider's own GeoTIFFs are free of the offset -> 0, whatever `raster:bands` says. Earth Search's
   baseline 05.00 items say both "applied" and `offset: -0.1`; believing both corrects twice. The flag
   does not speak for the original JPEG 2000 files that the same item lists.
2. The assets state an offset (`raster:bands`, STAC 1.1 `bands`, or `raster:offset` on the asset)
   that all reflectance bands share and that is one of the two that exist: 0 or -0.1. This is what the
   catalogue measured or knows; it comes before the baseline because harmonised copies of new scenes
   and reprocessed copies of old ones exist (real scenes: Tanzania 2023 has none, Brazil 2021 has it).
   Anything else (-0.7 was seen) is noted and passed over.
3. The processing baseline is known: 04.00 or newer -> -1000, older -> 0. It is read from
   `s2:processing_baseline`, `processing:version`, then the product's name (`_N0510_`). 99.99 (N9999)
   marks a private run of the processor and says nothing.
4. The date: from 2022-01-25 on -> -1000, before -> 0.

Which items went by which rule when all recorded answers were looked at: Earth Search `_1_L2A`: 1;
Earth Search `_0_L2A`, Collection 1, CDSE and stactools: 2; Planetary Computer: 3; the old
`sentinel-s2-l2a-cogs`: 3 by its product name.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from eomap.core.source import Asset, Item
from eomap.sensors.sentinel2.names import BANDS, asset_names, baseline_of

SCALE = 1e-4
OFFSET_DN = -1000
OFFSET_BASELINE = 400
OFFSET_DATE = date(2022, 1, 25)


@dataclass(frozen=True, slots=True)
class OffsetDecision:
    """What to add to an item's digital numbers before scaling, and which rule said so."""

    offset_dn: int
    rule: str
    note: str = ""
    """One line where a claim of the item contradicts the decision; empty otherwise."""


def offset_of(item: Item, names: Mapping[str, str] | None = None) -> OffsetDecision:
    """Return the offset of an item by the rules in this module's docstring; `names` maps band to asset."""
    assets = _reflectance_assets(item, names)
    claims = {_claimed_dn(a) for a in assets} - {None}
    if _says_applied(item) and not (assets and all(_is_original(a) for a in assets)):
        return OffsetDecision(0, "earthsearch:boa_offset_applied")
    claim = claims.pop() if len(claims) == 1 else None
    expected = _by_age(item)
    if claim in (0, OFFSET_DN):
        differs = claim != expected.offset_dn and expected.rule == "processing baseline"
        note = f"raster:bands says {claim}, the baseline says {expected.offset_dn}" if differs else ""
        return OffsetDecision(int(claim), "raster:bands", note)
    if claim is not None or claims:
        odd = "offsets that differ between bands" if claim is None else f"an offset of {claim}"
        return OffsetDecision(expected.offset_dn, expected.rule, f"passed over raster:bands with {odd}")
    return expected


def _by_age(item: Item) -> OffsetDecision:
    baseline = baseline_of(item)
    if baseline is not None:
        return OffsetDecision(OFFSET_DN if baseline >= OFFSET_BASELINE else 0, "processing baseline")
    return OffsetDecision(OFFSET_DN if item.moment.date() >= OFFSET_DATE else 0, "date")


def _says_applied(item: Item) -> bool:
    keys = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
    return any(str(item.properties.get(k)).lower() == "true" for k in keys)


def _is_original(asset: Asset) -> bool:
    return asset.href.lower().endswith(".jp2") or "jp2" in asset.media_type


def _claimed_dn(asset: Asset) -> int | None:
    if asset.offset is None or not math.isfinite(asset.offset):
        return None
    # Offsets are reflectances; a few catalogues state them in digital numbers.
    return round(asset.offset if abs(asset.offset) >= 100 else asset.offset / (asset.scale or SCALE))


def _reflectance_assets(item: Item, names: Mapping[str, str] | None) -> list[Asset]:
    names = asset_names(item) if names is None else names
    found = (item.asset(names[b]) for b in BANDS if b in names)
    return [a for a in found if a is not None]


def offset_doubt(dark_dn: Mapping[str, float], decision: OffsetDecision) -> str | None:
    """Return one line where the darkest pixels contradict an offset, None where they do not.

    `dark_dn` holds, per spectral band, a low percentile (0.1) of the raw valid digital numbers. With the
    offset, the darkest band of a real scene lies just above 1000 (water and shadow in the short-wave
    infrared: 1,012 in the Brazilian scene) and hardly anything below; without it, far below. Thick cloud
    everywhere tells nothing, hence the upper bound. Deep terrain shadow in L2A can look like the second
    case: a doubt is reported, never acted upon.
    """
    values = {b: float(v) for b, v in dark_dn.items() if b in BANDS}
    if not values:
        return None
    band, darkest = min(values.items(), key=lambda pair: (pair[1], pair[0]))
    seen = f"the darkest pixels of {band} are at {darkest:.0f}"
    if decision.offset_dn == 0 and 950 <= darkest < 1150:
        return f"offset 0 by {decision.rule}, yet {seen}, as if 1000 had been added"
    if decision.offset_dn == OFFSET_DN and darkest < 900:
        return f"offset {OFFSET_DN} by {decision.rule}, yet {seen}, as if nothing had been added"
    return None
