"""Fetch: from the scenes of a task to the composite of its frame.

Letters: t look, b band, y row (north to south), x column (west to east). A frame is read in blocks, so
memory does not grow with the number of looks times the frame; results do not depend on the blocks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from eomap.core.grid import Frame
from eomap.core.plan import Task
from eomap.core.ports import U16, PixelReader
from eomap.core.product import Need
from eomap.core.source import Scene
from eomap.fetch.at_once import at_once
from eomap.fetch.by_band import by_band
from eomap.fetch.canvas import Canvas, blocks_of
from eomap.fetch.reading import READS_AT_ONCE, Clock, Reading, SceneBrokenError, edge_px, looks_of, wider
from eomap.sensors import reads_by_band, sensor

__all__ = ["READS_AT_ONCE", "Clock", "Composite", "SceneBrokenError", "composite_of", "looks_of"]


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
    out = Canvas.of(need, frame)
    far = any("://" in band.href for scene in scenes for band in scene.bands)
    at = Reading(need, sensor(need.of), mask, reader, READS_AT_ONCE if far else 1)
    fill = by_band if reads_by_band(need, mask, scenes) else at_once
    before = getattr(reader, "decoded_bytes", 0)
    for rows, cols in blocks_of(frame, task):
        block = frame.sub(rows.start, rows.stop, cols.start, cols.stop)
        near = wider(block, edge_px(need))
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
