"""`eomap ood`: what tells how familiar a network is with what it is shown."""

import json
from typing import Any

import click


@click.group()
def ood() -> None:
    """How familiar a network is with what it is shown: the layer `ood` of its maps."""


@ood.command("fit")
@click.option("--model", required=True, help="A network of `eomap models list`, or the folder of a bundle.")
@click.option(
    "--data",
    required=True,
    multiple=True,
    metavar="twin://... | CATALOG",
    help="What it is used to; may be repeated: each then counts the same.",
)
@click.option("--method", default="mahalanobis", show_default=True, help="See below.")
@click.option(
    "--layer", default="", help="Of an LCZ network, by its module's name.  [default: the registry's]"
)
@click.option(
    "--wild", default="", metavar="twin://... | CATALOG", help="What tardis tells the familiar from."
)
@click.option("--out", default="", help="A folder.  [default: the bundle itself]")
@click.option(
    "--windows",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="Of each source, roughly.",
)
@click.option("--seed", default=0, show_default=True, help="Of what is drawn at random.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes making places of the twin.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ood_fit(*, as_json: bool, data: tuple[str, ...], **how: Any) -> None:
    """Fit a detector on familiar places and write ood.safetensors beside the network.

    eomap ood fit --model models/my-settlement --data twin://places=240,seed=7

    Maps by the network then have a layer `ood`: 0 familiar, .95 stranger than 95 % of what it was fitted on,
    1 stranger than all of it. Places are held out in turns for that scale, so use data of many places, and
    of the processing level that the network is for.

    \b
    What --data may be:
      twin://places=240,seed=7  made-up places over the whole land, drawn once into EOMAP_CACHE;
                                those of the test split are left out
      CATALOG                   all scenes of a STAC catalogue that are of the network's sensor and level,
                                masked and made into one picture per place, as in a run

    \b
    Methods: mahalanobis (did best on real scenes: docs/explanation/ood.md), relative-mahalanobis,
      neighbours, vim, tardis (needs --wild); of networks of classes also energy, max-logit,
      max-softmax, entropy

    A bundle gets the detector's digest in its model.toml, and maps made from then on another key. Networks
    that come with eomap are not changed: give --out. The file is at most 300 kB.
    """
    from eomap import api
    from eomap.progress import fitting, say

    with fitting() as notify:
        made = api.fit_ood(data=data, notify=notify, **how)
    if as_json:
        print(json.dumps(made, indent=1))
        return
    say(
        f"{made['file']}: {made['method']} on {made['layer'] or 'its features'} of {made['model']},"
        f" {sum(made['samples']):,} windows of {sum(made['places'])} places"
        f" ({made['synthetic_share']:.0%} synthetic), {made['size'] / 1000:.0f} kB, {made['sha256'][:12]}"
    )
    print(f'ood_sha256 = "{made["sha256"]}"')
