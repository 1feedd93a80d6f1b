"""Where pixels lie on the Earth: the only coordinates that the twin's fields know.

A field is a function of Earth-centred metres, so it has no seam at a tile, a zone border, the antimeridian or
a pole. Axis letters: y row (north to south), x column (west to east).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.core.grid import PIXEL_M, Frame, transformer
from eomap.kernels import noise

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
_AXIS_M, _FLATTENING = 6_378_137.0, 1 / 298.257223563
_ECCENTRICITY2 = _FLATTENING * (2 - _FLATTENING)
_NODE_PX = 32
"""Spacing of the exactly transformed nodes: between them, straight lines err by 2 mm."""


@dataclass(frozen=True, slots=True)
class Points:
    """Places (y, x) on the ellipsoid."""

    lon_deg: F64
    lat_deg: F64
    x_m: F64
    """Earth-centred, EPSG:4978."""
    y_m: F64
    z_m: F64

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, columns."""
        return self.x_m.shape

    @property
    def centre_deg(self) -> tuple[float, float]:
        """Longitude and latitude in the middle."""
        middle = tuple(n // 2 for n in self.shape)
        return float(self.lon_deg[middle]), float(self.lat_deg[middle])

    def fractal(self, wavelength_m: float, seed: int, *, octaves: int, gain: float = 0.5) -> F32:
        """Return a rough field (y, x), mean 0, standard deviation about 1; see `kernels.noise`."""
        return noise.fractal(
            self.x_m, self.y_m, self.z_m, wavelength_m=wavelength_m, seed=seed, octaves=octaves, gain=gain
        )

    def part(self, rows: slice, cols: slice) -> "Points":
        """Return the points of some rows and columns."""
        return Points(*(a[rows, cols] for a in (self.lon_deg, self.lat_deg, self.x_m, self.y_m, self.z_m)))


def points_at(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Points:
    """Return the points of longitudes and latitudes, WGS84 degrees, of any one shape.

    >>> [round(float(v)) for v in (p := points_at(0.0, 90.0)).x_m.ravel()], round(float(p.z_m.ravel()[0]))
    ([0], 6356752)
    """
    lon, lat = np.broadcast_arrays(np.asarray(lon_deg, np.float64), np.asarray(lat_deg, np.float64))
    phi, lam = np.radians(lat), np.radians(lon)
    sin, cos = np.sin(phi), np.cos(phi)
    normal = _AXIS_M / np.sqrt(1 - _ECCENTRICITY2 * sin * sin)
    return Points(
        lon, lat, normal * cos * np.cos(lam), normal * cos * np.sin(lam), normal * (1 - _ECCENTRICITY2) * sin
    )


def points_of(frame: Frame, *, every_px: int = 1) -> Points:
    """Return the centres of a frame's pixels, or of its squares of `every_px` pixels.

    Nodes of the zone's own grid are transformed exactly and joined by straight lines, so that frames of one
    zone agree bit for bit wherever they are cut.
    """
    node_m, size_m = _NODE_PX * PIXEL_M, every_px * PIXEL_M
    x = frame.x0 + (np.arange(frame.width // every_px) + 0.5) * size_m
    y = frame.y0 - (np.arange(frame.height // every_px) + 0.5) * size_m
    col, row = np.floor(x / node_m).astype(np.int64), np.floor(y / node_m).astype(np.int64)
    cols, rows = np.arange(col.min(), col.max() + 2), np.arange(row.min(), row.max() + 2)
    lon, lat = transformer(frame.epsg, 4326).transform(*np.meshgrid(cols * node_m, rows * node_m))
    if lon.max() - lon.min() > 180:  # a frame over the antimeridian
        lon = np.where(lon < 0, lon + 360, lon)
    nodes = points_at(lon, lat)
    along, down = x / node_m - col, y / node_m - row

    def between(values: F64) -> F64:
        lines = values[:, col - cols[0]] * (1 - along) + values[:, col - cols[0] + 1] * along
        return lines[row - rows[0]] * (1 - down)[:, None] + lines[row - rows[0] + 1] * down[:, None]

    return Points(*(between(a) for a in (nodes.lon_deg, nodes.lat_deg, nodes.x_m, nodes.y_m, nodes.z_m)))


@dataclass(frozen=True, slots=True)
class Site:
    """One place of a scattered set: a village, a field's middle, a lake."""

    key: int
    """Unique to the place and the set; the seed of all that is special about it."""
    lon_deg: float
    lat_deg: float


def uniform(seed: int, *keys: npt.ArrayLike) -> F32:
    """Return a number in [0, 1) for each broadcast tuple of whole numbers: a hash, not a sequence."""
    state = np.zeros((1,), dtype=np.uint64)
    for key in (seed, *keys):
        state = (state ^ np.asarray(key).astype(np.int64).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(31))) * np.uint64(0xD6E8FEB86659FD93)
        state = state ^ (state >> np.uint64(32))
    return (state >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def sites(bounds_deg: tuple[float, float, float, float], spacing_m: float, seed: int) -> Iterator[Site]:
    """Yield scattered sites within west, south, east, north, about one per square of `spacing_m`, in order.

    Rows of equal latitude are cut into equal parts, as many as fit, so that no site depends on the bounds.
    Longitudes run on beyond 180 where the bounds do.
    """
    west, south, east, north = bounds_deg
    step_deg = spacing_m / 111_195
    for row in range(math.floor((south + 90) / step_deg), math.floor((north + 90) / step_deg) + 1):
        lat = -90 + (row + 0.5) * step_deg
        if not -90 < lat < 90:
            continue
        count = max(1, int(360 * math.cos(math.radians(lat)) / step_deg))
        part = 360 / count
        cols = np.arange(math.floor((west + 180) / part), math.floor((east + 180) / part) + 1)
        right, up = uniform(seed, row, cols % count), uniform(seed + 1, row, cols % count)
        for col, a, b in zip(cols.tolist(), right.tolist(), up.tolist(), strict=True):
            place = Site(row * 1_000_003 + col % count, -180 + (col + a) * part, -90 + (row + b) * step_deg)
            if west <= place.lon_deg <= east and south <= place.lat_deg <= north:
                yield place


def around(points: Points, margin_m: float) -> tuple[float, float, float, float]:
    """Return west, south, east, north in degrees of the points and a margin around them."""
    south, north = float(points.lat_deg.min()), float(points.lat_deg.max())
    up = margin_m / 111_000
    aside = up / max(0.05, math.cos(math.radians(max(abs(south), abs(north)))))
    return float(points.lon_deg.min()) - aside, south - up, float(points.lon_deg.max()) + aside, north + up


def from_site(points: Points, site: Site, *, angle: float = 0.0) -> tuple[F64, F64]:
    """Return metres (y, x) east and north of a site, in the plane that touches the Earth there.

    With `angle` (radians) the axes are turned counterclockwise. The same in every zone.
    """
    lam, phi = math.radians(site.lon_deg), math.radians(site.lat_deg)
    here = points_at(site.lon_deg, site.lat_deg)
    dx, dy, dz = (
        a - float(b) for a, b in ((points.x_m, here.x_m), (points.y_m, here.y_m), (points.z_m, here.z_m))
    )
    east = -math.sin(lam) * dx + math.cos(lam) * dy
    north = math.cos(phi) * dz - math.sin(phi) * (math.cos(lam) * dx + math.sin(lam) * dy)
    cos, sin = math.cos(angle), math.sin(angle)
    return east * cos + north * sin, north * cos - east * sin
