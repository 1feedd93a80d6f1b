"""What is read of scenes: looks, and their bands as codes on a frame."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from shapely import from_wkb

from eomap.core import speckle
from eomap.core.grid import Frame
from eomap.core.methods import BEST_EDGE_PX
from eomap.core.period import EPOCH
from eomap.core.ports import U16, Bool, PixelReader
from eomap.core.product import Need
from eomap.core.sensor import Beside, Pixels, Sensor
from eomap.core.source import Band, Scene
from eomap.errors import BrokenInputError

Look = tuple[date, tuple[Scene, ...]]
"""What one pass saw on one solar day; earlier scenes come first where they overlap."""
READS_AT_ONCE = 4
"""Looks whose files are read side by side from afar, where waiting costs more than decoding."""


class SceneBrokenError(Exception):
    """A scene cannot be read: the frame is composed again without it."""

    def __init__(self, scene_id: str, reason: str) -> None:
        self.scene_id, self.reason = scene_id, reason


def looks_of(scenes: tuple[Scene, ...], frame: Frame) -> list[Look]:
    """Group the scenes that may touch a frame into looks: one platform's pass on one solar day.

    Neighbouring scenes of one pass repeat the pixels of their overlap; they are one look, not two. Within a
    look those in the frame's own zone come before those to be warped, and else the first by id.
    """
    west, south, east, north = frame.bounds_deg()
    groups: dict[tuple[date, str, str], list[Scene]] = {}
    for scene in sorted(scenes, key=lambda s: (s.epsg != frame.epsg, s.id)):
        left, bottom, right, top = from_wkb(bytes.fromhex(scene.footprint_wkb)).bounds
        if left <= east and right >= west and bottom <= north and top >= south:
            local = datetime.fromisoformat(scene.moment) + timedelta(hours=(west + east) / 2 / 15)
            groups.setdefault((local.date(), scene.level, scene.orbit), []).append(scene)
    return [(k[0], tuple(groups[k])) for k in sorted(groups)]


def days_of(looks: list[Look]) -> U16:
    """Return the days of looks, counted from 1970-01-01."""
    return np.array([(day - EPOCH).days for day, _ in looks], np.uint16)


def edge_px(need: Need) -> int:
    """Return how far beyond a block its composite depends on what was seen."""
    return BEST_EDGE_PX if need.method == "best" else speckle.margin_px(need.speckle)


def wider(frame: Frame, edge: int) -> Frame:
    """Return a frame with so many pixels more on every side."""
    return frame.sub(-edge, frame.height + edge, -edge, frame.width + edge) if edge else frame


@dataclass(slots=True)
class Clock:
    """Adds up the seconds spent under each name."""

    seconds: dict[str, float] = field(default_factory=dict)
    _name: str = ""
    _start: float = 0.0

    def __call__(self, name: str) -> "Clock":
        self._name = name
        return self

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self._start
        self.seconds[self._name] = round(self.seconds.get(self._name, 0.0) + spent, 4)


@dataclass(slots=True)
class Reading:
    """What stays the same while a frame is read, and what is kept from block to block."""

    need: Need
    by: Sensor
    mask: str
    reader: PixelReader
    ahead: int = 1
    """Looks that are read at once."""
    clock: Clock = field(default_factory=Clock)
    darkest: dict[str, dict[str, float]] = field(default_factory=dict)
    """Scene id, band, darkest valid digital number."""
    _memory: U16 = field(default_factory=lambda: np.empty(0, np.uint16))

    def stack(self, *shape: int) -> U16:
        """Return an array of any content; memory that was used before is warm, and used again."""
        size = int(np.prod(shape))
        if self._memory.size < size:
            self._memory = np.empty(size, np.uint16)
        return self._memory[:size].reshape(shape)

    def each(self, do: Callable[[Any], Any], jobs: Sequence[Any]) -> list[Any]:
        """Return what is done with each of some jobs on looks; several at once where files are far away."""
        if self.ahead < 2:
            return [do(job) for job in jobs]
        with ThreadPoolExecutor(self.ahead) as pool:
            return list(pool.map(do, jobs))

    def pixels(self, scene: Scene, names: Iterable[str], frame: Frame) -> dict[str, npt.NDArray[Any]]:
        """Return bands of a scene on a frame (y, x) by name, as codes where measured, without missing ones.

        Bands of one file are read together.
        """
        files: dict[tuple[str, bool], list[Band]] = {}
        for name in names:
            band = scene.band(name)
            if band is not None:
                files.setdefault((band.place, band.categorical), []).append(band)
            elif name in self.need.bands:
                raise SceneBrokenError(scene.id, f"{scene.id}: expected band {name}, got an item without it")
        found = {}
        for bands in files.values():
            for band, raw in zip(bands, self._raw(scene, bands, frame), strict=True):
                if not band.categorical:
                    self._note_darkest(scene.id, band, raw)
                found[band.name] = self.by.coded(raw, band) if self.measures(band) else raw
        return found

    def measures(self, band: Band) -> bool:
        """Say whether a band is what the sensor measures, and not what a mask goes by."""
        return band.name in self.by.bands

    def unseen(self, scene: Scene, name: str) -> float | None:
        """Return what pixels of a band hold where the scene does not reach; None where that does not tell."""
        band = scene.band(name)
        return 0 if band is None or self.measures(band) else band.nodata

    def _raw(self, scene: Scene, bands: list[Band], frame: Frame) -> list[npt.NDArray[Any]]:
        try:
            if len(bands) == 1:
                return [self.reader.read(bands[0], frame, signing=scene.signing)]
            return self.reader.read_many(bands, frame, signing=scene.signing)
        except BrokenInputError as problem:
            raise SceneBrokenError(scene.id, str(problem)) from None

    def clear(self, pixels: Pixels, scene: Scene, frame: Frame) -> Bool:
        """Return where a scene's pixels on a frame are a clear look (y, x)."""
        if self.by.clear_beside is None:
            return self.by.clear(pixels, scene, self.mask)
        beside = Beside(frame, getattr(self.reader, "classifier", None))
        return self.by.clear_beside(pixels, scene, self.mask, beside)

    def _note_darkest(self, scene_id: str, band: Band, raw: npt.NDArray[Any]) -> None:
        """Keep the lowest 0.1 percentile of valid numbers per band, from every eighth row and column."""
        sample = raw[::8, ::8]
        sample = sample[np.isfinite(sample) & (sample != 0) & (sample != (band.nodata or 0))]
        if sample.size:
            bands = self.darkest.setdefault(scene_id, {})
            bands[band.name] = min(bands.get(band.name, np.inf), float(np.percentile(sample, 0.1)))
