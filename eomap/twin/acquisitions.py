"""Which acquisitions exist over a place in a period: a pure function of bounds, period, sensors and seed.

Sentinel-1 and -2 fly their real tracks on their real dates; EnMAP is tasked by the seed; MODIS comes as
composites, as do the lights at night. Axis letters: y row (north to south), x column (west to east).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame, transformer, utm_epsg
from eomap.core.period import Period
from eomap.errors import MisuseError
from eomap.twin import degrees, orbits, sinusoid
from eomap.twin.degrees import DegreeFrame
from eomap.twin.earth import METRES_PER_DEGREE, Points, Site, from_site, points_at, sites, uniform
from eomap.twin.orbits import SENTINEL1, SENTINEL2, Mission, Pass
from eomap.twin.outlines import swath_deg
from eomap.twin.sinusoid import PX_250M, PX_500M, SinusoidFrame
from eomap.twin.squares import SNAP_M, Bounds, clipped, squares

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
SENSORS = ("s2", "s1", "enmap", "modis")
_LAUNCHED = {"S2A": date(2015, 6, 27), "S2B": date(2017, 3, 15), "S1A": date(2014, 10, 3)}
_SLICE_S = 25.0
"""A Sentinel-1 product: 25 seconds, about 170 km along the track."""
ENMAP_SIDE_M, _ENMAP_CYCLE_DAYS, _ENMAP_SHARE = 30_000.0, 27, 0.5
ENMAP_ANGLE = math.radians(-12.0)
"""How far a descending track leans from north, near enough between 60 S and 60 N."""
_ENMAP_HOUR, _FIRST_ENMAP = 11.3, date(2022, 4, 1)
_SAMPLES = 24
AnyFrame = Frame | SinusoidFrame | DegreeFrame


@dataclass(frozen=True, slots=True)
class Composite:
    """How a MODIS product, or the lights at night, puts days together, always from the first of January."""

    days: int | None
    """None: a calendar year."""
    every_days: int
    tile_px: int
    """Pixels along a tile."""


COMPOSITES = {
    "13Q1": Composite(16, 16, PX_250M),
    "09A1": Composite(8, 8, PX_500M),
    "43A4": Composite(16, 8, PX_500M),
    "12Q1": Composite(None, 366, PX_500M),
    "46A4": Composite(None, 366, degrees.TILE_PX),
}
"""By product. The real 43A4 comes every day since collection 6; here every eighth, as before."""
LIGHTS = "46A4"


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What one satellite shows of one place at one time, as one product would hold it."""

    sensor: str
    """One of SENSORS."""
    platform: str
    """S2A, S2B, S1A, ENMAP, TERRA or SNPP."""
    moment: datetime
    """UTC; the middle of a composite."""
    place: str
    """A Sentinel-2 square, a Sentinel-1 slice, an EnMAP site, a MODIS tile."""
    frame: AnyFrame
    """The whole product's pixels; EnMAP's are squares of three."""
    flight: Pass | None = None
    slice_s: tuple[float, float] = (-1e9, 1e9)
    """Seconds from the pass's node that a product holds."""
    site: Site | None = None
    product: str = ""
    """Which composite: a key of COMPOSITES."""

    @property
    def day(self) -> date:
        """The UTC day, of a composite its first."""
        return self.interval[0].date()

    @property
    def interval(self) -> tuple[datetime, datetime]:
        """First and last moment."""
        if self.product:
            half = _length(self.product, self.moment.year) / 2
            return self.moment - half, self.moment + half - timedelta(seconds=1)
        length = timedelta(seconds=_SLICE_S / 2 if self.sensor == "s1" else 2)
        return self.moment - length, self.moment + length

    @property
    def relative_orbit(self) -> int | None:
        """The number of the track, where there is one."""
        middle = sum(self.slice_s) / 2
        return None if self.flight is None else self.flight.number(middle)


def acquisitions(
    bounds_deg: Bounds, period: Period, sensors: Sequence[str], *, seed: int
) -> tuple[Acquisition, ...]:
    """Return all acquisitions that show a part of the bounds, in order of sensor, time and place.

    Bounds are west, south, east, north in degrees; east may run on beyond 180. Raises MisuseError for
    unknown sensors.
    """
    unknown = [s for s in sensors if s not in SENSORS]
    if unknown or not sensors:
        raise MisuseError(
            "--sensors", expected=f"some of {', '.join(SENSORS)}", got=", ".join(unknown) or "none"
        )
    found: list[Acquisition] = []
    if "s2" in sensors:
        found += _sentinel2(bounds_deg, period)
    if "s1" in sensors:
        found += _sentinel1(bounds_deg, period)
    if "enmap" in sensors:
        found += _enmap(bounds_deg, period, seed)
    if "modis" in sensors:
        found += _modis(bounds_deg, period)
    return tuple(sorted(found, key=lambda a: (a.sensor, a.moment, a.place, a.product)))


