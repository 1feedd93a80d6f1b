"""The scenes of a large plan as a table beside it: plan.json names it by its digest."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FILE = "scenes.parquet"
MANY = 20_000
"""From so many scenes on they stand beside plan.json, not in it."""
_DIGEST = "table_sha256"


def set_apart(plan_json: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return a plan's JSON with the digest of its scenes in their place, and the table of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    scenes = plan_json["scenes"]
    names = sorted(scenes)
    texts = [json.dumps(scenes[n], sort_keys=True, separators=(",", ":")) for n in names]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": names, "scene": texts}), sink, compression="zstd")
    data = bytes(sink.getvalue())
    return {**plan_json, "scenes": {_DIGEST: hashlib.sha256(data).hexdigest()}}, data


def is_apart(scenes: Mapping[str, Any]) -> bool:
    """Say whether a plan's scenes stand in a table beside it."""
    return set(scenes) == {_DIGEST} and isinstance(scenes[_DIGEST], str)


def joined(scenes: Mapping[str, Any], data: bytes) -> dict[str, Any]:
    """Return the scenes of a table; raise ValueError where it is not the one that the plan names."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if hashlib.sha256(data).hexdigest() != scenes[_DIGEST]:
        raise ValueError(f"{FILE} is not the table that the plan names")
    table = pq.read_table(pa.BufferReader(data))
    pairs = zip(table["id"].to_pylist(), table["scene"].to_pylist(), strict=True)
    return {name: json.loads(text) for name, text in pairs}
