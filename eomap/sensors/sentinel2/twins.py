"""One acquisition delivered twice: the newest processing wins, whatever the order of the answer."""

import re
from collections.abc import Iterable

import shapely
from shapely.geometry.base import BaseGeometry

from eomap.core.source import Item
from eomap.sensors.sentinel2.names import baseline_of, level_of, product_names

SAME_PASS_S = 60.0
"""Reprocessing moves the stated moment by milliseconds to seconds; the next pass comes 100 minutes later."""
COVERED = 0.9
"""Share of an item's footprint from which on newer items are taken to replace it."""


def tile_of(item: Item) -> str:
    """Return the MGRS tile of an item, such as 32TMT; empty where nothing tells."""
    texts = [str(item.properties.get(k) or "") for k in ("s2:mgrs_tile", "grid:code")]
    for text in (*texts, *product_names(item)):
        if match := re.search(r"(?:^|MGRS-|_T|_)(\d{1,2}[C-X][A-Z]{2})(?=_|\.|$)", text.upper()):
            return match[1].zfill(5)
    return ""


def newest_baseline(items: Iterable[Item]) -> tuple[list[Item], tuple[str, ...]]:
    """Return the items to use, sorted by id, and one note per item set aside, sorted.

    Items are rivals when platform, level and MGRS tile agree and their moments lie within a minute.
    The newest baseline comes first, then the latest generation, then the last id. An item is set
    aside when those before it cover nine tenths of its footprint, so that the two halves of a pass
    that was delivered in two products are both kept. An unknown baseline counts as the oldest.
    """
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        groups.setdefault(_identity(item), []).append(item)
    kept: list[Item] = []
    notes: list[str] = []
    for group in groups.values():
        for rivals in _passes(group):
            _settle(rivals, kept, notes)
    return sorted(kept, key=lambda i: i.id), tuple(sorted(notes))


def _identity(item: Item) -> tuple[str, ...]:
    match = next((m for n in product_names(item) if (m := re.match(r"(S2[A-D])_", n))), None)
    platform = match[1] if match else str(item.properties.get("platform", "")).upper()
    level = level_of(item)
    return platform.replace("SENTINEL-", "S"), level, tile_of(item)


def _passes(group: list[Item]) -> list[list[Item]]:
    """Return the items of one platform and tile, split wherever more than a minute lies between two."""
    passes: list[list[Item]] = []
    for item in sorted(group, key=lambda i: (i.moment, i.id)):
        near = passes and (item.moment - passes[-1][-1].moment).total_seconds() <= SAME_PASS_S
        if near:
            passes[-1].append(item)
        else:
            passes.append([item])
    return passes


def _settle(rivals: list[Item], kept: list[Item], notes: list[str]) -> None:
    """Add to `kept` the rivals that show something new, to `notes` the others."""
    winners: list[Item] = []
    seen: BaseGeometry = shapely.Polygon()
    for item in sorted(rivals, key=_age, reverse=True):
        footprint = shapely.from_wkb(item.footprint_wkb)
        if winners and seen.intersection(footprint).area >= COVERED * footprint.area:
            newest = winners[0]
            notes.append(f"{item.id} ({_said(item)}) set aside for {newest.id} ({_said(newest)})")
            continue
        winners.append(item)
        seen = seen.union(footprint)
    kept.extend(winners)


def _age(item: Item) -> tuple[int, str, str]:
    """Return what grows with the newness of a processing: baseline, time of generation, id."""
    baseline = baseline_of(item)
    stamps = [str(item.properties.get(k) or "") for k in ("s2:generation_time", "processing:datetime")]
    generated = "".join(ch for ch in next((s for s in stamps if s), "") if ch.isdigit())[:14]
    if not generated:
        tails = (re.search(r"_(\d{8}T\d{6})(?:\.SAFE)?$", n) for n in product_names(item))
        generated = next((m[1].replace("T", "") for m in tails if m), "")
    return -1 if baseline is None else baseline, generated, item.id


def _said(item: Item) -> str:
    baseline = baseline_of(item)
    return "baseline unknown" if baseline is None else f"baseline {baseline // 100:02d}.{baseline % 100:02d}"
