"""From MODIS items to scenes, and from their numbers to codes and clear looks.

Axis letters: y row (north to south), x column (west to east).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.plan import digest
from eomap.core.sensor import U16, Ask, Bool, Pixels
from eomap.core.source import Asset, Band, Item, Scene
from eomap.errors import BrokenInputError
from eomap.sensors.modis.kinds import SCALE, Kind, Quality

MASKS = ("auto", "quality", "none")


def scenes_of(kind: Kind) -> Callable[[Sequence[Item], Ask], tuple[list[Scene], list[str]]]:
    """Return what makes scenes of a product's items."""

    def made(items: Sequence[Item], ask: Ask) -> tuple[list[Scene], list[str]]:
        scenes, notes = [], []
        for item in sorted(items, key=lambda i: i.id):
            try:
                scenes.append(to_scene(kind, item, ask))
            except BrokenInputError as problem:
                notes.append(f"set aside: {problem}")
        return scenes, notes

    return made


def to_scene(kind: Kind, item: Item, ask: Ask) -> Scene:
    """Return the scene of an item with the bands asked for, and the quality layers that tell of them.

    With quality layers pixels are taken whole, since a mean would mix in what the mask takes out; without,
    they are averaged by area. Raises BrokenInputError where a band is missing or its scale means something
    else, and where the mask `quality` is asked for and there is none.
    """
    layers = quality_layers(kind, item, ask.bands) if ask.mask != "none" else []
    if ask.mask == "quality" and not layers:
        raise BrokenInputError(
            f"item {item.id}",
            expected="a quality layer of its bands",
            got="none",
            hint="--mask none takes every valid pixel",
        )
    mean_of = None if layers else (float(kind.low), float(kind.high))
    bands = []
    for name in ask.bands:
        asset, data_set = located(item, kind.bands[name])
        if asset is None:
            raise BrokenInputError(
                f"item {item.id}", expected=f"an asset for {name}", got=_there(item, kind.bands[name])
            )
        if asset.scale is not None and not np.isclose(asset.scale, SCALE, rtol=1e-6):
            raise BrokenInputError(
                f"item {item.id}, {name}", expected=f"a scale of {SCALE}", got=f"{asset.scale:g}"
            )
        fill = float(kind.fill) if asset.nodata is None else asset.nodata
        bands.append(Band(name, asset.href, SCALE, 0.0, fill, data_set=data_set, mean_of=mean_of))
    for layer, asset, data_set in layers:
        bands.append(Band(layer.name, asset.href, 1.0, 0.0, layer.fill, categorical=True, data_set=data_set))
    sums = [a.etag for b in ask.bands if (a := located(item, kind.bands[b])[0]) is not None and a.etag]
    return Scene(
        id=item.id,
        collection=item.collection,
        moment=item.moment.isoformat(),
        level=kind.key,
        bands=tuple(bands),
        offset_rule="range of the product",
        footprint_wkb=item.footprint_wkb.hex(),
        signing=ask.signing,
        etag=digest(sums) if sums else "",
        orbit=platform_of(item),
    )


def quality_layers(kind: Kind, item: Item, bands: Sequence[str]) -> list[tuple[Quality, Asset, str]]:
    """Return the quality layers that tell of bands, each once, with their assets and data sets."""
    found: dict[str, tuple[Quality, Asset, str]] = {}
    for band in bands:
        places = ((q, *located(item, q.name)) for q in kind.quality[band])
        there = ((q, a, data_set) for q, a, data_set in places if a is not None)
        if first := next(there, None):
            found.setdefault(first[0].name, first)
    return list(found.values())


def located(item: Item, tail: str) -> tuple[Asset | None, str]:
    """Return the asset whose name ends so, and no data set; or an item's HDF4 file and the data set in it.

    The latter where an item has nothing else. Before the end may stand `250m_16_days_` or `sur_refl_`.
    """
    ending = re.compile(rf"(?:^|[_ ]){re.escape(tail)}$", re.I)
    found = [a for a in item.assets if ending.search(a.name.replace(" ", "_"))]
    if found:
        return min(found, key=lambda a: (len(a.name), a.name)), ""
    whole = next((a for a in item.assets if _is_hdf4(a)), None)
    if whole is None or any("tif" in a.media_type for a in item.assets):
        return None, ""
    return whole, tail


def platform_of(item: Item) -> str:
    """Return terra, aqua or both: two satellites' looks of one day are two; empty where nothing tells.

    >>> from datetime import datetime
    >>> platform_of(Item("MYD13Q1.A2022009.h09v06.061", "", datetime.min, b"", ()))
    'aqua'
    """
    start = re.match(r"(?:SYNTHETIC_)?(MOD|MYD|MCD)", item.id.upper())
    said = str(item.properties.get("platform") or "").lower()
    return {"MOD": "terra", "MYD": "aqua", "MCD": "terra, aqua"}[start[1]] if start else said


def _there(item: Item, tail: str) -> str:
    refused = {k: v for k, v in item.properties.get("eomap:refused", {}).items() if k.endswith(tail)}
    if refused:
        return str(next(iter(refused.values())))
    return "none of that name"


def _is_hdf4(asset: Asset) -> bool:
    return "hdf" in asset.media_type or asset.href.lower().endswith(".hdf")


def coded(kind: Kind) -> Callable[[npt.NDArray[Any], Band], U16]:
    """Return what turns a product's numbers (y, x) into codes; 0 where one is not within its valid range."""
    low, high = kind.low, kind.high

    def made(raw_yx: npt.NDArray[Any], band: Band) -> U16:
        raw = np.asarray(raw_yx)
        valid = (raw >= low) & (raw <= high) & (raw != band.nodata)
        return np.where(valid, np.where(valid, raw, 0).astype(np.int32) - (low - 1), 0).astype(np.uint16)

    return made


def mask_bands(scene: Scene, mask: str) -> tuple[str, ...]:
    """Return the quality layers that a scene has, none for the mask `none`."""
    return () if mask == "none" else tuple(b.name for b in scene.bands if b.categorical)


def clear(kind: Kind) -> Callable[[Pixels, Scene, str], Bool]:
    """Return what says where (y, x) every quality layer of a scene calls its pixels good."""
    rules = {q.name: q.clear for layers in kind.quality.values() for q in layers}

    def made(pixels: Pixels, scene: Scene, mask: str) -> Bool:
        seen = np.ones(next(iter(pixels.values())).shape, bool)
        for name in mask_bands(scene, mask):
            seen &= rules[name](pixels[name])
        return seen

    return made
