"""Scenes of the twin and real labelled ones, in one legend, for the judges: see bench/twin_judges.py.

The legend is that of the Esri 10 m land cover, by which the real scenes are labelled, itself the output of
a network. What twin scenes lack on purpose is named by ABLATIONS. Axis letters: b band, y row, x column.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import rasterio
import twin_lcz
from maps import DATA

from eomap.core.grid import Frame
from eomap.core.period import Period
from eomap.errors import MisuseError
from eomap.sensors.sentinel2 import LCZ_BANDS
from eomap.twin import exposure
from eomap.twin import world as twin
from eomap.twin.acquisitions import Acquisition, acquisitions, seen
from eomap.twin.climate import CLIMATES, climate_at, land_share
from eomap.twin.correction import DARKEST
from eomap.twin.earth import points_at, points_of, uniform
from eomap.twin.land import Cover
from eomap.twin.world import World

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
NAMES = {
    1: "water", 2: "trees", 3: "flooded", 4: "crops", 5: "built", 6: "bare", 7: "snow", 9: "rangeland",
}  # fmt: skip
OF_COVER = {
    Cover.WATER: 1, Cover.TREES: 2, Cover.WETLAND: 3, Cover.MANGROVE: 3, Cover.CROP: 4, Cover.BUILT: 5,
    Cover.BARE: 6, Cover.SNOW: 7, Cover.GRASS: 9, Cover.SHRUB: 9, Cover.MOSS: 9,
}  # fmt: skip
"""Esri code of each of the twin's covers, which are those of WorldCover."""
TOP_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")
"""What Dynamic World reads, in its order, from L1C."""
REAL = ("Tanzania", "Brazil", "Denmark")
MOST_SHADE_DEG, REACH_DEG = 72.0, 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One clear scene with its labels; 20 m bands are repeated to 10 m, as they are in the real samples."""

    name: str
    top_byx: F32
    """Reflectance at the top of the atmosphere, TOP_BANDS."""
    surface_byx: F32
    """Surface reflectance of the product, LCZ_BANDS."""
    code_yx: U8
    """Esri codes; 0 where there is no label."""
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a twin scene is taken, and in which world."""

    name: str
    acquisition: Acquisition
    frame: Frame
    seed: int


def item_of(place: str, level: str) -> tuple[Any, dict[str, Any]]:
    """Return folder and STAC item of a real sample; level is `l1c` or `l2a`."""
    (folder,) = (DATA / f"catalog/sentinel-2-{level}").glob(f"*_{place}_*")
    return folder, json.loads((folder / f"{folder.name}.json").read_text())


def real_sample(place: str) -> Sample:
    """Return one of REAL."""

    def read(level: str, names: tuple[str, ...]) -> F32:
        folder, item = item_of(place, level)
        bands = []
        for name in names:
            said = item["assets"][name]["raster:bands"][0]
            with rasterio.open(folder / f"{name}.tif") as file:
                bands.append(file.read(1) * said["scale"] + said["offset"])
        return np.array(bands, np.float32)

    with rasterio.open(DATA / f"catalog/labels/LABEL_{place}/lulc.tif") as file:
        code = file.read(1)
    return Sample(place, read("l1c", TOP_BANDS), read("l2a", LCZ_BANDS), code, synthetic=False)


