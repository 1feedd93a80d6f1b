"""The grids that maps live on, their tiles, and the metric frames that networks work in.

- **lattice**: EPSG:4326, origin (-180, +90), base step 1/12000 degree, rows from north to south.
  A product lives on an integer multiple of the step (`step=10`: about 100 m).
- **zone**: a UTM zone as a grid: its own coordinates in metres, base step 10 m, the pixels of Sentinel-2.
- **tile**: a square of 6000 base steps. On the lattice 0.5 degree, 720 columns by 360 rows cover the globe;
  in a zone 60 km, a multiple of 60 km from the zone's own origin.
- **frame**: the working raster of a tile in the UTM zone that Sentinel-2 uses there: 10 m pixels,
  aligned to multiples of the product's cell, plus a halo.

A tile of the lattice never straddles a UTM zone border, because zone borders (those of Norway and Svalbard
too) are multiples of 0.5 degree. `epsg` says which grid a tile or a window is of: 4326 is the lattice.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

from eomap.errors import MisuseError

STEPS_PER_DEGREE = 12_000
TILES_PER_DEGREE = 2
TILE_STEPS = STEPS_PER_DEGREE // TILES_PER_DEGREE
TILE_ROWS, TILE_COLS = 180 * TILES_PER_DEGREE, 360 * TILES_PER_DEGREE
PIXEL_M = 10
LATTICE = 4326
UTM_TILE_M = TILE_STEPS * PIXEL_M
UTM_WEST_M, UTM_NORTH_M = -10 * UTM_TILE_M, 334 * UTM_TILE_M
"""Where rows and columns of a zone are counted from, so that no place on Earth has negative ones."""
UTM_TILE_ROWS, UTM_TILE_COLS = 668, 40
NORTHERN_LIMIT_DEG, SOUTHERN_LIMIT_DEG = 84.0, -80.0
"""Where UTM ends. Beyond lies UPS, which eomap refuses (docs/decisions/0003)."""


Bounds = tuple[float, float, float, float]
"""West, south, east, north."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One square of a grid; row 0 is the northernmost, on the lattice column 0 starts at the antimeridian."""

    row: int
    col: int
    epsg: int = LATTICE

    def __post_init__(self) -> None:
        on_lattice = self.epsg == LATTICE
        rows, cols = (TILE_ROWS, TILE_COLS) if on_lattice else (UTM_TILE_ROWS, UTM_TILE_COLS)
        if not (0 <= self.row < rows and 0 <= self.col < cols and (on_lattice or is_zone(self.epsg))):
            raise MisuseError(
                "tile",
                expected=f"row 0-{rows - 1} and column 0-{cols - 1} of the lattice or a UTM zone",
                got=f"{self.row}, {self.col} of EPSG:{self.epsg}",
            )

    @property
    def id(self) -> str:
        """The name of the tile in plans, receipts and messages.

        >>> Tile(75, 385).id, Tile(237, 16, 32633).id
        ('r075c385', 'z32633r237c016')
        """
        zone = "" if self.epsg == LATTICE else f"z{self.epsg}"
        return f"{zone}r{self.row:03d}c{self.col:03d}"

    @classmethod
    def parse(cls, text: str) -> "Tile":
        """Return the tile of that id."""
        zone, at = text.rsplit("r", 1)
        return cls(int(at[:3]), int(at[4:]), int(zone[1:]) if zone else LATTICE)

    @property
    def bounds(self) -> Bounds:
        """In the coordinates of its grid: degrees on the lattice, metres in a zone."""
        return tile_window(self, TILE_STEPS).bounds

    @property
    def bounds_deg(self) -> Bounds:
        """The smallest box in degrees that holds the tile."""
        return _box_deg(self.bounds, self.epsg)


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of a grid's cells at one product step; absolute rows and columns, ends excluded."""

    step: int
    row0: int
    row1: int
    col0: int
    col1: int
    epsg: int = LATTICE

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.row1 - self.row0, self.col1 - self.col0

    @property
    def cell(self) -> float:
        """Side of a cell: degrees on the lattice, metres in a zone."""
        return cell_side(self.step, self.epsg)

    @property
    def bounds(self) -> Bounds:
        """In the coordinates of its grid: degrees on the lattice, metres in a zone."""
        (west, north), d = origin(self.epsg), self.cell
        return west + self.col0 * d, north - self.row1 * d, west + self.col1 * d, north - self.row0 * d

    @property
    def bounds_deg(self) -> Bounds:
        """The smallest box in degrees that holds the window."""
        return _box_deg(self.bounds, self.epsg)

    def x(self) -> npt.NDArray[np.float64]:
        """Cell centres, west to east, in the coordinates of the grid."""
        return origin(self.epsg)[0] + _length((np.arange(self.col0, self.col1) + 0.5) * self.step, self.epsg)

    def y(self) -> npt.NDArray[np.float64]:
        """Cell centres, north to south, in the coordinates of the grid."""
        return origin(self.epsg)[1] - _length((np.arange(self.row0, self.row1) + 0.5) * self.step, self.epsg)

    def lon(self) -> npt.NDArray[np.float64]:
        """Cell-centre longitudes of a window of the lattice, west to east, degrees."""
        self._on_lattice()
        return self.x()

    def lat(self) -> npt.NDArray[np.float64]:
        """Cell-centre latitudes of a window of the lattice, north to south, degrees."""
        self._on_lattice()
        return self.y()

    def _on_lattice(self) -> None:
        if self.epsg != LATTICE:
            raise ValueError(
                f"EPSG:{self.epsg}: only rows and columns of the lattice have a latitude or longitude"
            )


