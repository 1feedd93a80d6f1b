"""Columns of Python values, made without `pyarrow.array`, which imports pandas: 0.25 s of a run's start."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return what `pyarrow.array` does for texts, numbers, truths, lists and structs, by way of JSON."""
    from pyarrow import json as arrow_json

    text = "\n".join(f'{{"v": {json.dumps(v)}}}' for v in values).encode()
    whole = arrow_json.ReadOptions(use_threads=False, block_size=len(text) + 1)
    typed = arrow_json.ParseOptions(
        explicit_schema=pa.schema([("v", kind)]), unexpected_field_behavior="error"
    )
    try:
        table = arrow_json.read_json(io.BytesIO(text), read_options=whole, parse_options=typed)
    except pa.ArrowInvalid:  # no values, say, or one that JSON cannot tell: as it does itself
        return pa.array(values, kind)
    return table["v"].combine_chunks()


def numbers(values: npt.NDArray[np.float64]) -> pa.Array:
    """Return a column of float64."""
    plain = np.ascontiguousarray(values, np.float64)
    return pa.Array.from_buffers(pa.float64(), len(plain), [None, pa.py_buffer(plain)])


def moments(values: Sequence[datetime]) -> pa.Array:
    """Return a column of moments, in microseconds of UTC."""
    since = np.array([(v - _EPOCH) // timedelta(microseconds=1) for v in values], np.int64)
    return pa.Array.from_buffers(pa.timestamp("us", tz="UTC"), len(since), [None, pa.py_buffer(since)])


def binaries(values: Sequence[bytes]) -> pa.Array:
    """Return a column of bytes; all of them together are below 2 GiB."""
    ends = np.cumsum([0, *(len(v) for v in values)], dtype=np.int64)
    if ends[-1] >= 1 << 31:
        return pa.array(values, pa.binary())
    buffers = [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.binary(), len(values), buffers)
