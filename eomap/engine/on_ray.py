"""The work on Ray: the only module that knows it.

Tasks fetch, composite, cut windows and land; actors hold the networks and say what they see in windows.
Windows of several tiles share a call. Two tiles per predictor are in work, so that one is read while the
other is seen, and memory is bounded whatever the size of the plan. Ray's own retries are off: the run machine
decides by the class of the error, and a lost process is a transient one.
"""

import asyncio
import contextlib
import os
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import ray
from ray import exceptions as lost

from eomap.core.ports import F32, U16
from eomap.core.receipt import Receipt
from eomap.core.windows import Described, Layout
from eomap.engine.state import RunState, Verdict, WorkerLostError
from eomap.errors import EomapError, MisuseError
from eomap.worker import Job, run_job

AHEAD = 2
"""Jobs in work per predictor, at least: one whose windows are seen, one being read."""
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
    """How a worker makes its own reader, networks and sink; callables that pickle."""

    reader: Callable[[], Any]
    networks: Mapping[str, Described]
    """By name; empty where the product needs none."""
    load: Callable[[str, str], Any]
    """Returns the network of a name on a device."""
    sink: Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A network that an actor holds; see `core.ports.Network`."""

    described: Described
    actor: Any

    @property
    def name(self) -> str:
        """As in the registry."""
        return self.described.name

    @property
    def sha256(self) -> str:
        """Of its weights."""
        return self.described.sha256

    @property
    def layout(self) -> Layout:
        """The windows that it takes."""
        return self.described.layout

    @property
    def channels(self) -> int:
        """How many numbers it gives per cell."""
        return self.described.channels

    @property
    def asides(self) -> int:
        """How many numbers it is told per window."""
        return self.described.asides

    def __call__(self, code_nbyx: U16, aside_nk: F32) -> F32:
        """Return what the actor says of windows."""
        said: F32 = ray.get(self.actor.said.remote(self.name, code_nbyx, aside_nk))
        return said


@ray.remote(max_retries=0)
def _do(job: Job, ports: Ports, actor: Any) -> Receipt:
    reader = ports.reader()
    try:
        return run_job(job, reader, lambda name: Asked(ports.networks[name], actor), ports.sink)
    finally:
        reader.close()


class Predictor:
    """An actor that holds networks. What waits while one call runs shares the next, up to a batch."""

    def __init__(self, load: Callable[[str, str], Any]) -> None:
        device = "cuda" if ray.get_gpu_ids() else "cpu"
        self.network = cache(lambda name: load(name, device))
        self.waiting: deque[tuple[str, U16, F32, asyncio.Future[F32]]] = deque()
        self.thread = ThreadPoolExecutor(1)
        self.busy: asyncio.Task[None] | None = None

    async def said(self, name: str, code_nbyx: U16, aside_nk: F32) -> F32:
        """Return what a network says of windows."""
        answer: asyncio.Future[F32] = asyncio.get_running_loop().create_future()
        self.waiting.append((name, code_nbyx, aside_nk, answer))
        if self.busy is None or self.busy.done():
            self.busy = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self.waiting:
            name = self.waiting[0][0]
            try:
                network = await loop.run_in_executor(self.thread, self.network, name)
                group = self._taken(name, network.layout.batch)
            except Exception as problem:  # noqa: BLE001 - whoever asked gets it
                self.waiting.popleft()[3].set_exception(problem)
                continue
            codes, asides = (np.concatenate([g[i] for g in group]) for i in (1, 2))
            try:
                value = await loop.run_in_executor(self.thread, network, codes, asides)
            except Exception as problem:  # noqa: BLE001 - whoever asked gets it
                for *_, answer in group:
                    answer.set_exception(problem)
                continue
            ends = np.cumsum([len(g[1]) for g in group])[:-1]
            for (*_, answer), part in zip(group, np.split(value, ends), strict=True):
                answer.set_result(part)

    def _taken(self, name: str, batch: int) -> list[tuple[str, U16, F32, "asyncio.Future[F32]"]]:
        """Take from the front what asks the same network and fits into one call."""
        group: list[tuple[str, U16, F32, asyncio.Future[F32]]] = []
        count = 0
        while (
            self.waiting
            and self.waiting[0][0] == name
            and (not group or count + len(self.waiting[0][1]) <= batch)
        ):
            group.append(self.waiting.popleft())
            count += len(group[-1][1])
        return group


def run(
    jobs: Iterable[Job],
    *,
    ports: Ports,
    workers: int | None,
    address: str | None,
    settled: Callable[[Receipt], None],
    check: Callable[[], None],
    gpus_per_predictor: float | None = None,
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
        if not ports.networks:
            count = workers or _pool_size(cpus, there, memory_bytes)
            do = _do.options(num_cpus=1)
            return _drive(state, [lambda job: do.remote(job, sent, None)] * count, 1, settled, check)
        share = gpus_per_predictor if gpus_per_predictor is not None else (1.0 if gpus else 0.0)
        count = workers or _pool_size(gpus / share if share else cpus, there, memory_bytes)
        make = ray.remote(num_cpus=_HALF, num_gpus=share, max_restarts=-1, max_task_retries=0)(Predictor)
        pool = [make.remote(ports.load) for _ in range(count)]
        do = _do.options(num_cpus=_HALF / AHEAD)
        lanes: list[Callable[[Job], Any]] = [partial(_ask, do, sent, actor) for actor in pool]
        return _drive(state, lanes, _ahead(cpus, count), settled, check)


def _ask(do: Any, ports: Any, actor: Any, job: Job) -> Any:
    """Begin a job whose windows an actor sees; return the reference to its receipt."""
    return do.remote(job, ports, actor)


_HALF = 0.5
"""Of a CPU for a predictor, and for the jobs that ask it."""


def _ahead(cpus: float, predictors: int) -> int:
    """Return how many jobs are in work per predictor: more where there are CPUs to spare, beside few GPUs.

    >>> _ahead(2, 2), _ahead(32, 2)
    (2, 15)
    """
    return max(AHEAD, int(cpus / predictors - _HALF))


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


def together(work: Callable[[int, int], None], *, workers: int, address: str | None = None) -> None:
    """Call `work(rank, count)` in so many processes at once that share a group of torch (gloo).

    What fails in one of them ends all, and is raised. Results are what `work` leaves behind: files.
    """
    from ray.train import RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchConfig, TorchTrainer

    def each() -> None:
        from ray.train import get_context

        here = get_context()
        work(here.get_world_rank(), here.get_world_size())

    with cluster(address, workers), tempfile.TemporaryDirectory() as folder:
        trainer = TorchTrainer(
            each,
            torch_config=TorchConfig(backend="gloo"),
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=False),
            run_config=RunConfig(name="train", storage_path=folder),
        )
        try:
            trainer.fit()
        except TrainingFailedError as problem:
            raise _first_cause(problem) from problem


def _first_cause(problem: BaseException) -> BaseException:
    """Return what failed in a process: an error that eomap understands, where there is one within."""
    seen: BaseException | None = problem
    for _ in range(8):
        if seen is None or isinstance(seen, EomapError):
            break
        inside = getattr(seen, "worker_failures", None)
        seen = next(iter(inside.values())) if inside else getattr(seen, "cause", None) or seen.__cause__
    return seen if isinstance(seen, EomapError) else problem