def seen(acquisition: Acquisition, points: Points) -> Bool:
    """Return which places (y, x) an acquisition shows: the rest of its product is nodata."""
    if acquisition.flight is not None:
        return orbits.within(acquisition.flight, points, seconds=acquisition.slice_s)
    if acquisition.site is not None:
        east, north = from_site(points, acquisition.site, angle=ENMAP_ANGLE)
        return np.maximum(np.abs(east), np.abs(north)) <= ENMAP_SIDE_M / 2
    return np.ones(points.shape, bool)


def incidence(acquisition: Acquisition, points: Points) -> F32:
    """Return the incidence angle (y, x) in degrees over flat ground; a MisuseError for EnMAP and MODIS."""
    return orbits.incidence_deg(_flown(acquisition), points).astype(np.float32)


def beam_azimuth(acquisition: Acquisition, points: Points) -> F32:
    """Return whereto the radar's beam travels (y, x), degrees from north through east."""
    return orbits.beam_azimuth_deg(_flown(acquisition), points).astype(np.float32)


def _flown(acquisition: Acquisition) -> Pass:
    if acquisition.flight is None:
        raise MisuseError("angle of view", expected="a Sentinel acquisition", got=acquisition.sensor)
    return acquisition.flight


def _sentinel2(bounds_deg: Bounds, period: Period) -> Iterator[Acquisition]:
    for square in squares(bounds_deg):
        part = clipped(square.frame, bounds_deg, margin_m=0)
        if part is None:
            continue
        points = _sampled(part)
        west, south, east, north = square.frame.bounds_m
        lon, lat = transformer(square.frame.epsg, 4326).transform((west + east) / 2, (south + north) / 2)
        for track in range(1, SENTINEL2.orbits + 1):
            some = orbits.pass_of(SENTINEL2, "S2A", track, cycle=0, descending=True)
            if not orbits.within(some, points).any():
                continue
            for platform in SENTINEL2.node_moment:
                for flight, moment in _flights(SENTINEL2, platform, track, True, period, (lon, lat)):
                    yield Acquisition("s2", platform, moment, square.name, square.frame, flight)


def _sampled(frame: Frame) -> Points:
    """Return about 24 x 24 places of a frame, its corners among them."""
    rows, cols = (np.linspace(0, n - 1, _SAMPLES) + 0.5 for n in frame.shape)
    x, y = np.meshgrid(frame.x0 + cols * 10, frame.y0 - rows * 10)
    return points_at(*transformer(frame.epsg, 4326).transform(x, y))


def _flights(
    mission: Mission, platform: str, track: int, descending: bool, period: Period, place: tuple[float, float]
) -> Iterator[tuple[Pass, datetime]]:
    """Yield the passes of a satellite on a track that reach a place within a period, and when."""
    first = orbits.pass_of(mission, platform, track, cycle=0, descending=descending)
    begun = orbits.moment_at(first, *place)
    start = max(period.start, _LAUNCHED[platform])
    cycle = (start - begun.date()).days // mission.cycle_days
    while True:
        moment = begun + timedelta(days=cycle * mission.cycle_days)
        if moment.date() > period.end:
            return
        if moment.date() >= start:
            yield orbits.pass_of(mission, platform, track, cycle=cycle, descending=descending), moment
        cycle += 1


