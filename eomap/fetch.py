"""Fetch: from the scenes of a task to the composite of its frame.

Letters: t look, b band, y row (north to south), x column (west to east). A frame is read in blocks, so
memory does not grow with the number of looks times the frame; results do not depend on the blocks.

Where what tells clear from cloud is a band of its own (a scene classification), and the method takes band
after band, so does the reading: first the looks of a block, then one band of all looks at a time, and only
where a look is clear. Else all bands of a block are read at once.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from shapely import from_wkb

from eomap.core import speckle
from eomap.core.grid import Frame
from eomap.core.plan import Task
from eomap.core.ports import U16, Bool, PixelReader
from eomap.core.product import Need
from eomap.core.sensor import Beside, Pixels, Sensor
from eomap.core.source import Band, Scene
from eomap.errors import BrokenInputError
from eomap.kernels.codes import drop_unseen
from eomap.kernels.composite import BEST_EDGE_PX, Composed, Looks, composed
from eomap.kernels.despeckle import despeckled
from eomap.kernels.median import NO_SPREAD
from eomap.sensors import reads_by_band, sensor

Look = tuple[date, tuple[Scene, ...]]
"""What one pass saw on one solar day; earlier scenes come first where they overlap."""
EPOCH = date(1970, 1, 1)
_NOBODY = 255
READS_AT_ONCE = 4
"""Looks whose files are read side by side from afar, where waiting costs more than decoding."""


@dataclass(frozen=True, slots=True)
class Composite:
    """The clear-sky composite of a frame, and what it was made of."""

    frame: Frame
    dn_byx: U16
    n_clear_yx: U16
    used: tuple[str, ...]
    failed: Mapping[str, str]
    warnings: tuple[str, ...]
    seconds: Mapping[str, float]
    decoded_bytes: int = 0
    spread_yx: U16 | None = None
    day_yx: U16 | None = None
    deviation_kyx: U16 | None = None
    """See `Inputs`."""


class SceneBrokenError(Exception):
    """A scene cannot be read: the frame is composed again without it."""

    def __init__(self, scene_id: str, reason: str) -> None:
        self.scene_id, self.reason = scene_id, reason


def composite_of(
    frame: Frame,
    scenes: tuple[Scene, ...],
    *,
    need: Need,
    mask: str,
    task: Task,
    reader: PixelReader,
    failed: Mapping[str, str],
) -> Composite:
    """Return the composite of the scenes on a frame; raise SceneBrokenError where one cannot be read."""
    out = _Canvas.of(need, frame)
    far = any("://" in band.href for scene in scenes for band in scene.bands)
    at = _Reading(need, sensor(need.of), mask, reader, READS_AT_ONCE if far else 1)
    fill = _by_band if reads_by_band(need, mask, scenes) else _at_once
    before = getattr(reader, "decoded_bytes", 0)
    for rows, cols in _blocks(frame, task):
        block = frame.sub(rows.start, rows.stop, cols.start, cols.stop)
        near = _wider(block, _edge_px(need))
        if looks := looks_of(scenes, near):
            fill(at, looks, block, out.part(rows, cols))
    doubts = (at.by.doubt(s, at.darkest.get(s.id, {})) for s in scenes)
    return Composite(
        frame,
        out.code_byx,
        out.n_clear_yx,
        used=tuple(s.id for s in scenes),
        failed=dict(failed),
        warnings=tuple(f"{s.id}: {d}" for s, d in zip(scenes, doubts, strict=True) if d),
        seconds=at.clock.seconds,
        decoded_bytes=getattr(reader, "decoded_bytes", 0) - before,
        spread_yx=out.spread_yx if need.spread else None,
        day_yx=out.day_yx if need.days else None,
        deviation_kyx=out.deviation_kyx if need.deviations else None,
    )


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


@dataclass(frozen=True, slots=True, eq=False)
class _Canvas:
    """Where a composite is put together, or a part of it."""

    code_byx: U16
    n_clear_yx: U16
    spread_yx: U16
    day_yx: U16
    deviation_kyx: U16

    @classmethod
    def of(cls, need: Need, frame: Frame) -> "_Canvas":
        spread = np.full(frame.shape if need.spread else (0, 0), NO_SPREAD, np.uint16)
        n_clear, day = np.zeros(frame.shape, np.uint16), np.zeros(frame.shape, np.uint16)
        deviation = np.zeros((3, *(frame.shape if need.deviations else (0, 0))), np.uint16)
        return cls(np.zeros((len(need.bands), *frame.shape), np.uint16), n_clear, spread, day, deviation)

    def take(self, made: Composed) -> None:
        """Fill in what is asked for and was made."""
        pairs = (
            (self.spread_yx, made.spread_yx),
            (self.day_yx, made.day_yx),
            (self.deviation_kyx, made.deviation_kyx),
        )
        for mine, found in pairs:
            if found is not None and mine.size:
                mine[...] = found

    def part(self, rows: slice, cols: slice) -> "_Canvas":
        arrays = (self.code_byx, self.n_clear_yx, self.spread_yx, self.day_yx, self.deviation_kyx)
        return _Canvas(*(a[..., rows, cols] for a in arrays))


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
class _Reading:
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


def _at_once(at: _Reading, looks: list[Look], block: Frame, out: _Canvas) -> None:
    """Compose a block from all bands of all looks."""
    edge = _edge_px(at.need)
    wide = _wider(block, edge)
    with at.clock("fetch"):
        code = at.stack(len(looks), len(at.need.bands), *wide.shape)
        code[...] = 0
        clear = np.zeros((len(looks), *wide.shape), dtype=bool)
        for (_, group), code_byx, clear_yx in zip(looks, code, clear, strict=True):
            _see(at, group, wide, code_byx, clear_yx)
    with at.clock("composite"):
        if at.need.speckle != "none":
            code *= clear[:, None]  # what is not clear tells nothing of its neighbours
            code = despeckled(at.need.speckle, code)
        seen = Looks(code, clear, _days(looks), at.need.bands, edge)
        made = composed(
            at.need.method,
            seen if at.need.method == "best" else seen.inner(),
            spread=at.need.spread,
            days=at.need.days,
        )
        out.code_byx[...], out.n_clear_yx[...] = made.code_byx, made.n_clear_yx
        out.take(made)


def _see(at: _Reading, group: tuple[Scene, ...], block: Frame, code_byx: U16, clear_yx: Bool) -> None:
    """Fill in codes and the clear mask of one look, both 0 before; clear is only what all bands saw."""
    for n, scene in enumerate(group):
        margin = at.by.margin_px(scene, at.mask)
        wide = block.sub(-margin, block.height + margin, -margin, block.width + margin)
        inner = (slice(margin, margin + block.height), slice(margin, margin + block.width))
        names = dict.fromkeys((*at.need.bands, *at.by.mask_bands(scene, at.mask)))
        pixels = at.pixels(scene, names, wide)
        part = [pixels[name][inner] for name in at.need.bands]
        seen = np.logical_and.reduce([band != 0 for band in part])
        if n:
            seen &= (code_byx == 0).any(axis=0)
        for code, band in zip(code_byx, part, strict=True):
            np.copyto(code, band, where=seen)
        np.copyto(clear_yx, at.clear(pixels, scene, wide)[inner], where=seen)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A look on a block, before its bands are read."""

    look: Look
    clear_yx: Bool
    owner_yx: npt.NDArray[np.uint8] | None
    """Which scene of the look shows a pixel; None where there is one only."""
    rows: slice
    cols: slice
    """Beyond them nothing is clear."""


