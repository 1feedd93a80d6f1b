"""What Sentinel-1 sees of the twin's land: gamma nought, terrain, and the speckle of every pass.

A radiometric model, calibrated on class means of real scenes (`bench/twin_radar.py`), not an electromagnetic
one: ground under plants, walls that face the beam, water under wind, snow. Power is linear throughout;
only `decibels` gives decibels. Axis letters: y row (north to south), x column (west to east).
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.kernels.speckle import speckle
from eomap.twin.earth import F32, Points
from eomap.twin.land import Cover
from eomap.twin.orbits import Pass, beam_azimuth_deg, incidence_deg

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]
LOOKS: Mapping[str, float] = {"GRD": 4.4, "RTC": 4.9}
"""Equivalent looks of a product; real forests measured 4.6 and 4.8 (RTC, Brazil)."""
SPECKLE_LAG1 = 0.78
"""Correlation of neighbours by speckle alone: .69 to .80 in real even areas, .80 to .92 in whole scenes."""
MARGIN_PX = 1
"""Pixels that `observed` needs around the ones it gives."""
LAYOVER, SHADOW = 1, 2
"""Bits of a mask of terrain."""
POLARISATIONS = ("VV", "VH")
_REFERENCE = math.radians(38.0)
_CALM_M_S, _MOIST = np.float32(4.0), np.float32(0.2)
_DB = np.float32(math.log(10) / 10)
_FLOOR = np.float32(10**-2.8)
"""What is left of the noise of the receiver, where no echo comes from."""
_GRAZING = np.float32(0.1)
_CROWN_M = np.float32(4.0)
"""Thickness of a canopy that lets a share 1/e of the ground through."""
_WALL_DEG = 12.0
"""How far a wall may turn from the beam before its mirror image is lost."""


@dataclass(frozen=True, slots=True)
class Echo:
    """Gamma nought of one cover in one polarisation at 38 degrees."""

    db: float
    """At a soil moisture of 0.2, or under a wind of 4 m/s on water; without trees."""
    wet_db: float
    """More for each 0.1 m3/m3 of moisture; on water, for ten times the wind."""
    style_db: float
    """Standard deviation from place to place."""
    fall: float
    """Power of the cosine of incidence by which it falls."""


def _echoes(*rows: tuple[Cover, Echo, Echo]) -> Mapping[Cover, tuple[Echo, Echo]]:
    return {cover: (vv, vh) for cover, vv, vh in rows}


ECHOES = _echoes(
    (Cover.TREES, Echo(-10.6, 0.6, 0.5, 0.6), Echo(-16.4, 0.4, 0.5, 0.4)),
    (Cover.SHRUB, Echo(-10.6, 1.0, 0.8, 0.8), Echo(-15.7, 1.0, 1.0, 0.6)),
    (Cover.GRASS, Echo(-11.2, 1.4, 1.2, 1.2), Echo(-17.5, 0.5, 1.1, 0.8)),
    (Cover.CROP, Echo(-10.8, 1.3, 1.7, 1.2), Echo(-17.0, 0.5, 1.4, 0.8)),
    (Cover.BUILT, Echo(-12.5, 0.4, 1.0, 1.0), Echo(-19.5, 0.3, 1.0, 0.6)),
    (Cover.BARE, Echo(-16.0, 1.3, 1.5, 1.5), Echo(-21.2, 0.6, 1.0, 1.0)),
    (Cover.SNOW, Echo(-13.3, 0.0, 1.0, 1.2), Echo(-20.7, 0.0, 1.0, 0.8)),
    (Cover.WATER, Echo(-16.1, 14.2, 0.8, 6.0), Echo(-21.7, 10.5, 0.4, 3.0)),
    (Cover.WETLAND, Echo(-10.0, 1.0, 1.5, 0.8), Echo(-16.5, 0.5, 1.2, 0.6)),
    (Cover.MANGROVE, Echo(-10.0, 0.3, 0.5, 0.6), Echo(-16.0, 0.2, 0.5, 0.4)),
    (Cover.MOSS, Echo(-12.0, 1.2, 1.0, 1.2), Echo(-18.5, 0.5, 1.0, 0.8)),
)
"""VV, VH. Means and slopes fit means of Esri classes in real scenes: crops and grass of Tanzania (dry) and of
Denmark (wet), trees, sand and calm water of Brazil; rough water (9 m/s) and snow as in other real samples.
Wetland, mangrove and moss are guesses between their neighbours."""
_CANOPY_DB = (-6.9, -13.0)
"""A closed canopy of tall trees."""
_WALL_POWER = (0.78, 0.19)
"""Of walls at a random angle whose area is that of the ground."""
_WALL_TURN = (0.50, 0.20)
"""Share of that power which goes with the angle of the walls."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What lies and stands on the ground (y, x); float32 but for the cover."""

    cover_yx: U8
    """Codes of ESA WorldCover."""
    tree_yx: F32
    """Share under crowns."""
    canopy_m_yx: F32
    building_yx: F32
    """Share under roofs."""
    building_m_yx: F32
    """Mean height of buildings."""
    street_angle_yx: F32
    """Direction of walls, radians from east counterclockwise; only its remainder by a right angle matters."""
    moisture_yx: F32
    """Of the topmost soil, m3/m3."""
    snow_yx: F32
    """Share of open ground under snow."""
    wind_m_s_yx: F32
    """At 10 m, read over water only."""
    style_yx: F32
    """A field of mean 0 and deviation 1: what makes one field or roof unlike the next."""
    east_yx: F32
    """Rise over run towards the east, and towards the north."""
    north_yx: F32


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """How the beam meets the ground (y, x)."""

    incidence_yx: F32
    """Angle between beam and vertical, radians."""
    azimuth_yx: F32
    """Direction in which the beam travels over the ground, radians from north through east."""


