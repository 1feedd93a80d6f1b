"""What one worker does with one task: fetch -> composite -> infer -> land.

Letters: t look, b band, y row (north to south), x column. A frame is read in blocks, so memory does
not grow with the number of looks times the frame; blocks share no pixel and results do not depend on them.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from shapely import from_wkb, wkb

from eomap.core.grid import Frame, Tile, Window, frame_of, tile_epsg
from eomap.core.mask import mask as aoi_mask
from eomap.core.plan import Task
from eomap.core.ports import U16, Bool, PixelReader, Predictor
from eomap.core.product import Inputs, Need, Product
from eomap.core.receipt import Receipt, Written, tally
from eomap.core.source import Band, Scene
from eomap.errors import BrokenInputError
from eomap.kernels.composite import composed
from eomap.kernels.median import NO_SPREAD
from eomap.sensors import sensor

Darkest = dict[str, dict[str, float]]
"""Scene id, band, darkest valid digital number."""
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Job:
    """A task with everything that a worker needs to know of its plan."""

    task: Task
    product: Product
    scenes: tuple[Scene, ...]
    mask: str
    layers: tuple[str, ...]


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
    """See `Inputs`."""


class Sink(Protocol):
    """Where finished tiles go."""

    def write(
        self, tile: Tile, arrays: Mapping[str, npt.NDArray[Any]], *, window: Window
    ) -> tuple[Written, ...]:
        """Write one tile of every layer, fill beyond the window of the arrays, and return what lies there."""


def run_job(job: Job, reader: PixelReader, predict: Predictor | None, sink: Sink) -> Receipt:
    """Do a whole job in this process and return its receipt."""
    composite = fetch_composite(job, reader)
    return infer_and_land(job, composite, predict, sink)


def fetch_composite(job: Job, reader: PixelReader) -> Composite:
    """Return the composite of the job's frame; scenes that cannot be read are set aside and named."""
    need = job.product.needs[0]
    frame = frame_of(
        job.task.window,
        tile_epsg(job.task.tile),
        cell_px=job.product.cell_px,
        halo_px=need.halo_px,
        pixel_m=job.product.pixel_m,
    )
    failed: dict[str, str] = {}
    while True:
        scenes = tuple(s for s in job.scenes if s.id not in failed)
        if not scenes:
            raise BrokenInputError(
                f"{job.product.name} {job.task.tile.id}",
                expected="at least one readable scene",
                got="; ".join(failed.values())[:400] or "no scene",
            )
        try:
            return _compose(job, scenes, frame, reader, failed)
        except _SceneBroken as broken:
            failed[broken.scene_id] = broken.reason


class _SceneBroken(Exception):
    def __init__(self, scene_id: str, reason: str) -> None:
        self.scene_id, self.reason = scene_id, reason


def _compose(
    job: Job, scenes: tuple[Scene, ...], frame: Frame, reader: PixelReader, failed: Mapping[str, str]
) -> Composite:
    need = job.product.needs[0]
    code = np.zeros((len(need.bands), *frame.shape), dtype=np.uint16)
    n_clear = np.zeros(frame.shape, dtype=np.uint16)
    spread = np.full(frame.shape, NO_SPREAD, dtype=np.uint16) if need.spread else None
    day = np.zeros(frame.shape, dtype=np.uint16) if need.days else None
    clock = _Clock()
    darkest: Darkest = {}
    before = getattr(reader, "decoded_bytes", 0)
    for rows, cols in _blocks(frame, job.task.block_px):
        block = frame.sub(rows.start, rows.stop, cols.start, cols.stop)
        groups = looks_of(scenes, block)
        if not groups:
            continue
        with clock("fetch"):
            stack = np.zeros((len(groups), len(need.bands), *block.shape), dtype=np.uint16)
            clear = np.zeros((len(groups), *block.shape), dtype=bool)
            for (_, group), code_byx, clear_yx in zip(groups, stack, clear, strict=True):
                _look(group, need, block, job.mask, reader, darkest, code_byx, clear_yx)
        with clock("composite"):
            days = np.array([(d - EPOCH).days for d, _ in groups], np.uint16)
            made = composed(need.method, stack, clear, days, spread=need.spread)
            code[:, rows, cols], n_clear[rows, cols] = made.code_byx, made.n_clear_yx
            if spread is not None and made.spread_yx is not None:
                spread[rows, cols] = made.spread_yx
            if day is not None:
                day[rows, cols] = made.day_yx
        del stack, clear, made  # before the next block's
    doubt = sensor(need.of).doubt
    doubts = (doubt(s, darkest.get(s.id, {})) for s in scenes)
    return Composite(
        frame,
        code,
        n_clear,
        used=tuple(s.id for s in scenes),
        failed=dict(failed),
        warnings=tuple(f"{s.id}: {d}" for s, d in zip(scenes, doubts, strict=True) if d),
        seconds=clock.seconds,
        decoded_bytes=getattr(reader, "decoded_bytes", 0) - before,
        spread_yx=spread,
        day_yx=day,
    )


def infer_and_land(job: Job, composite: Composite, predict: Predictor | None, sink: Sink) -> Receipt:
    """Turn a composite into layers, write them as one tile, and return the receipt."""
    clock = _Clock()
    with clock("infer"):
        layers = infer(job, composite, predict)
    with clock("land"):
        objects = sink.write(job.task.tile, layers, window=job.task.window)
    main = job.product.gives[0]
    counted = tally(main, layers[main.name] if main.bands else (layers[main.name],))
    return Receipt(
        task_key=job.task.key,
        tile=job.task.tile.id,
        status="written",
        objects=objects,
        n_valid=counted.n_valid,
        histogram=counted.histogram,
        sums=counted.sums,
        scenes_used=composite.used,
        scenes_failed=composite.failed,
        warnings=composite.warnings,
        seconds={**composite.seconds, **clock.seconds},
        needed_bytes=job.task.read_bytes,
        decoded_bytes=composite.decoded_bytes,
    )


