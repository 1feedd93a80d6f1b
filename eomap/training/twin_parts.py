"""The arrays that are made of one place of the twin, in parts that are made and kept together.

Everything is a pure function of the world and the place. Axis letters: t look, b band, y row, x column.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.sensors import enmap, sensor
from eomap.training.places import Place
from eomap.training.samples import Spec
from eomap.training.twin_views import BANDS, LIGHT_PER_CODE, Views, days_of
from eomap.twin import truth
from eomap.twin.acquisitions import Acquisition

LOOKS = 4
"""Of the cloudy looks; the days lie within half a SPAN_DAYS of a day of the year."""
SPAN_DAYS = 100
YEAR_LOOKS, SEASON_LOOKS, SEASON_DAYS, RADAR_LOOKS, SPECTRA_LOOKS = 6, 3, 90, 4, 3
_OVERCAST = 0.97
"""Days with more cloud are not taken for a look: it would show nothing."""
_HELPFUL = 0.6
"""One of the looks has no more cloud than this, where there is such a day."""
_ENMAP_EVERY_DAYS, _ENMAP_HOUR = 27, 11.3
TRUTH = ("settlement", "lcz", "naturalness", "biomass", "canopy_height", "building_share", "land_cover")
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """Arrays that are made together."""

    name: str
    version: int
    """Another number where the same place gives other numbers."""
    specs: Callable[[int], tuple[Spec, ...]]
    """What the arrays are, for a side in pixels of 10 m."""
    make: Callable[[Views, Place], Arrays]


def _optical(name: str, side: int, *, looks: int = 0, meaning: str = "") -> Spec:
    shape = (len(BANDS), side, side)
    return Spec(
        name,
        (looks, *shape) if looks else shape,
        "uint16",
        of="sentinel-2",
        bands=BANDS,
        scale=1e-4,
        meaning=meaning,
    )


def _radar(name: str, side: int, *, looks: int = 0, meaning: str = "") -> Spec:
    by = sensor("sentinel-1")
    shape = (2, side, side)
    return Spec(
        name,
        (looks, *shape) if looks else shape,
        "uint16",
        of=by.name,
        bands=("VV", "VH"),
        scale=by.scale,
        offset=by.offset,
        unit="dB",
        meaning=meaning,
    )


def _looks_specs(level: str) -> Callable[[int], tuple[Spec, ...]]:
    low = level.lower()
    what = f"{LOOKS} looks of one season, clouds and all, by time"
    return lambda side: (
        _optical(f"s2_{low}_looks", side, looks=LOOKS, meaning=what),
        Spec(f"s2_{low}_clear", (LOOKS, side, side), "bool", nodata=None, meaning="clear to the engine"),
        _optical(f"s2_{low}_cloudless", side, looks=LOOKS, meaning="the same passes without any cloud"),
        _radar(f"s1_{low}_looks", side, looks=LOOKS, meaning="Sentinel-1 nearest in time to each look"),
        Spec(f"s2_{low}_days", (LOOKS,), "int32", 0.0, nodata=None, unit="days since 1970-01-01"),
    )


def _looks(level: str) -> Callable[[Views, Place], Arrays]:
    def make(views: Views, place: Place) -> Arrays:
        low, side = level.lower(), views.frame.height
        chosen = chosen_looks(views, _draws(place, 1))
        seen = [views.optical(a, level=level) for a in chosen]
        passes = views.radar_passes()
        near = [min(passes, key=lambda r: abs(r.moment - a.moment)) for a in chosen] if passes else []
        shape = (2, side, side)
        return {
            f"s2_{low}_looks": np.stack([code for code, _ in seen]),
            f"s2_{low}_clear": np.stack([clear for _, clear in seen]),
            f"s2_{low}_cloudless": np.stack([views.cloudless(a, level=level) for a in chosen]),
            f"s1_{low}_looks": np.stack([views.radar(a) for a in near])
            if near
            else np.zeros((LOOKS, *shape), np.uint16),
            f"s2_{low}_days": days_of(chosen),
        }

    return make


def chosen_looks(views: Views, rng: np.random.Generator) -> list[Acquisition]:
    """Return LOOKS passes of one season by time, not all of them overcast where that can be."""
    every = list(views.optical_passes())
    middle = every[int(rng.integers(len(every)))].day
    near = [a for a in every if abs((a.day - middle).days) * 2 <= SPAN_DAYS]
    near = near if len(near) >= LOOKS else sorted(every, key=lambda a: abs((a.day - middle).days))[:LOOKS]
    covers = {a.day: views.cover(a.day) for a in near}
    usable = [a for a in near if covers[a.day] < _OVERCAST]
    if len(usable) < LOOKS:
        usable = sorted(near, key=lambda a: covers[a.day])[:LOOKS]
    taken = [usable[int(k)] for k in rng.permutation(len(usable))[:LOOKS]]
    if min(covers[a.day] for a in taken) > _HELPFUL:
        taken[-1] = min(usable, key=lambda a: covers[a.day])
    taken = list({a.day: a for a in taken}.values())
    taken += [a for a in usable if a not in taken][: LOOKS - len(taken)]
    return sorted(taken, key=lambda a: a.day)


def clearest(views: Views, passes: Sequence[Acquisition], count: int) -> list[Acquisition]:
    """Return the pass with the least cloud of each of `count` equal stretches of time."""
    if not passes:
        return []
    first, last = passes[0].day, passes[-1].day
    length = ((last - first).days + 1) / count
    by_stretch: dict[int, list[Acquisition]] = {}
    for a in passes:
        by_stretch.setdefault(int((a.day - first).days / length), []).append(a)
    return [min(group, key=lambda a: views.cover(a.day)) for _, group in sorted(by_stretch.items())]


def _year(level: str) -> Part:
    name = f"s2_{level.lower()}_year"

    def make(views: Views, place: Place) -> Arrays:
        return {name: views.picture(clearest(views, views.optical_passes(), YEAR_LOOKS), level=level)[0]}

    what = f"median of the clear looks among the {YEAR_LOOKS} best of a year"
    return Part(name, 1, lambda side: (_optical(name, side, meaning=what),), make)


def _seasons(views: Views, place: Place) -> Arrays:
    rng, every = _draws(place, 2), views.optical_passes()
    made = {}
    for n in (1, 2):
        begin = every[int(rng.integers(len(every)))].day
        season = [a for a in every if 0 <= (a.day - begin).days < SEASON_DAYS]
        made[f"s2_l2a_season_{n}"] = views.picture(clearest(views, season, SEASON_LOOKS), level="L2A")[0]
    return made


def _radar_year(views: Views, place: Place) -> Arrays:
    """One orbit's passes: backscatter of slopes differs by which side it is seen from."""
    groups: dict[int | None, list[Acquisition]] = {}
    for a in views.radar_passes():
        groups.setdefault(a.relative_orbit, []).append(a)
    best = max(groups.values(), key=len, default=[])
    every = max(1, len(best) // RADAR_LOOKS)
    return {"s1_year": views.radar_picture(best[::every][:RADAR_LOOKS])}


def _spectra(views: Views, place: Place) -> Arrays:
    """EnMAP is tasked over the place itself, on the clearest of days 27 apart, whatever else was ordered."""
    rng = _draws(place, 3)
    noon = timedelta(hours=_ENMAP_HOUR - place.lon_deg / 15)
    start = (
        datetime(place.year, 1, 1, tzinfo=UTC) + noon + timedelta(days=int(rng.integers(_ENMAP_EVERY_DAYS)))
    )
    moments = [start + timedelta(days=_ENMAP_EVERY_DAYS * n) for n in range(13)]
    summer = sorted(moments, key=lambda m: (-_sun_height(place, m), m))[:8]
    best = sorted(summer, key=lambda m: (views.cover(m.date()), m))[:SPECTRA_LOOKS]
    passes = [Acquisition("enmap", "ENMAP", m, f"{place.key:08d}", views.frame) for m in sorted(best)]
    return {"enmap": views.spectra(passes)}


def _sun_height(place: Place, moment: datetime) -> float:
    """Return roughly how high the sun stands at noon of a day, degrees."""
    return -abs(place.lat_deg - 23.4 * float(np.cos(2 * np.pi * (moment.timetuple().tm_yday - 172) / 365)))


def _truth_specs(side: int) -> tuple[Spec, ...]:
    specs = []
    for name in TRUTH:
        layer = truth.BY_NAME[name]
        px = side * 10 // layer.pixel_m
        specs.append(
            Spec(
                name,
                (px, px),
                layer.dtype,
                float(layer.pixel_m),
                scale=layer.scale,
                nodata=layer.nodata,
                unit=layer.unit,
                meaning="truth",
            )
        )
    return tuple(specs)


def _truths(views: Views, place: Place) -> Arrays:
    found = views.world.truth(views.frame, None)
    return {name: found[name].values for name in TRUTH}


def _maps_specs(side: int) -> tuple[Spec, ...]:
    return (
        Spec("igbp", (1, side, side), "uint16", of="modis-12q1", bands=("class",), unit="class"),
        Spec(
            "lights",
            (1, side, side),
            "uint16",
            of="night-lights",
            bands=("radiance",),
            scale=LIGHT_PER_CODE,
            offset=-LIGHT_PER_CODE,
            unit="nW cm-2 sr-1",
        ),
    )


def _draws(place: Place, purpose: int) -> np.random.Generator:
    return np.random.default_rng([place.key, purpose])


PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        Part("looks_l2a", 1, _looks_specs("L2A"), _looks("L2A")),
        Part("looks_l1c", 1, _looks_specs("L1C"), _looks("L1C")),
        _year("L2A"),
        _year("L1C"),
        Part(
            "seasons",
            1,
            lambda side: tuple(
                _optical(f"s2_l2a_season_{n}", side, meaning=f"the same of {SEASON_LOOKS} within 90 days")
                for n in (1, 2)
            ),
            _seasons,
        ),
        Part(
            "s1_year",
            1,
            lambda side: (_radar("s1_year", side, meaning=f"mean of {RADAR_LOOKS} passes of one orbit"),),
            _radar_year,
        ),
        Part(
            "enmap",
            1,
            lambda side: (
                Spec(
                    "enmap",
                    (len(enmap.KEPT), side // 3, side // 3),
                    "uint16",
                    30.0,
                    of="enmap",
                    bands=enmap.KEPT,
                    scale=enmap.SENSOR.scale,
                    meaning=f"median of {SPECTRA_LOOKS} looks",
                ),
            ),
            _spectra,
        ),
        Part(
            "maps",
            1,
            _maps_specs,
            lambda v, p: {"igbp": v.land_cover()[None], "lights": v.lights()[None]},
        ),
        Part("truth", 1, _truth_specs, _truths),
    )
}
COMMON = ("looks_l2a", "s2_l2a_year", "s2_l1c_year", "seasons", "s1_year", "enmap", "maps", "truth")
"""What a set for every product holds."""


def part_with(array: str) -> str:
    """Return the part that an array is made in; empty for an unknown one."""
    return next((p.name for p in PARTS.values() if any(s.name == array for s in p.specs(30))), "")
