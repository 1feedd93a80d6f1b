"""A few rows at a time: what the twin makes of a place does not depend on the cut, so it may choose its own.

Arrays of a strip stay in the processor's cache while one step after another passes over them.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
ROWS = 128


def in_strips(make: Callable[[slice], T], height: int) -> T:
    """Return what `make` returns of all rows, made a strip at a time.

    That is an array (..., y, x), or a tuple or dataclass of what may stand here.
    """
    whole: T | None = None
    for top in range(0, height, ROWS):
        rows = slice(top, min(top + ROWS, height))
        part = make(rows)
        whole = _room(part, height) if whole is None else whole
        _put(part, whole, rows)
    if whole is None:
        raise ValueError("no rows")
    return whole


def _room(part: Any, height: int) -> Any:
    """Return empty arrays for all rows of what has one strip."""
    if isinstance(part, np.ndarray):
        return np.empty((*part.shape[:-2], height, part.shape[-1]), part.dtype)
    return _rebuilt(part, [_room(p, height) for p in _within(part)])


def _put(part: Any, whole: Any, rows: slice) -> None:
    if isinstance(part, np.ndarray):
        whole[..., rows, :] = part
        return
    for one, all_ in zip(_within(part), _within(whole), strict=True):
        _put(one, all_, rows)


def _within(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [getattr(value, f.name) for f in fields(value)]


def _rebuilt(like: Any, values: list[Any]) -> Any:
    return tuple(values) if isinstance(like, tuple) else type(like)(*values)
