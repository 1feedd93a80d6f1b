"""Runs that a cluster drives itself: handed over through Ray's Jobs API, followed, asked after, ended.

The token of the environment (RAY_AUTH_TOKEN) goes with every request: who may talk to a cluster may run code
on it, so a cluster without one is refused unless RAY_AUTH_MODE=disabled says that this is meant.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eomap.errors import MisuseError

TOKEN, MODE = "RAY_AUTH_TOKEN", "RAY_AUTH_MODE"
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")


def submitted(cluster: str, entrypoint: str, *, folder: Path) -> str:
    """Return the id of a job that a cluster now does: a shell command, run in a copy of a folder."""
    with _client(cluster) as client:
        return str(client.submit_job(entrypoint=entrypoint, runtime_env={"working_dir": str(folder)}))


def told(cluster: str, job: str) -> dict[str, Any]:
    """Return what a cluster says of a job: status, command, message, begin and end (seconds since 1970)."""
    with _client(cluster) as client:
        info = client.get_job_info(job)
        return {
            "job": job,
            "status": str(info.status.value),
            "command": info.entrypoint,
            "message": info.message or "",
            "begun": info.start_time / 1000 if info.start_time else None,
            "ended": info.end_time / 1000 if info.end_time else None,
        }


def lines(cluster: str, job: str) -> Iterator[str]:
    """Yield what a job prints, from its beginning until it ends."""
    with _client(cluster) as client:
        told_so_far = client.tail_job_logs(job)
        loop = asyncio.new_event_loop()
        try:
            while (text := loop.run_until_complete(anext(told_so_far, None))) is not None:
                yield str(text)
        finally:
            loop.run_until_complete(told_so_far.aclose())
            loop.close()


def cancelled(cluster: str, job: str) -> bool:
    """End a job; return whether there was anything to end. What it recorded stays."""
    with _client(cluster) as client:
        return bool(client.stop_job(job))


@contextmanager
def _client(cluster: str) -> Iterator[Any]:
    """Talk to the jobs server of a cluster; every failure of it becomes one line."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    token = os.environ.get(TOKEN, "")
    if not token and os.environ.get(MODE) != "disabled":
        raise MisuseError(
            "--cluster",
            expected=f"the cluster's token in {TOKEN}",
            got="none",
            hint=f"export {TOKEN}=..., the same as on every machine of the cluster",
        )
    if not cluster.startswith(("http://", "https://")):
        raise MisuseError("--cluster", expected="http://HOST:8265, the dashboard of the head", got=cluster)
    from ray.exceptions import RayError
    from ray.job_submission import JobSubmissionClient

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        yield JobSubmissionClient(cluster, headers=headers)
    except (RayError, RuntimeError, ConnectionError, ValueError, OSError) as problem:
        said = " ".join(str(problem).replace(token, "...").split() if token else str(problem).split())
        raise MisuseError(
            f"--cluster {cluster}",
            expected="Ray's job server, and a job of that id",
            got=said[:200] or type(problem).__name__,
            hint="the address of the head's dashboard, and its token",
        ) from None