def is_zone(epsg: int) -> bool:
    """Say whether this is the EPSG code of a UTM zone on WGS 84."""
    return 32601 <= epsg <= 32660 or 32701 <= epsg <= 32760


def group_of(epsg: int) -> str:
    """Return the group of a cube's arrays on a grid, as a prefix of keys: empty for the lattice.

    >>> group_of(32632), group_of(LATTICE)
    ('utm32632/', '')
    """
    return "" if epsg == LATTICE else f"utm{epsg}/"


def origin(epsg: int) -> tuple[int, int]:
    """Return west and north of a grid's row 0 and column 0, in its coordinates."""
    return (-180, 90) if epsg == LATTICE else (UTM_WEST_M, UTM_NORTH_M)


def _length(steps: Any, epsg: int) -> Any:
    return steps / STEPS_PER_DEGREE if epsg == LATTICE else steps * float(PIXEL_M)


def cell_side(step: int, epsg: int) -> float:
    """Return the side of a cell: degrees on the lattice, metres in a zone."""
    return float(_length(step, epsg))


def _box_deg(bounds: Bounds, epsg: int) -> Bounds:
    if epsg == LATTICE:
        return bounds
    west, south, east, north = transformer(epsg, LATTICE).transform_bounds(*bounds, densify_pts=21)
    return (west, south, east, north) if west < east else (-180.0, south, 180.0, north)


def tile_cells(step: int) -> int:
    """Return the side of a tile in cells of a product step; raise MisuseError unless it divides.

    >>> tile_cells(10)
    600
    """
    if step < 1 or TILE_STEPS % step:
        raise MisuseError("product step", expected=f"a divisor of {TILE_STEPS}", got=str(step))
    return TILE_STEPS // step


def tile_window(tile: Tile, step: int) -> Window:
    """Return the cells of a whole tile."""
    n = tile_cells(step)
    return Window(step, tile.row * n, (tile.row + 1) * n, tile.col * n, (tile.col + 1) * n, tile.epsg)


def window_within(tile: Tile, step: int, bounds: Bounds) -> Window:
    """Return the cells of a tile that a box touches; never empty for a box that meets the tile.

    The box is in the coordinates of the tile's grid, as `Tile.bounds` is.
    """
    whole = tile_window(tile, step)
    west, south, east, north = bounds
    (left, top), d = origin(tile.epsg), whole.cell

    def clip(value: float, low: int, high: int) -> int:
        return int(min(max(value, low), high))

    row0 = clip(np.floor((top - north) / d + 1e-9), whole.row0, whole.row1 - 1)
    row1 = clip(np.ceil((top - south) / d - 1e-9), row0 + 1, whole.row1)
    col0 = clip(np.floor((west - left) / d + 1e-9), whole.col0, whole.col1 - 1)
    col1 = clip(np.ceil((east - left) / d - 1e-9), col0 + 1, whole.col1)
    return Window(step, row0, row1, col0, col1, tile.epsg)


