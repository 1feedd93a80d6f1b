"""The run machine: which job is next, and what an outcome means. Pure: no clock, no I/O, no engine."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from eomap.core.receipt import Receipt
from eomap.errors import BrokenInputError, TransientError
from eomap.worker import Job

ATTEMPTS = 4
FIRST_WAIT_S = 1.0


class WorkerLostError(TransientError):
    """The process that did the job died: killed, out of memory, or its machine went away."""


class Verdict(Enum):
    """What to do after an outcome."""

    DONE = "done"
    RETRY = "retry"
    SET_ASIDE = "set aside"
    STOP = "stop"


def judge(outcome: Receipt | BaseException, attempt: int) -> Verdict:
    """Return what follows from the outcome of an attempt (counted from 1), by the remedy of its error.

    >>> judge(BrokenInputError("r075c385"), 1), judge(TransientError("x"), 1), judge(TransientError("x"), 4)
    (<Verdict.SET_ASIDE: 'set aside'>, <Verdict.RETRY: 'retry'>, <Verdict.SET_ASIDE: 'set aside'>)
    >>> judge(ZeroDivisionError(), 1)
    <Verdict.STOP: 'stop'>
    """
    if isinstance(outcome, Receipt):
        return Verdict.DONE
    if isinstance(outcome, TransientError):
        return Verdict.RETRY if attempt < ATTEMPTS else Verdict.SET_ASIDE
    if isinstance(outcome, BrokenInputError):
        return Verdict.SET_ASIDE
    return Verdict.STOP


def wait_s(attempt: int) -> float:
    """Return the pause before the attempt after this one."""
    return FIRST_WAIT_S * 2 ** (attempt - 1)


@dataclass
class RunState:
    """Jobs waiting, running and settled. Every job is in exactly one of the three."""

    waiting: deque[tuple[float, int, Job]] = field(default_factory=deque)
    """Not before (seconds), attempt, job."""
    running: dict[str, tuple[int, Job]] = field(default_factory=dict)
    done: list[Receipt] = field(default_factory=list)
    failed: list[Receipt] = field(default_factory=list)
    retries: int = 0

    @classmethod
    def of(cls, jobs: Iterable[Job]) -> "RunState":
        """Return a state in which every job waits for its first attempt."""
        return cls(deque((0.0, 1, job) for job in jobs))

    @property
    def finished(self) -> bool:
        """Whether nothing waits or runs."""
        return not self.waiting and not self.running

    def start(self, now: float) -> Job | None:
        """Move the next job that may run by now to running and return it; None when there is none."""
        for _ in range(len(self.waiting)):
            not_before, attempt, job = self.waiting.popleft()
            if not_before <= now:
                self.running[job.task.key] = (attempt, job)
                return job
            self.waiting.append((not_before, attempt, job))
        return None

    def settle(self, key: str, outcome: Receipt | BaseException, now: float) -> Verdict:
        """Record the outcome of a running job and return what it means; on STOP the caller raises."""
        attempt, job = self.running.pop(key)
        verdict = judge(outcome, attempt)
        if verdict is Verdict.DONE and isinstance(outcome, Receipt):
            self.done.append(outcome)
        elif verdict is Verdict.RETRY:
            self.retries += 1
            self.waiting.append((now + wait_s(attempt), attempt + 1, job))
        elif verdict is Verdict.SET_ASIDE:
            self.failed.append(
                Receipt(
                    task_key=key,
                    tile=job.task.tile.id,
                    status="failed",
                    error=f"{type(outcome).__name__}: {outcome} (attempt {attempt})",
                )
            )
        return verdict
