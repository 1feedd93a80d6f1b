"""Which pixels of one Sentinel-2 scene show the ground: clear-sky masks, True where clear.

`dn` is a mapping from band name to a (y, x) uint16 array at 10 m, reflectance x 10000 with any offset
already removed, 0 for nodata; coarser bands are repeated to 10 m. Nothing here looks at a whole scene:
a pixel's answer depends on the pixels within `margin_px(method)` of it, so frames may be read in blocks (cut
at multiples of 10 px; ukis alone is not local). docs/explanation/cloud-masks.md has figures on real scenes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from eomap.core.ports import CloudClassifier
from eomap.errors import MisuseError
from eomap.sensors import cloud_spectrum, ukis
from eomap.sensors.boxes import dilate
from eomap.sensors.cloud_shadow import REACH_PX, SunAt, shadow_of
from eomap.sensors.cloud_spectrum import SPECTRAL_BANDS, clear_by_spectrum, has_data, vet_bands, vet_level
from eomap.sensors.water_snow import is_snow, is_water

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]
Bands = Mapping[str, U16]

METHODS = ("auto", "scl", "network", "spectral", "s2cloudless", "ukis", "none")
MARGIN_PX = 200
"""Beyond this distance no pixel changes the masks that `auto` may take."""

SCL_CLEAR = (2, 4, 5, 6, 7, 11)
"""Scene classes taken as clear: vegetation, bare, water, snow, and two that need a reason.

2 (dark area; topographic shadow since baseline 04.00) and 7 (unclassified) are mostly roofs, asphalt, dark
soil and shaded slopes: the same pixels in every look, so that leaving them out would punch permanent
holes into cities. Not clear: 0 nodata, 1 saturated, 3 cloud shadow, 8 and 9 cloud, 10 thin cirrus.
"""

NETWORK_BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
NETWORK_SHADOW, NETWORK_CLEAR = 3, (0, 4)
"""Classes of our network that show the ground: clear and snow; not thin cloud, thick cloud, cloud shadow.

Shadow on water counts as clear too: the network takes murky lakes for it.
"""
NETWORK_CLOUD, SHADOW_REACH_PX = (1, 2), 60
"""Shadow counts within 600 m of a cloud that the network sees: dark wet ground far from any is none. On the
labelled scene that changes no score; on the twin it costs a seventh of the shadow that was found, on the
Havel it spares seven tenths of the forest that was none (docs/explanation/cloud-masks.md)."""
_SCL_GROWS = (3, 8, 9, 10)
"""What a buffer grows from: cloud shadow, clouds, cirrus; neither nodata nor snow."""
S2CLOUDLESS_BANDS = ("B01", "B02", "B04", "B05", "B08", "B8A", "B09", "B10", "B11", "B12")
S2CLOUDLESS_CELL_PX = 5
"""s2cloudless sees 50 m cells, near its usual 60 m: 5 px divide the 100 m that frames align to."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a mask may know beside the pixels, and how wide it is drawn."""

    origin_px: tuple[int, int] = (0, 0)
    """Row and column of the first pixel, counted from the zone's origin; the network's squares hang on it."""
    sun: SunAt | None = None
    """Where the sun stood: without it methods that see no shadow (spectral, s2cloudless) look for none."""
    buffer_m: float | None = None
    """How far what is not clear grows; None is the method's own, see BUFFER_M."""


BUFFER_M = MappingProxyType({"scl": 0.0, "network": 0.0, "ukis": 0.0})
"""Growth in metres where the caller says nothing: none, as composites of the twin were no better for it
(docs/explanation/cloud-masks.md); spectral and s2cloudless carry their own inside."""


def clear_mask(
    dn: Bands,
    scl_yx: U8 | None,
    *,
    level: str,
    method: str,
    classify: CloudClassifier | None = None,
    setting: Setting = Setting(),
) -> tuple[Bool, str]:
    """Return the clear mask (y, x) and the method that made it.

    `auto` takes the scene classification where there is one (`scl_yx` at 10 m), else our network where it is
    handed in (`classify`), else the spectral rule. `none` calls every pixel clear that is nonzero in all
    bands of `dn`. Raises MisuseError on an unknown method or level, on `scl` without a classification, on
    `network` without a network, and on what the methods themselves refuse.
    """
    used = _method(method, has_scl=scl_yx is not None, has_network=classify is not None)
    vet_level(level)
    if used == "none":
        return has_data(dn, tuple(dn)), used
    if used == "scl":
        if scl_yx is None:
            raise MisuseError("cloud mask scl", expected="a scene with SCL", got="none", hint="use auto")
        clear = scl_clear(scl_yx)
        if dn:
            clear &= has_data(dn, tuple(dn))
        if radius := _buffer_px(used, setting):
            clear &= ~dilate(np.isin(scl_yx, _SCL_GROWS), radius)
        return clear, used
    if used == "network":
        if classify is None:
            raise MisuseError("cloud mask network", expected="the network", got="none", hint="use auto")
        return _clear_by_network(dn, level, classify, setting), used
    if used == "ukis":
        vet_bands(dn, ukis.BANDS)
        hidden = ukis.classes_by_ukis(dn, level) != ukis.CLEAR
        return has_data(dn, ukis.BANDS) & ~dilate(hidden, _buffer_px(used, setting)), used
    clear = (clear_by_spectrum if used == "spectral" else clear_by_s2cloudless)(dn, level)
    return clear & ~_cast(dn, clear, setting), used


def _method(method: str, *, has_scl: bool, has_network: bool) -> str:
    if method not in METHODS:
        raise MisuseError("cloud mask", expected=" or ".join(METHODS), got=repr(method))
    if method != "auto":
        return method
    return "scl" if has_scl else "network" if has_network else "spectral"


