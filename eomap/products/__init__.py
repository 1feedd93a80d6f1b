"""The maps, one folder each. A folder that holds `PRODUCT` is a product; folders never import each other."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from eomap.core.product import Product
from eomap.errors import MisuseError
from eomap.nn.cloud_free import by_network

COMPOSITES = ("median", "cloudfree")
"""How many looks become the picture that a product is made from."""


@lru_cache(maxsize=1)
def products() -> dict[str, Product]:
    """Return every product by name; a folder that does not load stops the program."""
    found = (import_module(f"{__name__}.{m.name}").PRODUCT for m in iter_modules(__path__))
    return {p.name: p for p in sorted(found, key=lambda p: p.name)}


def product(name: str, settings: Mapping[str, Any] | None = None) -> Product:
    """Return the product of that name, made to the settings where there are some (its `variant`).

    Raises MisuseError listing the names there are, or naming a setting that the product does not have.
    """
    try:
        made = products()[name]
    except KeyError:
        raise MisuseError("--product", expected=f"one of {', '.join(products())}", got=name) from None
    own = dict(settings or {})
    composite = own.pop("composite", "median")
    if own and made.variant is None:
        raise MisuseError(
            ", ".join(f"--{s}" for s in sorted(own)),
            expected=f"none, for {name} has no variants",
            got="one",
        )
    made = made.variant(**own) if own and made.variant else made
    if composite not in COMPOSITES:
        raise MisuseError("--composite", expected=f"one of {', '.join(COMPOSITES)}", got=composite)
    return made if composite == "median" else by_network(made)
