"""What one worker does with one task: fetch -> composite -> infer -> land."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from shapely import wkb

from eomap.core.grid import Frame, Tile, Window, frame_of, tile_epsg
from eomap.core.mask import mask as aoi_mask
from eomap.core.plan import Task
from eomap.core.ports import Network, PixelReader
from eomap.core.product import Inputs, Need, Product, Seen
from eomap.core.receipt import Receipt, Written, tally
from eomap.core.source import Scene
from eomap.errors import BrokenInputError
from eomap.fetch import Clock, Fetched, SceneBrokenError, fetched
from eomap.nn.cloud_free import pictured
from eomap.nn.windows import Windowed
from eomap.sensors import sensor

Networks = Callable[[str], Network]
"""Returns the network of a name, ready to be asked."""


@dataclass(frozen=True, slots=True)
class Job:
    """A task with everything that a worker needs to know of its plan."""

    task: Task
    product: Product
    scenes: tuple[Scene, ...]
    mask: str
    layers: tuple[str, ...]
    model: str = ""
    """Name of the product's network; empty for a product without one. That of its picture, where a network
    makes that, is the product's own."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of a task's frame, by every sensor that its product needs."""

    frame: Frame
    seen: tuple[Seen | None, ...]
    """One a need, in order; None where an optional one saw nothing."""
    used: tuple[str, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    """Scene id to the error that set it aside."""
    warnings: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    decoded_bytes: int = 0

    @property
    def first(self) -> Seen:
        """What the first need got."""
        seen = self.seen[0]
        if seen is None:
            raise ValueError("the first need of a product is never optional")
        return seen


class Sink(Protocol):
    """Where finished tiles go."""

    def write(
        self, tile: Tile, arrays: Mapping[str, npt.NDArray[Any]], *, window: Window
    ) -> tuple[Written, ...]:
        """Write one tile of every layer, fill beyond the window of the arrays, and return what lies there."""


def run_job(job: Job, reader: PixelReader, networks: Networks, sink: Sink) -> Receipt:
    """Do a whole job in this process and return its receipt."""
    return infer_and_land(job, sight_of(job, reader), networks, sink)


def sight_of(job: Job, reader: PixelReader) -> Sight:
    """Return what is seen of the job's frame; scenes that cannot be read are set aside and named."""
    first = job.product.needs[0]
    frame = frame_of(
        job.task.window,
        tile_epsg(job.task.tile),
        cell_px=job.product.cell_px,
        halo_px=first.halo_px,
        pixel_m=job.product.pixel_m,
        origin_m=job.product.origin_m,
    )
    failed: dict[str, str] = {}
    found: list[Fetched | None] = []
    for need in job.product.needs:
        own = tuple(s for s in job.scenes if (s.sensor or first.of) == need.of)
        beside = found[0].seen.looks if found and found[0] and need.looks else None
        mask = job.mask if need is first else sensor(need.of).masks[0]

        def got(
            scenes: tuple[Scene, ...], need: Need = need, mask: str = mask, beside: Any = beside
        ) -> Fetched:
            return fetched(frame, scenes, need=need, mask=mask, task=job.task, reader=reader, beside=beside)

        found.append(_without_broken(job, need, own, got, failed))
    there = [f for f in found if f is not None]
    return Sight(
        frame,
        tuple(None if f is None else f.seen for f in found),
        used=tuple(s for f in there for s in f.used),
        failed=failed,
        warnings=tuple(w for f in there for w in f.warnings),
        seconds=_added(*(f.seconds for f in there)),
        decoded_bytes=sum(f.decoded_bytes for f in there),
    )


def _without_broken(
    job: Job,
    need: Need,
    scenes: tuple[Scene, ...],
    got: Callable[[tuple[Scene, ...]], Fetched],
    failed: dict[str, str],
) -> Fetched | None:
    """Return what a need gets of its readable scenes; None where there are none and it can do without."""
    while True:
        whole = tuple(s for s in scenes if s.id not in failed)
        if not whole and need.optional:
            return None
        if not whole:
            raise BrokenInputError(
                f"{job.product.name} {job.task.tile.id}",
                expected="at least one readable scene"
                + ("" if need is job.product.needs[0] else f" of {need.of}"),
                got="; ".join(failed.values())[:400] or "no scene",
            )
        try:
            return got(whole)
        except SceneBrokenError as broken:
            failed[broken.scene_id] = broken.reason


def _added(*spent: Mapping[str, float]) -> dict[str, float]:
    """Return the seconds spent under each name."""
    total: dict[str, float] = {}
    for seconds in spent:
        for name, s in seconds.items():
            total[name] = total.get(name, 0.0) + s
    return total


def infer_and_land(job: Job, sight: Sight, networks: Networks, sink: Sink) -> Receipt:
    """Turn what was seen into layers, write them as one tile, and return the receipt."""
    clock = Clock()
    with clock("infer"):
        layers = infer(job, sight, networks)
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
        scenes_used=sight.used,
        scenes_failed=sight.failed,
        warnings=sight.warnings,
        seconds=_added(sight.seconds, clock.seconds),
        needed_bytes=job.task.read_bytes,
        decoded_bytes=sight.decoded_bytes,
    )


def inputs_of(job: Job, sight: Sight) -> Inputs:
    """Return what the product of a job is handed: what was seen, and which cells are wanted."""
    task = job.task
    wanted = aoi_mask(wkb.loads(task.clip_wkb, hex=True), task.window) if task.clip_wkb else None
    return Inputs(
        frame=sight.frame,
        halo_px=job.product.needs[0].halo_px,
        seen=sight.seen,
        window=task.window,
        wanted_yx=np.ones(task.window.shape, dtype=bool) if wanted is None else wanted,
    )


def infer(job: Job, sight: Sight, networks: Networks) -> dict[str, npt.NDArray[Any]]:
    """Return the stored values of the job's layers on its window; cells outside the AOI are fill."""
    product, inputs = job.product, inputs_of(job, sight)
    if product.picture:
        inputs = pictured(inputs, product.picture, Windowed(networks(product.picture.model)))
    given = product.compute(inputs, Windowed(networks(job.model)) if job.model else None)
    return {name: given[name] for name in job.layers}
