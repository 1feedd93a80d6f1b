"""Losses of a MIMO U-Net, the weights of its members, and what their spreads say together.

A member's second output is the log of a scale: b of a Laplace distribution or the variance v of a Gaussian.
Axis letters: n window, m member, k output, y row, x column.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from eomap.errors import MisuseError

Distribution = Literal["laplace", "gauss"]
_SCALE_MIN, _SCALE_MAX = 1e-5, 1e3


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """What the members say together, (n, k, y, x)."""

    mean: Tensor
    aleatoric: Tensor
    """Mean over the members of the variance each expects, in the square of the output's unit."""
    epistemic: Tensor
    """Unbiased variance of the members' means; 0 by definition of a single member, which has no opponent."""


class _Limited(torch.autograd.Function):
    """Cuts values; the gradient passes as if it did not, so that a scale never gets stuck at a limit."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clamp(_SCALE_MIN, _SCALE_MAX)

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return gradients[0]


def scale(log_scale: Tensor) -> Tensor:
    """Return exp of the log-scale within 1e-5 and 1e3; the limits are unknown to the gradient."""
    return _Limited.apply(log_scale.exp())


def mimo_loss(mean: Tensor, log_scale: Tensor, target: Tensor, distribution: Distribution) -> Tensor:
    """Return the negative log-likelihood of each member (m,), mean over the pixels with truth.

    All three (n, m, k, y, x); NaN in the target counts for nothing. Laplace: log b + |e| / b, log 2 dropped;
    Gauss: log v + e^2 / v, the half and log(2 pi) dropped.
    """
    known = ~torch.isnan(target)
    width = scale(torch.where(known, log_scale, 0.0))
    error = torch.where(known, mean, 0.0) - torch.where(known, target, 0.0)
    cost = error.abs() if _is_laplace(distribution) else error.square()
    loss = torch.where(known, width.log() + cost / width, 0.0)
    over = (0, *range(2, loss.ndim))
    return loss.sum(dim=over) / known.sum(dim=over).clamp_min(1)


def standard_deviation(log_scale: Tensor, distribution: Distribution) -> Tensor:
    """Return the standard deviation, in the output's unit: sqrt(2) b of a Laplace, sqrt(v) of a Gauss."""
    return 2**0.5 * scale(log_scale) if _is_laplace(distribution) else scale(log_scale).sqrt()


def pooled(mean: Tensor, log_scale: Tensor, distribution: Distribution) -> Pooled:
    """Return the members' joint answer of theirs (n, m, k, y, x)."""
    aleatoric = standard_deviation(log_scale, distribution).square().mean(dim=1)
    members = mean.shape[1]
    if members == 1:
        return Pooled(mean[:, 0], aleatoric, torch.zeros_like(mean[:, 0]))
    # Counted from the first member, so that equal members differ by exactly 0.
    offset = mean - mean[:, :1]
    middle = offset.mean(dim=1)
    epistemic = (offset - middle[:, None]).square().sum(dim=1) / (members - 1)
    return Pooled(mean[:, 0] + middle, aleatoric, epistemic)


class LossBuffer:
    """Weights of the members that follow their recent losses: who does worse counts for more."""

    def __init__(self, members: int, *, size: int = 10, temperature: float = 0.3) -> None:
        self.members, self.size, self.temperature = members, size, temperature
        self._losses: deque[Tensor] = deque(maxlen=size)

    def add(self, losses: Sequence[float] | Tensor) -> None:
        """Keep one loss per member (m,); of more than `size` the oldest is forgotten."""
        kept = torch.as_tensor(losses, dtype=torch.float32).detach()
        if kept.shape != (self.members,):
            raise MisuseError("loss buffer", expected=f"{self.members} losses", got=f"{tuple(kept.shape)}")
        self._losses.append(kept)

    def weights(self) -> Tensor:
        """Return m softmax(sum of kept losses / size / temperature), (m,); all 1 before the first loss."""
        # Published so: the sum is divided by the buffer's size also while it is not yet full.
        total = sum(self._losses, torch.zeros(self.members))
        return self.members * torch.softmax(total / self.size / self.temperature, dim=0)


def _is_laplace(distribution: Distribution) -> bool:
    if distribution not in ("laplace", "gauss"):
        raise MisuseError("MIMO U-Net", expected="laplace or gauss", got=repr(distribution))
    return distribution == "laplace"
