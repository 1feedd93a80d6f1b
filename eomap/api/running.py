"""Making and continuing the cube of a plan."""

import contextlib
import math
import os
import socket
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from eomap import __version__
from eomap.api.planning import Notify, one_of, silent
from eomap.api.searching import Answers
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
    gpus_per_predictor: float | None = None,
    answers: Answers | None = None,
    notify: Notify = silent,
) -> Summary:
    """Make or continue the cube of a plan at a path or s3:// url.

    Only tiles without a receipt are done, so running again continues, and rerunning a finished plan
    does nothing. Raises MisuseError before anything is written where `out` holds something else.
    """
    from eomap.engine.interrupt import heeded
    from eomap.engine.ledger import with_attempt
    from eomap.planner import task_km2

    check_engine(engine, workers, gpus_per_predictor)
    started, began = time.monotonic(), time.time()
    if not plan.tasks:
        return Summary(out, plan.run_id, 0, 0, 0, warnings=plan.notes)
    if address is None:
        _check_keys(plan)
    ledger, cube = _vetted(plan, out), cube_of(plan, out)
    weights = _weights(plan, notify)
    done = _done(ledger, cube)
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
    ports = (_reader, _described(plan), partial(_network, plan.runtime, weights), cube)
    with heeded() as check, _workers(engine, address, workers) if todo else contextlib.nullcontext():
        _begin(plan, ledger, cube)
        if answers:
            answers.save()
        state = (
            _drive(plan, todo, ports, settled, check, engine, workers, address, gpus_per_predictor)
            if todo
            else None
        )
    receipts = ledger.receipts()
    manifest = _publish(plan, ledger, cube, anew=bool(todo))
    if todo:
        for place in (ledger.store, cube.store):
            place.sweep(began)
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


def check_engine(engine: str, workers: int | None, gpus_per_predictor: float | None) -> None:
    """Raise MisuseError where this is no way to run a plan."""
    one_of("--engine", engine, ENGINES)
    if workers is not None and workers < 1:
        raise MisuseError("--workers", expected="1 or more", got=str(workers))
    if gpus_per_predictor is not None and not 0 <= gpus_per_predictor < math.inf:
        raise MisuseError("--gpus-per-predictor", expected="0 or more", got=f"{gpus_per_predictor:g}")


def _check_keys(plan: Plan) -> None:
    """Raise MisuseError where scenes take keys that are not in the environment of this machine."""
    from eomap.io.access import check_keys

    for kind in sorted({str(s["signing"]) for s in plan.scenes.values()}):
        check_keys(kind)


def _done(ledger: Any, cube: Any) -> set[str]:
    """Return the tiles that are recorded and whose objects lie there, whole; forget the other receipts."""
    receipts = ledger.receipts()
    sizes = {k: n for folder in cube.folders() for k, n in cube.store.sizes(folder).items()}
    lost = {t for t, r in receipts.items() if any(sizes.get(w.key) != w.size for w in r.objects)}
    for tile in lost:
        ledger.forget(tile)
    return receipts.keys() - lost


def _publish(plan: Plan, ledger: Any, cube: Any, *, anew: bool) -> str | None:
    """Close the ledger and name the manifest in the cube once every tile is done; return its digest.

    Where nothing was done nothing changes, so a receipt that was changed by hand is not made good.
    """
    named = cube.attributes().get("eomap:manifest_sha256")
    closed = ledger.manifest()
    if not anew and closed and closed["sha256"] == named:
        return str(named)
    manifest = ledger.close(plan)
    if manifest and named != manifest:
        cube.set_attributes(
            {
                "eomap:status": "complete",
                "eomap:manifest_sha256": manifest,
                "eomap:warnings": _warnings(plan, ledger.receipts()),
            }
        )
    return manifest


def _workers(engine: str, address: str | None, workers: int | None) -> Any:
    """Return a context in which the engine's workers can be had; it fails before anything is written."""
    if engine == "inline":
        return contextlib.nullcontext()
    from eomap.engine import on_ray

    return on_ray.cluster(address, workers)


