"""The squares that providers cut Sentinel-2 into: 109.8 km wide, every 100 km, in each UTM zone.

Names are those of MGRS. A square is in a zone's set when a part of its inner 100 km lies in the zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from eomap.core.grid import NORTHERN_LIMIT_DEG, PIXEL_M, SOUTHERN_LIMIT_DEG, Frame, transformer, utm_epsg

Bounds = tuple[float, float, float, float]
STEP_M, SIDE_PX, SNAP_M = 100_000, 10_980, 60
_ROWS, _BANDS = "ABCDEFGHJKLMNPQRSTUV", "CDEFGHJKLMNPQRSTUVWX"
_COLUMNS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
_SOUTH_M = 10_000_000
"""False northing of southern zones: their rows of letters run on across the equator."""


@dataclass(frozen=True, slots=True)
class Square:
    """One square, such as 32TMT."""

    name: str
    frame: Frame

    @property
    def grid_code(self) -> str:
        """How STAC's grid extension writes the name."""
        return f"MGRS-{self.name}"


def zones_near(bounds_deg: Bounds) -> tuple[int, ...]:
    """Return the EPSG codes of the zones whose squares can reach into bounds, sorted."""
    west, south, east, north = bounds_deg
    south, north = max(south - 1.1, SOUTHERN_LIMIT_DEG), min(north + 1.1, NORTHERN_LIMIT_DEG)
    aside = 1.1 / max(0.1, float(np.cos(np.radians(max(abs(south), abs(north))))))
    lons = np.arange(west - aside, east + aside + 1.4, 1.4)
    lats = np.append(np.arange(south, north, 1.9), north)
    return tuple(sorted({utm_epsg((x + 180) % 360 - 180, y) for x in lons.tolist() for y in lats.tolist()}))


def squares(bounds_deg: Bounds) -> list[Square]:
    """Return the squares that meet west, south, east, north in degrees, in order of zone, row and column.

    Longitudes may run on beyond 180.
    """
    return [s for epsg in zones_near(bounds_deg) for s in _of_zone(epsg) if _meets(s.frame, bounds_deg)]


@lru_cache(maxsize=128)
def _of_zone(epsg: int) -> tuple[Square, ...]:
    return tuple(_made(epsg))


def _made(epsg: int) -> Iterator[Square]:
    """Yield the squares of a zone."""
    to_degrees = transformer(epsg, 4326)
    first, last = (0, 94) if epsg < 32700 else (11, 100)
    for row in range(first, last):
        for column in range(1, 9):
            part = (np.arange(8) + 0.5) * STEP_M / 8
            x, y = np.meshgrid(column * STEP_M + part, row * STEP_M + part)
            lon, lat = to_degrees.transform(x, y)
            inside = (lat > SOUTHERN_LIMIT_DEG) & (lat < NORTHERN_LIMIT_DEG) & ((lat >= 0) == (epsg < 32700))
            own = [utm_epsg(a, b) == epsg for a, b in zip(lon[inside], lat[inside], strict=True)]
            if not any(own):
                continue
            middle = float(lat[inside][own].mean())
            yield Square(_name(epsg, column, row, middle), _frame(epsg, column, row))


def _name(epsg: int, column: int, row: int, lat_deg: float) -> str:
    zone = epsg % 100
    band = _BANDS[min(int((lat_deg + 80) // 8), 19)]
    letter = _ROWS[(row + (0 if zone % 2 else 5)) % 20]
    return f"{zone:02d}{band}{_COLUMNS[zone % 3][column - 1]}{letter}"


def _frame(epsg: int, column: int, row: int) -> Frame:
    """Return the pixels of a square: from the multiple of 60 m at or beyond its north-west corner."""
    x0 = column * STEP_M // SNAP_M * SNAP_M
    y0 = -(-(row + 1) * STEP_M // SNAP_M) * SNAP_M
    return Frame(epsg, x0, y0, SIDE_PX, SIDE_PX)


@lru_cache(maxsize=65_536)
def _outline_deg(frame: Frame) -> Bounds:
    west, south, east, north = frame.bounds_deg()
    return west, south, east + 360 if east < west else east, north


def _meets(frame: Frame, bounds_deg: Bounds) -> bool:
    """Say whether a frame has a pixel in bounds, whichever turn of the globe these are written in."""
    west, south, east, north = _outline_deg(frame)
    if north <= bounds_deg[1] or south >= bounds_deg[3]:
        return False
    if not any(west + t < bounds_deg[2] and east + t > bounds_deg[0] for t in (-360, 0, 360)):
        return False
    return clipped(frame, bounds_deg, margin_m=0) is not None


def bounds_in_zone(bounds_deg: Bounds, epsg: int) -> Bounds:
    """Return west, south, east, north in metres of the box around bounds in a zone, near its meridian."""
    middle = (epsg % 100) * 6 - 183
    west, south, east, north = bounds_deg
    turn = round((middle - (west + east) / 2) / 360) * 360
    reach = 40.0  # farther from its meridian a zone's coordinates mean little, and nothing is asked there
    lon = np.linspace(max(west + turn, middle - reach), min(east + turn, middle + reach), 41)
    lat = np.linspace(max(south, -84.0), min(north, 84.0), 41)
    x, y = transformer(4326, epsg).transform(*np.meshgrid(lon, lat))
    return float(np.min(x)), float(np.min(y)), float(np.max(x)), float(np.max(y))


def clipped(frame: Frame, bounds_deg: Bounds, *, margin_m: float) -> Frame | None:
    """Return the part of a frame within bounds and a margin, on multiples of 60 m; None for none."""
    west, south, east, north = bounds_in_zone(bounds_deg, frame.epsg)
    snap = SNAP_M // PIXEL_M
    col0 = max(0, int((west - margin_m - frame.x0) // SNAP_M) * snap)
    col1 = min(frame.width, -int((frame.x0 - east - margin_m) // SNAP_M) * snap)
    row0 = max(0, int((frame.y0 - north - margin_m) // SNAP_M) * snap)
    row1 = min(frame.height, -int((south - margin_m - frame.y0) // SNAP_M) * snap)
    return frame.sub(row0, row1, col0, col1) if row0 < row1 and col0 < col1 else None
