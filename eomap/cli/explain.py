"""`eomap explain`: what each sensor, and the place, does to a map."""

import json
from typing import Any

import click

from eomap.cli.options import SELECTION, bytes_of, json_option, with_options


@click.command()
@with_options(*SELECTION)
@click.option("--out", help="Write the means as .json.")
@click.option("--png", help="Write maps of the change without each modality, with bars.")
@json_option
def explain(*, out: str | None, png: str | None, as_json: bool, **selection: Any) -> None:
    """Say what each sensor, and the place, does to a map, by leaving one after the other out.

    eomap explain --product naturalness --bbox 12.6,52.4,12.7,52.5 --out influence.json --png influence.png

    The network is asked for the same windows as in a run, once more for every modality. Its influence is the
    mean length of the difference of the network's features; the change is that of the map.
    """
    from eomap import api
    from eomap.progress import running, say, searching

    memory, bands, search = (selection.pop(k) for k in ("memory", "bands", "search"))
    listed = tuple(b.strip() for b in (bands or "").split(",") if b.strip())
    answers = api.answers_in_file(search) if search else None
    with searching() as notify:
        plan = api.plan(
            memory_bytes=bytes_of(memory), bands=listed, answers=answers, notify=notify, **selection
        )
    with running() as notify:
        about = api.explain(plan, out=out, png=png, notify=notify)
    if as_json:
        print(json.dumps(about, indent=1))
    else:
        print(f"{about['product']} by {about['model']}, {about['km2']:,.0f} km2, {about['cells']:,} cells")
        for name, found in about["modalities"].items():
            if found["influence"] is None:
                print(f"{name:16} nothing mapped")
                continue
            print(
                f"{name:16} influence {found['influence']:.4g}, change {found['change']:+.4g}"
                f" (absolute {found['absolute_change']:.4g})"
            )
    for path in (out, png):
        if path:
            say(f"written: {path}")
