"""`eomap models`: the networks, where they come from and what they are for."""

import json

import click


@click.group()
def models() -> None:
    """The networks: list, show, fetch."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def models_list(*, as_json: bool) -> None:
    """List the networks: what each is for, what it was trained on, licence, size, digest."""
    from eomap import answers, api

    found = api.models()
    short = [{k: v[:12] if k == "sha256" else v for k, v in e.items() if k != "card"} for e in found]
    print(json.dumps(found, indent=1) if as_json else answers.table(short))


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
