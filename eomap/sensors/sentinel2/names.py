"""Which band is which asset, which level and which processing baseline an item has."""

import math
import re
from collections.abc import Mapping

from eomap.core.source import Asset, Item
from eomap.errors import BrokenInputError

BANDS: Mapping[str, int] = {
    "B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20,
    "B08": 10, "B8A": 20, "B09": 60, "B10": 60, "B11": 20, "B12": 20,
}  # fmt: skip
"""Spectral bands and their pixel size in metres; B10 exists in L1C only."""
LCZ_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
"""The ten bands of So2Sat LCZ42, in its order (doi 10.1109/MGRS.2020.2964708)."""
SCENE_CLASS = "SCL"
"""The scene classification of L2A, 20 m."""
_PRIVATE_BASELINE = 9000


def baseline_of(item: Item) -> int | None:
    """Return the processing baseline times 100 (05.10 -> 510), or None where it is unknown or private."""
    texts = [str(item.properties.get(k) or "") for k in ("s2:processing_baseline", "processing:version")]
    found = [re.fullmatch(r"(\d{1,2})\.(\d{2})|(\d{2})(\d{2})", t) for t in texts]
    found += [re.search(r"_N(\d{2})(\d{2})_", t) for t in product_names(item)]
    for match in found:
        if match:
            major, minor = [g for g in match.groups() if g is not None]
            baseline = int(major) * 100 + int(minor)
            return None if baseline >= _PRIVATE_BASELINE else baseline
    return None


def product_names(item: Item) -> tuple[str, ...]:
    """Return the names that may be ESA product names, the id last."""
    keys = ("s2:product_uri", "sentinel:product_id", "s2:product_id")
    return (*(str(item.properties[k]) for k in keys if item.properties.get(k)), item.id)


_COMMON_NAMES = {
    "coastal": "B01", "blue": "B02", "green": "B03", "red": "B04", "rededge1": "B05", "rededge071": "B05",
    "rededge2": "B06", "rededge075": "B06", "rededge3": "B07", "rededge078": "B07", "nir": "B08",
    "nir08": "B8A", "nir09": "B09", "cirrus": "B10", "swir16": "B11", "swir22": "B12", "scl": SCENE_CLASS,
}  # fmt: skip


def _band_of(name: str | None) -> str | None:
    """Return the band that a name such as B2, b02_10m, B8A, blue-jp2 or rededge1_60m means."""
    text = re.sub(r"(?:[_-](?:jp2|\d0m))+$", "", (name or "").strip().lower())
    if match := re.fullmatch(r"b0?(\d{1,2})(a?)", text):
        band = f"B{match[1]}A" if match[2] else f"B{int(match[1]):02d}"
        return band if band in BANDS else None
    return _COMMON_NAMES.get(text)


def asset_names(item: Item) -> dict[str, str]:
    """Return the asset of each band (B01 ... B12, SCL) as found in the item itself.

    A band is known by the name of the asset's only band, by its common name, or by the asset's key.
    Of several assets the one at native resolution wins, then the shorter key, then the alphabet.
    `item.properties["eomap:bands"]` holds, per asset, its (name, common name) pairs.
    """
    described = item.properties.get("eomap:bands", {})
    found: dict[str, list[tuple[float, int, str]]] = {}
    for asset in item.assets:
        pairs = described.get(asset.name, ())
        if len(pairs) > 1:  # a picture made of several bands
            continue
        said = [*pairs[0], asset.name] if pairs else [asset.name]
        band = next((b for b in map(_band_of, said) if b), None)
        if band:
            found.setdefault(band, []).append((_off_native(asset, band), len(asset.name), asset.name))
    return {band: min(rivals)[2] for band, rivals in sorted(found.items())}


def _off_native(asset: Asset, band: str) -> float:
    """Return how far an asset's pixel size is from the band's own, in octaves; 0 where it is not said."""
    native = BANDS.get(band, 20)
    if match := re.search(r"_(\d0)m$", asset.name):
        return abs(math.log2(int(match[1]) / native))
    size = abs(asset.transform[0]) if asset.transform else 0.0
    return round(abs(math.log2(size / native)), 3) if size >= 1 else 0.0


def level_of(item: Item, collection: str = "") -> str:
    """Return the processing level, L1C or L2A; raise BrokenInputError where nothing tells.

    Asked in turn: product type, product name, collection, id, then what only one level has (B10, SCL).
    """
    said = [item.properties.get(k) for k in ("s2:product_type", "product:type", "processing:level")]
    texts = [*map(str, said), *product_names(item), collection or item.collection, item.id]
    for text in texts:
        if match := re.search(r"(?:MSI|MSIL|(?<![A-Z])L)(1C|2A)(?![A-Z0-9])", text.upper()):
            return f"L{match[1]}"
    bands = asset_names(item)
    if SCENE_CLASS in bands:
        return "L2A"
    if "B10" in bands:
        return "L1C"
    raise BrokenInputError(
        f"item {item.id}", expected="a Sentinel-2 level, L1C or L2A", got="no sign of either"
    )