def infer(job: Job, composite: Composite, predict: Predictor | None) -> dict[str, npt.NDArray[Any]]:
    """Return the stored values of the job's layers on its window; cells outside the AOI are fill."""
    task, product = job.task, job.product
    wanted = aoi_mask(wkb.loads(task.clip_wkb, hex=True), task.window) if task.clip_wkb else None
    inputs = Inputs(
        frame=composite.frame,
        halo_px=product.needs[0].halo_px,
        dn_byx=composite.dn_byx,
        n_clear_yx=composite.n_clear_yx,
        window=task.window,
        wanted_yx=np.ones(task.window.shape, dtype=bool) if wanted is None else wanted,
        spread_yx=composite.spread_yx,
        day_yx=composite.day_yx,
    )
    given = product.compute(inputs, predict)
    return {name: given[name] for name in job.layers}


def looks_of(scenes: tuple[Scene, ...], frame: Frame) -> list[tuple[date, tuple[Scene, ...]]]:
    """Group the scenes that may touch a frame into looks, with their dates: passes on one solar day.

    Neighbouring scenes of one pass repeat the pixels of their overlap; they are one look, not two.
    """
    west, south, east, north = frame.bounds_deg()
    groups: dict[tuple[date, str, str], list[Scene]] = {}
    for scene in sorted(scenes, key=lambda s: s.id):
        left, bottom, right, top = from_wkb(bytes.fromhex(scene.footprint_wkb)).bounds
        if left <= east and right >= west and bottom <= north and top >= south:
            local = datetime.fromisoformat(scene.moment) + timedelta(hours=(west + east) / 2 / 15)
            groups.setdefault((local.date(), scene.level, scene.orbit), []).append(scene)
    return [(k[0], tuple(groups[k])) for k in sorted(groups)]


def _look(
    group: tuple[Scene, ...],
    need: Need,
    block: Frame,
    mask: str,
    reader: PixelReader,
    darkest: Darkest,
    code_byx: U16,
    clear_yx: Bool,
) -> None:
    """Fill in codes (b, y, x) and the clear mask (y, x) of one look; earlier scenes come first.

    Both are 0 before. A pixel is clear only where every band was seen.
    """
    for n, scene in enumerate(group):
        try:
            part, part_clear = _read_scene(scene, need, block, mask, reader, darkest)
        except BrokenInputError as problem:
            raise _SceneBroken(scene.id, str(problem)) from None
        seen = np.logical_and.reduce([band != 0 for band in part])
        if n:
            seen &= (code_byx == 0).any(axis=0)
        for code, band in zip(code_byx, part, strict=True):
            np.copyto(code, band, where=seen)
        np.copyto(clear_yx, part_clear, where=seen)


def _read_scene(
    scene: Scene, need: Need, block: Frame, mask: str, reader: PixelReader, darkest: Darkest
) -> tuple[list[U16], Bool]:
    """Return one scene on a block: codes (y, x) of each band and the clear mask (y, x)."""
    by = sensor(need.of)
    margin = by.margin_px(scene, mask)
    wide = block.sub(-margin, block.height + margin, -margin, block.width + margin) if margin else block
    inner = (slice(margin, margin + block.height), slice(margin, margin + block.width))
    masking = by.mask_bands(scene, mask)
    pixels: dict[str, npt.NDArray[Any]] = {}
    for name in dict.fromkeys((*need.bands, *masking)):
        band = scene.band(name)
        if band is None:
            if name in need.bands:
                raise BrokenInputError(scene.id, expected=f"band {name}", got="an item without it")
            continue
        raw = reader.read(band, wide, signing=scene.signing)
        if not band.categorical:
            _note_darkest(darkest, scene.id, band, raw)
            raw = by.coded(raw, band)
        pixels[name] = raw
    clear = by.clear(pixels, scene, mask)
    return [pixels[name][inner] for name in need.bands], clear[inner]


def _note_darkest(darkest: Darkest, scene_id: str, band: Band, raw: npt.NDArray[Any]) -> None:
    """Keep the lowest 0.1 percentile of valid digital numbers per band, from every fourth row and column."""
    sample = raw[::4, ::4]
    sample = sample[np.isfinite(sample) & (sample != 0) & (sample != (band.nodata or 0))]
    if sample.size:
        bands = darkest.setdefault(scene_id, {})
        bands[band.name] = min(bands.get(band.name, np.inf), float(np.percentile(sample, 0.1)))


def _blocks(frame: Frame, side: int) -> Iterator[tuple[slice, slice]]:
    for row in range(0, frame.height, side):
        for col in range(0, frame.width, side):
            yield slice(row, min(row + side, frame.height)), slice(col, min(col + side, frame.width))


@dataclass
class _Clock:
    """Adds up the seconds spent under each name."""

    seconds: dict[str, float] = field(default_factory=dict)
    _name: str = ""
    _start: float = 0.0

    def __call__(self, name: str) -> "_Clock":
        self._name = name
        return self

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self._start
        self.seconds[self._name] = round(self.seconds.get(self._name, 0.0) + spent, 4)
