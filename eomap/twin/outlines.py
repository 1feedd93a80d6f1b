"""Outlines on the map sheet, longitude and latitude in degrees, before any cut at the antimeridian."""

import math

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from eomap.core.grid import Frame, transformer
from eomap.twin import orbits
from eomap.twin.degrees import DegreeFrame
from eomap.twin.earth import Site
from eomap.twin.orbits import Pass
from eomap.twin.sinusoid import SinusoidFrame

F64 = npt.NDArray[np.float64]
_METRES_PER_DEGREE = 111_320.0


def swath_deg(flight: Pass, start_s: float, end_s: float) -> tuple[F64, F64]:
    """Return longitudes (from -180 to 180) and latitudes around what a pass shows between two moments."""
    near, far = flight.mission.near_m, flight.mission.far_m
    along, aside = np.linspace(start_s, end_s, 8), np.linspace(near, far, 12)
    seconds = np.concatenate([along, np.full(12, end_s), along[::-1], np.full(12, start_s)])
    right = np.concatenate([np.full(8, near), aside, np.full(8, far), aside[::-1]])
    return orbits.below(flight, seconds, right)


def swath(flight: Pass, start_s: float, end_s: float, *, near_lon_deg: float) -> BaseGeometry:
    """Return the polygon of `swath_deg`, its longitudes within half a turn of one given."""
    lon, lat = swath_deg(flight, start_s, end_s)
    return shapely.make_valid(shapely.Polygon(np.column_stack([unbroken(lon, near_lon_deg), lat])))


def frame_outline(frame: Frame | SinusoidFrame | DegreeFrame) -> BaseGeometry:
    """Return the polygon of a raster's edge, longitudes unbroken, maybe beyond 180."""
    if not isinstance(frame, Frame):
        return shapely.make_valid(shapely.Polygon(frame.outline_deg()))
    x, y = shapely.get_coordinates(shapely.box(*frame.bounds_m).segmentize(11_000.0)).T
    lon, lat = transformer(frame.epsg, 4326).transform(x, y)
    return shapely.Polygon(np.column_stack([unbroken(np.asarray(lon), float(lon[0])), lat]))


def unbroken(lon_deg: F64, near_deg: float) -> F64:
    """Return longitudes within half a turn of one given.

    >>> unbroken(np.array([179.0, -179.0]), 179.5).tolist()
    [179.0, 181.0]
    """
    return near_deg + (lon_deg - near_deg + 180) % 360 - 180


def turned_square(site: Site, side_m: float, angle: float) -> BaseGeometry:
    """Return a square around a site, its axes turned counterclockwise by an angle in radians."""
    cos, sin, half = math.cos(angle), math.sin(angle), side_m / 2
    corners = [(half, -half), (half, half), (-half, half), (-half, -half)]
    east_m = np.array([u * cos - v * sin for u, v in corners])
    north_m = np.array([u * sin + v * cos for u, v in corners])
    lat = site.lat_deg + north_m / _METRES_PER_DEGREE
    lon = site.lon_deg + east_m / (_METRES_PER_DEGREE * np.cos(np.radians(lat)))
    return shapely.Polygon(np.column_stack([lon, lat]))
