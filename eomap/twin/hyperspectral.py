"""What EnMAP delivers of the twin's ground: 224 bands of surface reflectance, and the masks beside them.

As level 2A of DLR: int16, 1e-4 of reflectance, bands in the order of the instrument (visible and near
infrared, then shortwave infrared, which overlap at 900 to 993 nm), nodata where water vapour lets no light
through. Every band looks at the same ground (no keystone, no smile) and of the orthorectification only the
slant of its stripes is kept. Light that is scattered in from around a pixel, and what the correction for it
gets wrong, are left out. Axis letters: b band, k variation, m material, y row (north to south), x column.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.mixing import mixed
from eomap.kernels.noise import white
from eomap.twin.atmosphere import Optics, boa, toa
from eomap.twin.earth import F32, uniform
from eomap.twin.materials import BandTable, Material, band_table
from eomap.twin.optical import Ground, coarser
from eomap.twin.shift import Laid
from eomap.twin.sky import SHADOW, THICK_CLOUD, THIN_CLOUD, Sky, through

I16 = npt.NDArray[np.int16]
U8 = npt.NDArray[np.uint8]
PIXEL_M = 30
NODATA, SCALE = -32_768, 1e-4
NO_LIGHT = slice(129, 135)
"""Bands 130 to 135, 1331 to 1391 nm: nodata in every pixel of the real tiles of Potsdam."""
_FLOOR_DN = {
    418: 15.5, 450: 8.5, 500: 6.0, 600: 4.5, 740: 4.5, 800: 8.0, 900: 11.0, 940: 13.0, 1000: 5.0, 1060: 2.5,
    1125: 20.0, 1180: 3.0, 1320: 3.0, 1400: 30.0, 1460: 8.0, 1520: 3.2, 1700: 4.0, 1760: 10.0, 1950: 35.0,
    2000: 16.0, 2100: 11.0, 2150: 10.0, 2300: 14.0, 2400: 22.0, 2446: 32.0,
}  # fmt: skip
"""Noise of dark pixels at wavelengths in nm, DN: median absolute differences from the mean of 3 x 3 pixels
in the real clip of the sea, drawn on between its bands."""
_SIGNAL_TO_NOISE = 500.0
"""Of bright pixels, where photons count; with the floor 400 at 700 nm, 230 at 2200 nm (reflectance 0.3)."""
_STRIPE_GAIN, _STRIPE_OFFSET = 0.002, 0.2
"""Standard deviations of a detector's gain, and of its offset in noise floors."""
_HEADING_DEG = 192.0
"""Direction of flight, down the day side; detectors lie across it."""
_DEFECTIVE = 15 / (224 * 1000)
"""Share of detectors that are dead: 2 and 13 of those of a real scene."""
_WATER_SHARE, _SNOW_SHARE = 0.5, 0.4
MASKS: Mapping[str, str] = MappingProxyType(
    {
        "quality_classes": "QL_QUALITY_CLASSES",
        "quality_cloud": "QL_QUALITY_CLOUD",
        "quality_cloud_shadow": "QL_QUALITY_CLOUDSHADOW",
        "quality_haze": "QL_QUALITY_HAZE",
        "quality_cirrus": "QL_QUALITY_CIRRUS",
        "quality_snow": "QL_QUALITY_SNOW",
        "defective_pixel_mask": "QL_PIXELMASK",
    }
)
"""Asset key of the catalogue, end of the file's name before `_COG.TIF`; QL_QUALITY_TESTFLAGS is left out."""
LAND, WATER = 1, 2
"""Codes of QL_QUALITY_CLASSES; 3 is the background, its nodata, which the twin has none of."""
HAZY, ICY = 0.3, 0.1
"""Optical depths, of aerosol at 550 nm and of ice clouds, from which a pixel counts as haze and cirrus."""
_BRIDGED = 0.2
"""Gases that let through less are taken as letting through so much: the correction draws over the gap."""


@dataclass(frozen=True, slots=True, eq=False)
class Above:
    """What lies between a scene's ground and the satellite, at 30 m."""

    sky: Sky
    air: Optics
    sun_zenith_deg: float
    aerosol_yx: F32
    """Optical depth of the aerosol at 550 nm."""
    laid: Laid | None = None
    """What is out of the ordinary there; nobody corrects for it."""


