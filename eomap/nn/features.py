"""What a network's layers said on the way to its answer, from the same forward pass.

Axis letters: n sample, d channel, rows and cols a coarse grid.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eomap.errors import MisuseError

POOLS = ("mean", "max")


def with_features(
    network: nn.Module,
    x: Tensor,
    *,
    layers: Sequence[str],
    pool: str = "mean",
    grid: tuple[int, int] | None = None,
) -> tuple[Any, dict[str, Tensor]]:
    """Return the network's output for x, and the pooled output of each named layer, by name.

    A layer's output is what the named module returns, before any non-linearity that follows, even one
    in place: it is pooled while the pass runs. Images (n, d, y, x) become (n, d); with `grid` they become
    (n, d, rows, cols), so that scores are maps. Vectors (n, d) are copied. One forward pass; the network
    is left as it was. Raises MisuseError where a layer is not there or does not run exactly once.
    """
    if pool not in POOLS:
        raise MisuseError("features", expected=f"pool {' or '.join(POOLS)}", got=repr(pool))
    named = dict(network.named_modules())
    unknown = [name for name in layers if not name or name not in named]
    if unknown:
        known = ", ".join(name for name in named if name)
        raise MisuseError("features", expected=f"layers of {known}", got=", ".join(map(repr, unknown)))
    seen: dict[str, list[Tensor]] = {name: [] for name in layers}

    def note(name: str) -> Any:
        return lambda module, given, output: seen[name].append(_pooled(name, output, pool, grid))

    hooks = [named[name].register_forward_hook(note(name)) for name in layers]
    try:
        output = network(x)
    finally:
        for hook in hooks:
            hook.remove()
    for name, found in seen.items():
        if len(found) != 1:
            raise MisuseError("features", expected=f"layer {name} to run once", got=f"{len(found)} times")
    return output, {name: found[0] for name, found in seen.items()}


def _pooled(name: str, output: Any, pool: str, grid: tuple[int, int] | None) -> Tensor:
    """Return a layer's output as a vector per sample, or on a coarse grid; never a view of it."""
    if isinstance(output, Tensor) and output.ndim == 2 and grid is None:
        return output.detach().clone()
    if not isinstance(output, Tensor) or output.ndim != 4:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise MisuseError(f"features of {name}", expected="one tensor (n, d, y, x) or (n, d)", got=f"{shape}")
    values = output.detach()
    if grid is None:
        made = values.mean(dim=(2, 3)) if pool == "mean" else values.amax(dim=(2, 3))
    else:
        pooled = F.adaptive_avg_pool2d if pool == "mean" else F.adaptive_max_pool2d
        made = pooled(values, grid)
    return made.clone() if made.data_ptr() == values.data_ptr() else made


def rows(features: Tensor) -> Tensor:
    """Return features (n, d) or (n, d, rows, cols) as a table (samples, d), cells row by row."""
    return features if features.ndim == 2 else torch.movedim(features, 1, -1).flatten(0, -2)
