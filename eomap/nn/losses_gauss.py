"""Losses of a picture given as a normal distribution, and what several such pictures say together.

Ebel et al. (2023), doi:10.1109/CVPRW59228.2023.00202 (multivariate); Lakshminarayanan et
al. (2017), arXiv:1612.01474 (ensembles). Mean and target share a unit, variances are in its square. Axis
letters: m member, n image, b band, y, x.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from eomap.errors import MisuseError

_LOG_2PI = math.log(2 * math.pi)
_LEAST_VARIANCE, _LEAST_DISTANCE = 1e-8, 1e-9


def multivariate_nll(
    mean: Tensor, target: Tensor, variance: Tensor, *, faithful_batch_logdet: bool = False
) -> Tensor:
    """Return the negative log-likelihood of all bands of a pixel together, mean over images and pixels.

    Mean and target are (n, b, y, x). The covariance is diagonal (variance of the same shape) or isotropic
    (variance (n, 1, y, x)). With `faithful_batch_logdet` every image is charged the log-determinants of the
    whole batch, as the reference implementation does by mistake: the same for one image, else lower the
    smaller the variances and the larger the batch.
    """
    _check(mean, target, variance)
    bands = mean.shape[1]
    variance = variance.clamp_min(_LEAST_VARIANCE)
    distance = ((mean - target).square() / variance).sum(dim=1).clamp_min(_LEAST_DISTANCE)
    log_determinant = variance.log().sum(dim=1) * (bands // variance.shape[1])
    if faithful_batch_logdet:
        log_determinant = log_determinant * len(mean)  # the mean over images of their sum over images
    return 0.5 * (bands * _LOG_2PI + log_determinant.mean() + distance.mean())


def univariate_nll(mean: Tensor, target: Tensor, variance: Tensor) -> Tensor:
    """Return the negative log-likelihood of a band of a pixel, mean over images, bands and pixels.

    Shapes as in `multivariate_nll`, of which this is the share of one band.
    """
    _check(mean, target, variance)
    variance = variance.clamp_min(_LEAST_VARIANCE)
    return 0.5 * (_LOG_2PI + variance.log().mean() + ((mean - target).square() / variance).mean())


class Ensemble(NamedTuple):
    """What members say together: total variance is aleatoric plus epistemic."""

    mean: Tensor
    aleatoric: Tensor
    """Mean of the members' variances: what the input leaves open."""
    epistemic: Tensor
    """Variance of the members' means: what the networks do not know."""


def ensemble(means: Tensor, variances: Tensor) -> Ensemble:
    """Return the moments of the even mixture of normal distributions, (n, b, y, x), of (m, n, b, y, x).

    The total is E[variance + mean^2] - E[mean]^2, here from differences, so that it cannot turn negative.
    """
    if len(means) != len(variances) or not len(means):
        raise MisuseError(
            "ensemble", expected="a mean and a variance per member", got=f"{len(means)}, {len(variances)}"
        )
    mean, epistemic = means.mean(dim=0), means.var(dim=0, unbiased=False)
    return Ensemble(mean, variances.mean(dim=0).expand_as(mean), epistemic)


def unscaled(mean: Tensor, variance: Tensor, scale_by: float) -> tuple[Tensor, Tensor]:
    """Return mean and variance in the unit that was multiplied by `scale_by` ahead of the network."""
    return mean / scale_by, variance / scale_by**2


def _check(mean: Tensor, target: Tensor, variance: Tensor) -> None:
    fits = mean.ndim == 4 and mean.shape == target.shape
    wanted = [mean.shape, torch.Size((mean.shape[0], 1, *mean.shape[2:]))] if fits else []
    if variance.shape not in wanted:
        raise MisuseError(
            "Gaussian loss",
            expected="mean and target (n, b, y, x), variance (n, b or 1, y, x)",
            got=", ".join(str(tuple(a.shape)) for a in (mean, target, variance)),
        )
