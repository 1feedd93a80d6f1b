"""Where clouds may cast their shadow: for masks that find clouds and no shadows.

The cloud mask is moved away from the sun by the shadow's length for every height that the clouds may have;
what is dark there, compared with the clear land around, is shadow (the idea of Braaten, Cohen and Yang 2015,
doi:10.1016/j.rse.2015.08.006, and of the masks built on s2cloudless). Whole numbers only, so that any cut
with REACH_PX more on each side gives the same mask. Axis letters: y row (north to south), x column.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.sensors.boxes import box_sum, dilate

Bool = npt.NDArray[np.bool_]
U16 = npt.NDArray[np.uint16]
LOWEST_M, HIGHEST_M = 200.0, 4_000.0
"""Heights above the ground from which clouds are taken to cast shadows."""
CELL_PX = 2
_REACH_CELLS, _AROUND_CELLS = 96, 30
REACH_PX = CELL_PX * (_REACH_CELLS + _AROUND_CELLS + 2)
"""Beyond this distance no pixel changes any shadow; shadows that fall further than 1.9 km are not sought."""
_DARK_TENTHS = 7
"""Shadow has less than this share of the near infrared of the clear land within 600 m."""


@dataclass(frozen=True, slots=True)
class SunAt:
    """Where the sun stands over a scene, degrees; azimuth from north through east."""

    zenith_deg: float
    azimuth_deg: float

    def __post_init__(self) -> None:
        if not (0 <= self.zenith_deg < 90 and 0 <= self.azimuth_deg <= 360):
            got = f"zenith {self.zenith_deg}, azimuth {self.azimuth_deg}"
            raise MisuseError("cloud shadow", expected="a sun above the horizon, degrees", got=got)


def shadow_of(cloud_yx: Bool, nir_yx: U16, *, spared_yx: Bool, sun: SunAt, pixel_m: float = 10.0) -> Bool:
    """Return True (y, x) where clouds may cast their shadow and the ground is dark; what is spared never is.

    `spared_yx`: snow and water. `nir_yx`: near infrared, reflectance x 10000, 0 unseen.
    Rows run from north to south.
    """
    height, width = cloud_yx.shape
    cloud, seen = _cells(cloud_yx), _cells(nir_yx > 0) == CELL_PX**2
    nir = _cells(np.where(cloud_yx, 0, nir_yx))
    clear = seen & (cloud == 0)
    light = box_sum(np.where(clear, nir // CELL_PX**2, 0), _AROUND_CELLS).astype(np.int64)
    count = box_sum(clear, _AROUND_CELLS).astype(np.int64)
    dark = clear & (10 * count * (nir // CELL_PX**2) < _DARK_TENTHS * light)
    met = np.zeros(cloud.shape, bool)
    for down, right in shifts(sun, cell_m=pixel_m * CELL_PX):
        _or_moved(met, cloud > 0, down, right)
    shadow = dilate(met, 1) & dark
    fine = np.repeat(np.repeat(shadow, CELL_PX, axis=0), CELL_PX, axis=1)[:height, :width]
    return fine & ~spared_yx & ~cloud_yx & (nir_yx > 0)


def shifts(sun: SunAt, *, cell_m: float) -> list[tuple[int, int]]:
    """Return rows down and columns right from clouds to shadows, one pair for each step of their height.

    >>> shifts(SunAt(45, 180), cell_m=500)[-1]
    (-8, 0)
    """
    slant = math.tan(math.radians(sun.zenith_deg))
    away = math.radians(sun.azimuth_deg + 180)
    far_m = min(HIGHEST_M * slant, _REACH_CELLS * cell_m)
    lengths = np.arange(LOWEST_M * slant, far_m + cell_m, cell_m)
    pairs = ((-math.cos(away) * v / cell_m, math.sin(away) * v / cell_m) for v in np.minimum(lengths, far_m))
    return list(dict.fromkeys((round(r), round(c)) for r, c in pairs))


def _or_moved(out: Bool, mask: Bool, down: int, right: int) -> None:
    rows, cols = (
        (slice(max(0, k), n + min(0, k)), slice(max(0, -k), n + min(0, -k)))
        for k, n in zip((down, right), mask.shape, strict=True)
    )
    if rows[0].start < rows[0].stop and cols[0].start < cols[0].stop:
        out[rows[0], cols[0]] |= mask[rows[1], cols[1]]


def _cells(value_yx: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    height, width = value_yx.shape
    padded = np.pad(value_yx, ((0, -height % CELL_PX), (0, -width % CELL_PX)))
    cells = padded.reshape(-(-height // CELL_PX), CELL_PX, -(-width // CELL_PX), CELL_PX)
    return cells.sum(axis=(1, 3), dtype=np.int64)
