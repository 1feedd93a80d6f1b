"""Detectors on disk: one safetensors file with arrays, familiarity curve and a JSON record. No pickle."""

import json
from pathlib import Path
from typing import Any

from eomap.errors import BrokenInputError
from eomap.ood import Detector, Familiarity, from_arrays, to_arrays

_RECORD = "eomap:ood"
_CURVE = "familiarity."


def write_detector(
    path: Path, detector: Detector, familiarity: Familiarity, *, about: dict[str, Any] | None = None
) -> None:
    """Write a detector with its curve; `about` (layer, network's sha256, what it was fitted on) is kept.

    The same values give the same bytes.
    """
    from safetensors.numpy import save

    arrays, record = to_arrays(detector)
    curve = {_CURVE + "score_q": familiarity.score_q, _CURVE + "share_q": familiarity.share_q}
    text = json.dumps(record | {"about": about or {}}, sort_keys=True, allow_nan=False)
    contiguous = {k: v.copy(order="C") for k, v in sorted((arrays | curve).items())}
    path.write_bytes(save(contiguous, {_RECORD: text}))


def read_detector(path: Path) -> tuple[Detector, Familiarity, dict[str, Any]]:
    """Return the detector, its curve and what was said about it; raise BrokenInputError on another file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(_RECORD)
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise BrokenInputError(f"detector {path.name}", expected="safetensors", got=str(error)) from None
    if text is None:
        raise BrokenInputError(f"detector {path.name}", expected=f"a record {_RECORD}", got="none")
    record = json.loads(text)
    curve = {k.removeprefix(_CURVE): arrays.pop(k) for k in list(arrays) if k.startswith(_CURVE)}
    if curve.keys() != {"score_q", "share_q"}:
        raise BrokenInputError(
            f"detector {path.name}", expected="a familiarity curve", got=str(sorted(curve))
        )
    return from_arrays(arrays, record), Familiarity(**curve), record["about"]
