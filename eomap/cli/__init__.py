"""The command line: parses, calls `eomap.api`, prints. Answers go to stdout, everything else to stderr.

Exit codes: 0 done, 1 done with gaps or faults found, 2 the request cannot be done as asked, 130 interrupted.
"""

import gc
import json
import sys
from pathlib import Path
from typing import Any

import click

from eomap import __version__
from eomap.cli.explain import explain
from eomap.cli.models import models
from eomap.cli.ood import ood
from eomap.cli.options import (
    ENGINE,
    SELECTION,
    bytes_of,
    campaign_option,
    cube_argument,
    json_option,
    with_options,
)
from eomap.cli.submit import job, submit
from eomap.cli.train import train
from eomap.cli.twin import twin
from eomap.errors import EomapError, MisuseError


@click.group(epilog="Start with: eomap plan --aoi area.geojson --product lcz")
@click.version_option(__version__)
def app() -> None:
    """Turn satellite archives into verified, planet-scale map cubes."""


def _planned(selection: dict[str, Any], answers: Any) -> Any:
    """Return the plan of a selection, with a line on stderr while the catalogue is searched."""
    from eomap import api
    from eomap.progress import searching

    aoi, memory, bands = (selection.pop(k) for k in ("aoi", "memory", "bands"))
    listed = tuple(b.strip() for b in (bands or "").split(",") if b.strip())
    with searching() as notify:
        return api.plan(
            aoi, memory_bytes=bytes_of(memory), bands=listed, answers=answers, notify=notify, **selection
        )


@app.command()
@campaign_option
@with_options(*SELECTION)
@click.option("--out", help="Where the cube goes.  [default: AREA-PRODUCT-PERIOD.zarr]")
@with_options(*ENGINE)
@click.option("--gpus-per-predictor", type=float, help="GPU share of a predictor.")
def run(
    *,
    out: str | None,
    engine: str,
    workers: int | None,
    address: str | None,
    gpus_per_predictor: float | None,
    **selection: Any,
) -> None:
    """Make a map: search, read, mask, composite, infer, write. Run again to continue.

    eomap run --aoi africa.geojson --product lcz
    """
    from eomap import api
    from eomap.progress import running, say

    aoi, search = selection["aoi"], selection.pop("search")
    api.check_engine(engine, workers, gpus_per_predictor)
    place = out or _default_name(aoi, selection["product"], selection["period"])
    answers = api.answers_in_file(search) if search else api.answers_of_cube(place)
    plan = _planned(selection, answers)
    say(_describe(plan, place))
    if not plan.tasks:
        say("nothing to do: no scene of the period covers the area; nothing was written")
        return
    with running() as notify:
        summary = api.run(
            plan,
            place,
            engine=engine,
            workers=workers,
            address=address,
            gpus_per_predictor=gpus_per_predictor,
            answers=answers,
            notify=notify,
        )
    for warning in summary.warnings:
        if warning not in plan.notes:  # those were said before the run
            say(f"warning: {warning}")
    for scene, error in sorted(summary.scenes_failed.items()):
        say(f"set aside: {scene}: {error}")
    for tile, error in sorted(summary.failed.items()):
        say(f"failed: {tile}: {error}")
    say(
        f"{place}: {summary.done_before + summary.done_now} of {summary.planned} tiles"
        f" ({summary.done_now} now, {summary.km2:,.0f} km2 in {summary.seconds:.0f} s)"
        + (f", manifest {summary.manifest_sha256[:12]}" if summary.manifest_sha256 else "")
    )
    if not summary.complete:
        say(f"not complete; `eomap status {place}` says why, the same command continues")
        sys.exit(1)


def _default_name(aoi: str | None, product: str, period: str | None) -> str:
    from eomap import api

    area = Path(aoi).name.partition(".")[0] if aoi else "area"
    first, _, last = str(api.period_of(period)).partition("/")
    year = (first[5:], last[5:]) == ("01-01", "12-31") and first[:4] == last[:4]
    return f"{area}-{product}-{first[:4] if year else f'{first}_{last}'}.zarr"