def _sentinel1(bounds_deg: Bounds, period: Period) -> Iterator[Acquisition]:
    west, south, east, north = bounds_deg
    points = points_at(*np.meshgrid(np.linspace(west, east, _SAMPLES), np.linspace(south, north, _SAMPLES)))
    for track in range(1, SENTINEL1.orbits + 1):
        for descending in (False, True):
            some = orbits.pass_of(SENTINEL1, "S1A", track, cycle=0, descending=descending)
            inside = orbits.within(some, points)
            if not inside.any():
                continue
            when, _ = orbits.abeam(some, points)
            for number in np.unique(when[inside] // _SLICE_S).astype(int).tolist():
                ends = number * _SLICE_S, (number + 1) * _SLICE_S
                frame, centre = _slice_frame(some, ends)
                place = f"{'D' if descending else 'A'}{track:03d}_{number + 100:03d}"
                for flight, moment in _flights(SENTINEL1, "S1A", track, descending, period, centre):
                    yield Acquisition("s1", "S1A", moment, place, frame, flight, slice_s=ends)


def _slice_frame(flight: Pass, ends: tuple[float, float]) -> tuple[Frame, tuple[float, float]]:
    """Return the pixels around a slice in the zone of its middle, and the middle."""
    middle_m = (flight.mission.near_m + flight.mission.far_m) / 2
    lon, lat = (float(v) for v in orbits.below(flight, np.asarray(sum(ends) / 2), middle_m))
    epsg = utm_epsg(lon, max(-80.0, min(84.0, lat)))
    x, y = transformer(4326, epsg).transform(*swath_deg(flight, *ends))
    x0, x1 = math.floor(min(x) / SNAP_M) * SNAP_M, math.ceil(max(x) / SNAP_M) * SNAP_M
    y0, y1 = math.floor(min(y) / SNAP_M) * SNAP_M, math.ceil(max(y) / SNAP_M) * SNAP_M
    return Frame(epsg, x0, y1, (y1 - y0) // 10, (x1 - x0) // 10), (lon, lat)


def _enmap(bounds_deg: Bounds, period: Period, seed: int) -> Iterator[Acquisition]:
    reach = 0.75 * ENMAP_SIDE_M / METRES_PER_DEGREE
    west, south, east, north = bounds_deg
    aside = reach / max(0.1, math.cos(math.radians(max(abs(south), abs(north)))))
    wide = (west - aside, max(south - reach, -79.0), east + aside, min(north + reach, 83.0))
    for site in sites(wide, ENMAP_SIDE_M, seed):
        lon = (site.lon_deg + 180) % 360 - 180
        epsg = utm_epsg(lon, site.lat_deg)
        x, y = (float(v) for v in transformer(4326, epsg).transform(lon, site.lat_deg))
        half = ENMAP_SIDE_M / 2 * (math.cos(ENMAP_ANGLE) + abs(math.sin(ENMAP_ANGLE))) + 60
        x0, y0 = math.floor((x - half) / SNAP_M) * SNAP_M, math.ceil((y + half) / SNAP_M) * SNAP_M
        side = math.ceil(2 * half / SNAP_M + 1) * SNAP_M // 10
        frame = Frame(epsg, x0, y0, side, side)
        part = clipped(frame, bounds_deg, margin_m=0)
        name = f"{site.key // 1_000_003:04d}{site.key % 1_000_003:04d}"
        scene = Acquisition("enmap", "ENMAP", datetime(2022, 4, 1, tzinfo=UTC), name, frame, site=site)
        if part is None or not seen(scene, _sampled(part)).any():
            continue
        for day in _enmap_days(site, period, seed):
            # Mean solar time of the descending pass; no equation of time, as for the other orbits.
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
                seconds=round((_ENMAP_HOUR - lon / 15) * 3600)
            )
            if period.covers(moment):
                yield Acquisition("enmap", "ENMAP", moment, name, frame, site=site)


def _enmap_days(site: Site, period: Period, seed: int) -> Iterator[date]:
    """Yield the days on which a site is taken: one in half of the 27-day cycles."""
    start = max(period.start, _FIRST_ENMAP)
    first = (start - _FIRST_ENMAP).days // _ENMAP_CYCLE_DAYS - 1
    last = (period.end - _FIRST_ENMAP).days // _ENMAP_CYCLE_DAYS + 1
    for cycle in range(first, last + 1):
        luck, when = (float(uniform(seed + n, site.key, cycle)[0]) for n in (7001, 7002))
        if luck < _ENMAP_SHARE:
            yield _FIRST_ENMAP + timedelta(days=cycle * _ENMAP_CYCLE_DAYS + int(when * _ENMAP_CYCLE_DAYS))


def _modis(bounds_deg: Bounds, period: Period) -> Iterator[Acquisition]:
    grid = [(f"h{h:02d}v{v:02d}", h, v) for h, v in sinusoid.tiles(bounds_deg)]
    lights = [(f"h{h:02d}v{v:02d}", degrees.tile_frame(h, v)) for h, v in degrees.tiles(bounds_deg)]
    for product, made_of in COMPOSITES.items():
        px = made_of.tile_px
        found: list[tuple[str, AnyFrame]] = [*lights]
        if product != LIGHTS:
            found = [(place, SinusoidFrame(h, v, px, 0, 0, px, px)) for place, h, v in grid]
        platform = "SNPP" if product == LIGHTS else "TERRA"
        for middle in _middles(product, period):
            for place, frame in found:
                yield Acquisition("modis", platform, middle, place, frame, product=product)


def _middles(product: str, period: Period) -> Iterator[datetime]:
    """Yield the middles of the composites that have a day within a period."""
    made_of = COMPOSITES[product]
    for year in range(period.start.year - 1, period.end.year + 1):  # the last of a year ends in the next
        for number in range(0, 365, made_of.every_days):
            begun = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=number)
            length = _length(product, year)
            if period.meets(begun, begun + length - timedelta(seconds=1)):
                yield begun + length / 2


def _length(product: str, year: int) -> timedelta:
    days = COMPOSITES[product].days
    return timedelta(days=days or (date(year + 1, 1, 1) - date(year, 1, 1)).days)
