"""Faster ways to ask a network on a CPU, each only where it says the same: measured, not hoped for.

float32 is the reference. Others are taken where an agreement test on the trained network allows it (the same
class on 99.5 % of cells, or an error of 1 % of the range at most) and a measurement on this machine says that
they are faster.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from eomap.core.ports import F32
from eomap.errors import MisuseError

REFERENCE = "float32"
RUNTIMES = (REFERENCE, "bfloat16", "openvino", "openvino-bfloat16")
LEAST_ALIKE, LARGEST_ERROR = 0.995, 0.01
Module = Callable[[Tensor, Tensor], Any]
"""Maps windows and what is told beside them to what a network says of them, and features."""


def there(runtime: str) -> bool:
    """Say whether this installation has what a runtime takes."""
    if not runtime.startswith("openvino"):
        return True
    try:
        import openvino  # noqa: F401
    except ImportError:
        return False
    return True


def runtime_of(name: str, module: nn.Module, example: tuple[Tensor, Tensor]) -> Module:
    """Return a module asked in another way; `example` are windows and asides of the shape that will come.

    Raises MisuseError for a runtime that there is none of, or that is not installed.
    """
    if name not in RUNTIMES:
        raise MisuseError("--runtime", expected=f"one of auto, {', '.join(RUNTIMES)}", got=name)
    if not there(name):
        raise MisuseError(
            "--runtime", expected="OpenVINO installed", got="none", hint="pip install 'eomap[fast]'"
        )
    if name == REFERENCE:
        return module
    if name == "bfloat16":
        return _autocast(module)
    return _openvino(module, example, "bf16" if name.endswith("bfloat16") else "f32")


def _autocast(module: nn.Module) -> Module:
    def ask(x: Tensor, aside: Tensor) -> Any:
        with torch.autocast(x.device.type, torch.bfloat16):
            return module(x, aside)

    return ask


def _openvino(module: nn.Module, example: tuple[Tensor, Tensor], precision: str) -> Module:
    """Return the module compiled for this processor, with one thread and fixed shapes."""
    import openvino

    shapes = [openvino.PartialShape(list(e.shape)) for e in example]
    plain = module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    with torch.no_grad():
        traced = openvino.convert_model(plain, example_input=example, input=shapes)
    options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": "1"}
    request = openvino.Core().compile_model(traced, "CPU", options).create_infer_request()

    def ask(x: Tensor, aside: Tensor) -> Any:
        said = request.infer([np.ascontiguousarray(x.numpy()), aside.numpy()])
        y, *features = (torch.from_numpy(np.array(v)) for v in said.values())
        return y, features[0] if features else None

    return ask


def alike(reference: F32, other: F32, *, of_classes: bool) -> tuple[float, bool]:
    """Return how alike two answers (n, k, rows, cols) are, and whether that is enough.

    The share of cells of the same class; else the largest error of any channel, as a share of its range.
    """
    if of_classes:
        share = float((reference.argmax(axis=1) == other.argmax(axis=1)).mean())
        return share, share >= LEAST_ALIKE
    over = (0, 2, 3)
    span = np.maximum(reference.max(axis=over) - reference.min(axis=over), 1e-6)
    error = float((np.abs(reference - other).max(axis=over) / span).max())
    return error, error <= LARGEST_ERROR


def fastest(ways: Iterable[tuple[str, Module]], example: tuple[Tensor, Tensor]) -> dict[str, float]:
    """Return the CPU-seconds that each way takes for an example, the least of three, the fastest first."""
    taken = {}
    with torch.inference_mode():
        for name, ask in ways:
            ask(*example)
            spent = []
            for _ in range(3):
                start = time.process_time()
                ask(*example)
                spent.append(time.process_time() - start)
            taken[name] = min(spent)
    return dict(sorted(taken.items(), key=lambda pair: pair[1]))