def _describe(plan: Any, out: str | None = None) -> str:
    """Return what will be done, defaults included, as lines of text."""
    seconds, read = sum(t.seconds for t in plan.tasks), sum(t.read_bytes for t in plan.tasks)
    memory = max((t.memory_bytes for t in plan.tasks), default=0)
    lines = [
        f"product     {plan.product} {plan.product_version} ({', '.join(plan.layers)})",
        f"period      {plan.period}",
        f"catalogue   {plan.catalog}, collection {plan.collection}",
        f"network     {plan.network}{f' ({plan.model_sha256[:12]})' if plan.model else ''},"
        f" cloud mask {plan.mask}",
        f"grid        {_grid(plan)}",
        f"tiles       {len(plan.tasks)} with scenes, {len(plan.unseen)} without; {len(plan.scenes)} scenes",
        f"reads       {read / 1e9:.2f} GB of pixels; up to {memory / 1e9:.1f} GB per worker;"
        f" about {_duration(seconds)} of one core",
        f"plan        {plan.run_id[:12]}",
        *([f"output      {out}"] if out else []),
        *(f"note        {n}" for n in plan.notes),
    ]
    return "\n".join(lines)


def _grid(plan: Any) -> str:
    if plan.grid == "lattice":
        return "lattice, EPSG:4326"
    zones = sorted({t.tile.epsg for t in plan.tasks})
    return f"UTM, {', '.join(f'EPSG:{z}' for z in zones)}; tiles of 60 km"


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.0f} h"
    )


@app.command()
@with_options(*SELECTION)
@click.option("--out", help="Write the tiles as .geojson or .parquet, to look at on a map.")
@json_option
def plan(*, out: str | None, search: str | None, as_json: bool, **selection: Any) -> None:
    """Say what a run would do: tiles, scenes, bytes, memory, time. Only --out and --search are written."""
    from eomap import api
    from eomap.io.tables import table_kind, write_plan

    if out:
        table_kind(out)
    answers = api.answers_in_file(search) if search else None
    made = _planned(selection, answers)
    if answers:
        answers.save()
    if as_json:
        print(json.dumps(made.to_json(), indent=1))
    else:
        print(_describe(made))
    if out:
        write_plan(made, out)
        print(f"tiles written to {out}", file=sys.stderr)


@app.command()
@cube_argument
@json_option
def status(cube: str, *, as_json: bool) -> None:
    """Say how far a run is, and why tiles failed."""
    from eomap import api

    found = api.status(cube)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    made_by = f"by {found['model']}" if found["model"] else "with no network"
    print(f"{found['product']} {found['period']} {made_by}, run {found['run_id'][:12]}")
    print(
        f"{found['done']} of {found['planned']} tiles done, {len(found['failed'])} failed, "
        f"{found['waiting']} waiting, {found['unseen']} without scenes"
    )
    if spent := sum(found["seconds"].values()):
        shares = ", ".join(f"{k} {v / spent:.0%}" for k, v in found["seconds"].items())
        print(f"{_duration(spent)} of work: {shares}")
    if found["needed_bytes"]:
        ratio = found["decoded_bytes"] / found["needed_bytes"]
        print(f"{found['decoded_bytes'] / 1e6:,.0f} MB of pixels decoded, {ratio:.2f} times what was needed")
    for tile, error in found["failed"].items():
        print(f"failed: {tile}: {error}")


@app.command()
@cube_argument
@json_option
def verify(cube: str, *, as_json: bool) -> None:
    """Check a cube: planned = recorded = present = sums agree. Exit 1 when a fault is found."""
    from eomap import api

    problems = api.verify(cube)
    if as_json:
        print(json.dumps(problems, indent=1))
    for tile, faults in sorted(problems.items() if not as_json else ()):
        for fault in faults:
            print(f"{tile}: {fault}")
    if problems:
        if not as_json:
            print(f"{len(problems)} faults; `eomap repair {cube}` does those tiles again", file=sys.stderr)
        sys.exit(1)
    if not as_json:
        print(f"{cube}: planned = recorded = present, sums agree")


