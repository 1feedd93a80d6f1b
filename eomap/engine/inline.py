"""The same work in this one process: for debugging, and as the measure that Ray runs must equal."""

import time
from collections.abc import Callable, Iterable

from eomap.core.ports import PixelReader
from eomap.core.receipt import Receipt
from eomap.engine.state import RunState, Verdict
from eomap.worker import Job, Networks, Sink, run_job


def run(
    jobs: Iterable[Job],
    *,
    reader: PixelReader,
    networks: Networks,
    sink: Sink,
    settled: Callable[[Receipt], None],
    check: Callable[[], None],
) -> RunState:
    """Do every job, one after the other, and return the final state; a bug's exception passes through.

    `check` is asked before each job and may raise, e.g. KeyboardInterrupt.
    """
    state = RunState.of(jobs)
    while not state.finished:
        check()
        job = state.start(time.monotonic())
        if job is None:
            time.sleep(0.05)
            continue
        outcome: Receipt | Exception
        try:
            outcome = run_job(job, reader, networks, sink)
        except Exception as problem:  # noqa: BLE001 - the task boundary: `judge` sorts by remedy
            outcome = problem
        verdict = state.settle(job.task.key, outcome, time.monotonic())
        if verdict is Verdict.STOP and isinstance(outcome, Exception):
            raise outcome
        if verdict in (Verdict.DONE, Verdict.SET_ASIDE):
            settled(state.done[-1] if verdict is Verdict.DONE else state.failed[-1])
    return state