def utm_epsg(lon: float, lat: float) -> int:
    """Return the EPSG code of the UTM zone in which Sentinel-2 delivers this place.

    The exceptions of Norway (32V) and Svalbard (31X, 33X, 35X, 37X) are those of MGRS.

    >>> utm_epsg(12.6, 52.5), utm_epsg(5.0, 60.2), utm_epsg(20.0, 78.0), utm_epsg(-48.1, -25.3)
    (32633, 32632, 32633, 32722)
    """
    if not SOUTHERN_LIMIT_DEG <= lat <= NORTHERN_LIMIT_DEG:
        raise MisuseError(
            "area",
            expected="latitudes from 80 S to 84 N (the UTM zones)",
            got=f"latitude {lat:.2f}",
            hint="clip the area; polar maps are not offered yet",
        )
    zone = min(int((lon + 180) // 6) + 1, 60)
    if 56 <= lat < 64 and 3 <= lon < 12:
        zone = 32
    if lat >= 72 and 0 <= lon < 42:
        zone = 31 if lon < 9 else 33 if lon < 21 else 35 if lon < 33 else 37
    return (32600 if lat >= 0 else 32700) + zone


def tile_epsg(tile: Tile) -> int:
    """Return the UTM zone of a tile: its own, or that of its centre."""
    if tile.epsg != LATTICE:
        return tile.epsg
    west, south, east, north = tile.bounds_deg
    return utm_epsg((west + east) / 2, (south + north) / 2)


@lru_cache(maxsize=256)
def transformer(source_epsg: int, target_epsg: int) -> Transformer:
    """Return the x-first transformer between two EPSG codes."""
    return Transformer.from_crs(source_epsg, target_epsg, always_xy=True)


@dataclass(frozen=True, slots=True)
class Frame:
    """A raster of square pixels in one UTM zone; (x0, y0) is its north-west corner in metres."""

    epsg: int
    x0: int
    y0: int
    height: int
    width: int
    pixel_m: int = PIXEL_M
    """Side of a pixel; another than 10 m only for sensors that see less than that."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.height, self.width

    @property
    def bounds_m(self) -> tuple[int, int, int, int]:
        """West, south, east, north in metres."""
        return self.x0, self.y0 - self.height * self.pixel_m, self.x0 + self.width * self.pixel_m, self.y0

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients a, b, c, d, e, f."""
        return (self.pixel_m, 0.0, self.x0, 0.0, -self.pixel_m, self.y0)

    def sub(self, row0: int, row1: int, col0: int, col1: int) -> "Frame":
        """Return the part of the frame between those pixel rows and columns, ends excluded."""
        x0, y0 = self.x0 + col0 * self.pixel_m, self.y0 - row0 * self.pixel_m
        return Frame(self.epsg, x0, y0, row1 - row0, col1 - col0, self.pixel_m)

    def bounds_deg(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the frame's outline in degrees."""
        return transformer(self.epsg, 4326).transform_bounds(*self.bounds_m, densify_pts=21)


def frame_of(
    window: Window, epsg: int, *, cell_px: int, halo_px: int, pixel_m: int = PIXEL_M, origin_m: int = 0
) -> Frame:
    """Return the frame that covers a window in a UTM zone, aligned to whole cells, plus halo.

    The alignment is to multiples of the cell size counted from the zone's own origin, so that the
    frames of neighbouring tiles, and of a part of a tile, share their cells exactly. `origin_m` moves all
    east and north, to where a sensor has its pixels. A window of that very zone has a frame without a cell to
    spare, unmoved.
    """
    cell_m = cell_px * pixel_m
    if halo_px % cell_px:
        raise MisuseError("halo", expected=f"a multiple of the cell, {cell_px} px", got=f"{halo_px} px")
    if window.epsg == epsg:
        (x_min, y_min, x_max, y_max), spare, origin_m = window.bounds, 0, 0
    else:
        x_min, y_min, x_max, y_max = transformer(window.epsg, epsg).transform_bounds(
            *window.bounds, densify_pts=21
        )
        # One spare cell per side: the outline between the sampled points may bulge by a few centimetres.
        spare = 1
    (x_min, x_max), (y_min, y_max) = (
        (x_min - origin_m, x_max - origin_m),
        (y_min - origin_m, y_max - origin_m),
    )
    col0, col1 = int(np.floor(x_min / cell_m)) - spare, int(np.ceil(x_max / cell_m)) + spare
    row0, row1 = int(np.floor(y_min / cell_m)) - spare, int(np.ceil(y_max / cell_m)) + spare
    halo_m = halo_px * pixel_m
    return Frame(
        epsg,
        col0 * cell_m - halo_m + origin_m,
        row1 * cell_m + halo_m + origin_m,
        (row1 - row0) * cell_px + 2 * halo_px,
        (col1 - col0) * cell_px + 2 * halo_px,
        pixel_m,
    )


def cell_centres(window: Window, epsg: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return x and y (y, x) of every cell's centre in the coordinates of an EPSG code."""
    x, y = np.meshgrid(window.x(), window.y())
    if window.epsg == epsg:
        return x, y
    x, y = transformer(window.epsg, epsg).transform(x.ravel(), y.ravel())
    return np.asarray(x).reshape(window.shape), np.asarray(y).reshape(window.shape)


def cell_index(window: Window, frame: Frame, *, cell_px: int, halo_px: int = 0) -> tuple[Any, Any]:
    """Return the rows and the columns of a frame's cells that `window` takes: `cells[..., rows, columns]`.

    For every lattice cell (y, x) the frame cell at its centre: nearest neighbour, by exact coordinate
    transformation of each centre. For a window of the frame's own zone, whose cells are the frame's, two
    slices: nothing is computed and nothing moves. Rows and columns count cells from the north-west corner
    of the frame without its halo.
    """
    cell_m, halo = cell_px * frame.pixel_m, halo_px // cell_px
    left, top = frame.x0 // cell_m + halo, frame.y0 // cell_m - halo
    if window.epsg == frame.epsg and window.cell == cell_m:
        west, _, _, north = window.bounds
        row0, col0 = top - int(north // cell_m), int(west // cell_m) - left
        return slice(row0, row0 + window.shape[0]), slice(col0, col0 + window.shape[1])
    x, y = cell_centres(window, frame.epsg)
    # Counted from the zone's origin first: a rounding that depended on the frame would depend on the cutting.
    x, y = x - frame.x0 % cell_m, y - frame.y0 % cell_m
    return top - np.ceil(y / cell_m).astype(np.int64), np.floor(x / cell_m).astype(np.int64) - left