def _seen(at: _Reading, look: Look, block: Frame) -> _Seen | None:
    """Return where a look is clear, by the bands that tell; None where it is nowhere."""
    group = look[1]
    clear, owner = np.zeros(block.shape, bool), None
    if len(group) > 1:
        owner = np.full(block.shape, _NOBODY, np.uint8)
    for n, scene in enumerate(group):
        # What the mask reads says where a scene is; where it does not, the first band does.
        names = [b for b in at.by.mask_bands(scene, at.mask) if scene.band(b)]
        if not names and owner is None:  # it shows wherever its bands do, and those are read later
            return _Seen(look, ~clear, None, slice(0, block.height), slice(0, block.width))
        margin = at.by.margin_px(scene, at.mask)
        wide = block.sub(-margin, block.height + margin, -margin, block.width + margin)
        inner = (slice(margin, margin + block.height), slice(margin, margin + block.width))
        tell = any(at.unseen(scene, b) is not None for b in names)
        if not names or (len(group) > 1 and not tell):
            names.append(at.need.bands[0])
        pixels = at.pixels(scene, names, wide)
        here = at.clear(pixels, scene, wide)[inner]
        if owner is None:
            clear = here
        else:
            held = [p[inner] != u for b, p in pixels.items() if (u := at.unseen(scene, b)) is not None]
            seen = np.logical_and.reduce(held) & (owner == _NOBODY)
            owner[seen] = n
            np.copyto(clear, here, where=seen)
    rows, cols = np.flatnonzero(clear.any(axis=1)), np.flatnonzero(clear.any(axis=0))
    if not rows.size:
        return None
    return _Seen(look, clear, owner, slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))


