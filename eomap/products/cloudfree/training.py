"""How the network of cloud-free pictures is taught: one look of three, as it was without its clouds.

Axis letters: n window, k output, b band, y and x pixels.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eomap.core.ports import F32
from eomap.core.recipe import Picture, Recipe, Variation
from eomap.nn.cloud_free import BANDS, LOOKS, RADAR

_B, _UNIT = len(BANDS), 500.0
"""Errors are counted in reflectances of 0.05."""
FARTHEST = 2_000.0
"""Codes."""
LEAST = 1_000
"""Numbers that a window must have to be a figure of its own."""


def target(physical: Mapping[str, F32]) -> F32:
    """Return the codes of the first look without clouds (b, y, x), NaN where it is clear anyway."""
    return physical["cloudless"]


def loss(y: Any, target: Any, valid: Any) -> Any:
    """Return negative log-likelihood by band plus mean absolute error, over the pixels that are not clear.

    The likelihood alone leaves means alone where it may raise variances instead. Errors beyond FARTHEST count
    for nothing: snow that came or went under a cloud cannot be known, and would be all that is learnt.
    """
    import torch

    from eomap.nn.losses_gauss import multivariate_nll

    near = ((y[:, :_B] - target).abs() < FARTHEST).all(dim=1)
    known = valid.all(dim=1) & near
    if not bool(known.any()):
        return y.sum() * 0.0
    mean, variance, truth = (
        a.permute(0, 2, 3, 1)[known].T[None, :, :, None]
        for a in (y[:, :_B] / _UNIT, y[:, _B:] / _UNIT**2, target / _UNIT)
    )
    return multivariate_nll(mean, truth, variance) / _B + torch.mean(torch.abs(mean - truth))


def figures(y: F32, target: F32) -> Mapping[str, float]:
    """Return errors in codes and the share of truths within one sigma, of the pixels that are not clear.

    `usual` is the geometric mean over windows of their mean absolute error: no window of new snow decides it.
    """
    off = np.abs(y[:, :_B] - target)
    known = np.isfinite(off)
    windows = [float(o[k].mean()) for o, k in zip(off, known, strict=True) if k.sum() > LEAST]
    off, sigma = off[known].astype(np.float64), np.sqrt(y[:, _B:][known])
    return {
        "mae": float(off.mean()),
        "rmse": float(np.sqrt((off * off).mean())),
        "usual": float(np.exp(np.mean(np.log(windows)))) if windows else math.nan,
        "within_1_sigma": float((off <= sigma).mean()),
    }


RECIPE = Recipe(
    product="cloudfree",
    title="One look without its clouds, of three and radar",
    architecture="eomap.nn.cloud_free_net:network",
    pictures=(
        Picture("sentinel-2", BANDS, ("optical",), looks=LOOKS),
        Picture("sentinel-1", RADAR, ("radar",), looks=LOOKS, optional=True),
    ),
    truth=("cloudless",),
    target=target,
    outputs=(*BANDS, *(f"variance {b}" for b in BANDS)),
    loss=loss,
    figures=figures,
    best="usual",
    side_px=256,
    step_px=192,
    aside=("day_1", "day_2", "day_3"),
    level="L2A,L1C",
    batch=8,
    steps=600,
    rate=2e-3,
    # Gains would have to reach the target too, and looks have gaps enough.
    variation=Variation(gain=0.0, gaps=0.0, without=0.2),
    cautions="""
- Snow that came or went under a cloud is not seen: there errors reach 0.4, and sigma does not say so.
- What changed between the looks (harvest, flood, fire) is filled as it was on the other date.
- Where no look is clear, what is fine is lost: a smooth surface with a large sigma.
- It learnt the clouds of the twin. A cloud that the mask misses is kept as seen, with the sigma of clear
  pixels.
- Looks more than 100 days apart were never seen in training.
- Behind real cloud the network adds errors to what it starts from on two of three rows measured; see docs.
- Taught by `train.py` in this folder, on crops of 128 px: `eomap train` cannot arrange looks yet.
""",
    shown={"red": 2, "green": 1, "blue": 0, "value": 2, "sigma": 12},
)
