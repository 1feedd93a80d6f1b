"""A few rows at a time: what the twin makes of a place does not depend on the cut, so it may choose its own.

Arrays of a strip stay in the processor's cache while one step after another passes over them.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
ROWS = 128


def in_strips(make: Callable[[slice], T], height: int) -> T:
    """Return what `make` returns of all rows, made a strip at a time.

    That is an array (..., y, x), or a tuple or frozen dataclass of what may stand here.
    """
    return _joined([make(slice(top, min(top + ROWS, height))) for top in range(0, height, ROWS)])


def _joined(parts: list[Any]) -> Any:
    first = parts[0]
    if isinstance(first, np.ndarray):
        return first if len(parts) == 1 else np.concatenate(parts, axis=-2)
    if isinstance(first, tuple):
        return tuple(_joined([p[k] for p in parts]) for k in range(len(first)))
    if is_dataclass(first) and not isinstance(first, type):
        return type(first)(*(_joined([getattr(p, f.name) for p in parts]) for f in fields(first)))
    raise TypeError(f"no rows in {type(first).__name__}")
