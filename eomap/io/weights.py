"""Weights of registered networks: found or fetched once, verified, kept as safetensors, loaded strictly.

Nothing is ever unpickled. Heavy imports (torch, h5py) happen inside the functions that need them.
"""

import hashlib
import http.client
import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.ports import Network
from eomap.errors import BrokenInputError, MisuseError, TransientError
from eomap.io.cache import cache_folder
from eomap.io.registry import KnownAnswer, Model, known_input, models

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""
_BLOCK = 1 << 16
_TIMEOUT_S = 30
_TOLERANCE = 1e-3
_TORCH_ONLY = "num_batches_tracked"  # a counter of training steps that no answer depends on


def weights_path(entry: Model, *, progress: Progress | None = None) -> Path:
    """Return a verified local safetensors file of a network's weights, fetching it where need be.

    In order: shipped with eomap, the user's cache (EOMAP_CACHE), a folder of copies
    (EOMAP_MODEL_MIRROR), the network. Raises MisuseError where none can be had, TransientError where
    the server is busy, BrokenInputError where a file is not what the registry says.
    """
    if entry.shipped:
        path = entry.path(entry.file)
        if not path.is_file():
            raise BrokenInputError(f"weights of {entry.name}", expected=str(path), got="no file")
        _verify(path, entry)
        return path
    home = cache_folder() / "models" / entry.sha256
    kept = home / "weights.safetensors"
    if _is_intact(kept):
        return kept
    source = _mirrored(entry) or home / entry.file
    if not source.is_file():
        _download(entry, source, progress)
    _verify(source, entry)
    _convert(entry, source, kept)
    return kept


def load_network(entry: Model, path: Path, *, device: str = "cpu", runtime: str = "float32") -> Network:
    """Return a network with the weights of a safetensors file, ready to be asked for windows.

    Its test vectors are run first, and are of the network as it is: neither calibrated nor scored. Raises
    BrokenInputError on a file that is damaged or answers differently by more than 1e-3 (of the answer, where
    that is more than 1), MisuseError on one of another architecture.
    `runtime` is a way to ask it (nn.runtime); others than the reference may be off by ten times as much.
    """
    made = bare_network(entry, path, device=device, runtime=runtime, features=bool(entry.ood_sha256))
    score = _scored(entry) if entry.ood_sha256 else None
    trusted: Network = made.trusted(score=score, temperature=entry.temperature)
    return trusted


def bare_network(
    entry: Model, path: Path, *, device: str = "cpu", runtime: str = "float32", features: bool = False
) -> Any:
    """Return the same as it is, an `nn.predict.TorchNetwork`; with `features` it gives those of its layer."""
    import torch

    predict = import_module("eomap.nn.predict")
    network = _named(entry.architecture)()
    wanted = network.state_dict()
    state = _tensors(path)
    extra = sorted(state.keys() - wanted.keys())
    missing = sorted(k for k in wanted.keys() - state.keys() if not k.endswith(_TORCH_ONLY))
    shapes = sorted(k for k in wanted.keys() & state.keys() if state[k].shape != tuple(wanted[k].shape))
    if extra or missing or shapes:
        raise MisuseError(
            f"weights {path.name}",
            expected=f"exactly the tensors of {entry.name}",
            got=f"{len(missing)} missing, {len(extra)} unknown, {len(shapes)} of another shape "
            f"(first: {(missing + extra + shapes)[0]})",
            hint=f"eomap models fetch {entry.name}",
        )
    network.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=False)
    asked = network
    if entry.of_reflectance:
        layer = entry.features if features else ""
        asked = predict.OfReflectance(network, features=layer, cells=entry.layout.cells)
    made = predict.ready(
        asked,
        name=entry.name,
        sha256=entry.sha256,
        layout=entry.layout,
        channels=entry.channels,
        asides=len(entry.asides),
        device=device,
        of_classes=entry.of_reflectance,
        bands=sum(s.channels for s in entry.sources),
        runtime=runtime,
    )
    for vector in entry.test:
        _check_answer(entry, made, vector, _TOLERANCE if runtime == "float32" else 10 * _TOLERANCE)
    return made


def _scored(entry: Model) -> Any:
    """Return what tells how familiar windows are to a network, verified."""
    from eomap.io.ood_file import read_detector

    path = entry.ood_path
    found = file_sha256(path) if path.is_file() else "no file"
    if found != entry.ood_sha256:
        raise BrokenInputError(
            f"detector of {entry.name} at {path}",
            expected=f"sha256 {entry.ood_sha256[:16]}...",
            got=found[:16],
            hint=f"eomap ood fit --model {entry.name}",
        )
    detector, familiarity, _ = read_detector(path)
    return import_module("eomap.nn.scored").Scored(detector, familiarity)


