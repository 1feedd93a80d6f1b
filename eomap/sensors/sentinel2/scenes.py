"""From an item to a scene, and from raw digital numbers to reflectance and clear looks.

Axis letters: y row (north to south), x column (west to east). `_dn` is a digital number.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from eomap.core.plan import digest
from eomap.core.source import Asset, Band, Item, Scene
from eomap.errors import BrokenInputError
from eomap.sensors.sentinel2.names import BANDS, SCENE_CLASS, asset_names, level_of
from eomap.sensors.sentinel2.offset import SCALE, OffsetDecision, offset_of
from eomap.sensors.sentinel2.twins import tile_of


def to_scene(
    item: Item,
    bands: Sequence[str],
    *,
    names: Mapping[str, str] | None = None,
    signing: str = "",
    optional: Sequence[str] = (SCENE_CLASS,),
) -> Scene:
    """Return the scene of an item with the bands asked for, offset folded in.

    `names` maps band to asset; None looks in the item. Bands in `optional` may be missing; any other
    missing band raises BrokenInputError naming item and band.
    """
    names = asset_names(item) if names is None else names
    decision = offset_of(item, names)
    found = []
    for name in bands:
        asset = item.asset(names.get(name, name))
        if asset is not None:
            found.append(_band(item, asset, name, decision))
        elif name not in optional:
            refused = item.properties.get("eomap:refused", {}).get(names.get(name, name))
            raise BrokenInputError(
                f"item {item.id}", expected=f"an asset for band {name}", got=refused or "none of that name"
            )
    sums = [a.etag for n in bands if (a := item.asset(names.get(n, n))) is not None and a.etag]
    return Scene(
        id=item.id,
        collection=item.collection,
        moment=item.moment.isoformat(),
        level=level_of(item),
        bands=tuple(found),
        offset_rule=f"{decision.rule} ({decision.note})" if decision.note else decision.rule,
        footprint_wkb=item.footprint_wkb.hex(),
        signing=signing,
        etag=digest(sums) if sums else "",
        epsg=_epsg(item, [a for n in bands if (a := item.asset(names.get(n, n))) is not None]),
    )


def _epsg(item: Item, assets: Sequence[Asset]) -> int:
    """Return the CRS of an item's pixels: what its assets say, else the zone of its MGRS tile, else 0."""
    said = next((a.epsg for a in assets if a.epsg), 0)
    tile = tile_of(item)
    return said or ((32600 if tile[2] >= "N" else 32700) + int(tile[:2]) if tile else 0)


def _band(item: Item, asset: Asset, name: str, decision: OffsetDecision) -> Band:
    nodata = 0.0 if asset.nodata is None else asset.nodata
    if name not in BANDS:
        return Band(name, asset.href, 1.0, 0.0, nodata, categorical=True)
    scale = SCALE if asset.scale is None else asset.scale
    if not 0 < scale <= 0.01:  # a default of 1 would saturate every pixel without a word
        raise BrokenInputError(f"item {item.id}, band {name}", expected=f"a scale of {SCALE}", got=str(scale))
    return Band(name, asset.href, scale, round(decision.offset_dn * scale, 10), nodata)


def reflectance_dn(raw_yx: npt.NDArray[np.generic], band: Band) -> npt.NDArray[np.uint16]:
    """Return reflectance x 10000 (y, x) of raw digital numbers, 1 to 65535; 0 where unseen.

    Unseen are 0, the band's `nodata` and NaN. Reflectance at or below zero, real over dark water since
    baseline 04.00, becomes 1. Whole numbers stay exact while the band's scale is 0.0001.
    """
    from eomap.kernels.codes import shifted_codes  # numba, which a plan does without

    raw = np.asarray(raw_yx)
    if band.scale == SCALE and raw.dtype.kind in "iu":
        return shifted_codes(raw, round(band.offset / SCALE), band.nodata)
    unseen = (raw == 0) | np.isnan(raw) if raw.dtype.kind == "f" else raw == 0
    if band.nodata is not None:
        unseen |= raw == band.nodata
    value = np.rint((np.where(unseen, 0, raw).astype(np.float64) * band.scale + band.offset) / SCALE)
    out = np.clip(value, 1, 65535).astype(np.uint16)
    out[unseen] = 0
    return out
