"""The networks that maps and their masks are made with."""

from typing import TYPE_CHECKING, Any

from eomap.api.planning import Notify, silent
from eomap.errors import MisuseError

if TYPE_CHECKING:
    from eomap.io.cloud_weights import MaskModel
    from eomap.io.registry import Model


def models() -> list[dict[str, Any]]:
    """Return one record per network: what it is for and was trained on, licence, size, digest, card.

    `for` is a product, or cloud masks; `trained on` the level of the images, or synthetic scenes; `card`
    lies below the models folder.
    """
    from eomap.io.cloud_weights import mask_model
    from eomap.io.registry import models as entries

    masks = mask_model()
    made = [_record(e, e.product, e.level, e.mflop_per_cell) for e in entries()]
    return [*made, _record(masks, masks.purpose, masks.trained_on, None)]


def _record(entry: "Model | MaskModel", purpose: str, trained_on: str, mflop: float | None) -> dict[str, Any]:
    return {
        "name": entry.name,
        "for": purpose,
        "trained on": trained_on,
        "licence": entry.licence,
        "kB": round(entry.size / 1000),
        "MFLOP per cell": mflop,
        "sha256": entry.sha256,
        "card": entry.card,
        "title": entry.title,
    }


def model_card(name: str) -> str:
    """Return the card of a network as Markdown; raise MisuseError naming the networks there are."""
    from eomap.io.registry import models_folder

    cards = {record["name"]: record["card"] for record in models()}
    if name not in cards:
        known = ", ".join(cards)
        raise MisuseError(
            "--model", expected=f"one of {known}", got=repr(name[:80]), hint="eomap models list"
        )
    return (models_folder() / cards[name]).read_text(encoding="utf-8")


def fastest_runtime(name: str) -> str:
    """Return the fastest way to ask a network on this machine, of those known to say the same."""
    from eomap.io.registry import model
    from eomap.io.weights import load_network, weights_path
    from eomap.nn.predict import example_of, single_thread
    from eomap.nn.runtime import REFERENCE, fastest, there

    single_thread()
    entry = model(name)
    path, ways = weights_path(entry), [REFERENCE, *(r for r in entry.runtimes if there(r))]
    example = example_of(entry.layout, sum(s.channels for s in entry.sources), len(entry.asides))
    made = ((way, load_network(entry, path, runtime=way)) for way in ways)
    return next(iter(fastest(((w, n.module) for w, n in made), example)))  # type: ignore[attr-defined]


def fetch_model(name: str, *, notify: Notify = silent) -> str:
    """Fetch a network's published weights once, verified and converted; return where they lie."""
    from eomap.io.cloud_weights import cloud_weights_path, mask_model
    from eomap.io.registry import model
    from eomap.io.weights import weights_path

    if name == mask_model().name:
        return str(cloud_weights_path())
    return str(
        weights_path(
            model(name),
            progress=lambda done, total: notify("fetch", {"model": name, "done": done, "total": total}),
        )
    )
