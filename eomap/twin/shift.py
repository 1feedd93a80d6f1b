"""Out of distribution on purpose: what a scene can have that no training data had, with the truth beside it.

A shift is named in items, truth and cubes. Those of a place (smoke, glint, stripes, saturation, flood)
hold where `where` says; those of a whole scene (biome, city style, sensor, drift, offset) everywhere. Every
optical satellite has the same one in the same places; REACHES says which satellites a kind means nothing to.
Axis letters: b band, k variation, m material, y row (north to south), x column (west to east).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from eomap.kernels.noise import white
from eomap.twin.earth import F32, Points
from eomap.twin.land import Bool
from eomap.twin.materials import BandTable, band_table, broadened, drifted
from eomap.twin.sinusoid import area_mean


class Kind(StrEnum):
    """What is out of the ordinary."""

    NONE = "none"
    BIOME = "biome"
    """The plants of another climate: strength is ignored, the climate is the one furthest from the own."""
    CITY = "city"
    """Every town of a style that hardly any has: huts."""
    SENSOR = "sensor"
    """Other responses under the same names: MODIS for Sentinel-2 and the other way round, always the nearest
    band however far it is; for EnMAP its own, as broad as 40 nm x strength."""
    DRIFT = "drift"
    """Spectral responses moved by 10 nm x strength."""
    OFFSET = "offset"
    """The +1000 of newer baselines is in the pixels, and the item does not say so."""
    STRIPES = "stripes"
    SMOKE = "smoke"
    FLOOD = "flood"
    GLINT = "glint"
    SATURATION = "saturation"


_ABOVE = (Kind.STRIPES, Kind.SMOKE, Kind.GLINT, Kind.SATURATION)
"""Those of a place that act on light above the air."""
OF_A_PLACE = (Kind.STRIPES, Kind.SMOKE, Kind.FLOOD, Kind.GLINT, Kind.SATURATION)
_OPTICAL = ("s2", "enmap", "modis")
REACHES = (
    dict.fromkeys((Kind.NONE, Kind.BIOME, Kind.CITY, Kind.FLOOD), (*_OPTICAL, "s1", "s1-grd"))
    | dict.fromkeys((*_ABOVE, Kind.SENSOR, Kind.DRIFT), _OPTICAL)
    | {Kind.OFFSET: ("s2",)}
)
"""Whose pixels a kind changes: radar has no smoke, and only Sentinel-2 has baselines."""
UNSEEN_STYLE = "informal"
_PLUME_M = 12_000.0
_STRIPE_GAIN = 0.05
_SMOKE_DEPTH, _SMOKE_NM, _SMOKE_ANGSTROM = 1.6, 550.0, 1.5
_SMOKE_BRIGHT = 0.16
"""Reflectance of endless smoke in the visible: it is darker than cloud, for it absorbs."""
_GLINT, _SATURATED = 0.22, 0.42
_BROAD_NM = 40.0


@dataclass(frozen=True, slots=True)
class Shift:
    """One kind of shift and how strong it is, 1 being plain to see."""

    kind: Kind = Kind.NONE
    strength: float = 1.0

    def __bool__(self) -> bool:
        return self.kind is not Kind.NONE


def strange_land(kind: Kind) -> tuple[bool, str | None]:
    """Return whether a shift brings the plants of another climate, and the style of all its towns."""
    return kind is Kind.BIOME, UNSEEN_STYLE if kind is Kind.CITY else None


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
    if shift.kind is not Kind.SENSOR:
        return table
    if satellite == "ENMAP":
        return broadened(satellite, _BROAD_NM * shift.strength)
    other = band_table("S2A" if satellite == "MODIS" else "MODIS")
    near = [int(np.abs(other.centre_nm - c).argmin()) for c in table.centre_nm]
    return BandTable(table.names, table.centre_nm, other.mean_mb[:, near], other.spread_kmb[:, :, near])


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A shift that acts above the air, laid over the pixels of one raster."""

    shift: Shift
    share_yx: F32
    """Share of each pixel where it holds: 1, 0, or between them where pixels have parts."""
    plume_yx: F32
    waves_yx: F32
    first_col: int
    """Number of the first column in the satellite's grid: stripes belong to it."""
    seed: int

    def over(self, seen: F32, *, centre_nm: float) -> F32:
        """Return the reflectance of one band (y, x) above the air with the shift, as it was off it."""
        kind, strength = self.shift.kind, np.float32(self.shift.strength)
        if kind is Kind.SMOKE:
            depth = strength * _SMOKE_DEPTH * (centre_nm / _SMOKE_NM) ** -_SMOKE_ANGSTROM * self.plume_yx
            through = np.exp(-depth)
            return (seen * through + np.float32(_SMOKE_BRIGHT) * (1 - through)).astype(np.float32)
        if kind is Kind.STRIPES:
            columns = slice(self.first_col, self.first_col + seen.shape[1])
            gain = 2 * white(slice(0, 1), columns, seed=self.seed + 4_100 + int(centre_nm)) - 1
            other = seen * (1 + strength * np.float32(_STRIPE_GAIN) * gain)
        elif kind is Kind.GLINT:
            other = seen + strength * np.float32(_GLINT) * self.waves_yx
        else:
            other = np.minimum(seen * (1 + 2 * strength), np.float32(_SATURATED))
        return np.where(self.share_yx < 1, seen + self.share_yx * (other - seen), other).astype(np.float32)


def laid(
    shift: Shift, points: Points, water_yx: Bool, *, first_col: int, seed: int, per_px: int = 1
) -> Laid | None:
    """Return a shift over pixels, given their `per_px` x `per_px` parts (y, x).

    None where it does not act above the air. Where it holds is asked of the parts, so that of parts of 10 m
    it is the truth to the bit.
    """
    if shift.kind not in _ABOVE:
        return None

    def mean(parts_yx: F32) -> F32:
        return parts_yx if per_px == 1 else area_mean(parts_yx, per_px).astype(np.float32)

    waves = np.zeros(points.shape, np.float32)
    if shift.kind is Kind.GLINT:
        waves = np.clip(0.6 + 0.4 * points.fractal(90, seed + 4_200, octaves=2), 0, 2).astype(np.float32)
    here = where(shift, points, water_yx, seed).astype(np.float32)
    return Laid(shift, mean(here), mean(plume(points, seed)), mean(waves), first_col, seed)