def _check_answer(entry: Model, network: Network, vector: KnownAnswer, tolerance: float) -> None:
    expected, middle = np.asarray(vector.expected, np.float32), entry.layout.cells // 2
    got = network(known_input(entry, vector)[None], np.zeros((1, len(entry.asides)), np.float32))
    off = np.abs(got[0, : entry.channels, middle, middle] - expected) / np.maximum(1, np.abs(expected))
    if not off.max() <= tolerance:
        raise BrokenInputError(
            f"model {entry.name}",
            expected=f"its test answer within {tolerance}",
            got=f"a difference of {off.max():.4f}",
            hint="the weights or this build of torch are not what was tested: eomap models fetch",
        )


def file_sha256(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(path: Path, entry: Model) -> None:
    size, found = path.stat().st_size, file_sha256(path)
    if found != entry.sha256:
        raise BrokenInputError(
            f"weights of {entry.name} at {path}",
            expected=f"{entry.size} bytes, sha256 {entry.sha256[:16]}...",
            got=f"{size} bytes, sha256 {found[:16]}...",
            hint="delete this file and run eomap models fetch again",
        )


def _is_intact(kept: Path) -> bool:
    """Say whether a cached safetensors file is the one that was written."""
    record = kept.with_suffix(".json")
    try:
        return file_sha256(kept) == json.loads(record.read_text())["sha256"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


def _mirrored(entry: Model) -> Path | None:
    named = os.environ.get("EOMAP_MODEL_MIRROR")
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise MisuseError("EOMAP_MODEL_MIRROR", expected="a folder", got=str(folder))
    found = sorted(p for p in folder.rglob(entry.file) if p.is_file())
    return next((p for p in found if file_sha256(p) == entry.sha256), found[0] if found else None)


def _download(entry: Model, target: Path, progress: Progress | None) -> None:
    if not entry.url.startswith("https://"):
        raise MisuseError(f"model {entry.name}", expected="an https address", got=entry.url)
    request = urllib.request.Request(entry.url, headers={"User-Agent": "eomap"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            data = _read_all(answer, entry, progress)
    except urllib.error.HTTPError as error:
        if error.code == 429 or error.code >= 500:
            raise TransientError(entry.url, expected="the weights", got=f"HTTP {error.code}") from None
        raise _unreachable(entry, f"HTTP {error.code}") from None
    except http.client.HTTPException as error:
        raise TransientError(entry.url, expected="the whole file", got=type(error).__name__) from None
    except OSError as error:  # no route, no name server, refused, timed out: URLError is one of these
        raise _unreachable(entry, str(getattr(error, "reason", error))) from None
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise BrokenInputError(
            f"weights of {entry.name} from {entry.url}",
            expected=f"{entry.size} bytes, sha256 {entry.sha256[:16]}...",
            got=f"{len(data)} bytes of other content",
            hint="set EOMAP_MODEL_MIRROR to a folder that holds the file",
        )
    _write(target, data)


def _read_all(answer: Any, entry: Model, progress: Progress | None) -> bytes:
    data = bytearray()
    while len(data) <= entry.size and (block := answer.read(_BLOCK)):
        data += block
        if progress:
            progress(len(data), entry.size)
    return bytes(data)


def _unreachable(entry: Model, reason: str) -> MisuseError:
    ours = next((m.name for m in models() if m.shipped and m.product == entry.product), "")
    other = f", or --model {ours} (comes with eomap)" if ours else ""
    return MisuseError(
        f"weights of {entry.name}",
        expected=f"{entry.file} from {entry.url}",
        got=reason,
        hint=f"set EOMAP_MODEL_MIRROR to a folder that holds {entry.file}{other}",
    )


def _convert(entry: Model, source: Path, kept: Path) -> None:
    from safetensors.numpy import save

    from eomap.io.keras_h5 import keras_state

    shapes = {k: tuple(v.shape) for k, v in _named(entry.architecture)().state_dict().items()}
    data = save(keras_state(source, _named(entry.keras_layers)(), shapes))
    _write(kept, data)
    record = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "source_sha256": entry.sha256}
    _write(kept.with_suffix(".json"), json.dumps(record, indent=1).encode())


def _write(target: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as file:
        try:
            file.write(data)
            file.close()
            os.replace(file.name, target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _tensors(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    data = path.read_bytes()
    if data[8:9] != b"{":  # eight bytes of header length, then JSON
        is_pickle = data[:1] == b"\x80" or data[:4] == b"PK\x03\x04"
        got = "a pickle (refused unread)" if is_pickle else f"first bytes {data[:9]!r}"
        raise BrokenInputError(f"weights {path.name}", expected="safetensors", got=got)
    try:
        return load(data)
    except SafetensorError as error:
        raise BrokenInputError(f"weights {path.name}", expected="whole safetensors", got=str(error)) from None


def _named(target: str) -> Any:
    module, _, function = target.partition(":")
    return getattr(import_module(module), function)
