"""Maps that others made, read as a sensor is: one band of one asset, no mask, every pixel as it is."""

from collections.abc import Callable, Sequence

import numpy as np

from eomap.core.sensor import Ask, Bool, Pixels
from eomap.core.source import Asset, Band, Item, Scene

Scenes = Callable[[Sequence[Item], Ask], tuple[list[Scene], list[str]]]


def scenes_by(assets: Sequence[str], band_of: Callable[[str, Asset], Band]) -> Scenes:
    """Return what makes scenes of items by the first of the assets that an item has.

    `band_of` is handed the name of the band and the asset. An item without any is set aside with a remark.
    """

    def made(items: Sequence[Item], ask: Ask) -> tuple[list[Scene], list[str]]:
        scenes, notes = [], []
        for item in sorted(items, key=lambda i: i.id):
            asset = next((a for name in assets if (a := item.asset(name)) is not None), None)
            if asset is None:
                notes.append(f"set aside: item {item.id}; expected an asset {' or '.join(assets)}, got none")
                continue
            scenes.append(
                Scene(
                    id=item.id,
                    collection=item.collection,
                    moment=item.moment.isoformat(),
                    level="map",
                    bands=tuple(band_of(name, asset) for name in ask.bands),
                    offset_rule="map",
                    footprint_wkb=item.footprint_wkb.hex(),
                    signing=ask.signing,
                    etag=asset.etag,
                )
            )
        return scenes, notes

    return made


def no_mask_bands(scene: Scene, mask: str) -> tuple[str, ...]:
    """Return nothing: no band tells clear from cloud."""
    return ()


def clear_where_seen(pixels: Pixels, scene: Scene, mask: str) -> Bool:
    """Return True (y, x) everywhere: what is seen at all is clear."""
    return np.ones(next(iter(pixels.values())).shape, bool)
