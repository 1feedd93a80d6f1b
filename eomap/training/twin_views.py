"""What sensors see of one place of the twin, as the codes that the engine would hand to a network.

Sentinel-2's 20 m bands are drawn to 10 m as a reader draws them, masks are those of the engine, gaps are 0.
Axis letters: t look, b band, y row (north to south), x column (west to east).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame, transformer
from eomap.core.period import EPOCH, Period
from eomap.core.source import Band
from eomap.kernels.composite import Looks, composed
from eomap.kernels.resample import interpolate
from eomap.sensors import enmap, sentinel1, sentinel2
from eomap.sensors.cloudmask import clear_mask
from eomap.sensors.enmap.scenes import HIDING
from eomap.twin import degrees, sinusoid
from eomap.twin.acquisitions import LIGHTS, Acquisition, acquisitions
from eomap.twin.earth import points_at, points_of
from eomap.twin.rendering import shown
from eomap.twin.source import LAND_COVER
from eomap.twin.world import World, sun_at

U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]
BANDS = sentinel2.LCZ_BANDS
LOWEST_SUN_DEG = 14.0
"""Above the horizon: no image is taken under a lower one."""
_EDGE_PX = 6
"""Rendered around a place and cut off, so that bands of 20 m have neighbours at its rim."""
_NEAR_M = 1_000.0
LIGHT_PER_CODE = 0.1
"""Radiance of a code of night lights, nW cm-2 sr-1; code 1 is darkness. No sensor of eomap reads them yet."""


@dataclass(frozen=True, slots=True)
class Views:
    """All that can be seen of one frame in one year of a world."""

    world: World
    frame: Frame
    """Aligned to 300 m; a multiple of 30 px wide."""
    year: int
    _found: dict[str, tuple[Acquisition, ...]] = field(default_factory=dict)
    _covers: dict[date, float] = field(default_factory=dict)

    @property
    def period(self) -> Period:
        """The year."""
        return Period(date(self.year, 1, 1), date(self.year, 12, 31))

    def optical_passes(self) -> tuple[Acquisition, ...]:
        """Return Sentinel-2's acquisitions of the whole frame in its own zone, one a day, by time.

        Those under a sun lower than LOWEST_SUN_DEG are left out.
        """
        return self._kept("s2", self._optical_passes)

    def _optical_passes(self) -> tuple[Acquisition, ...]:
        found = {}
        for a in self._all("s2"):
            square = a.frame
            if isinstance(square, Frame) and square.epsg == self.frame.epsg and a.day not in found:
                high = 90 - sun_at(square, a.moment).zenith_deg >= LOWEST_SUN_DEG
                if high and _holds(square, self.frame) and shown(a, self.frame, every_px=2).all():
                    found[a.day] = a
        return tuple(found[day] for day in sorted(found))

    def radar_passes(self) -> tuple[Acquisition, ...]:
        """Return Sentinel-1's acquisitions of the whole frame, by time."""
        return self._kept(
            "s1",
            lambda: tuple(
                sorted(
                    (a for a in self._all("s1") if shown(a, self.frame, every_px=1).all()),
                    key=lambda a: a.moment,
                )
            ),
        )

    def _all(self, sensor: str) -> tuple[Acquisition, ...]:
        return acquisitions(self.frame.bounds_deg(), self.period, (sensor,), seed=self.world.seed)

    def _kept(self, name: str, make: Any) -> tuple[Acquisition, ...]:
        if name not in self._found:
            self._found[name] = make()
        return self._found[name]

    def cover(self, day: date) -> float:
        """Return the share of cloud over the frame's middle that the weather of a day means."""
        if day not in self._covers:
            lon, lat = self.centre_deg
            found = self.world.weather(day).at(points_at([[lon]], [[lat]])).cover
            self._covers[day] = float(np.mean(np.asarray(found)))
        return self._covers[day]

    @property
    def centre_deg(self) -> tuple[float, float]:
        """Longitude and latitude of the middle."""
        west, south, east, north = self.frame.bounds_m
        lon, lat = transformer(self.frame.epsg, 4326).transform((west + east) / 2, (south + north) / 2)
        return float(lon), float(lat)

    def optical(self, acquisition: Acquisition, *, level: str) -> tuple[U16, Bool]:
        """Return codes (b, y, x) of BANDS and where they are clear (y, x), by the scene classification."""
        wide = self.frame.sub(-_EDGE_PX, self.frame.height + _EDGE_PX, -_EDGE_PX, self.frame.width + _EDGE_PX)
        found = self.world.optical(acquisition, wide, (*BANDS, sentinel2.SCENE_CLASS), level=level)
        inner = slice(_EDGE_PX, _EDGE_PX + self.frame.height), slice(_EDGE_PX, _EDGE_PX + self.frame.width)
        code = {b: _fine(_reflectance_codes(found[b]), wide)[inner] for b in BANDS}
        classes = found[sentinel2.SCENE_CLASS].repeat(2, axis=0).repeat(2, axis=1)[inner]
        clear, _ = clear_mask(code, classes, level=level, method="scl")
        return np.stack([code[b] for b in BANDS]), clear

    def cloudless(self, acquisition: Acquisition, *, level: str) -> U16:
        """Return codes (b, y, x) of the same pass under a sky without a cloud, in the air of that day."""
        bare = replace(self.world, cloudless=True)
        return Views(bare, self.frame, self.year).optical(acquisition, level=level)[0]

    def picture(self, passes: Sequence[Acquisition], *, level: str) -> tuple[U16, U16]:
        """Return the median of clear looks (b, y, x), 0 where there is none, and their number (y, x)."""
        looks = [self.optical(a, level=level) for a in passes]
        if not looks:
            return np.zeros((len(BANDS), *self.frame.shape), np.uint16), np.zeros(self.frame.shape, np.uint16)
        return _one(looks, [a.day for a in passes], "median", BANDS)

    def radar(self, acquisition: Acquisition) -> U16:
        """Return codes (b, y, x) of VV and VH, gamma nought, terrain corrected."""
        found = self.world.radar(acquisition, self.frame, product="rtc")
        return np.stack([sentinel1.coded(found[b], Band(b, "", 1.0, 0.0, 0.0)) for b in ("VV", "VH")])

    def radar_picture(self, passes: Sequence[Acquisition]) -> U16:
        """Return the mean in power of some passes (b, y, x); 0 without any."""
        if not passes:
            return np.zeros((2, *self.frame.shape), np.uint16)
        looks = [self.radar(a) for a in passes]
        seen = [(code, np.asarray((code > 0).all(axis=0))) for code in looks]
        return _one(seen, [a.day for a in passes], "mean_in_power", ("VV", "VH"))[0]

    def spectra(self, passes: Sequence[Acquisition]) -> U16:
        """Return the median of clear looks at EnMAP's 202 bands (b, y, x) at 30 m; 0 where there is none."""
        kept = [list(enmap.CENTRE_NM).index(b) for b in enmap.KEPT]
        looks = []
        for a in passes:
            cube, flags = self.world.hyperspectral(a, self.frame)
            clear = np.logical_and.reduce(
                [
                    flags[n.removeprefix("quality_")] == 0
                    for n in _HIDING
                    if n.removeprefix("quality_") in flags
                ]
            )
            looks.append((_reflectance_codes(cube[kept]), clear))
        return _one(looks, [a.day for a in passes], "median", enmap.KEPT)[0]

    def land_cover(self) -> U16:
        """Return the class of the IGBP (y, x) that MODIS's map of the year has at each pixel of 10 m."""
        lon, lat = _degrees(self.frame)
        out = np.zeros(self.frame.shape, np.uint16)
        for a in self._maps("12Q1"):
            tile = a.frame
            part = sinusoid.part_of_tile(
                tile.h, tile.v, tile.tile_px, self.frame.bounds_deg(), margin_m=_NEAR_M
            )
            if part is not None:
                x = np.radians(lon) * np.cos(np.radians(lat)) * sinusoid.RADIUS_M
                y = np.radians(lat) * sinusoid.RADIUS_M
                _put(out, self.world.modis(a, part, (LAND_COVER,))[LAND_COVER], part.transform, x, y)
        return out

    def lights(self) -> U16:
        """Return codes of the year's night lights at each pixel of 10 m; see LIGHT_PER_CODE."""
        lon, lat = _degrees(self.frame)
        out = np.zeros(self.frame.shape, np.uint16)
        for a in self._maps(LIGHTS):
            part = degrees.part_of(a.frame, self.frame.bounds_deg(), margin_m=_NEAR_M)
            if part is not None:
                code = np.clip(np.rint(self.world.lights(a, part) / LIGHT_PER_CODE) + 1, 1, 65_535)
                _put(out, code.astype(np.uint16), part.transform, lon, lat)
        return out

    def _maps(self, product: str) -> list[Any]:
        return [a for a in self._all("modis") if a.product == product and a.moment.year == self.year]


