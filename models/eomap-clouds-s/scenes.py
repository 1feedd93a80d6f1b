"""Made-up scenes with true classes that eomap-clouds-s learns from: the twin's ground, air, clouds, detector.

Everything here is synthetic. Places are drawn over the whole Earth, a third of them where snow lies; pixels
are 10, 20 or 30 m wide; each sky is seen above the air and as a correction would make it surface reflectance.
Axis letters: b band, y row (north to south), x column (west to east).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame, transformer, utm_epsg
from eomap.nn.clouds_s import IGNORED, SHADOW, SNOW, THICK, THIN
from eomap.twin import sky as skies
from eomap.twin.atmosphere import Air, boa
from eomap.twin.climate import land_share
from eomap.twin.correction import corrected, residual
from eomap.twin.earth import points_at, points_of
from eomap.twin.ground import Scenery, land_of, scenery
from eomap.twin.materials import Material
from eomap.twin.optical import Sun, above_air, air_optics, illumination, surface, table_of
from eomap.twin.sun import sun_angles
from eomap.twin.weather import Weather

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
SIDE_PX, SATELLITE = 252, "S2A"
_PIXELS = (1, 2, 2, 2, 3, 3)
"""Side of a scene's pixel in 10 m: what the network meets is 20 m, or 30 m of other satellites."""
_WAYS = (
    (1, 0, 0),
    (1, 0, 0),
    (0.6, 0, 0.4),
    (0, 1, 0),
    (0.5, 0.5, 0),
    (0, 0, 1),
    (0.4, 0.3, 0.3),
    (0, 0.5, 0.5),
)
"""Weights of heaps, sheets and ice."""
_SHADED = 0.8
"""Share of the light below which clear ground lies in shadow; `Sky.classes` draws the line at less."""
_SNOWY = 0.25
"""Share of snow that a scene drawn for its snow has at least."""
F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a scene is taken."""

    frame: Frame
    day: date
    sun: Sun
    pixel: int
    """Side of a pixel in 10 m."""
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A synthetic scene: reflectance x 10000 (b, y, x) of both levels, and the classes (y, x).

    The surface's has only the six bands of the network.
    """

    above_byx: U16
    corrected_byx: U16
    truth_yx: U8


def places(
    count: int, *, seed: int, pixels: tuple[int, ...] = _PIXELS, side_px: int = SIDE_PX
) -> Iterator[Place]:
    """Yield places on land and at coasts, at half past ten of the sun's time; every third has snow.

    `pixels`: sides of a pixel in 10 m, to choose from.
    """
    rng = np.random.default_rng(seed)
    given = 0
    while given < count:
        snowy = given % 3 == 2
        lat = math.degrees(math.asin(rng.uniform(-0.8, 0.93)))
        lon, day = float(rng.uniform(-180, 180)), date(2022, 1, 1) + timedelta(days=int(rng.integers(0, 365)))
        pixel, own = int(rng.choice(pixels)), int(rng.integers(1 << 24))
        share = float(land_share(points_at([[lon]], [[lat]]))[0, 0])
        if not (share >= 0.8 if rng.random() < 0.7 else 0.15 <= share < 0.8):
            continue
        epsg = utm_epsg(lon, lat)
        x, y = (round(v / 60) * 60 for v in transformer(4326, epsg).transform(lon, lat))
        frame = Frame(epsg, x, y, side_px * pixel, side_px * pixel)
        moment = datetime(day.year, day.month, day.day, 10, 30, tzinfo=UTC) - timedelta(hours=lon / 15)
        zenith, azimuth = (float(a) for a in sun_angles(lon, lat, moment))
        if zenith > (78 if snowy else 72) or (snowy and _snow_share(frame, day, own) < _SNOWY):
            continue
        given += 1
        yield Place(frame, day, Sun(zenith, azimuth), pixel, own)


def _snow_share(frame: Frame, day: date, seed: int) -> float:
    """Return roughly how much of a frame lies under snow: from some of its pixels."""
    every = frame.height // 12
    seen = scenery(land_of(frame, seed, every_px=every), day, seed)
    return float((seen.ground.fraction_myx[Material.SNOW] > 127).mean())


def scenes_of(place: Place, skies_per_land: int, *, bands: tuple[str, ...] = BANDS) -> Iterator[Made]:
    """Yield scenes of one land under several skies; the first is often without a cloud."""
    rng = np.random.default_rng(place.seed)
    land = land_of(place.frame, place.seed, every_px=place.pixel)
    ground = scenery(land, place.day, place.seed)
    bare = _reflectances(ground, place.sun, bands)
    ice = _coloured(bare, place, ground, rng)
    for k in range(skies_per_land):
        clear = k == 0 and rng.random() < 0.5
        yield _scene(place, ground, bare, ice, _weather(rng, clear=clear), rng)


def _reflectances(ground: Scenery, sun: Sun, bands: tuple[str, ...]) -> dict[str, F32]:
    table, number = table_of(SATELLITE)
    lit = illumination(ground.ground, sun)
    return {n: surface(ground.ground, number[n], table=table, lit_yx=lit) for n in bands}


