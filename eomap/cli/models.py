"""`eomap models`: the networks, where they come from and whether they are here."""

import json

import click


@click.group()
def models() -> None:
    """The networks: list, show, fetch."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def models_list(*, as_json: bool) -> None:
    """List the networks, their licence and whether they are on this machine."""
    from eomap import answers, api

    found = api.models()
    print(json.dumps(found, indent=1) if as_json else answers.table(found))


@models.command("show")
@click.argument("name")
def models_show(name: str) -> None:
    """Print the card of a network: source, training data, known failures, figures."""
    from eomap import api

    print(api.model_card(name))


@models.command("fetch")
@click.argument("name")
def models_fetch(name: str) -> None:
    """Fetch a network's published weights once, verify and convert them."""
    from eomap import api
    from eomap.progress import running, say

    with running() as notify:
        path = api.fetch_model(name, notify=notify)
    say(f"{name}: {path}")
