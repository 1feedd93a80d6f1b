"""From EnMAP items to scenes, and from their numbers to codes and clear looks.

Axis letters: y row (north to south), x column (west to east).
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.plan import digest
from eomap.core.sensor import U16, Ask, Bool, Pixels
from eomap.core.source import Asset, Band, Item, Scene
from eomap.errors import BrokenInputError
from eomap.sensors.enmap.bands import CENTRE_NM, NO_LIGHT

SCALE, NODATA = 1e-4, -32_768.0
MASKS = ("auto", "quality", "none")
IMAGE = "image"
HIDING = ("quality_cloud", "quality_cloud_shadow", "quality_haze", "quality_cirrus")
"""Quality rasters that say, where they are not 0, that the ground was not seen. Snow is ground: it stays."""
CLASSES, BACKGROUND = "quality_classes", 3
"""Land 1, water 2; 3 lies beside the image."""


def scenes_of(items: Sequence[Item], ask: Ask) -> tuple[list[Scene], list[str]]:
    """Return the scenes of the items' newest processings, and remarks on the others."""
    kept, notes = newest_version(items)
    if dark := [b for b in ask.bands if b in NO_LIGHT]:
        notes.append(f"{', '.join(dark)}: water vapour lets no light through, expect nodata everywhere")
    scenes = []
    for item in kept:
        try:
            scenes.append(to_scene(item, ask))
        except BrokenInputError as problem:
            notes.append(f"set aside: {problem}")
    return scenes, notes


def to_scene(item: Item, ask: Ask) -> Scene:
    """Return the scene of an item with the bands asked for, and the quality rasters that it has.

    Raises BrokenInputError naming the item where there is no image, where its scale means something else, and
    where the mask `quality` is asked for and there is nothing to go by.
    """
    image = _image(item)
    scale = SCALE if image.scale is None else image.scale
    if not 0 < scale <= 0.01:  # a default of 1 would saturate every pixel without a word
        raise BrokenInputError(f"item {item.id}", expected=f"a scale of {SCALE}", got=str(scale))
    nodata = NODATA if image.nodata is None else image.nodata
    offset, ranks = image.offset or 0.0, {name: n for n, name in enumerate(CENTRE_NM, 1)}
    bands = [
        Band(b, image.href, scale, offset, nodata, index=ranks[b], centre_nm=CENTRE_NM[b]) for b in ask.bands
    ]
    found = [a for name in (*HIDING, CLASSES) if (a := item.asset(name)) is not None]
    if ask.mask == "quality" and not found:
        raise BrokenInputError(
            f"item {item.id}", expected="a quality raster", got="none", hint="--mask none takes every pixel"
        )
    if ask.mask != "none":
        fills = {CLASSES: float(BACKGROUND)}
        bands += [Band(a.name, a.href, 1.0, 0.0, fills.get(a.name), categorical=True) for a in found]
    sums = [a.etag for a in (image, *found) if a.etag]
    return Scene(
        id=item.id,
        collection=item.collection,
        moment=item.moment.isoformat(),
        level="L2A",
        bands=tuple(bands),
        offset_rule="item" if image.offset else "none",
        footprint_wkb=item.footprint_wkb.hex(),
        signing=ask.signing,
        etag=digest(sums) if sums else "",
    )


def _image(item: Item) -> Asset:
    named = item.asset(IMAGE) or next((a for a in item.assets if "SPECTRAL_IMAGE" in a.href.upper()), None)
    if named is None:
        refused = item.properties.get("eomap:refused", {}).get(IMAGE)
        raise BrokenInputError(f"item {item.id}", expected="an asset `image`", got=refused or "none")
    return named


def newest_version(items: Sequence[Item]) -> tuple[list[Item], list[str]]:
    """Return the items to use, sorted by id, and one note for each that was processed again later, sorted.

    Names that differ in nothing but version and time of processing are one acquisition.
    """
    newest: dict[str, tuple[tuple[str, ...], Item]] = {}
    notes = []
    for item in sorted(items, key=lambda i: i.id):
        parts = re.search(r"_V(\d{6})(?:_(\d{8}T\d{6}Z))?", item.id)
        acquired = item.id.replace(parts[0], "") if parts else item.id
        mine = tuple(t or "" for t in parts.groups()) if parts else ()
        rank, rival = newest.get(acquired, ((), None))
        if rival is None or mine > rank:
            newest[acquired] = (mine, item)
        if rival is not None:
            older, newer = (rival, item) if mine > rank else (item, rival)
            notes.append(f"{older.id} set aside for {newer.id}, a later processing")
    return [item for _, item in sorted(newest.values(), key=lambda pair: pair[1].id)], sorted(notes)


def coded(raw_yx: npt.NDArray[Any], band: Band) -> U16:
    """Return reflectance x 10000 (y, x), 1 to 65535; 0 where the number is the band's nodata, or NaN.

    A number of 0 is a dark pixel and seen. Reflectance at or below zero, real over water, becomes 1.
    """
    raw = np.asarray(raw_yx)
    unseen = raw == band.nodata
    if raw.dtype.kind == "f":
        unseen |= np.isnan(raw)
    if band.scale == SCALE and not band.offset and raw.dtype.kind in "iu":
        value = np.clip(raw.astype(np.int32), 1, 65_535)
    else:
        factor, shift = band.scale / SCALE, band.offset / SCALE
        value = np.clip(np.rint(np.where(unseen, 0, raw).astype(np.float64) * factor + shift), 1, 65_535)
    out = value.astype(np.uint16)
    out[unseen] = 0
    return out


def mask_bands(scene: Scene, mask: str) -> tuple[str, ...]:
    """Return the quality rasters that a scene has, none for the mask `none`."""
    return () if mask == "none" else tuple(b.name for b in scene.bands if b.categorical)


def clear(pixels: Pixels, scene: Scene, mask: str) -> Bool:
    """Return where (y, x) no quality raster says that the ground was hidden; everywhere without any."""
    seen = np.ones(next(iter(pixels.values())).shape, bool)
    for name in mask_bands(scene, mask):
        if name in pixels:
            seen &= pixels[name] != BACKGROUND if name == CLASSES else pixels[name] == 0
    return seen
