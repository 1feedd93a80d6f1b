"""The maps, one folder each. A folder that holds `PRODUCT` is a product; folders never import each other."""

from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules

from eomap.core.product import Product
from eomap.errors import MisuseError


@lru_cache(maxsize=1)
def products() -> dict[str, Product]:
    """Return every product by name; a folder that does not load stops the program."""
    found = (import_module(f"{__name__}.{m.name}").PRODUCT for m in iter_modules(__path__))
    return {p.name: p for p in sorted(found, key=lambda p: p.name)}


def product(name: str) -> Product:
    """Return the product of that name; raise MisuseError listing the names there are."""
    try:
        return products()[name]
    except KeyError:
        raise MisuseError("--product", expected=f"one of {', '.join(products())}", got=name) from None