def view_of(flight: Pass, points: Points) -> View:
    """Return how a pass looks at some points."""

    def radians(angle: Callable[[Pass, Points], F64], turn_deg: float = 0.0) -> F32:
        return points.drawn(lambda at: np.radians(angle(flight, at) - turn_deg).astype(np.float32))

    # Beams to the west go round south: drawn between nodes, 0 and 360 degrees must not meet there.
    half_turn = 180.0 if flight.descending else 0.0
    azimuth = radians(lambda f, at: (beam_azimuth_deg(f, at) + half_turn) % 360, half_turn)
    return View(radians(incidence_deg), azimuth)


@dataclass(frozen=True, slots=True, eq=False)
class Facet:
    """How the ground of a pixel lies under the beam (y, x)."""

    local_yx: F32
    """Cosine between the beam and the ground's normal; not above 0 in shadow."""
    plane_yx: F32
    """Cosine between the ground's normal and that of the slant image plane; not above 0 in layover."""

    @property
    def mask_yx(self) -> U8:
        """LAYOVER and SHADOW of the slopes themselves; what slopes do to ground beyond them is left out."""
        return np.uint8(LAYOVER) * (self.plane_yx <= 0) + np.uint8(SHADOW) * (self.local_yx <= 0)


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One look of the radar (y, x): linear power and the mask of terrain."""

    vv_yx: F32
    vh_yx: F32
    mask_yx: U8


def facets(view: View, *, east_yx: F32, north_yx: F32) -> Facet:
    """Return how slopes lie under a beam: L. M. H. Ulander 1996 (doi:10.1109/36.536527)."""
    rise = east_yx * np.sin(view.azimuth_yx) + north_yx * np.cos(view.azimuth_yx)
    length = np.sqrt(1 + east_yx * east_yx + north_yx * north_yx)
    sin, cos = np.sin(view.incidence_yx), np.cos(view.incidence_yx)
    return Facet((cos + rise * sin) / length, (sin - rise * cos) / length)


def backscatter(ground: Ground, view: View) -> tuple[F32, F32]:
    """Return gamma nought of VV and VH (y, x), free of speckle and of the terrain's foreshortening."""
    facet = facets(view, east_yx=ground.east_yx, north_yx=ground.north_yx)
    return _backscatter(ground, view, facet)


def _backscatter(ground: Ground, view: View, facet: Facet) -> tuple[F32, F32]:
    water = ground.cover_yx == Cover.WATER
    wind = np.log10(np.clip(ground.wind_m_s_yx, 0.5, 25) / _CALM_M_S)
    wet = np.where(water, wind, (ground.moisture_yx - _MOIST) * np.float32(10))
    tilt = np.log(np.maximum(facet.local_yx, _GRAZING) / np.float32(math.cos(_REFERENCE)))
    wall, mirror = _walls(ground, view)
    dry_land = ~water
    crown = ground.tree_yx * -np.expm1(-ground.canopy_m_yx / _CROWN_M) * dry_land
    snow = ground.snow_yx * dry_land
    out = []
    for k in range(len(POLARISATIONS)):
        power = _open_ground(k, ground, wet, tilt)
        of_snow = ECHOES[Cover.SNOW][k]
        power += snow * (
            np.float32(10 ** (of_snow.db / 10)) * np.exp(np.float32(of_snow.fall) * tilt) - power
        )
        turn = np.float32(_WALL_TURN[k])
        power = (1 - ground.building_yx) * power + ground.building_yx * np.float32(0.4) * power
        power += np.float32(_WALL_POWER[k]) * wall * (1 - turn + turn * mirror)
        out.append(power + crown * (np.float32(10 ** (_CANOPY_DB[k] / 10)) - power))
    return out[0], out[1]


