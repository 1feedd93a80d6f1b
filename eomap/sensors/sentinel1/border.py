"""Which pixels of a scene show the ground: not the noise at a swath's border, not layover or shadow.

Older GRD products keep a seam of noise beside their nodata, hundreds of metres wide and far darker than any
ground (I. Ali and others 2018, doi:10.1109/JSTARS.2017.2787650); ESA mended most of it in March 2018
(M. Stasolla and X. Neyt 2018, doi:10.3390/s18103454). Dark there means border, elsewhere calm water.
"""

import numpy as np
import numpy.typing as npt

from eomap.core.sensor import Bool, Pixels
from eomap.core.source import Scene
from eomap.sensors.boxes import dilate
from eomap.sensors.sentinel1.decibels import OFFSET, SCALE
from eomap.sensors.sentinel1.names import CO_POLARISED, TERRAIN

MASKS = ("auto", "border", "none")
BORDER_DB = -30.0
"""In the co-polarised band; the calmest water of the real scenes lies at -28."""
BORDER_PX = 100
"""How far from nodata the noise reaches."""
GROWN_PX = 2
"""Speckle lifts single pixels of the noise above the threshold."""
_BORDER_CODE = round((BORDER_DB - OFFSET) / SCALE)


def _rule(scene: Scene, mask: str) -> str:
    """Return the mask that `auto` means: the border of GRD, nothing of the RTC that had it removed."""
    return ("border" if scene.level == "GRD" else "none") if mask == "auto" else mask


def mask_bands(scene: Scene, mask: str) -> tuple[str, ...]:
    """Return the bands that a mask reads: the co-polarised for the border, and the terrain's mask."""
    terrain = (TERRAIN,) if mask != "none" and scene.band(TERRAIN) else ()
    if _rule(scene, mask) != "border":
        return terrain
    return (*(b for b in CO_POLARISED if scene.band(b)), *terrain)


def margin_px(scene: Scene, mask: str) -> int:
    """Return the distance beyond which no pixel changes a scene's mask."""
    return BORDER_PX + GROWN_PX if _rule(scene, mask) == "border" else 0


def clear(pixels: Pixels, scene: Scene, mask: str) -> Bool:
    """Return where (y, x) a scene shows the ground; pixels that no band saw may be called clear."""
    first = next(iter(pixels.values()))
    shown = np.ones(first.shape, dtype=bool)
    if mask != "none" and TERRAIN in pixels:
        shown &= pixels[TERRAIN] == 0
    if _rule(scene, mask) == "border":
        for name in CO_POLARISED:
            if name in pixels:
                shown &= ~border_noise(pixels[name])
    return shown


def border_noise(code_yx: npt.NDArray[np.uint16]) -> Bool:
    """Return where (y, x) a co-polarised band shows noise: very dark, and near what it did not see."""
    unseen = code_yx == 0
    dark = ~unseen & (code_yx < _BORDER_CODE)
    if not (unseen.any() and dark.any()):
        return np.zeros(code_yx.shape, dtype=bool)
    return dilate(dark & dilate(unseen, BORDER_PX), GROWN_PX)
