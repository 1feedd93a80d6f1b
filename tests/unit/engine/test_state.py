"""The run machine, under any order of outcomes."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from eomap.core.grid import Tile, tile_window
from eomap.core.plan import Task
from eomap.core.receipt import Receipt
from eomap.engine.state import ATTEMPTS, RunState, Verdict, WorkerLostError
from eomap.errors import BrokenInputError, MisuseError, TransientError
from eomap.products import product
from eomap.worker import Job


def job(number):
    tile = Tile(100, number)
    return Job(
        Task(tile, tile_window(tile, 10), "", (), 1000, 0, 0, 0.0, key=f"k{number}"),
        product("lcz"),
        (),
        "auto",
        (),
    )


def receipt(number):
    return Receipt(f"k{number}", Tile(100, number).id, "written")


outcomes = st.sampled_from(["done", "transient", "lost", "broken"])


@given(st.integers(0, 6), st.lists(outcomes, min_size=40, max_size=40))
def test_every_job_is_settled_once(count, script):
    state, now, played = RunState.of(job(n) for n in range(count)), 0.0, iter(script * 10)
    while not state.finished:
        started = state.start(now)
        now += 1.0
        assert len(state.waiting) + len(state.running) + len(state.done) + len(state.failed) == count
        if started is None:
            continue
        number = int(started.task.key[1:])
        outcome = {
            "done": receipt(number),
            "transient": TransientError("x"),
            "lost": WorkerLostError("w"),
            "broken": BrokenInputError("y"),
        }[next(played)]
        state.settle(started.task.key, outcome, now)
    assert sorted(r.task_key for r in (*state.done, *state.failed)) == sorted(f"k{n}" for n in range(count))
    assert all(r.error for r in state.failed)


def test_a_passing_fault_is_tried_again_with_growing_pauses_then_set_aside():
    state, now, starts = RunState.of([job(0)]), 0.0, []
    while not state.finished:
        if state.start(now) is not None:
            starts.append(now)
            state.settle("k0", TransientError("busy"), now)
        now += 0.5
    pauses = [b - a for a, b in pairwise(starts)]
    assert len(starts) == ATTEMPTS and pauses == sorted(pauses) and pauses[0] < pauses[-1]
    assert state.failed[0].status == "failed" and "busy" in state.failed[0].error


def test_misuse_and_bugs_stop_the_run():
    for problem in (MisuseError("disk full"), KeyError("bug")):
        state = RunState.of([job(0)])
        state.start(0.0)
        assert state.settle("k0", problem, 0.0) is Verdict.STOP


def test_jobs_are_values():
    assert job(1) == replace(job(1))
