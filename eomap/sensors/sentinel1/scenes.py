"""From items to scenes: one delivery of each acquisition, its bands with their meaning, its orbit."""

import re
from collections.abc import Iterable, Mapping, Sequence

import shapely

from eomap.core.plan import digest
from eomap.core.sensor import Ask
from eomap.core.source import Band, Item, Scene
from eomap.errors import BrokenInputError
from eomap.sensors.sentinel1.decibels import meaning_of
from eomap.sensors.sentinel1.names import (
    BANDS,
    CO_POLARISED,
    TERRAIN,
    absolute_orbit,
    asset_names,
    level_of,
    orbit_of,
    platform_of,
)

SAME_SLICE_S = 2.0
"""Another processing moves the middle of a slice by less; the next slice comes 25 seconds later."""
COVERED = 0.9
"""Share of an item's footprint from which on a newer item is taken to replace it."""


def scenes_of(items: Sequence[Item], ask: Ask) -> tuple[list[Scene], list[str]]:
    """Return the scenes of the items' newest deliveries, and remarks on the others."""
    known, notes = [], []
    for item in items:
        try:
            known.append((item, level_of(item, ask.collection)))
        except BrokenInputError as problem:
            notes.append(f"set aside: {problem}")
    kept, twins = newest_delivery(known)
    notes += twins
    scenes = []
    for item, level in kept:
        try:
            scenes.append(to_scene(item, ask, level=level))
        except BrokenInputError as problem:
            notes.append(f"set aside: {problem}")
    return scenes, notes


def to_scene(item: Item, ask: Ask, *, level: str) -> Scene:
    """Return the scene of an item with the bands asked for, and those that its mask may read.

    Raises BrokenInputError naming item and band where a band is missing or its numbers mean nothing.
    """
    names = asset_names(item) if ask.names is None else ask.names
    helpful = [b for b in (*CO_POLARISED, TERRAIN) if b not in ask.bands and b in names]
    helpful = helpful if ask.mask != "none" else []
    bands, rules = [], []
    for name in (*ask.bands, *helpful):
        asset = item.asset(names.get(name, name))
        if asset is None:
            raise BrokenInputError(
                f"item {item.id}", expected=f"an asset for {name}", got=_there(item, names)
            )
        if name == TERRAIN:
            fill = 255.0 if asset.nodata is None else asset.nodata
            bands.append(Band(name, asset.href, 1.0, 0.0, fill, categorical=True))
            continue
        known = meaning_of(asset, level=level, where=f"item {item.id}, {name}")
        bands.append(Band(name, asset.href, known.scale, known.offset, known.nodata, unit=known.unit))
        rules.append(known.rule)
    assets = [a for b in bands if (a := item.asset(names.get(b.name, b.name))) is not None]
    sums = [a.etag for a in assets if a.etag]
    return Scene(
        id=item.id,
        collection=item.collection,
        moment=item.moment.isoformat(),
        level=level,
        bands=tuple(bands),
        offset_rule="; ".join(dict.fromkeys(rules)),
        footprint_wkb=item.footprint_wkb.hex(),
        signing=ask.signing,
        etag=digest(sums) if sums else "",
        epsg=next((a.epsg for a in assets if a.epsg), 0),
        orbit=orbit_of(item),
        platform=platform_of(item),
    )


def _there(item: Item, names: Mapping[str, str]) -> str:
    refused = item.properties.get("eomap:refused", {})
    found = [b for b in BANDS if b in names]
    return ", ".join(found) or "; ".join(map(str, refused.values())) or "none of that name"


def newest_delivery(items: Iterable[tuple[Item, str]]) -> tuple[list[tuple[Item, str]], list[str]]:
    """Return the items to use, with their levels, sorted by id, and one note per item set aside, sorted.

    Items are rivals when satellite, level and absolute orbit agree, their moments lie within two seconds and
    one covers nine tenths of the other: a fast and a final processing, or a product and its cloud-optimised
    copy. The latest processing wins, then the copy, then the last id.
    """
    kept: list[tuple[Item, str]] = []
    notes = []
    for item, level in sorted(items, key=lambda pair: _age(pair[0]), reverse=True):
        rival = next((k for k, other in kept if other == level and _same(k, item)), None)
        if rival is None:
            kept.append((item, level))
        else:
            notes.append(f"{item.id} set aside for {rival.id}, a later delivery of the same")
    return sorted(kept, key=lambda pair: pair[0].id), sorted(notes)


def _same(newer: Item, older: Item) -> bool:
    if abs((newer.moment - older.moment).total_seconds()) > SAME_SLICE_S:
        return False
    if (platform_of(newer), absolute_orbit(newer)) != (platform_of(older), absolute_orbit(older)):
        return False
    shown, footprint = (shapely.from_wkb(i.footprint_wkb) for i in (newer, older))
    return bool(shown.intersection(footprint).area >= COVERED * footprint.area)


def _age(item: Item) -> tuple[str, bool, str]:
    """Return what grows with the newness of a delivery: moment of processing, being a copy, id."""
    keys = ("s1:processing_datetime", "processing:datetime")
    stamps = [re.sub(r"\D", "", str(item.properties.get(k) or "")) for k in keys]
    return next((s[:14] for s in stamps if s), ""), "COG" in item.id.upper(), item.id
