"""What an optical satellite sees: surface reflectance, then light through air and clouds, band by band.

A scene is made in blocks. Every block is made with MARGIN_PX more on each side, because light is scattered in
from around, and corners are multiples of 60 m, so that any cut gives the same bits. Axis letters: b band,
k variation, m material, y row (north to south), x column (west to east).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.core.grid import PIXEL_M, Frame
from eomap.kernels.brdf import relative_to_nadir
from eomap.kernels.means import softened, square_means
from eomap.kernels.mixing import mixed
from eomap.kernels.noise import white
from eomap.sensors.sentinel2 import BANDS
from eomap.twin.atmosphere import Air, BandOptics, Optics, optics, toa
from eomap.twin.brdf import SHAPES
from eomap.twin.earth import F32
from eomap.twin.materials import BandTable, Material, band_table

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
MARGIN_PX = 78
"""Thirteen cells: light comes from twelve, and the outermost row of pixels is not yet blurred."""
CELL_PX = 6
"""Side of the squares on which scattered light is computed: the coarsest band's pixel."""
_BLUR_CELLS = 9
"""Three running means of this length make a bell of 270 m standard deviation, after `_BLUR_M`."""
_NADIR_VIEW_DEG = 10.0
_SKYLIGHT = 0.35
"""Share of light that does not come straight from the sun, so that slopes in the shade are not black."""
_GREEN = (Material.BROADLEAF, Material.CONIFER, Material.GRASS, Material.CROP)
_NOISE = {1: 0.0007, 2: 0.0006, 6: 0.0002}
"""Standard deviation of a detector's noise in reflectance by size of pixel: in real scenes without a cloud
B10 spreads by 0.0002."""


