"""Where pixels lie on the Earth: the only coordinates that the twin's fields know.

A field is a function of Earth-centred metres, so it has no seam at a tile, a zone border, the antimeridian or
a pole. Axis letters: y row (north to south), x column (west to east).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import PIXEL_M, Frame, transformer
from eomap.kernels import noise
from eomap.kernels.knots import between_knots
from eomap.kernels.upsample import MARGIN, upsampled

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
_AXIS_M, _FLATTENING = 6_378_137.0, 1 / 298.257223563
_ECCENTRICITY2 = _FLATTENING * (2 - _FLATTENING)
METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere of the Earth's mean radius."""
_KNOT_M = 320
"""Spacing of exactly transformed places: between them, straight lines err by 2 mm."""
NODE_PX, _SMOOTH_NODES = 8, 4
"""Waves of four nodes and more are drawn between nodes, eight pixels apart."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """Points every few pixels, for the parts of a field that are smooth there."""

    points: "Points"
    pixel_m: float
    row0: int
    """Pixels from the first node but the margin to the first pixel."""
    col0: int


@dataclass(frozen=True, slots=True)
class Points:
    """Places (y, x) on the ellipsoid."""

    lon_deg: F64
    lat_deg: F64
    x_m: F64
    """Earth-centred, EPSG:4978."""
    y_m: F64
    z_m: F64
    nodes: Nodes | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        height, width = self.x_m.shape
        return height, width

    @property
    def earth_m(self) -> tuple[F64, F64, F64]:
        """Earth-centred x, y, z."""
        return self.x_m, self.y_m, self.z_m

    @property
    def centre_deg(self) -> tuple[float, float]:
        """Longitude and latitude in the middle."""
        middle = tuple(n // 2 for n in self.shape)
        return float(self.lon_deg[middle]), float(self.lat_deg[middle])

    def fractal(self, wavelength_m: float, seed: int, *, octaves: int, gain: float = 0.5) -> F32:
        """Return a rough field (y, x), mean 0, standard deviation about 1; see `kernels.noise`.

        Long waves are taken at the nodes and drawn smoothly between, which errs by a few hundredths at most.
        """

        def field(at: Points, only: slice) -> F32:
            return noise.fractal(
                at.x_m,
                at.y_m,
                at.z_m,
                wavelength_m=wavelength_m,
                seed=seed,
                octaves=octaves,
                gain=gain,
                only=only,
            )

        if self.nodes is None:
            return field(self, noise.ALL)
        shortest_m = _SMOOTH_NODES * NODE_PX * self.nodes.pixel_m
        smooth = min(octaves, max(0, 1 + math.floor(math.log2(wavelength_m / shortest_m))))
        if not smooth:
            return field(self, noise.ALL)
        out = self.drawn(lambda nodes: field(nodes, slice(0, smooth)))
        if smooth < octaves:
            out += field(self, slice(smooth, noise.ALL.stop))
        return out

    def drawn(self, smooth: Callable[["Points"], F32]) -> F32:
        """Return a function of place (y, x), smooth over eight pixels: taken at the nodes, drawn between."""
        if self.nodes is None:
            return smooth(self)
        return upsampled(
            smooth(self.nodes.points),
            factor=NODE_PX,
            row0=self.nodes.row0,
            col0=self.nodes.col0,
            shape=self.shape,
        )

    def part(self, rows: slice, cols: slice) -> "Points":
        """Return the points of some rows and columns."""
        rows, cols = (slice(*c.indices(n)) for c, n in zip((rows, cols), self.shape, strict=True))
        nodes = self.nodes and replace(
            self.nodes, row0=self.nodes.row0 + rows.start, col0=self.nodes.col0 + cols.start
        )
        lon, lat, x, y, z = (
            np.ascontiguousarray(a[rows, cols])
            for a in (self.lon_deg, self.lat_deg, self.x_m, self.y_m, self.z_m)
        )
        return Points(lon, lat, x, y, z, nodes)


def points_at(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Points:
    """Return the points of longitudes and latitudes, WGS84 degrees, of any one shape.

    >>> pole = points_at(0.0, 90.0)
    >>> round(float(pole.x_m)), round(float(pole.z_m))
    (0, 6356752)
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

    Knots of the zone's own grid are transformed exactly and joined by straight lines, so that frames of one
    zone agree bit for bit wherever they are cut; with `every_px`, if their corners are multiples of it.
    """
    pixel_m = every_px * PIXEL_M
    rows, cols = (n // every_px for n in frame.shape)
    row, col = -(frame.y0 // pixel_m), frame.x0 // pixel_m  # of the first pixel, from the zone's origin
    (south, row0), (east, col0) = node_numbers(row, rows), node_numbers(col, cols)
    node_m = NODE_PX * pixel_m
    nodes = _between_knots(frame.epsg, east * node_m, -south * node_m)
    x = frame.x0 + (np.arange(cols) + 0.5) * pixel_m
    y = frame.y0 - (np.arange(rows) + 0.5) * pixel_m
    return replace(_between_knots(frame.epsg, x, y), nodes=Nodes(nodes, float(pixel_m), row0, col0))


def node_numbers(first: int, count: int) -> tuple[npt.NDArray[np.int64], int]:
    """Return the numbers of the nodes around pixels of an axis, and where among them the first pixel lies.

    Node n touches pixel n x NODE_PX; the pixel's place is that of `Nodes.row0`.

    >>> node_numbers(19, 2)
    (array([0, 1, 2, 3, 4]), 3)
    """
    low = first // NODE_PX - MARGIN
    return np.arange(low, (first + count - 1) // NODE_PX + MARGIN + 1), first - (low + MARGIN) * NODE_PX


def _between_knots(epsg: int, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Points:
    """Return the points at eastings x and northings y, straight between knots that are exact."""
    col, row = np.floor(x / _KNOT_M).astype(np.int64), np.floor(y / _KNOT_M).astype(np.int64)
    cols, rows = np.arange(col.min(), col.max() + 2), np.arange(row.min(), row.max() + 2)
    lon, lat = transformer(epsg, 4326).transform(*np.meshgrid(cols * _KNOT_M, rows * _KNOT_M))
    if lon.max() - lon.min() > 180:  # a frame over the antimeridian
        lon = np.where(lon < 0, lon + 360, lon)
    knots = points_at(lon, lat)
    net = (row - rows[0], y / _KNOT_M - row, col - cols[0], x / _KNOT_M - col)
    x_m, y_m, z_m = (between_knots(v, *net) for v in (knots.x_m, knots.y_m, knots.z_m))
    return Points(between_knots(lon, *net), between_knots(lat, *net), x_m, y_m, z_m)


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
    step_deg = spacing_m / METRES_PER_DEGREE
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


def near(points: Points, site: Site, reach_m: float) -> tuple[slice, slice]:
    """Return rows and columns that hold every point within `reach_m` of a site; empty where none is.

    Found by the nodes of a raster, so that a village costs what its own pixels cost.
    """
    nodes = points.nodes
    at = points if nodes is None else nodes.points
    slack_m = 0.0 if nodes is None else NODE_PX * nodes.pixel_m
    here = points_at(site.lon_deg, site.lat_deg)
    far2 = np.zeros(at.shape)
    for there, middle in zip(at.earth_m, here.earth_m, strict=True):
        far2 += np.square(there - float(middle))
    inside = far2 <= (reach_m + slack_m) ** 2
    spans = [_span(np.asarray(inside.any(axis=axis))) for axis in (1, 0)]
    if nodes is None:
        return spans[0], spans[1]
    rows, cols = (
        _pixels_of(span, first, n)
        for span, first, n in zip(spans, (nodes.row0, nodes.col0), points.shape, strict=True)
    )
    return rows, cols


def _pixels_of(nodes: slice, first: int, count: int) -> slice:
    """Return the pixels from the first to the last of some nodes, and those up to the nodes around them."""
    start, stop = ((k - MARGIN) * NODE_PX - first for k in (nodes.start - 1, nodes.stop))
    start, stop = max(0, start), min(count, stop + 1)
    return slice(start, stop) if nodes.stop and start < stop else slice(0, 0)


def _span(where: npt.NDArray[np.bool_]) -> slice:
    indices = np.flatnonzero(where)
    return slice(int(indices[0]), int(indices[-1]) + 1) if indices.size else slice(0, 0)
