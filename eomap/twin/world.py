"""The twin's Earth as a source of pixels: what any satellite sees of any frame on any day, and what is true.

Everything is a pure function of the world's seed, place, date and sensor. Axis letters: b band, k variation,
m material, y row (north to south), x column (west to east).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import PIXEL_M, Frame, transformer
from eomap.core.period import Period
from eomap.errors import MisuseError
from eomap.twin import hyperspectral, modis, radar, truth
from eomap.twin.acquisitions import Acquisition, acquisitions
from eomap.twin.atmosphere import Air, optics
from eomap.twin.climate import mean_cover
from eomap.twin.degrees import DegreeFrame
from eomap.twin.earth import F32, Points, points_at, points_of, uniform
from eomap.twin.exposure import FACTORS, Exposure, inside, pass_name, view_of
from eomap.twin.ground import SOIL_SEED, Land, Scenery, drowned, land_of, scenery
from eomap.twin.kept import Kept
from eomap.twin.land import U8, WATER, Cover
from eomap.twin.night_lights import lights_of_year
from eomap.twin.optical import MARGIN_PX, Sun, illumination, surface, view_factor
from eomap.twin.shift import Kind, Laid, Shift, laid, strange_land, table_under, where
from eomap.twin.sinusoid import SinusoidFrame
from eomap.twin.sky import Sky, sky_of
from eomap.twin.source import CLASSES_ENMAP, LAND_COVER, RANK, TruthLayer
from eomap.twin.strips import in_strips
from eomap.twin.sun import sun_angles
from eomap.twin.weather import Cloudless, Forecast, Skies, explicit
from eomap.twin.wetness import radar_ground

VERSION = "2"
TRUTH_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
U16 = npt.NDArray[np.uint16]
LANDS: Kept[Land] = Kept(8_000_000, largest_px=3_900_000)
"""At about 130 bytes a pixel. Pieces of whole scenes are larger: they come back only with the next scene,
when 35 others have passed, so their land is let go before their bands are made."""


@dataclass(frozen=True, slots=True)
class World:
    """One synthetic Earth."""

    seed: int = 17
    shift: Shift = field(default_factory=Shift)
    covers: Mapping[date, float] = field(default_factory=dict)
    """Share of cloud on some days; on all others the weather of place and season."""
    middle: date | None = None
    """The day whose clear surface is the truth of a composite."""
    cloudless: bool = False
    """Whether every cloud is left out, of the same air: the picture that clouds have spoilt."""

    @property
    def name(self) -> str:
        """Name, version, seed and what is out of the ordinary: whatever changes the pixels."""
        days = "".join(f",{d.isoformat()}={c:g}" for d, c in sorted(self.covers.items()))
        made = f"twin-{VERSION}/{self.seed}/{self.shift.kind}:{self.shift.strength:g}/{self.middle}{days}"
        return f"{made}/cloudless" if self.cloudless else made

    def weather(self, day: date) -> Skies:
        """Return the weather of a day, everywhere."""
        found: Skies = Forecast(day, lambda points: mean_cover(points, day), self.seed + 5_000)
        if day in self.covers:
            found = explicit(self.covers[day], cumulus=1.0, stratus=0.35, cirrus=0.15)
        return Cloudless(found) if self.cloudless else found

    def land(self, frame: Frame) -> Land:
        """Return the land of a frame; the last few are kept, for dates come one after another."""
        key = (frame, self.seed, self.shift.kind)
        return LANDS.get(key, frame.height * frame.width, lambda: _land(*key))

    def scenery(self, frame: Frame, day: date) -> Scenery:
        """Return the land of a frame on a day."""
        return self._on_day(self.land(frame), day)

    def _on_day(self, land: Land, day: date) -> Scenery:
        """Return land on a day, under water where a shift says so: the same for all sensors and the truth."""
        made = scenery(land, day, self.seed)
        if self.shift.kind is not Kind.FLOOD:
            return made
        return drowned(made, where(self.shift, land.points, made.zone_yx == WATER, self.seed))

    def _laid(self, points: Points, made: Scenery, *, first_col: int, per_px: int) -> Laid | None:
        """Return the shift over pixels of `per_px` x `per_px` such points; see `shift.laid`."""
        water = made.cover_yx == Cover.WATER
        return laid(self.shift, points, water, first_col=first_col, seed=self.seed, per_px=per_px)

    def sky(self, frame: Frame, day: date, sun: Sun, *, every_px: int = 1) -> Sky:
        """Return the clouds over a frame, or over its squares of `every_px` pixels."""
        return self._sky(points_of(frame, every_px=every_px), day, sun)

    def _sky(self, points: Points, day: date, sun: Sun) -> Sky:
        return sky_of(
            points,
            weather=self.weather(day),
            sun_zenith_deg=sun.zenith_deg,
            sun_azimuth_deg=sun.azimuth_deg,
            seed=self._sky_seed(day),
        )

    def _sky_seed(self, day: date) -> int:
        return int(uniform(self.seed, day.toordinal(), 100)[0] * 2**24)

    def air(self, day: date, place: Points) -> Air:
        """Return the clear air of a day over a place."""
        weather = self.weather(day).at(place)
        aot, water = (float(np.mean(v)) for v in (weather.aot550, weather.water_vapour_cm))
        return Air(aot, water)

    def optical(
        self, acquisition: Acquisition, frame: Frame, bands: Sequence[str], *, level: str
    ) -> Mapping[str, npt.NDArray[Any]]:
        """Return Sentinel-2 bands (y, x), reflectance at native pixel sizes; SCL as uint8 at 20 m."""
        scene = self._exposure(acquisition, frame)
        return {band: scene.taken(band, level=level) for band in bands}

    def _exposure(self, acquisition: Acquisition, frame: Frame) -> Exposure:
        wide = frame.sub(-MARGIN_PX, frame.height + MARGIN_PX, -MARGIN_PX, frame.width + MARGIN_PX)
        square = acquisition.frame
        if not isinstance(square, Frame):
            raise MisuseError("optical", expected="a Sentinel-2 acquisition", got=acquisition.sensor)
        day, sun = acquisition.day, sun_at(square, acquisition.moment)
        land = self.land(wide)
        points = land.points
        # The sky first: what it needs for a while is gone before there is more to hold.
        sky = self._sky(points.part(*inside(1)), day, sun)
        made = self._on_day(land, day)
        view = view_of(acquisition, points)

        def lit(rows: slice) -> F32:
            ground = made.ground.of_rows(rows)
            return illumination(ground, sun) * view_factor(ground, sun, view[rows])

        return Exposure(
            acquisition,
            frame,
            made,
            in_strips(lit, wide.height),
            {factor: sky.coarser(factor) for factor in FACTORS},
            sun,
            self.air(day, _middle(square)),
            self.shift,
            self.seed,
        )

    def radar(self, acquisition: Acquisition, frame: Frame, *, product: str) -> Mapping[str, F32]:
        """Return VV and VH (y, x) at 10 m, linear power: gamma nought for `rtc`, sigma nought for `grd`."""
        if acquisition.flight is None:
            raise MisuseError("radar", expected="a Sentinel-1 acquisition", got=acquisition.sensor)
        edge = radar.MARGIN_PX
        wide = frame.sub(-edge, frame.height + edge, -edge, frame.width + edge)
        land, day = self.land(wide), acquisition.day
        row, col = -frame.y0 // PIXEL_M, frame.x0 // PIXEL_M
        image = radar.observed(
            radar_ground(land, self._on_day(land, day), day, self.seed + SOIL_SEED),
            radar.view_of(acquisition.flight, points_of(wide)),
            rows=slice(row, row + frame.height),
            cols=slice(col, col + frame.width),
            pass_name=pass_name(acquisition),
            day=day,
            seed=self.seed,
            product=product.upper(),
        )
        return {"VV": image.vv_yx, "VH": image.vh_yx}

    def hyperspectral(self, acquisition: Acquisition, frame: Frame) -> tuple[F32, Mapping[str, U8]]:
        """Return EnMAP's surface reflectance (b, y, x) at 30 m, NaN nodata, and its CLASSES_ENMAP (y, x)."""
        square, day = acquisition.frame, acquisition.day
        if not isinstance(square, Frame) or acquisition.sensor != "enmap":
            raise MisuseError("hyperspectral", expected="an EnMAP acquisition", got=acquisition.sensor)
        sun, weather = sun_at(square, acquisition.moment), self.weather(day)
        aerosol = points_of(frame, every_px=3).drawn(
            lambda at: np.broadcast_to(np.float32(weather.at(at).aot550), at.shape)
        )
        air = optics("ENMAP", sun.zenith_deg, self.air(day, _middle(square)))
        sky = self.sky(frame, day, sun, every_px=3)
        made = self.scenery(frame, day)
        row, col = (k // hyperspectral.PIXEL_M for k in (-frame.y0, frame.x0))
        strange = self._laid(points_of(frame), made, first_col=col, per_px=3)
        cube, masks = hyperspectral.scene(
            made.ground,
            illumination(made.ground, sun),
            hyperspectral.Above(sky, air, sun.zenith_deg, aerosol, strange),
            rows=slice(row, row + frame.height // 3),
            cols=slice(col, col + frame.width // 3),
            seed=self.seed,
            name=f"{acquisition.place}/{day.isoformat()}",
            table=table_under(self.shift, "ENMAP"),
        )
        return cube, {name: masks[f"quality_{name}"] for name in CLASSES_ENMAP}

    def modis(
        self, acquisition: Acquisition, frame: SinusoidFrame, bands: Sequence[str]
    ) -> Mapping[str, npt.NDArray[Any]]:
        """Return bands of a composite (y, x): its middle day's surface, veiled where no day was clear."""
        start, end = acquisition.interval
        land = modis.parts_land(frame, self.seed, *strange_land(self.shift.kind))
        made = self._on_day(land, acquisition.moment.date())
        if LAND_COVER in bands:
            return {LAND_COVER: modis.land_cover_map(frame, land, made, self.seed + 3_100)}
        days = [start.date() + timedelta(days=n) for n in range((end - start).days + 1)]
        sun = modis.sun_of(frame, acquisition.moment.date(), noon=acquisition.product == "43A4")
        wide = frame.points(margin=1)
        looks = modis.looks_of(self._sky(wide, day, sun) for day in days)
        needed = sorted({*bands, "M2", "M4", "M6"} - {RANK})
        first, per_px = frame.h * frame.tile_px + frame.col0, modis.parts_along(frame)
        strange = self._laid(land.points, made, first_col=first, per_px=per_px)
        table = table_under(self.shift, "MODIS")
        found = modis.composite(frame, made.ground, looks, needed, sun=sun, table=table, laid=strange)
        rank = modis.reliability(found, looks.clear_yx)
        return {b: rank if b == RANK else found[b] for b in bands}

    def lights(self, acquisition: Acquisition, frame: DegreeFrame) -> F32:
        """Return the radiance of a year's nights (y, x), nW cm-2 sr-1."""
        foreign = self.shift.kind is Kind.BIOME
        return lights_of_year(frame, self.seed, year=acquisition.moment.year, foreign=foreign)

    def truth(self, frame: Frame, day: date | None) -> Mapping[str, TruthLayer]:
        """Return what is true of a frame, always (no day) or on a day; see `eomap.twin.truth`."""
        if day is None:
            values = truth.static_truth(self.land(frame), self.seed)
            if self.middle is not None:
                values["surface"] = self._surface_truth(frame, self.middle)
        else:
            values = self._dated_truth(frame, day)
        layers = {name: truth.BY_NAME[name] for name in values}
        return {
            name: TruthLayer(
                values[name],
                pixel_m=layer.pixel_m,
                unit=layer.unit,
                kind=layer.kind,
                nodata=layer.nodata,
                scale=layer.scale,
                meanings=layer.meanings or {},
                bands=TRUTH_BANDS if name == "surface" else (),
            )
            for name, layer in layers.items()
        }

    def _surface_truth(self, frame: Frame, day: date) -> U16:
        """Return clear-sky surface reflectance (b, y, x) as seen from straight above at half past ten."""
        wide = frame.sub(-6, frame.height + 6, -6, frame.width + 6)
        ground = self.scenery(wide, day).ground
        lit = illumination(ground, self._morning_sun(frame, day))
        table = table_under(Shift(), "S2A")
        inner = (slice(6, -6), slice(6, -6))
        bands = [surface(ground, table.names.index(b), table=table, lit_yx=lit)[inner] for b in TRUTH_BANDS]
        found: U16 = truth.stored(truth.BY_NAME["surface"], np.stack(bands))
        return found

    def _morning_sun(self, frame: Frame, day: date) -> Sun:
        lon = float(_middle(frame).lon_deg[0, 0])
        noon = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=10.5 - lon / 15)
        return sun_at(frame, noon)

    def _seen_under(self, frame: Frame, day: date) -> Sun:
        """Return the sun under which Sentinel-2 sees a frame on a day, or that of half past ten."""
        for found in acquisitions(frame.bounds_deg(), Period(day, day), ("s2",), seed=self.seed):
            if isinstance(found.frame, Frame):
                return sun_at(found.frame, found.moment)
        return self._morning_sun(frame, day)

    def _dated_truth(self, frame: Frame, day: date) -> dict[str, npt.NDArray[Any]]:
        made, sky = self.scenery(frame, day), self.sky(frame, day, self._seen_under(frame, day))
        depth = sky.tau_yx + sky.cirrus_yx
        wet = made.cover_yx == Cover.WATER
        return {
            "cloud": sky.classes(),
            "cloud_optical_thickness": truth.stored(truth.BY_NAME["cloud_optical_thickness"], depth),
            "change": np.where(made.flooded_yx, 2, made.cleared_yx).astype(np.uint8),
            "shift": where(self.shift, points_of(frame), wet, self.seed).astype(np.uint8),
            "surface": self._surface_truth(frame, day),
        }


def _land(frame: Frame, seed: int, kind: Kind) -> Land:
    foreign, style = strange_land(kind)
    return land_of(frame, seed, foreign=foreign, town_style=style)


def _middle(frame: Frame) -> Points:
    """Return the place (1, 1) in the middle of a frame."""
    x, y = frame.x0 + frame.width * PIXEL_M / 2, frame.y0 - frame.height * PIXEL_M / 2
    lon, lat = transformer(frame.epsg, 4326).transform(x, y)
    return points_at([[lon]], [[lat]])


def sun_at(frame: Frame, moment: datetime) -> Sun:
    """Return the sun over the middle of a frame; all pixels of a square share it."""
    place = _middle(frame)
    zenith, azimuth = sun_angles(place.lon_deg, place.lat_deg, moment)
    return Sun(min(float(zenith[0, 0]), 84.0), float(azimuth[0, 0]))
