"""From what `--data` says to samples: the twin by address, or a published set by its folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from eomap.core.recipe import Recipe
from eomap.errors import MisuseError
from eomap.training.layouts import sen12mscr, sen12mscrts, so2sat
from eomap.training.samples import Samples
from eomap.training.twin_samples import parsed, twin_samples

Notify = Callable[[str, Mapping[str, Any]], None]
LAYOUTS = (so2sat, sen12mscrts, sen12mscr)
"""Modules with `found(folder)`, which says whether a folder is one, `samples(folder)` and SOURCE."""


def opened(data: str, recipe: Recipe, *, jobs: int = 1, notify: Notify = lambda *_: None) -> Samples:
    """Return the samples that `data` names, with the arrays of a recipe.

    `twin://places=240,seed=7` makes them, once; a folder is read in the layout it is recognised by. Raises
    MisuseError saying where published sets are to be had.
    """
    if data.startswith("twin:"):
        return twin_samples(parsed(data), recipe.arrays, jobs=jobs, notify=notify)
    folder = Path(data).expanduser()
    for layout in LAYOUTS:
        if folder.is_dir() and layout.found(folder):
            return layout.samples(folder)
    known = "; ".join(f"{layout.TITLE} ({layout.SOURCE})" for layout in LAYOUTS)
    raise MisuseError(
        "--data",
        expected=f"twin://places=240,seed=7, or the folder of {known}",
        got=data if folder.is_dir() else f"{data}, no folder",
    )