@dataclass(frozen=True, slots=True)
class Sun:
    """Where the sun stands over a scene, degrees; azimuth from north through east."""

    zenith_deg: float
    azimuth_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The ground of a frame on a date, ready to be lit."""

    fraction_myx: U8
    """Materials in 255ths; what is left out is shade."""
    style_kyx: F32
    east_yx: F32
    """Rise over run towards the east, and towards the north."""
    north_yx: F32

    def of_rows(self, rows: slice) -> "Ground":
        """Return the ground of some rows."""
        return Ground(
            self.fraction_myx[:, rows], self.style_kyx[:, rows], self.east_yx[rows], self.north_yx[rows]
        )


def illumination(ground: Ground, sun: Sun) -> F32:
    """Return how much more light a slope gets than flat ground (y, x): 1 where flat.

    C-correction turned around, Teillet and others 1982 (doi:10.1080/07038992.1982.10855028).
    """
    tilt = math.radians(sun.zenith_deg)
    up, flat = math.cos(tilt), math.sin(tilt)
    turn = math.radians(sun.azimuth_deg)
    toward = ground.east_yx * np.float32(flat * math.sin(turn)) + ground.north_yx * np.float32(
        flat * math.cos(turn)
    )
    steep = np.sqrt(1 + np.square(ground.east_yx) + np.square(ground.north_yx))
    cos_i = np.maximum((np.float32(up) - toward) / steep, 0)
    return ((cos_i + np.float32(_SKYLIGHT)) / np.float32(up + _SKYLIGHT)).astype(np.float32)


def view_factor(ground: Ground, sun: Sun, view_yx: F32) -> F32:
    """Return reflectance over that seen from straight above (y, x).

    `view_yx`: view zenith in units of 10 degrees, positive where the satellite looks from the sun's side;
    between nadir and there the kernels of Ross and Li are as good as straight.
    """

    def slope(materials: tuple[Material, ...]) -> np.float32:
        shapes = [SHAPES[m] for m in materials]
        vol, geo = (float(np.mean([getattr(s, n) for s in shapes])) for n in ("vol", "geo"))
        ends = [
            float(relative_to_nadir(sun.zenith_deg, _NADIR_VIEW_DEG, a, iso=1.0, vol=vol, geo=geo))
            for a in (0.0, 180.0)
        ]
        return np.float32((ends[0] - ends[1]) / 2)

    green = sum(ground.fraction_myx[m].astype(np.float32) for m in _GREEN) / np.float32(255)
    plants, others = slope(_GREEN), slope((Material.SOIL, Material.ASPHALT, Material.ROCK))
    return (1 + view_yx * (others + (plants - others) * green)).astype(np.float32)


def surface(ground: Ground, band: int, *, table: BandTable, lit_yx: F32) -> F32:
    """Return the reflectance of one band (y, x), blurred over 3 x 3 pixels as an optic does."""
    sharp = mixed(
        ground.fraction_myx,
        ground.style_kyx,
        mean_m=np.ascontiguousarray(table.mean_mb[:, band]),
        spread_km=np.ascontiguousarray(table.spread_kmb[:, :, band]),
    )
    sharp *= lit_yx
    return softened(sharp)


def coarser(field_yx: npt.NDArray[np.floating], factor: int) -> F32:
    """Return means over squares of `factor` pixels; the sides must divide."""
    if factor == 1:
        return np.asarray(field_yx, np.float32)
    return square_means(np.asarray(field_yx, np.float32), factor)


def around(surface_yx: F32, factor: int) -> F32:
    """Return the surface's brightness all around each pixel of `factor` x 10 m, by squares of 60 m.

    `surface_yx` has pixels of that size; the squares are repeated back to them.
    """
    per_cell = CELL_PX // factor
    cells = coarser(surface_yx, per_cell).astype(np.float64)
    for axis in (0, 1) * 3:
        cells = _running_mean(cells, axis)
    return np.repeat(np.repeat(cells.astype(np.float32), per_cell, axis=0), per_cell, axis=1)


def _running_mean(field: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
    """Return means of `_BLUR_CELLS` neighbours; at the ends, where some lack, of those there are."""
    out, count = np.zeros_like(field), np.zeros(field.shape[axis])
    n = field.shape[axis]
    half = min(_BLUR_CELLS // 2, n - 1)
    for k in range(-half, half + 1):  # in a fixed order: running sums would depend on where they begin
        to, of = slice(max(0, -k), n - max(0, k)), slice(max(0, k), n - max(0, -k))
        where: list[slice] = [slice(None)] * 2
        where[axis] = to
        source: list[slice] = [slice(None)] * 2
        source[axis] = of
        out[tuple(where)] += field[tuple(source)]
        count[to] += 1
    return out / np.expand_dims(count, 1 - axis)


def air_optics(satellite: str, sun: Sun, air: Air) -> Optics:
    """Return what the air does to the bands of a satellite (S2A or S2B)."""
    return optics(satellite, min(sun.zenith_deg, 85.0), air)


def above_air(surface_yx: F32, factor: int, at: BandOptics) -> F32:
    """Return reflectance above the air, below any cloud, light from around included."""
    return np.asarray(toa(surface_yx, around(surface_yx, factor), at), np.float32)


def noisy(seen_yx: F32, frame: Frame, factor: int, *, seed: int) -> F32:
    """Return what a detector reads; the noise belongs to the pixel, by its place in the zone's grid."""
    size_m = factor * PIXEL_M
    row, col = -(frame.y0 // size_m), frame.x0 // size_m
    rows, cols = slice(row, row + seen_yx.shape[0]), slice(col, col + seen_yx.shape[1])
    bell = sum(white(rows, cols, seed=seed + k) for k in range(3)) - np.float32(1.5)  # deviation 1/2
    return (seen_yx + bell * np.float32(2 * _NOISE[factor])).astype(np.float32)


def digital_numbers(reflectance: F32, *, offset_dn: int) -> U16:
    """Return digital numbers, reflectance x 10000 plus what the baseline adds: at least 1, as 0 is nodata."""
    return np.clip(np.rint(reflectance * 10_000) + offset_dn, 1, 65_535).astype(np.uint16)


def factor_of(band: str) -> int:
    """Return the side of a Sentinel-2 band's pixel in 10 m pixels: 1, 2 or 6."""
    return BANDS[band] // PIXEL_M


def table_of(satellite: str) -> tuple[BandTable, Mapping[str, int]]:
    """Return a satellite's materials and the place of each band in them."""
    table = band_table(satellite)
    return table, {name: i for i, name in enumerate(table.names)}
