"""The networks that maps are made with."""

from typing import Any

from eomap.api.planning import Notify, silent


def models() -> list[dict[str, Any]]:
    """Return one record per network: name, product, level it was trained on, licence, size."""
    from eomap.io.registry import models as entries

    return [
        {
            "name": e.name,
            "product": e.product,
            "trained on": e.level,
            "licence": e.licence,
            "kB": round(e.size / 1000),
            "MFLOP per cell": e.mflop_per_cell,
            "title": e.title,
        }
        for e in entries()
    ]


def model_card(name: str) -> str:
    """Return the card of a network as Markdown; raise MisuseError naming the networks there are."""
    from eomap.io.registry import model, models_folder

    return (models_folder() / model(name).card).read_text(encoding="utf-8")


def fetch_model(name: str, *, notify: Notify = silent) -> str:
    """Fetch a network's published weights once, verified and converted; return where they lie."""
    from eomap.io.registry import model
    from eomap.io.weights import weights_path

    return str(
        weights_path(
            model(name),
            progress=lambda done, total: notify("fetch", {"model": name, "done": done, "total": total}),
        )
    )