def scene(
    ground: Ground,
    lit_yx: F32,
    above: Above,
    *,
    rows: slice,
    cols: slice,
    seed: int,
    name: str,
    table: BandTable | None = None,
) -> tuple[F32, dict[str, U8]]:
    """Return reflectance (b, y, x), NaN nodata, and the masks of MASKS, at whole 30 m pixels of a zone.

    The ground and its light have pixels of 10 m, nine to one of 30 m. `table`: other responses than EnMAP's.
    """
    fraction, style = averaged(ground.fraction_myx, ground.style_kyx)
    sky = above.sky
    veil = veil_of(above) if touched_by(above).any() else None
    image = enmap_image(
        fraction,
        style,
        rows=rows,
        cols=cols,
        seed=seed,
        scene=name,
        lit_yx=coarser(lit_yx, 3),
        veil=veil,
        table=table,
    )
    classes, cirrus = sky.classes(), sky.cirrus_yx >= ICY
    masks = quality_masks(
        fraction,
        rows=rows,
        cols=cols,
        seed=seed,
        scene=name,
        cloud_yx=(classes == THICK_CLOUD) | ((classes == THIN_CLOUD) & (sky.tau_yx > sky.cirrus_yx)),
        shadow_yx=classes == SHADOW,
        haze_yx=above.aerosol_yx >= HAZY,
        cirrus_yx=cirrus,
    )
    cube = image * np.float32(SCALE)
    cube[image == NODATA] = np.nan
    return cube, masks


def touched_by(above: Above) -> npt.NDArray[np.bool_]:
    """Return which pixels (y, x) a cloud, its shadow or a shift touches."""
    sky = above.sky
    touched = (sky.tau_yx > 0) | (sky.cirrus_yx > 0) | (sky.lit_yx < 1)
    return touched if above.laid is None else touched | (above.laid.share_yx > 0)


def veil_of(above: Above) -> Callable[[int, F32], F32]:
    """Return what clouds and shifts make of a band's surface reflectance, its number and (y, x) given.

    Clouds hide and shade; the correction knows the air but neither. Pixels without are as they were.
    """
    table, sky, touched = band_table("ENMAP"), above.sky, touched_by(above)

    def veiled(band: int, surface_yx: F32) -> F32:
        at = above.air.band(table.names[band])
        at = replace(at, gas=max(at.gas, _BRIDGED))
        top = np.asarray(toa(surface_yx, surface_yx, at), np.float32)
        nm = float(table.centre_nm[band])
        seen = through(top, sky, at=at, wavelength_nm=nm, sun_zenith_deg=above.sun_zenith_deg)
        if above.laid is not None:
            seen = above.laid.over(seen, centre_nm=nm)
        return np.where(touched, boa(seen, at), surface_yx).astype(np.float32)

    return veiled


