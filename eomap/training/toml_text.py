"""Plain values as TOML, which the standard library reads and does not write."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def toml(values: Mapping[str, Any]) -> str:
    """Return a document: plain values first, then tables, then lists of tables, in their order.

    >>> print(toml({"a": 1, "t": {"b": [0.5, "x"]}, "l": [{"c": True}]}), end="")
    a = 1
    <BLANKLINE>
    [t]
    b = [0.5, "x"]
    <BLANKLINE>
    [[l]]
    c = true
    """
    return _table(values, "").lstrip("\n")


def _table(values: Mapping[str, Any], prefix: str) -> str:
    plain = {k: v for k, v in values.items() if not isinstance(v, Mapping) and not _tables(v)}
    text = "".join(f"{key} = {_value(value)}\n" for key, value in plain.items())
    for key, value in values.items():
        if isinstance(value, Mapping):
            text += f"\n[{prefix}{key}]\n{_table(value, f'{prefix}{key}.')}"
        elif _tables(value):
            text += "".join(f"\n[[{prefix}{key}]]\n{_table(item, f'{prefix}{key}.')}" for item in value)
    return text


def _tables(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and isinstance(value[0], Mapping)


def _value(value: Any) -> str:
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    raise TypeError(f"no TOML for {type(value).__name__}")
