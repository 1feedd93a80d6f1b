"""Recipes: found in the folder of their product. The value itself is `core.recipe.Recipe`."""

from importlib import import_module
from importlib.util import find_spec

from eomap.core.recipe import Recipe
from eomap.errors import MisuseError
from eomap.products import products

__all__ = ["Recipe", "recipe", "recipes"]


def recipes() -> tuple[str, ...]:
    """Return the names of the products that can be trained."""
    return tuple(sorted(name for name in products() if find_spec(f"eomap.products.{name}.training")))


def recipe(product: str) -> Recipe:
    """Return how the network of a product is trained; raise MisuseError listing those there are."""
    known = recipes()
    if product not in known:
        raise MisuseError(
            "product to train",
            expected=f"one of {', '.join(known)}" if known else "a product with a training.py",
            got=repr(product[:80]),
        )
    found = import_module(f"eomap.products.{product}.training").RECIPE
    if not isinstance(found, Recipe):
        raise TypeError(f"eomap.products.{product}.training.RECIPE is no Recipe")
    return found
