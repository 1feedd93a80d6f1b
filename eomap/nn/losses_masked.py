"""Losses of maps whose truth has holes: NaN in the target counts for nothing, not even in the gradient.

Each is the mean over the pixels with truth, and 0 where there are none. Predictions and targets have one
shape; they may be of any dimensions.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from eomap.errors import MisuseError

_LEAST_SHARE = 1e-4


def masked_mae(y: Tensor, target: Tensor) -> Tensor:
    """Return the mean of |y - target|, in the target's unit."""
    y, target, known = _known(y, target)
    return _mean((y - target).abs(), known)


def masked_mse(y: Tensor, target: Tensor) -> Tensor:
    """Return the mean of (y - target)^2, in the square of the target's unit."""
    y, target, known = _known(y, target)
    return _mean((y - target).square(), known)


def masked_gaussian_nll(y: Tensor, log_variance: Tensor, target: Tensor, *, beta: float = 0.0) -> Tensor:
    """Return the mean of (s + (y - target)^2 exp(-s)) / 2, s the log-variance; log(2 pi) / 2 is dropped.

    With `beta` each pixel counts by the power beta of its variance, which is not taught by that: a pixel that
    was thought sure and is wrong no longer drowns all others (beta-NLL, arXiv 2203.09168).
    """
    s = torch.where(torch.isnan(target), 0.0, log_variance)
    y, target, known = _known(y, target)
    loss = 0.5 * (s + (y - target).square() * torch.exp(-s))
    return _mean(loss * torch.exp(beta * s.detach()) if beta else loss, known)


def masked_pinball(y: Tensor, target: Tensor, quantiles: Sequence[float]) -> Tensor:
    """Return the mean loss of several quantiles: y (n, quantile, ...), target (n, 1, ...).

    Its least value is reached where a share q of the truth lies below y. Raises MisuseError unless every q
    is within 0 and 1 and has its channel.
    """
    if y.shape[1] != len(quantiles) or not all(0 < q < 1 for q in quantiles):
        raise MisuseError(
            "pinball loss", expected=f"{y.shape[1]} quantiles between 0 and 1", got=f"{tuple(quantiles)}"
        )
    y, target, known = _known(y, target.expand_as(y))
    q = torch.as_tensor(quantiles, dtype=y.dtype).view(-1, *(1,) * (y.ndim - 2))
    short = target - y
    return _mean(torch.maximum(q * short, (q - 1) * short), known)


def masked_settlement_mae(y: Tensor, target: Tensor) -> Tensor:
    """Return the mean of |target - y| exp(target) for shares 0..1: dense settlement counts up to e times.

    The loss of the settlement task of Sen2-MT.
    """
    y, target, known = _known(y, target)
    return _mean((target - y).abs() * torch.exp(target), known)


def masked_share_divergence(y: Tensor, target: Tensor) -> Tensor:
    """Return the mean of t log(t / y) + (1 - t) log((1 - t) / (1 - y)) for shares 0..1, in nats.

    0 only where y is the target; its optimum is the mean of the targets. Shares nearer than 1e-4 to 0 or 1
    are taken for that.
    """
    y, target, known = _known(y, target)
    y, t = y.clamp(_LEAST_SHARE, 1 - _LEAST_SHARE), target.clamp(_LEAST_SHARE, 1 - _LEAST_SHARE)
    return _mean(t * torch.log(t / y) + (1 - t) * torch.log((1 - t) / (1 - y)), known)


def _known(y: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return both with 0 where there is no truth, and where there is some."""
    if y.shape != target.shape:
        # Without this, broadcasting would compare every pixel of one with every pixel of the other.
        raise MisuseError(
            "masked loss", expected=f"a target of shape {tuple(y.shape)}", got=f"{tuple(target.shape)}"
        )
    known = ~torch.isnan(target)
    # Before any arithmetic: 0 times the gradient of NaN is NaN, a value not chosen has gradient 0.
    return torch.where(known, y, 0.0), torch.where(known, target, 0.0), known


def _mean(loss: Tensor, known: Tensor) -> Tensor:
    return torch.where(known, loss, 0.0).sum() / known.sum().clamp_min(1)
