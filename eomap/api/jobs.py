"""Handing a run over to a cluster: what it needs travels with it, and the cluster drives it."""

import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eomap.errors import MisuseError

TRAVELS = ("--aoi",)
"""Options whose file goes along."""
SHARED = ("--out", "--catalog", "--search")
"""Options whose place every machine must reach."""
LARGEST_BYTES = 90 << 20
"""Ray takes folders of up to 100 MiB."""


def submit(cluster: str, words: Sequence[tuple[str, str]], *, program: str = "eomap") -> str:
    """Hand `eomap run` over to a cluster and return the job's id.

    `words` are option and value pairs of `eomap run`. The area's file travels with the job; what is written
    or read besides has to lie where every machine reaches it. `program` is how eomap is called there. Raises
    MisuseError before anything is sent.
    """
    from eomap.engine import ray_jobs

    given = dict(words)
    if "--out" not in given:
        raise MisuseError("submit", expected="--out, a place that every machine reaches", got="none")
    for option in SHARED:
        _vet_shared(option, given.get(option, ""))
    with tempfile.TemporaryDirectory(prefix="eomap-job-") as home:
        sent = [(o, _staged(Path(v), Path(home)) if o in TRAVELS else v) for o, v in words]
        command = [*shlex.split(program), "run", *(w for pair in sent for w in pair), "--address", "auto"]
        return ray_jobs.submitted(cluster, shlex.join(command), folder=Path(home))


def job_status(cluster: str, job: str) -> Mapping[str, Any]:
    """Return what a cluster says of a job: status, command, message, begun and ended (seconds since 1970)."""
    from eomap.engine import ray_jobs

    return ray_jobs.told(cluster, job)


def follow_job(cluster: str, job: str, *, say: Callable[[str], None]) -> str:
    """Hand what a job prints to `say` until it ends; return its last status."""
    from eomap.engine import ray_jobs

    for text in ray_jobs.lines(cluster, job):
        say(text)
    return str(ray_jobs.told(cluster, job)["status"])


def cancel_job(cluster: str, job: str) -> bool:
    """End a job; return whether it was still going on. Tiles that it recorded stay done."""
    from eomap.engine import ray_jobs

    return ray_jobs.cancelled(cluster, job)


def _vet_shared(option: str, place: str) -> None:
    is_file = "/" in place or "." in place
    if place and is_file and "://" not in place and not Path(place).is_absolute():
        raise MisuseError(
            option,
            expected="s3://..., or an absolute path of a folder that all machines share",
            got=place,
            hint="the job runs on the cluster, in a folder of its own",
        )


def _staged(path: Path, home: Path) -> str:
    """Copy a file, with those that belong to it, into the job's folder; return its name there."""
    if not path.is_file():
        raise MisuseError("submit", expected="a file", got=str(path))
    beside = (
        [p for p in path.parent.glob(f"{path.stem}.*") if p.is_file()] if path.suffix == ".shp" else [path]
    )
    size = sum(p.stat().st_size for p in beside)
    if size > LARGEST_BYTES:
        raise MisuseError(
            str(path),
            expected=f"at most {LARGEST_BYTES >> 20} MiB to send along",
            got=f"{size >> 20} MiB",
            hint="put it where every machine reaches it, and run the command there",
        )
    for file in beside:
        shutil.copy2(file, home / file.name)
    return path.name