@app.command()
@cube_argument
@with_options(*ENGINE)
def repair(cube: str, **how: Any) -> None:
    """Do the tiles again that verify finds fault with, and only those."""
    from eomap import api
    from eomap.progress import running, say

    with running() as notify:
        problems, summary = api.repair(cube, notify=notify, **how)
    say(f"{len(problems)} faults found, {summary.done_now} tiles done again")
    if not summary.complete:
        sys.exit(1)


@app.command()
@cube_argument
@click.option("--point", help="lon,lat in degrees.")
@click.option("--aoi", help="Zones: a vector file; gives a class table in km2 per zone.")
@json_option
def query(cube: str, *, point: str | None, aoi: str | None, as_json: bool) -> None:
    """Ask a cube what is at a point, or how much of each class lies in an area."""
    from eomap import answers, api

    if (point is None) == (aoi is None):
        raise MisuseError("query", expected="either --point lon,lat or --aoi FILE", got="both or none")
    if point is not None:
        here = api.query_point(cube, *_pair(point))
        print(json.dumps(here, indent=1) if as_json else answers.point(here))
    else:
        areas = api.query_zones(cube, str(aoi))
        print(json.dumps(areas, indent=1) if as_json else answers.zones(areas))


def _pair(text: str) -> tuple[float, float]:
    try:
        lon, lat = (float(v) for v in text.split(","))
    except ValueError:
        raise MisuseError("--point", expected="lon,lat in degrees, e.g. 12.6,52.5", got=text) from None
    return lon, lat


@app.command()
@cube_argument
@click.option("--cog", help="Write a cloud-optimised GeoTIFF.")
@click.option("--png", help="Write a picture with legend and scale bar.")
@click.option("--layer", help="Layer.  [default: the map itself]")
def export(cube: str, *, cog: str | None, png: str | None, layer: str | None) -> None:
    """Write a layer for other programs (--cog) or for people (--png)."""
    from eomap import api
    from eomap.progress import say

    if cog is None and png is None:
        raise MisuseError("export", expected="--cog FILE or --png FILE", got="neither")
    for path in api.export(cube, cog=cog, png=png, layer=layer):
        say(f"written: {path}")


@app.command()
@cube_argument
@click.option("--truth", required=True, help="Folder with truth.json.")
@click.option("--by", help="Layer of counts, e.g. n_clear: give the error by its value too.")
@click.option("--html", help="Write a one-page report.")
@json_option
def score(cube: str, *, truth: str, by: str | None, html: str | None, as_json: bool) -> None:
    """Say how good a map is, against truth: the field's figures, as a table, JSON or a page.

    eomap score map.zarr --truth truth/ --html score.html
    """
    from eomap import answers, api
    from eomap.progress import say

    found = api.score(cube, truth, by=by, html=html)
    print(json.dumps(found, indent=1, allow_nan=False) if as_json else answers.scores(found))
    if html:
        say(f"written: {html}")


app.add_command(explain)
app.add_command(models)
app.add_command(ood)
app.add_command(submit)
app.add_command(job)
app.add_command(train)
app.add_command(twin)

_GARBAGE_AFTER = 100_000
"""Objects between two searches for garbage. Packages make 200,000 that stay, and Python's 700 go over them
again and again; what a run makes is freed by counting references."""


def main() -> None:
    """Run the command line; every expected failure is one line and an exit code."""
    gc.set_threshold(_GARBAGE_AFTER, 20, 20)
    try:
        app(standalone_mode=False)
        code = 0
    except click.exceptions.NoArgsIsHelpError as shown:
        print(shown.format_message())
        code = 0
    except click.ClickException as problem:
        print(f"error: {problem.format_message().rstrip('.')}. Try: eomap --help", file=sys.stderr)
        code = 2
    except (click.Abort, KeyboardInterrupt):
        print("interrupted; the same command continues", file=sys.stderr)
        code = 130
    except EomapError as problem:
        print(f"error: {problem}", file=sys.stderr)
        code = 2 if isinstance(problem, MisuseError) else 1
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    gc.freeze()  # or Python looks through all that packages made once more before it ends: 0.4 s
    sys.exit(code)
