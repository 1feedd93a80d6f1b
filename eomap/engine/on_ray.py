"""The work on Ray: the only module that knows it.

Tasks fetch and composite; actors hold a network each, infer and land. At most two composites per
predictor are in flight, so memory is bounded whatever the size of the plan. Without a network a task does
the whole job: nothing travels between processes. Ray's own retries are off: the run machine decides by
the class of the error, and a lost process is a transient one.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import ray
from ray import exceptions as lost

from eomap.core.receipt import Receipt
from eomap.engine.state import RunState, Verdict, WorkerLostError
from eomap.errors import EomapError, MisuseError
from eomap.fetch import Composite
from eomap.worker import Job, fetch_composite, infer_and_land, run_job

AHEAD = 2
"""Jobs in flight per predictor: one being inferred, one being fetched."""
_LOST = (
    lost.WorkerCrashedError,
    lost.ActorDiedError,
    lost.ActorUnavailableError,
    lost.ObjectLostError,
    lost.OutOfMemoryError,
    lost.NodeDiedError,
    lost.ActorUnschedulableError,
    lost.TaskUnschedulableError,
)


@dataclass(frozen=True, slots=True)
class Ports:
    """How a worker makes its own reader, predictor and sink; callables that pickle."""

    reader: Callable[[], Any]
    predictor: Callable[[str], Any] | None
    """None where the product needs no network."""
    sink: Any


@ray.remote(num_cpus=0.5, max_retries=0)
def _fetch(job: Job, ports: Ports) -> Composite:
    reader = ports.reader()
    try:
        return fetch_composite(job, reader)
    finally:
        reader.close()


@ray.remote(num_cpus=1, max_retries=0)
def _whole_job(job: Job, ports: Ports) -> Receipt:
    reader = ports.reader()
    try:
        return run_job(job, reader, None, ports.sink)
    finally:
        reader.close()


class _Predictor:
    def __init__(self, sink: Any, make: Callable[[str], Any]) -> None:
        self.sink, self.make = sink, make
        self.predict: Any = None

    def infer_and_land(self, job: Job, composite: Composite) -> Receipt:
        if self.predict is None:  # not in the constructor: what fails there dies without saying why
            self.predict = self.make("cuda" if ray.get_gpu_ids() else "cpu")
        return infer_and_land(job, composite, self.predict, self.sink)


def run(
    jobs: Iterable[Job],
    *,
    ports: Ports,
    workers: int | None,
    address: str | None,
    settled: Callable[[Receipt], None],
    check: Callable[[], None],
    gpus_per_worker: float | None = None,
    memory_bytes: int = 0,
) -> RunState:
    """Do the jobs on a Ray cluster (`address`) or on this machine, and return the final state.

    `workers`: number of predictors; None takes one per GPU where there are any, else one per CPU, but
    no more than memory allows when each takes `memory_bytes`. Without a network: jobs at once, by CPUs.
    `check` is asked several times a second and may raise, e.g. KeyboardInterrupt, which ends every worker.
    Raises MisuseError when the cluster cannot be reached.
    """
    with cluster(address, workers):
        there, sent, state = ray.cluster_resources(), ray.put(ports), RunState.of(jobs)
        cpus, gpus = there.get("CPU", 1), there.get("GPU", 0)
        if ports.predictor is None:
            count = workers or _pool_size(cpus, there, memory_bytes)
            return _drive(state, [lambda job: _whole_job.remote(job, sent)] * count, 1, settled, check)
        share = gpus_per_worker if gpus_per_worker is not None else (1.0 if gpus else 0.0)
        count = workers or _pool_size(gpus / share if share else cpus, there, memory_bytes)
        make = ray.remote(num_cpus=0.5, num_gpus=share, max_restarts=-1, max_task_retries=0)(_Predictor)
        pool = [make.remote(ports.sink, ports.predictor) for _ in range(count)]
        return _drive(state, [partial(_by_two, actor, sent) for actor in pool], AHEAD, settled, check)


def _by_two(actor: Any, ports: Any, job: Job) -> Any:
    """Begin a job in a task that fetches and an actor that infers; return the reference to its receipt."""
    return actor.infer_and_land.remote(job, _fetch.remote(job, ports))


def _pool_size(processors: float, there: Mapping[str, float], memory_bytes: int) -> int:
    """Return how many predictors to keep: one per processor, as far as the cluster's memory goes.

    >>> _pool_size(8, {"memory": 10e9, "object_store_memory": 4e9}, 5 << 30), _pool_size(8, {}, 0)
    (2, 8)
    """
    memory = there.get("memory", 0) + there.get("object_store_memory", 0)
    fitting = memory // memory_bytes if memory and memory_bytes else processors
    return max(1, int(min(processors, fitting)))


@contextlib.contextmanager
def cluster(address: str | None, workers: int | None) -> Iterator[None]:
    """Join a cluster or start one on this machine, unless there is one already; leave what was joined.

    Raises MisuseError when it does not answer.
    """
    owner = not ray.is_initialized()
    if owner:
        _connect(address, workers)
    try:
        yield
    finally:
        if owner:
            ray.shutdown()


def _connect(address: str | None, workers: int | None) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_task_oom_retries", "1")  # else a task that never fits is retried for ever
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    try:
        if address:
            _knock(address)
            ray.init(address=address, **quiet)
        else:
            ray.init(
                address="local",
                num_cpus=max(workers or 0, os.cpu_count() or 1),
                include_dashboard=False,
                **quiet,
            )
    except (OSError, ValueError, RuntimeError) as problem:
        raise MisuseError(
            "--address",
            expected="a Ray cluster that answers",
            got=str(problem)[:200],
            hint="`ray status` there, the same RAY_AUTH_TOKEN here, or leave --address out",
        ) from problem


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would go on asking for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _drive(
    state: RunState,
    lanes: list[Callable[[Job], Any]],
    ahead: int,
    settled: Callable[[Receipt], None],
    check: Callable[[], None],
) -> RunState:
    """Keep the lanes busy, each with so many jobs at once, until every job is settled."""
    flying: dict[Any, tuple[str, int]] = {}
    load = [0] * len(lanes)
    while not state.finished:
        check()
        while len(flying) < ahead * len(lanes) and (job := state.start(time.monotonic())):
            lane = load.index(min(load))
            load[lane] += 1
            flying[lanes[lane](job)] = (job.task.key, lane)
        ready, _ = ray.wait(list(flying), num_returns=1, timeout=0.5) if flying else ([], [])
        if not flying:
            time.sleep(0.05)
        for ref in ready:
            key, lane = flying.pop(ref)
            load[lane] -= 1
            outcome = _outcome(ref)
            verdict = state.settle(key, outcome, time.monotonic())
            if verdict is Verdict.STOP and isinstance(outcome, BaseException):
                raise outcome
            if verdict in (Verdict.DONE, Verdict.SET_ASIDE):
                settled(state.done[-1] if verdict is Verdict.DONE else state.failed[-1])
    return state


def _outcome(ref: Any) -> Receipt | Exception:
    """Return what a job came to, with Ray's wrappers taken off."""
    try:
        return ray.get(ref)
    except _LOST as problem:
        return WorkerLostError("worker", expected="a living process", got=type(problem).__name__)
    except ray.exceptions.RayTaskError as problem:
        cause = problem.cause if isinstance(problem.cause, Exception) else problem
        while isinstance(cause, ray.exceptions.RayTaskError) and isinstance(cause.cause, Exception):
            cause = cause.cause
        if isinstance(cause, _LOST):
            return WorkerLostError("worker", expected="a living process", got=type(cause).__name__)
        return cause if isinstance(cause, EomapError) else problem
