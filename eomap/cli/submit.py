"""`eomap submit` and `eomap job`: runs that a cluster drives itself."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
from click.core import ParameterSource

from eomap.cli.options import SELECTION, campaign_option, json_option, with_options

cluster_option = click.option(
    "--cluster", required=True, envvar="RAY_API_SERVER_ADDRESS", help="Its dashboard: http://HEAD:8265."
)


def _words(context: click.Context, without: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the options that were given, by hand or by a campaign, as pairs."""
    found = []
    for option in context.command.params:
        name = option.name or ""
        by = context.get_parameter_source(name)
        if name in without or by in (ParameterSource.DEFAULT, None) or name not in context.params:
            continue
        value = context.params[name]
        values = value if option.multiple else (value,)
        found += [(option.opts[0], str(v)) for v in values]
    return found


@click.command()
@campaign_option
@with_options(*SELECTION)
@click.option("--out", help="Where the cube goes: s3://..., or a folder that all machines share.")
@click.option("--workers", type=int, help="Predictors.  [default: one per GPU, else one per CPU]")
@click.option("--gpus-per-predictor", type=float, help="GPU share of a predictor.")
@cluster_option
@click.option("--program", default="eomap", show_default=True, help="How eomap is called on the cluster.")
@click.option("--follow", is_flag=True, help="Print what the job prints, until it ends.")
@click.pass_context
def submit(context: click.Context, *, cluster: str, program: str, follow: bool, **_: Any) -> None:
    """Let a cluster make a map by itself: the options of `eomap run`, or a campaign file with them.

    eomap submit --cluster http://head:8265 --campaign jobs/africa-lcz.toml --out s3://maps/africa-lcz.zarr

    The area's file travels along; this machine may be switched off meanwhile. The cluster's token is taken
    from RAY_AUTH_TOKEN. Submitting the same again continues what is not complete.
    """
    from eomap import api
    from eomap.progress import say

    job = api.submit(cluster, _words(context, ("cluster", "program", "follow")), program=program)
    print(job)
    say(f"`eomap job status {job} --cluster {cluster}` says how far it is")
    if follow:
        _end_with(api.follow_job(cluster, job, say=_print))


@click.group()
def job() -> None:
    """Runs handed over to a cluster: status, follow, cancel."""


def _of_a_job(command: Callable[..., None]) -> Callable[..., None]:
    return click.argument("job_id")(cluster_option(command))


@job.command("status")
@_of_a_job
@json_option
def job_status(job_id: str, cluster: str, *, as_json: bool) -> None:
    """Say how a job is; what it has made so far says `eomap status CUBE`."""
    from eomap import api

    said = api.job_status(cluster, job_id)
    if as_json:
        print(json.dumps(said, indent=1))
        return
    print(f"{said['job']}: {said['status'].lower()}{_since(said)}")
    print(said["command"])
    if said["message"]:
        print(said["message"])


def _since(said: Any) -> str:
    def at(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")

    begun = f", begun {at(said['begun'])}" if said["begun"] else ""
    return begun + (f", ended {at(said['ended'])}" if said["ended"] else "")


@job.command("follow")
@_of_a_job
def job_follow(job_id: str, cluster: str) -> None:
    """Print what a job prints, from its beginning until it ends. Exit 1 unless it succeeded."""
    from eomap import api

    _end_with(api.follow_job(cluster, job_id, say=_print))


@job.command("cancel")
@_of_a_job
def job_cancel(job_id: str, cluster: str) -> None:
    """End a job. Tiles that it recorded stay done."""
    from eomap import api
    from eomap.progress import say

    say(f"{job_id}: {'ended' if api.cancel_job(cluster, job_id) else 'was over already'}")


def _print(text: str) -> None:
    print(text, end="", flush=True)


def _end_with(status: str) -> None:
    from eomap.progress import say

    say(status.lower())
    if status != "SUCCEEDED":
        sys.exit(1)