def _warnings(plan: Plan, receipts: Mapping[str, Receipt]) -> list[str]:
    return [*plan.notes, *sorted({w for r in receipts.values() for w in r.warnings})]


def _drive(plan, todo, ports, settled, check, engine, workers, address, gpus_per_predictor):
    jobs = (job_of(plan, task) for task in todo)
    make_reader, described, load, sink = ports
    if engine == "inline":
        from eomap.engine import inline

        reader = make_reader()
        try:
            return inline.run(
                jobs,
                reader=reader,
                networks=cache(partial(load, device="cpu")),
                sink=sink,
                settled=settled,
                check=check,
            )
        finally:
            reader.close()
    from eomap.engine import on_ray

    return on_ray.run(
        jobs,
        ports=on_ray.Ports(make_reader, described, load, sink),
        workers=workers,
        address=address,
        settled=settled,
        check=check,
        gpus_per_predictor=gpus_per_predictor,
        memory_bytes=max(t.memory_bytes for t in todo),
    )


def _reader() -> Any:
    from eomap.io.pixels import RasterReader

    return RasterReader()


def _described(plan: Plan) -> dict[str, Any]:
    """Return what there is to know of a plan's networks without their weights, by name."""
    from eomap.core.windows import Described
    from eomap.io.registry import model

    known = [model(name) for name in plan.networks]
    return {
        name: Described(name, m.sha256, m.layout, m.told, len(m.asides))
        for name, m in zip(plan.networks, known, strict=True)
    }


def _network(runtime: str, weights: Mapping[str, str], name: str, device: str) -> Any:
    """Return a network on the machine of a worker, which may not have the driver's files."""
    from eomap.io.registry import model
    from eomap.io.weights import load_network, weights_path
    from eomap.nn.predict import single_thread

    if device == "cpu":
        single_thread()
    here, entry = Path(weights[name]), model(name)
    path = here if here.is_file() else weights_path(entry)
    return load_network(entry, path, device=device, runtime=runtime if device == "cpu" else "float32")


def _weights(plan: Plan, notify: Notify) -> dict[str, str]:
    """Return where the weights of a plan's networks lie on this machine, by name."""
    from eomap.io.registry import model
    from eomap.io.weights import weights_path

    def path_of(name: str) -> str:
        return str(
            weights_path(
                model(name),
                progress=lambda done, total: notify("fetch", {"model": name, "done": done, "total": total}),
            )
        )

    return {name: path_of(name) for name in plan.networks}


def job_of(plan: Plan, task: Task) -> Any:
    """Return the `worker.Job` of a task."""
    from eomap.products import product
    from eomap.worker import Job

    return Job(
        task,
        product(plan.product, plan.settings),
        tuple(scene_of(plan, s) for s in task.scenes),
        plan.mask,
        plan.layers,
        plan.model,
    )


def scene_of(plan: Plan, scene_id: str) -> Scene:
    """Return a pinned scene of a plan."""
    stored = dict(plan.scenes[scene_id])
    return Scene(**{**stored, "bands": tuple(Band(**b) for b in stored["bands"])})


def cube_of(plan: Plan, out: str) -> Any:
    """Return the cube that a plan makes at a place, whether or not it is there yet."""
    from eomap.io.cube import Cube, Extent
    from eomap.products import product

    made = product(plan.product, plan.settings)
    by_grid: dict[int, list[Any]] = {}
    for task in plan.tasks:
        by_grid.setdefault(task.tile.epsg, []).append(task.tile)
    extents = (
        (Extent.globe(made.step),)
        if plan.extent == "global"
        else tuple(Extent.of_tiles(by_grid[epsg], made.step) for epsg in sorted(by_grid))
    )
    return Cube(out, extents, tuple(g for g in made.gives if g.name in plan.layers))