def margin_px(method: str, *, has_scl: bool = False, setting: Setting = Setting()) -> int:
    """Return how many pixels more on each side a block needs for the same mask as the whole scene.

    >>> margin_px("none"), margin_px("spectral"), margin_px("auto", has_scl=True)
    (0, 12, 0)
    """
    used = _method(method, has_scl=has_scl, has_network=True)
    own = {
        "network": 128 + SHADOW_REACH_PX,
        "spectral": cloud_spectrum.MARGIN_PX,
        "s2cloudless": 30,
        "ukis": ukis.MARGIN_PX,
    }
    cast = REACH_PX if setting.sun and used in ("spectral", "s2cloudless") else 0
    return own.get(used, 0) + cast + _buffer_px(used, setting)


def _buffer_px(method: str, setting: Setting) -> int:
    grown_m = BUFFER_M.get(method, 0.0) if setting.buffer_m is None else setting.buffer_m
    return round(grown_m / 10)


def _clear_by_network(dn: Bands, level: str, classify: CloudClassifier, setting: Setting) -> Bool:
    vet_bands(dn, NETWORK_BANDS)
    bands = [dn[n] for n in NETWORK_BANDS]
    found = classify(bands, corrected=level == "L2A", origin_px=setting.origin_px)
    seen = has_data(dn, NETWORK_BANDS)
    cast = dilate(np.isin(found, NETWORK_CLOUD), SHADOW_REACH_PX) & ~is_water(dn)
    hidden = seen & ~np.isin(found, NETWORK_CLEAR) & ((found != NETWORK_SHADOW) | cast)
    return seen & ~dilate(hidden, _buffer_px("network", setting))


def _cast(dn: Bands, clear: Bool, setting: Setting) -> Bool:
    """Return where shadows lie of what is not clear; nowhere without a sun."""
    if setting.sun is None:
        return np.zeros(clear.shape, bool)
    seen = has_data(dn, SPECTRAL_BANDS)
    return shadow_of(seen & ~clear, dn["B08"], spared_yx=is_snow(dn) | is_water(dn), sun=setting.sun)


def bands_needed(level: str, method: str) -> tuple[str, ...]:
    """Return the bands that a method reads; SCL among them is taken only where the scene has it.

    >>> bands_needed("L1C", "auto")
    ('B02', 'B03', 'B04', 'B08', 'B11', 'B12')
    """
    vet_level(level)
    spectral = (*SPECTRAL_BANDS, "B10") if level == "L1C" else SPECTRAL_BANDS
    automatic = (*NETWORK_BANDS, "SCL") if level == "L2A" else NETWORK_BANDS
    needed = {
        "auto": automatic,
        "scl": ("SCL",),
        "network": NETWORK_BANDS,
        "spectral": spectral,
        "s2cloudless": S2CLOUDLESS_BANDS,
        "ukis": ukis.BANDS,
        "none": (),
    }
    if method not in needed:
        raise MisuseError("cloud mask", expected=" or ".join(METHODS), got=repr(method))
    return needed[method]


def scl_clear(scl_yx: U8) -> Bool:
    """Return True where the scene classification (Sen2Cor) names one of `SCL_CLEAR`."""
    from eomap.kernels.codes import named  # numba, which a plan does without

    return named(_SCL_CLEAR, scl_yx.astype(np.uint8, copy=False))


_SCL_CLEAR = np.isin(np.arange(256), SCL_CLEAR)


def clear_by_s2cloudless(dn: Bands, level: str) -> Bool:
    """Return True (y, x) where s2cloudless sees no cloud; L1C only, package `s2cloudless` needed.

    Probability on 50 m cells (means of seen pixels), averaged over a disk of 4 cells, cut at .4, grown
    by 2 cells: its authors' settings for coarse pixels (Sentinel Hub cloud detector). Raises MisuseError
    on L2A, where a band is missing, and where the package is not installed.
    """
    vet_level(level)
    if level != "L1C":
        raise MisuseError(
            "cloud mask s2cloudless", expected="L1C, for which it was trained", got=level, hint="auto"
        )
    vet_bands(dn, S2CLOUDLESS_BANDS)
    try:
        from s2cloudless import S2PixelCloudDetector
    except ImportError:
        raise MisuseError(
            "cloud mask s2cloudless",
            expected="the package s2cloudless",
            got="none",
            hint="pip install 'eomap[s2cloudless]'",
        ) from None
    seen_yx = has_data(dn, S2CLOUDLESS_BANDS)
    count = np.maximum(_cell_sum(seen_yx), 1)
    cells = np.stack([_cell_sum(np.where(seen_yx, dn[n], 0)) / count for n in S2CLOUDLESS_BANDS], axis=-1)
    detector = S2PixelCloudDetector(threshold=0.4, average_over=4, dilation_size=2)
    cloud_rc = detector.get_cloud_masks(cells[None] / 10_000, num_threads=1)[0].astype(bool)
    height, width = seen_yx.shape
    cloud_yx = np.kron(cloud_rc, np.ones((S2CLOUDLESS_CELL_PX,) * 2, bool))[:height, :width]
    return seen_yx & ~cloud_yx


def _cell_sum(value_yx: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    side = S2CLOUDLESS_CELL_PX
    height, width = value_yx.shape
    padded = np.pad(value_yx, ((0, -height % side), (0, -width % side)))
    return padded.reshape(-(-height // side), side, -(-width // side), side).sum(axis=(1, 3), dtype=np.int64)