_HIDING = tuple(name.removeprefix("quality_") for name in HIDING)


def days_of(passes: Sequence[Acquisition]) -> npt.NDArray[np.int32]:
    """Return days counted from 1970-01-01."""
    return np.array([(a.day - EPOCH).days for a in passes], np.int32)


def _one(
    looks: Sequence[tuple[U16, Bool]], days: Sequence[date], method: str, bands: Sequence[str]
) -> tuple[U16, U16]:
    order = np.argsort([d.toordinal() for d in days], kind="stable")
    made = composed(
        method,
        Looks(
            np.stack([looks[k][0] for k in order]),
            np.stack([looks[k][1] for k in order]),
            np.array([(days[k] - EPOCH).days for k in order], np.uint16),
            tuple(bands),
        ),
        days=False,
    )
    return made.code_byx, made.n_clear_yx


def _reflectance_codes(value: npt.NDArray[Any]) -> U16:
    """Return reflectance x 10000 as files hold it: rounded half up, 1 at least, 0 for NaN."""
    code = np.clip(np.floor(np.nan_to_num(value, nan=0.0) * np.float32(10_000) + np.float32(0.5)), 1, 65_535)
    return np.where(np.isnan(value), 0, code).astype(np.uint16)


def _fine(native_yx: U16, frame: Frame) -> U16:
    """Return a band on the frame's pixels of 10 m, linear between the middles of its own."""
    factor = frame.height // native_yx.shape[0]
    if factor == 1:
        return native_yx
    row, col = ((np.arange(n) + 0.5) / factor for n in frame.shape)
    return np.asarray(interpolate(native_yx, row, col, nodata=0.0))


def _holds(outer: Frame, inner: Frame) -> bool:
    a, b = outer.bounds_m, inner.bounds_m
    return a[0] <= b[0] and a[1] <= b[1] and a[2] >= b[2] and a[3] >= b[3]


def _degrees(frame: Frame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    points = points_of(frame)
    return points.lon_deg, points.lat_deg


def _put(out: U16, values: npt.NDArray[Any], transform: Sequence[float], x: Any, y: Any) -> None:
    """Fill in the pixel of a coarse map that lies below each place, where the map reaches."""
    col = np.floor((x - transform[2]) / transform[0]).astype(np.int64)
    row = np.floor((y - transform[5]) / transform[4]).astype(np.int64)
    inside = (row >= 0) & (col >= 0) & (row < values.shape[0]) & (col < values.shape[1])
    out[inside] = values[row[inside], col[inside]]
