"""Passes of satellites over the Earth: circular, sun-synchronous orbits that repeat after whole days.

A pass is half a revolution around a node, where the satellite crosses the equator. Between its passes the
Earth turns by a fixed angle, so a mission has as many different tracks as orbits in its cycle. Phases were
set by the dates, times and outlines of real scenes, so that the twin's calendar is the real one: the tests
say how well. Axis letters: y row (north to south), x column (west to east).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from eomap.twin.earth import Points, points_at

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
RADIUS_M = 6_371_000.0
_TURN_RAD_S = 2 * math.pi / 86_400
"""Of the Earth below a sun-synchronous orbit's plane, which itself turns once a year."""
_ROUNDS = 2
"""Of finding the moment at which a place is abeam: the second leaves less than a metre."""


@dataclass(frozen=True, slots=True)
class Mission:
    """An orbit and what is seen from it."""

    inclination_deg: float
    height_m: float
    cycle_days: int
    orbits: int
    """Revolutions, and different tracks, in a cycle."""
    near_m: float
    far_m: float
    """Where the swath begins and ends, metres along the ground from below the satellite, right positive."""
    node_lon_deg: float
    """Where the descending node of track 1 crosses the equator."""
    node_moment: Mapping[str, datetime]
    """When each satellite was there; any cycle will do."""

    @property
    def period_s(self) -> float:
        """Seconds per revolution."""
        return self.cycle_days * 86_400 / self.orbits


@dataclass(frozen=True, slots=True)
class Pass:
    """Half a revolution of one satellite, from its northernmost to its southernmost place or back."""

    mission: Mission
    platform: str
    relative_orbit: int
    """Which track of the cycle, from 1."""
    descending: bool
    node_lon_deg: float
    node_moment: datetime

    def number(self, seconds: float) -> int:
        """Return the relative orbit at a moment, seconds from the node: it counts up at ascending nodes."""
        late = not self.descending and seconds < 0
        return (self.relative_orbit - 2) % self.mission.orbits + 1 if late else self.relative_orbit

    @property
    def orbit_state(self) -> str:
        """`descending` or `ascending`."""
        return "descending" if self.descending else "ascending"


def pass_of(mission: Mission, platform: str, relative_orbit: int, *, cycle: int, descending: bool) -> Pass:
    """Return the pass of a satellite on one of its tracks in a cycle, counted from `node_moment`."""
    half = 0.0 if descending else -0.5  # the ascending node comes half a revolution before
    turns = relative_orbit - 1 + half
    seconds = cycle * mission.cycle_days * 86_400 + turns * mission.period_s
    across = -180.0 if not descending else 0.0
    lon = mission.node_lon_deg + across - turns * 360 * mission.cycle_days / mission.orbits
    return Pass(
        mission,
        platform,
        relative_orbit,
        descending,
        (lon + 180) % 360 - 180,
        mission.node_moment[platform] + timedelta(seconds=seconds),
    )


def abeam(flight: Pass, points: Points) -> tuple[F64, F64]:
    """Return seconds from the node and metres right of the track (y, x) at which places lie abeam.

    Places more than a quarter of a revolution from the node belong to another pass: NaN metres.
    """
    rate = 2 * math.pi / flight.mission.period_s
    cos_i, sin_i = (f(math.radians(flight.mission.inclination_deg)) for f in (math.cos, math.sin))
    rise = -sin_i if flight.descending else sin_i
    radius = np.sqrt(points.x_m**2 + points.y_m**2 + points.z_m**2)
    x, y, z = points.x_m / radius, points.y_m / radius, points.z_m / radius
    seconds = np.arcsin(np.clip(z / rise, -1, 1)) / rate
    for _ in range(_ROUNDS):
        angle = _TURN_RAD_S * seconds - math.radians(flight.node_lon_deg)
        cos, sin = np.cos(angle), np.sin(angle)
        ahead, aside = (
            x * cos - y * sin,
            x * sin + y * cos,
        )  # not turning: the node, and 90 degrees east of it
        along = cos_i * aside + rise * z
        left = cos_i * z - rise * aside
        # How the place moves along and across the orbit's plane while the Earth goes on turning:
        swing = (ahead * cos_i * ahead + along * aside) / (ahead * ahead + along * along)
        late = (np.arctan2(along, ahead) / rate - seconds) / (1 - swing * _TURN_RAD_S / rate)
        left = left - rise * ahead * _TURN_RAD_S * late
        seconds = seconds + late
    right_m = -RADIUS_M * np.arcsin(np.clip(left, -1, 1))
    return seconds, np.where(np.abs(seconds) <= flight.mission.period_s / 4, right_m, np.nan)


def within(flight: Pass, points: Points, *, seconds: tuple[float, float] = (-1e9, 1e9)) -> Bool:
    """Return which places (y, x) a pass shows, between two moments in seconds from its node.

    The same, pixel for pixel, as asking each place alone; parts far from an edge are settled as a whole.
    """
    out = np.zeros(points.shape, dtype=bool)
    _settle(flight, points, seconds, out)
    return out


_ALONE = 48
"""Rows and columns below which every place is asked."""
_GROUND_M_S = 6_500.0
"""Below the slowest that a satellite's shadow moves over the ground."""