def _open_ground(k: int, ground: Ground, wet: F32, tilt: F32) -> F32:
    base, slope, style, fall = (
        _table(k, name)[ground.cover_yx] for name in ("db", "wet_db", "style_db", "fall")
    )
    style *= _DB
    # The mean of a lognormal is taken off, so that `db` stays the class's mean power.
    exponent = (base + slope * wet) * _DB + style * ground.style_yx - np.float32(0.5) * style * style
    return np.exp(exponent + fall * tilt)


def _table(k: int, name: str) -> F32:
    table = np.zeros(256, np.float32)
    for cover, echoes in ECHOES.items():
        table[cover] = getattr(echoes[k], name)
    return table


def _walls(ground: Ground, view: View) -> tuple[F32, F32]:
    """Return wall area per ground area, and the mirror gain of its angle, mean 1 over all angles.

    Buildings are wider where they are taller, so that a tower's walls count less than in proportion.
    """
    wall = ground.building_yx * ground.building_m_yx / (10 + np.float32(0.5) * ground.building_m_yx)
    quarter = np.float32(math.pi / 2)
    away = ground.street_angle_yx + view.azimuth_yx  # from east + from north: walls at 0 face the beam
    away = away - quarter * np.round(away / quarter)
    width = math.radians(_WALL_DEG)
    peak = np.float32(math.pi / 2 / (width * math.sqrt(math.pi)))
    return wall, peak * np.exp(-np.square(away / np.float32(width)))


def observed(
    ground: Ground,
    view: View,
    *,
    rows: slice,
    cols: slice,
    pass_name: str,
    day: date,
    seed: int,
    product: str = "RTC",
) -> Image:
    """Return what a pass sees on a day, of whole row and column numbers of a zone's 10 m grid.

    `ground` and `view` reach MARGIN_PX further on each side: the resolution is 20 m. RTC is gamma nought of
    flattened terrain; GRD is sigma nought on the ellipsoid, with bright slopes towards the radar.
    Speckle is independent between days, passes, polarisations, products and zones' grids.
    """
    if product not in LOOKS:
        raise MisuseError("radar product", expected=f"one of {', '.join(LOOKS)}", got=product)
    inside = (rows.stop - rows.start, cols.stop - cols.start)
    if ground.cover_yx.shape != tuple(n + 2 * MARGIN_PX for n in inside):
        raise MisuseError(
            "radar image",
            expected=f"ground of {inside} and {MARGIN_PX} px around",
            got=str(ground.cover_yx.shape),
        )
    facet = facets(view, east_yx=ground.east_yx, north_yx=ground.north_yx)
    mask = facet.mask_yx
    gain = _ellipsoid_gain(view, facet) if product == "GRD" else np.float32(1)
    out = []
    for polarisation, power in zip(POLARISATIONS, _backscatter(ground, view, facet), strict=True):
        power = np.where(mask & SHADOW, _FLOOR, power * gain)
        key = hashlib.sha256(f"{seed}/{pass_name}/{day}/{polarisation}/{product}".encode()).digest()
        noise = speckle(
            rows, cols, seed=int.from_bytes(key[:4], "big"), looks=LOOKS[product], lag1=SPECKLE_LAG1
        )
        out.append(np.maximum(_blurred(power), _FLOOR) * noise)
    return Image(out[0], out[1], mask[1:-1, 1:-1])


def _ellipsoid_gain(view: View, facet: Facet) -> F32:
    """Return sigma nought on the ellipsoid over gamma nought of the facet: areas in the slant image."""
    lit = np.maximum(facet.local_yx, 0) * np.sin(view.incidence_yx)
    return (lit / np.maximum(facet.plane_yx, _GRAZING)).astype(np.float32)


def _blurred(power_yx: F32) -> F32:
    """Return the mean of 3 x 3 pixels weighted 1 2 1, without the outermost ones."""
    rows = power_yx[:-2] + 2 * power_yx[1:-1] + power_yx[2:]
    return ((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / np.float32(16)).astype(np.float32)


def decibels(power: F32) -> F32:
    """Return ten times the decadic logarithm; NaN where the power is not above 0.

    >>> decibels(np.array([1.0, 0.1, 0.0], np.float32)).tolist()
    [0.0, -10.0, nan]
    """
    return (10 * np.log10(np.where(power > 0, power, np.nan))).astype(np.float32)
