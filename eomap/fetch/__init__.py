"""Fetch: from the scenes of a task to what a product needs of its frame.

Letters: t look, b band, y row (north to south), x column (west to east). A frame is read in blocks, so
memory does not grow with the number of looks times the frame; results do not depend on the blocks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eomap.core.grid import Frame
from eomap.core.plan import Task
from eomap.core.ports import PixelReader
from eomap.core.product import Looks, Need, Seen
from eomap.core.source import Scene
from eomap.fetch.at_once import at_once
from eomap.fetch.by_band import by_band
from eomap.fetch.canvas import Canvas, blocks_of
from eomap.fetch.each_look import blank, by_preference, fill_nearest, fill_slots
from eomap.fetch.reading import (
    READS_AT_ONCE,
    Clock,
    Reading,
    SceneBrokenError,
    days_of,
    edge_px,
    looks_of,
    wider,
)
from eomap.sensors import reads_by_band, sensor

__all__ = ["READS_AT_ONCE", "Clock", "Fetched", "SceneBrokenError", "fetched", "looks_of"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one need got on a frame, and what it was made of."""

    seen: Seen
    used: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: Mapping[str, float]
    decoded_bytes: int


def fetched(
    frame: Frame,
    scenes: tuple[Scene, ...],
    *,
    need: Need,
    mask: str,
    task: Task,
    reader: PixelReader,
    beside: Looks | None = None,
) -> Fetched:
    """Return what a need gets of scenes on a frame; raise SceneBrokenError where one cannot be read.

    Where looks are asked for and `beside` has some of another sensor, each slot gets the look nearest in time
    to the slot of that one.
    """
    far = any("://" in band.href for scene in scenes for band in scene.bands)
    at = Reading(need, sensor(need.of), mask, reader, READS_AT_ONCE if far else 1)
    before = getattr(reader, "decoded_bytes", 0)
    getattr(reader, "next_frame", lambda: None)()
    seen = _looks(at, frame, scenes, task, beside) if need.looks else _picture(at, frame, scenes, task)
    doubts = (at.by.doubt(s, at.darkest.get(s.id, {})) for s in scenes)
    return Fetched(
        seen,
        used=tuple(s.id for s in scenes),
        warnings=tuple(f"{s.id}: {d}" for s, d in zip(scenes, doubts, strict=True) if d),
        seconds=at.clock.seconds,
        decoded_bytes=getattr(reader, "decoded_bytes", 0) - before,
    )


def _picture(at: Reading, frame: Frame, scenes: tuple[Scene, ...], task: Task) -> Seen:
    """Return one picture of all looks."""
    need, out = at.need, Canvas.of(at.need, frame)
    fill = by_band if reads_by_band(need, at.mask, scenes) else at_once
    for rows, cols in blocks_of(frame, task):
        block = frame.sub(rows.start, rows.stop, cols.start, cols.stop)
        if looks := looks_of(scenes, wider(block, edge_px(need))):
            fill(at, looks, block, out.part(rows, cols))
    return Seen(
        out.code_byx,
        out.n_clear_yx,
        spread_yx=out.spread_yx if need.spread else None,
        day_yx=out.day_yx if need.days else None,
        deviation_kyx=out.deviation_kyx if need.deviations else None,
    )


def _looks(at: Reading, frame: Frame, scenes: tuple[Scene, ...], task: Task, beside: Looks | None) -> Seen:
    """Return the looks themselves."""
    need, looks = at.need, by_preference(looks_of(scenes, frame))
    out = blank(need.looks, len(need.bands), frame)
    if beside is not None:
        out.day_t[...] = beside.day_t
    elif looks:
        out.day_t[...] = np.resize(days_of(looks), need.looks)
    fill = fill_slots if beside is None else fill_nearest
    with at.clock("fetch"):
        for rows, cols in blocks_of(frame, task):
            block = frame.sub(rows.start, rows.stop, cols.start, cols.stop)
            part = Looks(out.code_tbyx[..., rows, cols], out.clear_tyx[..., rows, cols], out.day_t)
            fill(at, looks, block, part)
    clear = out.clear_tyx.sum(axis=0, dtype=np.uint16)
    return Seen(np.zeros((len(need.bands), 0, frame.width), np.uint16), clear, looks=out)