def twin_sample(place: Place) -> Sample:
    """Return a clear scene of the twin."""
    world = World(place.seed, covers={place.acquisition.day: 0.0})

    def made(level: str, names: tuple[str, ...]) -> F32:
        bands = world.optical(place.acquisition, place.frame, names, level=level)
        return np.stack([repeated(bands[n], place.frame.height // bands[n].shape[0]) for n in names])

    scenery = world.scenery(place.frame, place.acquisition.day)
    code = np.zeros(place.frame.shape, np.uint8)
    for cover, esri in OF_COVER.items():
        code[scenery.cover_yx == cover] = esri
    code[(scenery.season.snow_yx > 0.5) & (code != 1) & (code != 2)] = 7
    return Sample(place.name, made("L1C", TOP_BANDS), made("L2A", LCZ_BANDS), code, synthetic=True)


def repeated(band_yx: F32, times: int) -> F32:
    return np.repeat(np.repeat(band_yx, times, axis=0), times, axis=1)


def taken(frame: Frame, day: date, seed: int) -> Acquisition | None:
    """Return the first Sentinel-2 look at a whole frame within eleven days, if the sun is high enough."""
    period = Period(day, day + timedelta(days=10))
    for found in acquisitions(frame.bounds_deg(), period, ("s2",), seed=seed):
        square = found.frame
        if not isinstance(square, Frame) or square.epsg != frame.epsg:
            continue
        west, south, east, north = square.bounds_m
        a, b, c, d = frame.bounds_m
        inside = west <= a and south <= b and c <= east and d <= north
        if inside and seen(found, points_of(frame, every_px=frame.height // 6)).all():
            high = twin.sun_at(frame, found.moment).zenith_deg <= MOST_SHADE_DEG
            return found if high else None
    return None


def drawn(seed: int, *, side_px: int) -> Iterator[Place]:
    """Yield places and days of a world by turns around a real city and anywhere on land, without end."""
    cities, anywhere = twin_lcz.cities(seed), twin_lcz.places(seed)
    while True:
        for source in (cities, anywhere):
            number, lon, lat = next(source)
            frame = twin_lcz.frame_at(lon, lat, side_px)
            day = date(2021, 1, 1) + timedelta(days=int(364 * float(uniform(seed + 41, number)[0])))
            found = taken(frame, day, seed)
            if found is not None:
                yield Place(f"{climate_of(lon, lat, seed)} {lat:.1f} {lon:.1f}", found, frame, seed)


def climate_of(lon: float, lat: float, seed: int) -> str:
    return CLIMATES[int(climate_at(points_at([[lon]], [[lat]]), seed + 10)[0, 0])].name


def held_out(count: int, *, seed: int, side_px: int) -> list[Place]:
    """Return the first `count` cities whose climates differ, in their own July or January."""
    found: dict[str, Place] = {}
    for _, lon, lat in twin_lcz.cities(seed):
        climate = climate_of(lon, lat, seed)
        if climate in found:
            continue
        frame = twin_lcz.frame_at(lon, lat, side_px)
        acquisition = taken(frame, date(2021, 7 if lat > 0 else 1, 5), seed)
        if acquisition is not None:
            found[climate] = Place(f"{climate} {lat:.1f} {lon:.1f}", acquisition, frame, seed)
        if len(found) == count:
            return list(found.values())
    raise MisuseError("held-out places", expected=f"{count} climates", got=str(len(found)))


def beside(place: str, count: int, *, seed: int, side_px: int) -> list[Place]:
    """Return places of the twin within REACH_DEG of a real sample, near its day, under its sun.

    The twin knows coasts to a quarter of a degree only, so the very spot may be sea.
    """
    _, item = item_of(place, "l2a")
    west, south, east, north = item["bbox"]
    day = datetime.fromisoformat(item["properties"]["datetime"][:10]).date() - timedelta(days=5)
    found: list[Place] = []
    for number in range(50 * count):
        x, y = (REACH_DEG * (2 * float(uniform(seed + k, number)[0]) - 1) for k in (51, 52))
        lon, lat = (west + east) / 2 + x, (south + north) / 2 + y
        if float(land_share(points_at([[lon]], [[lat]]))[0, 0]) < 0.6:
            continue
        frame = twin_lcz.frame_at(lon, lat, side_px)
        acquisition = taken(frame, day, seed)
        if acquisition is not None:
            found.append(Place(f"beside {place} {number}", acquisition, frame, seed))
        if len(found) == count:
            return found
    raise MisuseError(place, expected=f"{count} places of the twin near the day", got=str(len(found)))


@dataclass(frozen=True, slots=True, eq=False)
class Boosted:
    """Boosted trees that tell classes apart."""

    model: Any
    codes: U8

    def chances(self, x: F32) -> F32:
        """Return the probability of each code (n, code)."""
        found = np.asarray(self.model.predict(x, num_threads=1), np.float32)
        return found if found.ndim == 2 else np.stack([1 - found, found], -1)


def boosted(x: F32, code: U8) -> Boosted:
    """Return trees that learnt codes (n) from features (n, f); all codes weigh the same. One thread."""
    import lightgbm

    codes, label, count = np.unique(code, return_inverse=True, return_counts=True)
    data = lightgbm.Dataset(x, label, weight=(len(label) / len(codes) / count)[label])
    kind = (
        {"objective": "binary"} if len(codes) == 2 else {"objective": "multiclass", "num_class": len(codes)}
    )
    how = {"num_leaves": 31, "learning_rate": 0.08, "min_data_in_leaf": 60, "feature_fraction": 0.5}
    fixed = {"seed": 0, "num_threads": 1, "verbose": -1, "deterministic": True, "force_row_wise": True}
    return Boosted(lightgbm.train({**kind, **how, **fixed}, data, num_boost_round=120), codes)


def _flat_style(land: Any, day: date, seed: int) -> Any:
    return _SCENERY(replace(land, style_kyx=np.zeros_like(land.style_kyx)), day, seed)


_SCENERY = twin.scenery
ABLATIONS: dict[str, tuple[ModuleType, str, Any]] = {
    "texture": (twin, "scenery", _flat_style),
    "adjacency": (exposure, "around", lambda surface_yx, _: surface_yx),
    "correction residuals": (exposure, "corrected", lambda surface, **_: np.maximum(surface, DARKEST)),
    "noise": (exposure, "noisy", lambda seen_yx, *_, **__: seen_yx),
    "terrain light": (twin, "illumination", lambda ground, _: np.ones_like(ground.east_yx)),
}
"""What can be left out of a scene: the step of the twin that makes it, and what stands in for it."""


def without(name: str | None) -> AbstractContextManager[Any]:
    """Return a context in which twin scenes lack one of ABLATIONS; None: nothing."""
    return ExitStack() if name is None else patch.object(*ABLATIONS[name])
