"""Making and continuing the cube of a plan."""

import os
import socket
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from eomap import __version__
from eomap.api.planning import Notify, one_of, silent
from eomap.core.plan import Plan, Task, digest
from eomap.core.receipt import Receipt
from eomap.core.source import Band, Scene
from eomap.errors import MisuseError

ENGINES = ("ray", "inline")


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended."""

    out: str
    run_id: str
    planned: int
    done_before: int
    done_now: int
    failed: Mapping[str, str] = field(default_factory=dict)
    """Tile id to its error."""
    scenes_failed: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    retries: int = 0
    km2: float = 0.0
    seconds: float = 0.0
    manifest_sha256: str | None = None
    """Digest of everything written; None while tiles are missing."""

    @property
    def complete(self) -> bool:
        """Whether every planned tile is in the cube."""
        return self.manifest_sha256 is not None


def run(
    plan: Plan,
    out: str,
    *,
    engine: str = "ray",
    workers: int | None = None,
    address: str | None = None,
    gpus_per_worker: float | None = None,
    notify: Notify = silent,
) -> Summary:
    """Make or continue the cube of a plan at a path or s3:// url.

    Only tiles without a receipt are done, so running again continues, and rerunning a finished plan
    does nothing. Raises MisuseError before anything is written where `out` holds something else.
    """
    from eomap.engine.ledger import with_attempt
    from eomap.planner import task_km2

    one_of("--engine", engine, ENGINES)
    if workers is not None and workers < 1:
        raise MisuseError("--workers", expected="1 or more", got=str(workers))
    started = time.monotonic()
    if not plan.tasks:
        return Summary(out, plan.run_id, 0, 0, 0, warnings=plan.notes)
    weights = _weights(plan, notify)
    ledger, cube = _begin(plan, out)
    done = {t for t, r in ledger.receipts().items()}
    todo = [t for t in plan.tasks if t.tile.id not in done]
    size = {t.tile.id: task_km2(t) for t in plan.tasks}
    host, attempt = socket.gethostname(), uuid.uuid4().hex

    def settled(receipt: Receipt) -> None:
        stood = ledger.record(with_attempt(receipt, attempt, host))
        notify("settled", {"receipt": stood, "km2": size[stood.tile]})

    notify(
        "begin",
        {
            "tasks": len(plan.tasks),
            "todo": len(todo),
            "km2": sum(size.values()),
            "km2_done": sum(size[t.tile.id] for t in plan.tasks if t.tile.id in done),
        },
    )
    ports = (_reader, partial(_predictor, plan.model, weights), cube)
    state = _drive(plan, todo, ports, settled, engine, workers, address, gpus_per_worker) if todo else None
    receipts = ledger.receipts()
    manifest = ledger.close(plan)
    if manifest and cube.attributes().get("eomap:manifest_sha256") != manifest:
        cube.set_attributes(
            {
                "eomap:status": "complete",
                "eomap:manifest_sha256": manifest,
                "eomap:warnings": _warnings(plan, receipts),
            }
        )
    scenes_failed = {k: v for r in receipts.values() for k, v in r.scenes_failed.items()}
    return Summary(
        out,
        plan.run_id,
        len(plan.tasks),
        len(plan.tasks) - len(todo),
        len(state.done) if state else 0,
        failed={r.tile: r.error for r in (state.failed if state else ())},
        scenes_failed=scenes_failed,
        warnings=tuple(_warnings(plan, receipts)),
        retries=state.retries if state else 0,
        km2=sum(size[t.tile.id] for t in todo if t.tile.id in receipts),
        seconds=time.monotonic() - started,
        manifest_sha256=manifest,
    )


def _warnings(plan: Plan, receipts: Mapping[str, Receipt]) -> list[str]:
    return [*plan.notes, *sorted({w for r in receipts.values() for w in r.warnings})]


def _drive(plan, todo, ports, settled, engine, workers, address, gpus_per_worker):
    jobs = (_job(plan, task) for task in todo)
    if engine == "inline":
        from eomap.engine import inline

        reader = ports[0]()
        try:
            return inline.run(jobs, reader=reader, predict=ports[1]("cpu"), sink=ports[2], settled=settled)
        finally:
            reader.close()
    from eomap.engine import on_ray

    return on_ray.run(
        jobs,
        ports=on_ray.Ports(*ports),
        workers=workers,
        address=address,
        settled=settled,
        gpus_per_worker=gpus_per_worker,
    )


def _reader() -> Any:
    from eomap.io.pixels import RasterioReader

    return RasterioReader()


def _predictor(name: str, path: str, device: str) -> Any:
    from eomap.io.weights import load_predictor

    return load_predictor(name, Path(path), device=device)


def _weights(plan: Plan, notify: Notify) -> str:
    from eomap.io.registry import model
    from eomap.io.weights import weights_path

    return str(
        weights_path(
            model(plan.model),
            progress=lambda done, total: notify("fetch", {"model": plan.model, "done": done, "total": total}),
        )
    )


def _job(plan: Plan, task: Task) -> Any:
    from eomap.products import product
    from eomap.worker import Job

    return Job(
        task, product(plan.product), tuple(scene_of(plan, s) for s in task.scenes), plan.mask, plan.layers
    )


def scene_of(plan: Plan, scene_id: str) -> Scene:
    """Return a pinned scene of a plan."""
    stored = dict(plan.scenes[scene_id])
    return Scene(**{**stored, "bands": tuple(Band(**b) for b in stored["bands"])})


def _begin(plan: Plan, out: str) -> tuple[Any, Any]:
    """Return ledger and cube of a run, made when they are not there; refuse another cube before writing."""
    from eomap.engine.ledger import SUFFIX, Ledger
    from eomap.io.cube import Extent, create, exists, open_cube
    from eomap.io.store import open_store
    from eomap.products import product

    ledger = Ledger(open_store(out.rstrip("/") + SUFFIX))
    present = exists(out)
    if present and ledger.plan() is None:
        raise MisuseError(
            out,
            expected="a free place, or a cube with its ledger",
            got="a Zarr without one",
            hint="choose another --out",
        )
    if "://" not in out and Path(out).exists() and not present and any(Path(out).iterdir()):
        raise MisuseError(
            out, expected="a free place", got="a folder with other files", hint="choose another --out"
        )
    ledger.begin(plan)
    if present:
        return ledger, open_cube(out)
    made = product(plan.product)
    step = made.step
    extent = (
        Extent.globe(step) if plan.extent == "global" else Extent.of_tiles([t.tile for t in plan.tasks], step)
    )
    layers = tuple(g for g in made.gives if g.name in plan.layers)
    return ledger, create(out, extent, layers, _provenance(plan, made.title))


def _provenance(plan: Plan, title: str) -> dict[str, Any]:
    """Return the attributes that say what a cube was made from."""
    from eomap.io.registry import model

    entry = model(plan.model)
    scenes = list(plan.scenes.values())
    return {
        "title": f"{title}, {plan.period}",
        "source": f"{plan.collection} from {_public(plan.catalog)}",
        "history": f"eomap {__version__}",
        "eomap:status": "in progress",
        "eomap:run_id": plan.run_id,
        "eomap:code_version": plan.code_version,
        "eomap:product": {"name": plan.product, "version": plan.product_version},
        "eomap:models": [
            {
                "name": entry.name,
                "version": entry.version,
                "sha256": entry.sha256,
                "licence": entry.licence,
                "trained_on": entry.level,
            }
        ],
        "eomap:period": plan.period,
        "eomap:mask": plan.mask,
        "eomap:aoi_sha256": plan.aoi_hash,
        "eomap:scenes": {
            "count": len(scenes),
            "sha256": digest(sorted([str(s["id"]), str(s["etag"])] for s in scenes)),
            "levels": dict(Counter(str(s["level"]) for s in scenes)),
            "offset_rules": dict(Counter(str(s["offset_rule"]) for s in scenes)),
        },
        "eomap:synthetic": any(bool(s.get("synthetic")) for s in scenes),
        "eomap:warnings": list(plan.notes),
    }


def _public(catalog: str) -> str:
    """Name a catalogue without the folders of the machine that read it."""
    return catalog if "://" in catalog or os.sep not in catalog else Path(catalog).name