def _fill(at: _Reading, seen: _Seen, name: str, block: Frame, code_yx: U16) -> int:
    """Fill in one band of a look where it is clear; what lacks it is clear no more, and counted."""
    part = (seen.rows, seen.cols)
    frame = block.sub(seen.rows.start, seen.rows.stop, seen.cols.start, seen.cols.stop)
    if seen.owner_yx is not None:
        code_yx[part] = 0
    for n, scene in enumerate(seen.look[1]):
        mine = None if seen.owner_yx is None else seen.owner_yx[part] == n
        if mine is not None and not mine.any():
            continue
        for pixels in at.pixels(scene, (name,), frame).values():
            np.copyto(code_yx[part], pixels, where=True if mine is None else mine)
    return drop_unseen(seen.clear_yx[part], code_yx[part])


def _by_band(at: _Reading, looks: list[Look], block: Frame, out: _Canvas) -> None:
    """Compose a block band after band, from the looks that are clear somewhere."""
    with at.clock("fetch"):
        found = at.each(lambda look: _seen(at, look, block), looks)
        seen = [s for s in found if s is not None]
        if not seen:
            return
        clear = np.stack([s.clear_yx for s in seen])
        seen = [replace(s, clear_yx=c) for s, c in zip(seen, clear, strict=True)]
    bands, spread = at.need.bands, at.need.spread
    stack, days = at.stack(len(seen), *block.shape), _days([s.look for s in seen])
    whole = False
    while not whole:  # a hole in a later band takes a look from the earlier ones, too: then once more
        total, whole = np.zeros(block.shape, np.uint32), True
        for b, name in enumerate(bands):
            with at.clock("fetch"):
                jobs = [(at, s, name, block, code) for s, code in zip(seen, stack, strict=True)]
                lost = sum(at.each(lambda job: _fill(*job), jobs))
            whole = whole and not (b and lost)
            with at.clock("composite"):
                made = composed(
                    at.need.method,
                    Looks(stack[:, None], clear, days, (name,)),
                    spread=spread,
                    days=at.need.days and name == bands[-1],
                )
                out.code_byx[b], out.n_clear_yx[...] = made.code_byx[0], made.n_clear_yx
                if made.day_yx is not None:
                    out.day_yx[...] = made.day_yx
                if made.spread_yx is not None:
                    total += made.spread_yx  # NO_SPREAD, too: pixels of fewer than two looks get no mean
    if spread:
        mean = (2 * total + len(bands)) // (2 * len(bands))
        out.spread_yx[...] = np.where(out.n_clear_yx > 1, mean, NO_SPREAD)


def _edge_px(need: Need) -> int:
    """Return how far beyond a block its composite depends on what was seen."""
    return BEST_EDGE_PX if need.method == "best" else speckle.margin_px(need.speckle)


def _wider(frame: Frame, edge: int) -> Frame:
    """Return a frame with so many pixels more on every side."""
    return frame.sub(-edge, frame.height + edge, -edge, frame.width + edge) if edge else frame


def _days(looks: list[Look]) -> U16:
    return np.array([(day - EPOCH).days for day, _ in looks], np.uint16)


def _blocks(frame: Frame, task: Task) -> Iterator[tuple[slice, slice]]:
    high, wide = task.block_px, task.block_cols or frame.width
    for row in range(0, frame.height, high):
        for col in range(0, frame.width, wide):
            yield slice(row, min(row + high, frame.height)), slice(col, min(col + wide, frame.width))
