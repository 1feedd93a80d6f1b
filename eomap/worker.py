"""What one worker does with one task: fetch -> composite -> infer -> land."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from shapely import wkb

from eomap.core.grid import Tile, Window, frame_of, tile_epsg
from eomap.core.mask import mask as aoi_mask
from eomap.core.plan import Task
from eomap.core.ports import PixelReader, Predictor
from eomap.core.product import Inputs, Product
from eomap.core.receipt import Receipt, Written, tally
from eomap.core.source import Scene
from eomap.errors import BrokenInputError
from eomap.fetch import Clock, Composite, SceneBrokenError, composite_of


@dataclass(frozen=True, slots=True)
class Job:
    """A task with everything that a worker needs to know of its plan."""

    task: Task
    product: Product
    scenes: tuple[Scene, ...]
    mask: str
    layers: tuple[str, ...]


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
            return composite_of(
                frame,
                scenes,
                need=need,
                mask=job.mask,
                task=job.task,
                reader=reader,
                failed=failed,
            )
        except SceneBrokenError as broken:
            failed[broken.scene_id] = broken.reason


def infer_and_land(job: Job, composite: Composite, predict: Predictor | None, sink: Sink) -> Receipt:
    """Turn a composite into layers, write them as one tile, and return the receipt."""
    clock = Clock()
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
        deviation_kyx=composite.deviation_kyx,
    )
    given = product.compute(inputs, predict)
    return {name: given[name] for name in job.layers}
