"""Out of distribution on purpose: what a scene can have that no training data had, with the truth beside it.

A shift is named in items, truth and cubes. Those of a place (smoke, glint, stripes, saturation, flood)
hold where `where` says; those of a whole scene (biome, city style, sensor, drift, offset) everywhere.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from eomap.core.grid import PIXEL_M, Frame
from eomap.kernels.noise import white
from eomap.twin.earth import F32, Points
from eomap.twin.land import Bool
from eomap.twin.materials import BandTable, band_table, drifted


class Kind(StrEnum):
    """What is out of the ordinary."""

    NONE = "none"
    BIOME = "biome"
    """The plants of another climate: strength is ignored, the climate is the one furthest from the own."""
    CITY = "city"
    """Every town of a style that hardly any has: huts."""
    SENSOR = "sensor"
    """Another satellite's spectral responses under the same name (MODIS bands for those of Sentinel-2)."""
    DRIFT = "drift"
    """Spectral responses moved by 10 nm x strength."""
    OFFSET = "offset"
    """The +1000 of newer baselines is in the pixels, and the item does not say so."""
    STRIPES = "stripes"
    SMOKE = "smoke"
    FLOOD = "flood"
    GLINT = "glint"
    SATURATION = "saturation"


OF_A_PLACE = (Kind.STRIPES, Kind.SMOKE, Kind.FLOOD, Kind.GLINT, Kind.SATURATION)
UNSEEN_STYLE = "informal"
_PLUME_M = 12_000.0
_STRIPE_GAIN = 0.05
_SMOKE_DEPTH, _SMOKE_NM, _SMOKE_ANGSTROM = 1.6, 550.0, 1.5
_SMOKE_BRIGHT = 0.16
"""Reflectance of endless smoke in the visible: it is darker than cloud, for it absorbs."""
_GLINT, _SATURATED = 0.22, 0.42


@dataclass(frozen=True, slots=True)
class Shift:
    """One kind of shift and how strong it is, 1 being plain to see."""

    kind: Kind = Kind.NONE
    strength: float = 1.0

    def __bool__(self) -> bool:
        return self.kind is not Kind.NONE


def where(shift: Shift, points: Points, water_yx: Bool, seed: int) -> Bool:
    """Return where a shift holds (y, x)."""
    if not shift:
        return np.zeros(points.shape, bool)
    if shift.kind not in OF_A_PLACE:
        return np.ones(points.shape, bool)
    blob = plume(points, seed) > 0
    return blob & water_yx if shift.kind is Kind.GLINT else blob


def plume(points: Points, seed: int) -> F32:
    """Return how thick a plume is (y, x), 0 outside it: about a third of the land, ragged."""
    return np.maximum(points.fractal(_PLUME_M, seed + 4_000, octaves=7, gain=0.55) - np.float32(0.35), 0)


def table_under(shift: Shift, satellite: str) -> BandTable:
    """Return the materials in a satellite's bands, as they are with the shift."""
    table = band_table(satellite)
    if shift.kind is Kind.DRIFT:
        return drifted(satellite, 10.0 * shift.strength)
    if shift.kind is Kind.SENSOR:
        other = band_table("MODIS")
        near = [int(np.abs(other.centre_nm - c).argmin()) for c in table.centre_nm]
        return BandTable(table.names, table.centre_nm, other.mean_mb[:, near], other.spread_kmb[:, :, near])
    return table


def shifted(
    seen: F32, shift: Shift, points: Points, frame: Frame, *, centre_nm: float, water_yx: Bool, seed: int
) -> F32:
    """Return the reflectance of one band (y, x) above the air with a shift that belongs to a place.

    `points` and `water_yx` are those of the band's own pixels, `frame` covers them.
    """
    strength = np.float32(shift.strength)
    if shift.kind is Kind.SMOKE:
        depth = strength * _SMOKE_DEPTH * (centre_nm / _SMOKE_NM) ** -_SMOKE_ANGSTROM * plume(points, seed)
        through = np.exp(-depth)
        return (seen * through + np.float32(_SMOKE_BRIGHT) * (1 - through)).astype(np.float32)
    if shift.kind not in (Kind.STRIPES, Kind.GLINT, Kind.SATURATION):
        return seen
    here = where(shift, points, water_yx, seed)
    if shift.kind is Kind.STRIPES:
        first = frame.x0 * seen.shape[1] // (frame.width * PIXEL_M)
        columns = slice(first, first + seen.shape[1])
        gain = 2 * white(slice(0, 1), columns, seed=seed + 4_100 + int(centre_nm)) - 1
        other = seen * (1 + strength * np.float32(_STRIPE_GAIN) * gain)
    elif shift.kind is Kind.GLINT:
        waves = np.clip(0.6 + 0.4 * points.fractal(90, seed + 4_200, octaves=2), 0, 2)
        other = seen + strength * np.float32(_GLINT) * waves
    else:
        other = np.minimum(seen * (1 + 2 * strength), np.float32(_SATURATED))
    return np.where(here, other, seen).astype(np.float32)