def _coloured(bare: dict[str, F32], place: Place, ground: Scenery, rng: np.random.Generator) -> F32:
    """Add mud, bright bottoms or ice to the water, the same for all skies, and return the share of ice.

    The twin's own water varies little; a network that knows only that takes a muddy lake for shadow.
    """
    water = ground.ground.fraction_myx[Material.WATER].astype(np.float32) / 255
    kind = rng.choice(4, p=(0.35, 0.35, 0.1, 0.2))
    amount = float(rng.uniform(0.1, 1.3))
    patches = points_of(place.frame, every_px=place.pixel).fractal(4_000, place.seed + 77, octaves=6)
    there = water * np.clip(amount * (0.7 + 0.5 * patches), 0, 1.5)
    if kind:
        for name in bare:
            bare[name] = bare[name] + there * np.float32(_WATERS[kind - 1].get(name, 0.02))
    return np.clip(there, 0, 1) if kind == _ICE else np.zeros_like(there)


_WATERS = (
    {"B02": 0.03, "B03": 0.06, "B04": 0.07, "B08": 0.03, "B11": 0.004, "B12": 0.002},
    {"B02": 0.07, "B03": 0.09, "B04": 0.05, "B08": 0.01, "B11": 0.001, "B12": 0.001},
    {"B02": 0.22, "B03": 0.21, "B04": 0.20, "B08": 0.15, "B11": 0.03, "B12": 0.02},
)
"""Reflectance that mud, a bright bottom and ice add to water; round numbers."""
_ICE = len(_WATERS)


def _thinner(sky: skies.Sky, depth: float) -> skies.Sky:
    """Return a sky of `depth` times the optical thickness; light falls with its exponential, roughly."""
    return skies.Sky(
        sky.tau_yx * np.float32(depth),
        sky.cirrus_yx * np.float32(depth),
        sky.sun_yx ** np.float32(depth),
        sky.lit_yx ** np.float32(depth),
        sky.shade_yx,
    )


def _weather(rng: np.random.Generator, *, clear: bool) -> Weather:
    weights = _WAYS[rng.integers(len(_WAYS))]
    cover = 0.0 if clear else float(rng.choice((rng.uniform(0.05, 0.8), rng.uniform(0.8, 1)), p=(0.9, 0.1)))
    left, total = max(1 - cover, 1e-6), sum(weights)
    heaps, sheets, ice = (1 - left ** (w / total) for w in weights)
    return Weather(
        heaps,
        sheets,
        ice,
        cumulus_m=float(np.clip(1_700 * np.exp(0.45 * rng.normal()), 500, 5_000)),
        stratus_m=float(np.clip(1_200 * np.exp(0.4 * rng.normal()), 300, 3_000)),
        aot550=float(np.clip(0.12 * np.exp(0.55 * rng.normal()), 0.02, 0.6)),
        water_vapour_cm=float(rng.uniform(0.4, 5)),
    )


def _scene(
    place: Place,
    ground: Scenery,
    bare: dict[str, F32],
    ice_yx: F32,
    weather: Weather,
    rng: np.random.Generator,
) -> Made:
    air = air_optics(SATELLITE, place.sun, Air(float(weather.aot550), float(weather.water_vapour_cm)))
    zenith, azimuth = place.sun.zenith_deg, place.sun.azimuth_deg
    points = points_of(place.frame, every_px=place.pixel)
    own = int(rng.integers(1 << 24))
    sky = skies.sky_of(points, weather=weather, sun_zenith_deg=zenith, sun_azimuth_deg=azimuth, seed=own)
    sky = _thinner(sky, float(np.clip(np.exp(0.5 * rng.normal()), 0.3, 3)))
    table, number = table_of(SATELLITE)
    error = residual(own, "scene", centre_nm=table.centre_nm)
    top, down = [], []
    for name, reflectance in bare.items():
        at, k = air.band(name), number[name]
        below = above_air(reflectance, place.pixel, at)
        nm = float(table.centre_nm[k])
        seen = skies.through(below, sky, at=at, wavelength_nm=nm, sun_zenith_deg=zenith)
        seen = seen + rng.normal(0, 0.0008, seen.shape).astype(np.float32)
        top.append(seen)
        if name in BANDS:
            at_ground = np.asarray(boa(seen, at), np.float32)
            down.append(corrected(at_ground, gain=error.gain_b[k], bias=error.bias_b[k]))
    return Made(_dn(top), _dn(down), classes(sky, ground, ice_yx))


def classes(sky: skies.Sky, ground: Scenery, ice_yx: F32) -> U8:
    """Return the true classes (y, x); what lies between two of them is IGNORED."""
    found = sky.classes()
    snow = ground.ground.fraction_myx[Material.SNOW].astype(np.float32) / 255 + ice_yx
    depth = sky.tau_yx + sky.cirrus_yx
    out = np.zeros(found.shape, np.uint8)
    out[snow > 0.25] = IGNORED
    out[snow > 0.5] = SNOW
    out[(sky.lit_yx < 0.9) | (depth > 0.25)] = IGNORED
    out[(sky.lit_yx < _SHADED) & (depth < 0.4)] = SHADOW
    out[found == skies.THIN_CLOUD] = THIN
    out[found == skies.THICK_CLOUD] = THICK
    return out


def _dn(bands: list[F32]) -> U16:
    return np.clip(np.rint(np.stack(bands) * 10_000), 1, 20_000).astype(np.uint16)
