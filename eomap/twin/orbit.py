"""From where Sentinel-1 looks at a place: tracks, moments, incidence and the direction of its beam.

A circular orbit over a sphere: 175 tracks in 12 days, dawn and dusk. Node and moment of the first track
were fitted to real items of relative orbits 21, 80 and 95, which agree to 0.2 degrees and 7 s. Incidence
is between the beam and the geocentric vertical, up to 0.2 degrees from the geodetic. Axis letters: y, x.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from eomap.errors import MisuseError
from eomap.twin.earth import F32, F64, Points, points_at

TRACKS, REPEAT_DAYS = 175, 12
NEAREST_DEG, FARTHEST_DEG = 30.0, 46.0
"""Incidence at the two edges of the swath (interferometric wide mode)."""
_INCLINATION = math.radians(98.18)
_AXIS_M = 7_070_990.0
"""Semi-major axis of the orbit."""
_FIRST_NODE_DEG = 0.11
_FIRST_NODE_UTC = datetime(2014, 4, 8, 18, 0, 42, tzinfo=UTC)
"""Where and when relative orbit 1 crosses the equator northwards; again every 12 days."""
_TURN = REPEAT_DAYS / TRACKS
"""What the Earth turns during one orbit, as a share of a whole turn; the plane follows the sun."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One side of one track as seen from one place; the same for all scenes of a place."""

    track: int
    """Relative orbit, 1 to 175."""
    ascending: bool
    normal: tuple[float, float, float]
    """Unit vector (Earth-centred) to the left of the flight; the radar looks to the right."""
    offset: timedelta
    """From the moment that relative orbit 1 crosses the equator to the moment of the view."""

    @property
    def name(self) -> str:
        """The track and its direction, as in `021d`."""
        return f"{self.track:03d}{'a' if self.ascending else 'd'}"

    def moments(self, start: datetime, end: datetime, *, days_late: int = 0) -> Iterator[datetime]:
        """Yield when the satellite passes from `start` to before `end`, UTC; a second one is 6 days late."""
        first = _FIRST_NODE_UTC + self.offset + timedelta(days=days_late)
        repeat = timedelta(days=REPEAT_DAYS)
        moment = first + math.ceil((start - first) / repeat) * repeat
        while moment < end:
            yield moment
            moment += repeat


@dataclass(frozen=True, slots=True)
class View:
    """How the beam meets the ground (y, x)."""

    incidence_yx: F32
    """Angle between beam and vertical, radians."""
    azimuth_yx: F32
    """Direction in which the beam travels over the ground, radians from north through east."""


def passes_over(lon_deg: float, lat_deg: float) -> tuple[Pass, ...]:
    """Return the passes in whose swath a place lies, by track, ascending before descending.

    >>> [p.name for p in passes_over(19.19, 30.05)]
    ['080d', '146a']
    """
    both = ((track, up) for track in range(1, TRACKS + 1) for up in (True, False))
    found = (_pass(lon_deg, lat_deg, track, up) for track, up in both)
    return tuple(p for p in found if p is not None)


def pass_over(lon_deg: float, lat_deg: float, *, track: int, ascending: bool) -> Pass:
    """Return that pass over a place; raise MisuseError where its swath does not reach it."""
    found = _pass(lon_deg, lat_deg, track, ascending)
    if found is None:
        names = ", ".join(p.name for p in passes_over(lon_deg, lat_deg)) or "none"
        raise MisuseError(
            f"pass over {lon_deg:.2f}, {lat_deg:.2f}",
            expected=f"a track that sees it: {names}",
            got=str(track),
        )
    return found


def _pass(lon_deg: float, lat_deg: float, track: int, ascending: bool) -> Pass | None:
    node = math.radians(_FIRST_NODE_DEG - (track - 1) * 360 * _TURN)
    here = points_at(lon_deg, lat_deg)
    place = np.array([float(here.x_m), float(here.y_m), float(here.z_m)])
    place /= np.linalg.norm(place)
    half = math.pi / 2
    along = (0.0 if ascending else math.pi) + np.linspace(-half, half, 181)
    for _ in range(3):  # where the satellite is nearest, ever finer: to 1e-5 radians
        near = int(np.argmax(_satellite(along, node) @ place))
        if near in (0, 180):  # nearest on the other half of the orbit
            return None
        step = along[1] - along[0]
        along = np.linspace(along[near] - step, along[near] + step, 181)
    at = float(along[90])
    satellite, ahead = _satellite(np.array([at, at + 1e-6]), node)
    normal = np.cross(satellite, ahead - satellite)
    normal /= np.linalg.norm(normal)
    turn = timedelta(days=_TURN)
    offset = (track - 1) * turn + (at / (2 * math.pi)) * turn
    found = Pass(track, ascending, (float(normal[0]), float(normal[1]), float(normal[2])), offset)
    if satellite @ place < 0.9:  # on the other side of the Earth
        return None
    incidence_deg = math.degrees(float(view_of(here, found).incidence_yx))
    return found if NEAREST_DEG <= incidence_deg <= FARTHEST_DEG else None


def _satellite(along: F64, node: float) -> F64:
    """Return unit vectors (n, 3) to the satellite, radians of its way past the node, on a turning Earth."""
    lon = node - _TURN * along + np.arctan2(np.sin(along) * math.cos(_INCLINATION), np.cos(along))
    up = np.sin(along) * math.sin(_INCLINATION)
    flat = np.sqrt(1 - up * up)
    return np.stack([flat * np.cos(lon), flat * np.sin(lon), up], axis=-1)


def view_of(points: Points, satellite: Pass) -> View:
    """Return the view of points, as if the whole scene lay abeam of the pass's place: good for 200 km."""
    a, b, c = satellite.normal
    radius = np.sqrt(points.x_m**2 + points.y_m**2 + points.z_m**2)
    aside = -(a * points.x_m + b * points.y_m + c * points.z_m) / radius
    beside = np.arcsin(aside)
    off_nadir = np.arctan2(radius * aside, _AXIS_M - radius * np.sqrt(1 - aside * aside))
    lon, lat = np.radians(points.lon_deg), np.radians(points.lat_deg)
    sin_lon, cos_lon = np.sin(lon), np.cos(lon)
    east = b * cos_lon - a * sin_lon
    north = c * np.cos(lat) - np.sin(lat) * (a * cos_lon + b * sin_lon)
    azimuth = np.arctan2(-east, -north)
    return View((off_nadir + beside).astype(np.float32), azimuth.astype(np.float32))