def _vetted(plan: Plan, out: str) -> Any:
    """Return the ledger of a place that is free or holds this very plan; else raise MisuseError."""
    from eomap.engine.ledger import SUFFIX, Ledger
    from eomap.io.cube import exists, open_cube
    from eomap.io.store import open_store

    open_store(out)
    ledger = Ledger(open_store(out.rstrip("/") + SUFFIX))
    recorded = ledger.refuse_other(plan)
    if recorded:
        return ledger
    if exists(out):
        try:
            same = open_cube(out).attributes().get("eomap:run_id") == plan.run_id
        except MisuseError:
            same = False
        if not same:
            raise MisuseError(
                out,
                expected="a free place, or a cube with its ledger",
                got="a Zarr without one",
                hint="choose another --out",
            )
    elif "://" not in out and Path(out).exists():
        if not Path(out).is_dir():
            raise MisuseError(out, expected="a free place", got="a file", hint="choose another --out")
        if any(Path(out).iterdir()):
            raise MisuseError(
                out, expected="a free place", got="a folder with other files", hint="choose another --out"
            )
    return ledger


def _begin(plan: Plan, ledger: Any, cube: Any) -> None:
    """Record the plan and write the cube's metadata, where they are not there yet."""
    from eomap.io.cube import exists

    ledger.begin(plan)
    if not exists(cube.url):
        write_metadata(plan, cube)


def write_metadata(plan: Plan, cube: Any) -> None:
    """Write the metadata of a plan's cube, anew where there is some."""
    from eomap.io.cube import create
    from eomap.products import product

    create(cube.url, cube.extents, cube.layers, _provenance(plan, product(plan.product, plan.settings).title))


def _provenance(plan: Plan, title: str) -> dict[str, Any]:
    """Return the attributes that say what a cube was made from."""
    from eomap.io.registry import model

    networks = [model(name) for name in plan.networks]
    scenes = list(plan.scenes.values())
    return {
        "title": f"{title}, {plan.period}",
        "source": f"{plan.collection} from {_public(plan.catalog)}",
        "history": f"eomap {__version__}",
        "eomap:status": "in progress",
        "eomap:run_id": plan.run_id,
        "eomap:code_version": plan.code_version,
        "eomap:product": {
            "name": plan.product,
            "version": plan.product_version,
            **({"settings": dict(plan.settings)} if plan.settings else {}),
        },
        "eomap:models": [
            {
                "name": n.name,
                "version": n.version,
                "sha256": n.sha256,
                "licence": n.licence,
                "trained_on": n.trained_on or n.level,
                **({"synthetic": True} if n.synthetic else {}),
                **({} if plan.runtime == "float32" else {"runtime": plan.runtime}),
            }
            for n in networks
        ],
        "eomap:period": plan.period,
        "eomap:mask": plan.mask,
        **_mask_network(plan),
        "eomap:aoi_sha256": plan.aoi_hash,
        "eomap:scenes": {
            "count": len(scenes),
            "sha256": digest(sorted([str(s["id"]), str(s["etag"])] for s in scenes)),
            "levels": dict(Counter(str(s["level"]) for s in scenes)),
            "offset_rules": dict(Counter(str(s["offset_rule"]) for s in scenes)),
        },
        "eomap:synthetic": any(bool(s.get("synthetic")) for s in scenes),
        "eomap:warnings": list(plan.notes),
        **({} if plan.grid == "lattice" else {"eomap:grid": plan.grid}),
    }


def _mask_network(plan: Plan) -> dict[str, Any]:
    """Return the network that masks clouds, where scenes of a plan are masked by one."""
    from eomap.io.cloud_weights import mask_model
    from eomap.products import product
    from eomap.sensors import sensor

    mask_of = sensor(product(plan.product, plan.settings).needs[0].of).mask_of
    if not any(mask_of(scene_of(plan, s), plan.mask) == "network" for s in plan.scenes):
        return {}
    known = mask_model()
    return {
        "eomap:mask_network": {"name": known.name, "sha256": known.sha256, "trained_on": known.trained_on}
    }


def _public(catalog: str) -> str:
    """Name a catalogue without the folders of the machine that read it."""
    return catalog if "://" in catalog or os.sep not in catalog else Path(catalog).name