def averaged(fraction_myx: U8, style_kyx: F32) -> tuple[U8, F32]:
    """Return fractions in 255ths and styles of 30 m pixels, means of 3 x 3 of 10 m; sides divide by 3."""
    height, width = fraction_myx.shape[1:]
    if height % 3 or width % 3:
        raise MisuseError("ground of EnMAP", expected="sides that 3 divides", got=f"{height} x {width}")

    def mean(values: npt.NDArray[np.generic]) -> F32:
        total = np.zeros((len(values), height // 3, width // 3), np.float32)
        for y in range(3):
            for x in range(3):
                total += values[:, y::3, x::3]
        return (total / 9).astype(np.float32)

    return np.rint(mean(fraction_myx)).astype(np.uint8), mean(style_kyx)


def enmap_image(
    fraction_myx: U8,
    style_kyx: F32,
    *,
    rows: slice,
    cols: slice,
    seed: int,
    scene: str,
    lit_yx: F32 | None = None,
    veil: Callable[[int, F32], F32] | None = None,
    table: BandTable | None = None,
) -> I16:
    """Return a scene's reflectance (b, y, x), DN, of whole row and column numbers of a zone's 30 m grid.

    `fraction_myx` (255ths) and `style_kyx` as of `averaged`. Noise and stripes belong to the scene, a name;
    a pixel depends on nothing around it. `lit_yx`: light over that on flat ground; `veil` as of `veil_of`.
    """
    _vet(fraction_myx, rows, cols)
    table = table or band_table("ENMAP")
    detector, slot = _detectors(rows, cols)
    out = np.full((len(table.names), *fraction_myx.shape[1:]), NODATA, np.int16)
    for band in range(len(table.names)):
        if band in range(*NO_LIGHT.indices(len(table.names))):
            continue
        key = _key(seed, scene, band)
        reflectance = mixed(
            fraction_myx,
            style_kyx,
            mean_m=np.ascontiguousarray(table.mean_mb[:, band]),
            spread_km=np.ascontiguousarray(table.spread_kmb[:, :, band]),
        )
        if lit_yx is not None:
            reflectance *= lit_yx
        if veil is not None:
            reflectance = veil(band, reflectance)
        dn = reflectance * np.float32(1 / SCALE)
        floor_dn = noise_floor_dn(float(table.centre_nm[band]))
        # Two uniform draws, so that no noise is wilder than 2.4 standard deviations.
        noise = white(rows, cols, seed=key) + white(rows, cols, seed=key + 1) - np.float32(1)
        sigma = np.sqrt(np.float32(floor_dn**2) + np.square(dn / np.float32(_SIGNAL_TO_NOISE)))
        gain, offset = (_signed(key + k, detector)[slot] for k in (2, 3))
        dn = dn * (1 + np.float32(_STRIPE_GAIN) * gain) + np.float32(_STRIPE_OFFSET * floor_dn) * offset
        dn += sigma * noise * np.float32(math.sqrt(6))
        out[band] = np.rint(np.clip(dn, -2_000, 30_000)).astype(np.int16)
    return out


def noise_floor_dn(wavelength_nm: float) -> float:
    """Return the standard deviation of the noise of a dark pixel, DN."""
    return float(np.interp(wavelength_nm, [*_FLOOR_DN], [*_FLOOR_DN.values()]))


def quality_masks(
    fraction_myx: U8,
    *,
    rows: slice,
    cols: slice,
    seed: int,
    scene: str,
    cloud_yx: npt.NDArray[np.bool_],
    shadow_yx: npt.NDArray[np.bool_],
    haze_yx: npt.NDArray[np.bool_],
    cirrus_yx: npt.NDArray[np.bool_],
) -> dict[str, U8]:
    """Return the masks of MASKS by asset key, each (y, x) but for the defective pixels, (b, y, x).

    Truth, not a processor's guess. Water and snow are where half and two fifths of a pixel are; classes
    LAND and WATER, all others 0 or 1. Clouds hide the water and snow beneath.
    """
    _vet(fraction_myx, rows, cols)
    share = fraction_myx.astype(np.float32) / np.float32(255)
    water = (share[Material.WATER] >= _WATER_SHARE) & ~cloud_yx
    snow = (share[Material.SNOW] >= _SNOW_SHARE) & ~cloud_yx
    detector, slot = _detectors(rows, cols)
    bands = range(len(band_table("ENMAP").names))
    dead = [uniform(_key(seed, "detectors", b), detector) < _DEFECTIVE for b in bands]
    flags = {
        "quality_cloud": cloud_yx,
        "quality_cloud_shadow": shadow_yx & ~cloud_yx,
        "quality_haze": haze_yx & ~cloud_yx,
        "quality_cirrus": cirrus_yx,
        "quality_snow": snow,
        "defective_pixel_mask": np.stack([d[slot] for d in dead]),
    }
    classes = np.where(water, np.uint8(WATER), np.uint8(LAND))
    return {"quality_classes": classes} | {name: flag.astype(np.uint8) for name, flag in flags.items()}


def _vet(fraction_myx: U8, rows: slice, cols: slice) -> None:
    expected = (len(Material), rows.stop - rows.start, cols.stop - cols.start)
    if fraction_myx.shape != expected:
        raise MisuseError("image of EnMAP", expected=f"fractions {expected}", got=str(fraction_myx.shape))


def _detectors(rows: slice, cols: slice) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the numbers of the detectors in use, and for each pixel (y, x) its place among them."""
    turn = math.radians(_HEADING_DEG)
    down, along = np.arange(rows.start, rows.stop)[:, None], np.arange(cols.start, cols.stop)[None, :]
    number = np.floor(along * -math.cos(turn) - down * math.sin(turn)).astype(np.int64)
    first = int(number.min()) if number.size else 0
    used = np.arange(first, int(number.max()) + 1 if number.size else 0)
    return used, number - first


def _signed(key: int, detector: npt.NDArray[np.int64]) -> F32:
    """Return a number of mean 0 and deviation 1 for each detector."""
    return (uniform(key, detector) - np.float32(0.5)) * np.float32(math.sqrt(12))


def _key(seed: int, scene: str, band: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{scene}/{band}".encode()).digest()[:4], "big")
