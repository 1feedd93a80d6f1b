"""What Sentinel-2 takes of a frame: its bands through air, clouds and detector, and the scene classification.

Land is made with MARGIN_PX more on each side, because light is scattered in from around; the sky, which acts
on each pixel alone, is not. Axis letters: y row (north to south), x column (west to east).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eomap.core.grid import PIXEL_M, Frame
from eomap.sensors.sentinel2 import SCENE_CLASS
from eomap.twin import orbits
from eomap.twin.acquisitions import Acquisition
from eomap.twin.atmosphere import Air, boa, toa
from eomap.twin.correction import corrected, residual
from eomap.twin.earth import F32, Points, points_of, uniform
from eomap.twin.ground import Scenery
from eomap.twin.land import U8, Cover
from eomap.twin.optical import MARGIN_PX, Sun, air_optics, around, coarser, factor_of, noisy, surface
from eomap.twin.shift import Shift, laid, table_under
from eomap.twin.sky import SHADOW, THICK_CLOUD, THIN_CLOUD, Sky, through
from eomap.twin.strips import in_strips

FACTORS = (1, 2, 6)
"""Sides of the bands' pixels in pixels of 10 m."""
_MISSED = 0.8
"""Optical thickness below which a scene classification takes thin cloud for the ground."""


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """All that the bands of one scene share."""

    acquisition: Acquisition
    frame: Frame
    """Without the margin."""
    scenery: Scenery
    """With the margin."""
    lit_yx: F32
    """Light on the ground and towards the satellite over that of flat ground seen from above; with margin."""
    skies: Mapping[int, Sky]
    """Without the margin, in pixels of 10, 20 and 60 m, by their factor."""
    sun: Sun
    air: Air
    shift: Shift
    seed: int

    def taken(self, band: str, *, level: str) -> F32 | U8:
        """Return a band (y, x) at its own pixel size: reflectance, or the scene classification."""
        return scene_classes(self) if band == SCENE_CLASS else band_of(self, band, level=level)


def inside(factor: int) -> tuple[slice, slice]:
    """Return what cuts off the margin, in pixels of `factor` x 10 m."""
    edge = MARGIN_PX // factor
    return slice(edge, -edge), slice(edge, -edge)


def band_of(scene: Exposure, band: str, *, level: str) -> F32:
    """Return reflectance (y, x) at the top of the atmosphere (L1C) or as corrected to the ground (L2A)."""
    factor, satellite = factor_of(band), scene.acquisition.platform
    table = table_under(scene.shift, satellite)
    index = table.names.index(band)
    nm = float(table.centre_nm[index])
    at = air_optics(satellite, scene.sun, scene.air).band(band)
    wide = coarser(surface(scene.scenery.ground, index, table=table, lit_yx=scene.lit_yx), factor)
    ground, background, sky = wide[inside(factor)], around(wide, factor)[inside(factor)], scene.skies[factor]
    left = residual(scene.seed, pass_name(scene.acquisition), centre_nm=table.centre_nm)
    key = _noise_key(scene.seed, scene.acquisition, band)

    def over(rows: slice) -> F32:
        clear = np.asarray(toa(ground[rows], background[rows], at), np.float32)
        return through(clear, sky.of_rows(rows), at=at, wavelength_nm=nm, sun_zenith_deg=scene.sun.zenith_deg)

    def read(seen: F32, rows: slice) -> F32:
        part = scene.frame.sub(rows.start * factor, rows.stop * factor, 0, scene.frame.width)
        seen = noisy(seen, part, factor, seed=key)
        if level == "L1C":
            return seen
        return corrected(
            np.asarray(boa(seen, at), np.float32), gain=left.gain_b[index], bias=left.bias_b[index]
        )

    if not scene.shift:
        return in_strips(lambda rows: read(over(rows), rows), len(ground))
    strange = _strange(scene, in_strips(over, len(ground)), factor, nm)
    return in_strips(lambda rows: read(strange[rows], rows), len(ground))


def _strange(scene: Exposure, seen: F32, factor: int, nm: float) -> F32:
    """Return a band above the air with the shift."""
    water = coarser((scene.scenery.cover_yx == Cover.WATER).astype(np.float32), factor)[inside(factor)] > 0.5
    points = points_of(scene.frame, every_px=factor)
    first_col = scene.frame.x0 // (factor * PIXEL_M)
    over = laid(scene.shift, points, water, first_col=first_col, seed=scene.seed)
    return seen if over is None else over.over(seen, centre_nm=nm)


def view_of(acquisition: Acquisition, points: Points) -> F32:
    """Return the view zenith (y, x) in units of 10 degrees, positive from the side of the sun.

    Sentinel-2 comes down in the morning with the sun on its left, in the east.
    """
    flight = acquisition.flight
    if flight is None:
        return np.zeros(points.shape, np.float32)
    height_m = flight.mission.height_m
    return points.drawn(
        lambda at: (np.degrees(np.arctan2(orbits.abeam(flight, at)[1], height_m)) / 10).astype(np.float32)
    )


def pass_name(acquisition: Acquisition) -> str:
    """Name the pass, which all squares of one day and track share."""
    return f"{acquisition.platform}/{acquisition.relative_orbit}/{acquisition.day.isoformat()}"


def _noise_key(seed: int, acquisition: Acquisition, band: str) -> int:
    text = f"{pass_name(acquisition)}/{band}".encode()
    return int(uniform(seed, *text)[0] * 2**24)


def scene_classes(scene: Exposure) -> U8:
    """Return the scene classification (y, x) at 20 m, as a processor draws it: thin cloud is often missed.

    3 shadow, 4 vegetation, 5 bare, 6 water, 8 and 9 cloud of medium and high probability, 10 cirrus, 11 snow.
    """
    sky, season = scene.skies[2], scene.scenery.season
    cover = scene.scenery.cover_yx[inside(1)][::2, ::2]
    out = np.full(cover.shape, 4, np.uint8)
    out[np.isin(cover, (Cover.BUILT, Cover.BARE))] = 5
    bare = coarser(season.crop_yx, 2)[inside(2)] < 0.35
    out[(cover == Cover.CROP) & bare] = 5
    snow = coarser(season.snow_yx, 2)[inside(2)] > 0.5
    out[snow | (cover == Cover.SNOW)] = 11
    out[cover == Cover.WATER] = 6
    classes, depth = sky.classes(), sky.tau_yx + sky.cirrus_yx
    out[classes == SHADOW] = 3
    out[(classes == THIN_CLOUD) & (depth > _MISSED)] = 8
    out[(classes == THIN_CLOUD) & (sky.cirrus_yx > sky.tau_yx) & (sky.cirrus_yx > 0.3)] = 10
    out[classes == THICK_CLOUD] = 9
    return out