def settled(flight: Pass, middle: Points, corners: Points, *, seconds: tuple[float, float]) -> bool | None:
    """Return whether a pass shows all or nothing between corners around a middle; None where unsure."""
    here = np.array([float(a.ravel()[0]) for a in (middle.x_m, middle.y_m, middle.z_m)])
    there = np.stack([corners.x_m.ravel(), corners.y_m.ravel(), corners.z_m.ravel()], axis=1)
    reach_m = 1.4 * float(np.linalg.norm(there - here, axis=1).max())
    when, right_m = (float(v.ravel()[0]) for v in abeam(flight, middle))
    ends = flight.mission.near_m - right_m, right_m - flight.mission.far_m
    times = (seconds[0] - when) * _GROUND_M_S, (when - seconds[1]) * _GROUND_M_S
    outside_m = max(*ends, *times)
    if math.isnan(right_m) or abs(outside_m) <= reach_m:
        return None
    return outside_m < 0


def _settle(flight: Pass, points: Points, seconds: tuple[float, float], out: Bool) -> None:
    rows, cols = points.shape
    if min(rows, cols) > _ALONE:
        middle = points.part(slice(rows // 2, rows // 2 + 1), slice(cols // 2, cols // 2 + 1))
        corners = points.part(slice(0, None, rows - 1), slice(0, None, cols - 1))
        found = settled(flight, middle, corners, seconds=seconds)
        if found is not None:
            out[:] = found
            return
        for r in (slice(0, rows // 2), slice(rows // 2, rows)):
            for c in (slice(0, cols // 2), slice(cols // 2, cols)):
                _settle(flight, points.part(r, c), seconds, out[r, c])
        return
    when, right_m = abeam(flight, points)
    out[:] = (right_m >= flight.mission.near_m) & (right_m <= flight.mission.far_m)
    out &= (when >= seconds[0]) & (when < seconds[1])


def below(flight: Pass, seconds: F64, right_m: npt.ArrayLike = 0.0) -> tuple[F64, F64]:
    """Return longitudes (from -180 to 180) and latitudes, degrees, abeam at moments; inverse of `abeam`.

    Latitudes are those of the ellipsoid.
    """
    rate = 2 * math.pi / flight.mission.period_s
    cos_i, sin_i = (f(math.radians(flight.mission.inclination_deg)) for f in (math.cos, math.sin))
    rise = -sin_i if flight.descending else sin_i
    u, side = rate * np.asarray(seconds, np.float64), np.asarray(right_m, np.float64) / RADIUS_M
    ahead = np.cos(side) * np.cos(u)
    aside = np.cos(side) * cos_i * np.sin(u) + np.sin(side) * rise
    up = np.cos(side) * rise * np.sin(u) - np.sin(side) * cos_i
    lon = np.degrees(np.arctan2(aside, ahead) - _TURN_RAD_S * np.asarray(seconds)) + flight.node_lon_deg
    # The ellipsoid's normal, not the direction from the Earth's middle, defines latitude.
    lat = np.degrees(np.arctan(np.tan(np.arcsin(np.clip(up, -1, 1))) / (1 - 0.00669437999014)))
    return (lon + 180) % 360 - 180, lat


def moment_at(flight: Pass, lon_deg: float, lat_deg: float) -> datetime:
    """Return when a place lies abeam, to the millisecond."""
    seconds, _ = abeam(flight, points_at([[lon_deg]], [[lat_deg]]))
    return flight.node_moment + timedelta(milliseconds=round(1000 * float(seconds[0, 0])))


def incidence_deg(flight: Pass, points: Points) -> F64:
    """Return the angle (y, x) between the line of sight and the vertical of a round Earth, degrees."""
    _, right_m = abeam(flight, points)
    centre = np.abs(right_m) / RADIUS_M
    height = 1 + flight.mission.height_m / RADIUS_M
    return np.degrees(np.arctan2(np.sin(centre), height - np.cos(centre)) + centre)


def beam_azimuth_deg(flight: Pass, points: Points) -> F64:
    """Return the direction (y, x) in which a look to the right travels, degrees from north through east."""
    seconds, right_m = abeam(flight, points)
    step = np.where(np.isnan(right_m), np.nan, 1_000.0)
    lon, lat = below(flight, seconds, right_m + step)
    east = ((lon - points.lon_deg + 180) % 360 - 180) * np.cos(np.radians(points.lat_deg))
    return np.degrees(np.arctan2(east, lat - points.lat_deg)) % 360


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


SENTINEL2 = Mission(
    inclination_deg=98.57, height_m=786_000, cycle_days=10, orbits=143, near_m=-147_500, far_m=147_500,
    node_lon_deg=-2.78 + 64 * 3600 / 143 - 4 * 360,
    node_moment={"S2A": _utc("2020-03-02T10:41:04") - timedelta(days=640 / 143),
                 "S2B": _utc("2020-03-07T10:41:04") - timedelta(days=640 / 143)},
)  # fmt: skip
"""MSI: 295 km as in real outlines (290 nominal); southward over the equator at about 10:30 local time."""
SENTINEL1 = Mission(
    inclination_deg=98.18, height_m=693_000, cycle_days=12, orbits=175, near_m=342_500, far_m=593_500,
    node_lon_deg=17.37 + 79 * 360 * 12 / 175 - 5 * 360,
    node_moment={"S1A": _utc("2025-03-11T04:50:48") - timedelta(days=79 * 12 / 175)},
)  # fmt: skip
"""IW mode: 250 km, looking right from the track."""


def passes_over(mission: Mission, platform: str, lon_deg: float, lat_deg: float) -> tuple[Pass, ...]:
    """Return the passes of a cycle that show a place, by track, ascending before descending."""
    place = points_at([[lon_deg]], [[lat_deg]])
    tracks = ((track, down) for track in range(1, mission.orbits + 1) for down in (False, True))
    found = (pass_of(mission, platform, track, cycle=0, descending=down) for track, down in tracks)
    return tuple(f for f in found if within(f, place).any())
