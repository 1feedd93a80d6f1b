"""The lattice that maps live on, its tiles, and the metric frames that networks work in.

- **lattice**: EPSG:4326, origin (-180, +90), base step 1/12000 degree, rows from north to south.
  A product lives on an integer multiple of the step (`step=10`: about 100 m).
- **tile**: a 0.5 degree square of the lattice: 720 columns by 360 rows cover the globe.
- **frame**: the working raster of a tile in the UTM zone that Sentinel-2 uses there: 10 m pixels,
  aligned to multiples of the product's cell, plus a halo.

A tile never straddles a UTM zone border, because zone borders (those of Norway and Svalbard too)
are multiples of 0.5 degree.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

from eomap.errors import MisuseError

STEPS_PER_DEGREE = 12_000
TILES_PER_DEGREE = 2
TILE_STEPS = STEPS_PER_DEGREE // TILES_PER_DEGREE
TILE_ROWS, TILE_COLS = 180 * TILES_PER_DEGREE, 360 * TILES_PER_DEGREE
PIXEL_M = 10
NORTHERN_LIMIT_DEG, SOUTHERN_LIMIT_DEG = 84.0, -80.0
"""Where UTM ends. Beyond lies UPS, which eomap refuses (docs/decisions/0003)."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One 0.5 degree square: row 0 touches the north pole, column 0 the antimeridian's east side."""

    row: int
    col: int

    def __post_init__(self) -> None:
        if not (0 <= self.row < TILE_ROWS and 0 <= self.col < TILE_COLS):
            raise MisuseError("tile", expected="row 0-359 and column 0-719", got=f"{self.row}, {self.col}")

    @property
    def id(self) -> str:
        """The name of the tile in plans, receipts and messages.

        >>> Tile(75, 385).id
        'r075c385'
        """
        return f"r{self.row:03d}c{self.col:03d}"

    @classmethod
    def parse(cls, text: str) -> "Tile":
        """Return the tile of that id."""
        return cls(int(text[1:4]), int(text[5:8]))

    @property
    def bounds_deg(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        west = -180 + self.col / TILES_PER_DEGREE
        north = 90 - self.row / TILES_PER_DEGREE
        return west, north - 1 / TILES_PER_DEGREE, west + 1 / TILES_PER_DEGREE, north


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of lattice cells at one product step; absolute rows and columns, ends excluded."""

    step: int
    row0: int
    row1: int
    col0: int
    col1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.row1 - self.row0, self.col1 - self.col0

    @property
    def bounds_deg(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        d = self.step / STEPS_PER_DEGREE
        return -180 + self.col0 * d, 90 - self.row1 * d, -180 + self.col1 * d, 90 - self.row0 * d

    def lon(self) -> npt.NDArray[np.float64]:
        """Cell-centre longitudes, west to east, degrees."""
        return -180 + (np.arange(self.col0, self.col1) + 0.5) * self.step / STEPS_PER_DEGREE

    def lat(self) -> npt.NDArray[np.float64]:
        """Cell-centre latitudes, north to south, degrees."""
        return 90 - (np.arange(self.row0, self.row1) + 0.5) * self.step / STEPS_PER_DEGREE


def tile_cells(step: int) -> int:
    """Return the side of a tile in cells of a product step; raise MisuseError unless it divides.

    >>> tile_cells(10)
    600
    """
    if step < 1 or TILE_STEPS % step:
        raise MisuseError("product step", expected=f"a divisor of {TILE_STEPS}", got=str(step))
    return TILE_STEPS // step


def tile_window(tile: Tile, step: int) -> Window:
    """Return the lattice cells of a whole tile."""
    n = tile_cells(step)
    return Window(step, tile.row * n, (tile.row + 1) * n, tile.col * n, (tile.col + 1) * n)


def window_within(tile: Tile, step: int, bounds_deg: tuple[float, float, float, float]) -> Window:
    """Return the cells of a tile that a lon/lat box touches; never empty for a box that meets the tile."""
    whole = tile_window(tile, step)
    west, south, east, north = bounds_deg
    d = step / STEPS_PER_DEGREE

    def clip(value: float, low: int, high: int) -> int:
        return int(min(max(value, low), high))

    row0 = clip(np.floor((90 - north) / d + 1e-9), whole.row0, whole.row1 - 1)
    row1 = clip(np.ceil((90 - south) / d - 1e-9), row0 + 1, whole.row1)
    col0 = clip(np.floor((west + 180) / d + 1e-9), whole.col0, whole.col1 - 1)
    col1 = clip(np.ceil((east + 180) / d - 1e-9), col0 + 1, whole.col1)
    return Window(step, row0, row1, col0, col1)


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
    """Return the UTM zone of a tile, decided at its centre."""
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


def frame_of(window: Window, epsg: int, *, cell_px: int, halo_px: int, pixel_m: int = PIXEL_M) -> Frame:
    """Return the frame that covers a lattice window in a UTM zone, aligned to whole cells, plus halo.

    The alignment is to multiples of the cell size counted from the zone's own origin, so that the
    frames of neighbouring tiles, and of a part of a tile, share their cells exactly.
    """
    west, south, east, north = window.bounds_deg
    x_min, y_min, x_max, y_max = transformer(4326, epsg).transform_bounds(
        west, south, east, north, densify_pts=21
    )
    cell_m = cell_px * pixel_m
    if halo_px % cell_px:
        raise MisuseError("halo", expected=f"a multiple of the cell, {cell_px} px", got=f"{halo_px} px")
    # One spare cell per side: the outline between the sampled points may bulge by a few centimetres.
    col0, col1 = int(np.floor(x_min / cell_m)) - 1, int(np.ceil(x_max / cell_m)) + 1
    row0, row1 = int(np.floor(y_min / cell_m)) - 1, int(np.ceil(y_max / cell_m)) + 1
    halo_m = halo_px * pixel_m
    return Frame(
        epsg,
        col0 * cell_m - halo_m,
        row1 * cell_m + halo_m,
        (row1 - row0) * cell_px + 2 * halo_px,
        (col1 - col0) * cell_px + 2 * halo_px,
        pixel_m,
    )


def cell_index(window: Window, frame: Frame, *, cell_px: int) -> tuple[npt.NDArray[np.int64], ...]:
    """Return, for every lattice cell of `window` (y, x), the row and column of the frame cell at its centre.

    Nearest neighbour, by exact coordinate transformation of each centre. Rows and columns count
    cells from the frame's north-west corner.
    """
    lon, lat = np.meshgrid(window.lon(), window.lat())
    x, y = transformer(4326, frame.epsg).transform(lon.ravel(), lat.ravel())
    cell_m = cell_px * frame.pixel_m
    # Counted from the zone's origin first: a rounding that depended on the frame would depend on the cutting.
    col = np.floor(np.asarray(x) / cell_m).astype(np.int64) - frame.x0 // cell_m
    row = frame.y0 // cell_m - np.ceil(np.asarray(y) / cell_m).astype(np.int64)
    return row.reshape(window.shape), col.reshape(window.shape)
