"""How the network of cloud-free pictures is taught: one look of three, as it was without its clouds.

Axis letters: n window, k output, b band, y and x pixels.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from eomap.core.ports import F32
from eomap.core.recipe import Picture, Recipe, Variation
from eomap.nn.cloud_free import BANDS, LOOKS, RADAR

_B, _UNIT = len(BANDS), 500.0
"""Errors are counted in reflectances of 0.05."""


def target(physical: Mapping[str, F32]) -> F32:
    """Return the codes of the first look without clouds (b, y, x), NaN where it is clear anyway."""
    return physical["cloudless"]


def loss(y: Any, target: Any, valid: Any) -> Any:
    """Return negative log-likelihood by band plus mean absolute error, over the pixels that are not clear.

    The likelihood alone leaves means alone where it may raise variances instead.
    """
    import torch

    from eomap.nn.losses_gauss import multivariate_nll

    known = valid.all(dim=1)
    if not bool(known.any()):
        return y.sum() * 0.0
    mean, variance, truth = (
        a.permute(0, 2, 3, 1)[known].T[None, :, :, None]
        for a in (y[:, :_B] / _UNIT, y[:, _B:] / _UNIT**2, target / _UNIT)
    )
    return multivariate_nll(mean, truth, variance) / _B + torch.mean(torch.abs(mean - truth))


def figures(y: F32, target: F32) -> Mapping[str, float]:
    """Return error in codes and the share of truths within one sigma, of the pixels that are not clear."""
    off = np.abs(y[:, :_B] - target)
    known = np.isfinite(off)
    off, sigma = off[known].astype(np.float64), np.sqrt(y[:, _B:][known])
    return {
        "mae": float(off.mean()),
        "rmse": float(np.sqrt((off * off).mean())),
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
    best="mae",
    side_px=256,
    step_px=192,
    aside=("day_1", "day_2", "day_3"),
    level="L2A,L1C",
    batch=8,
    steps=900,
    rate=3e-3,
    # Gains would have to reach the target too, and looks have gaps enough.
    variation=Variation(gain=0.0, gaps=0.0, without=0.2),
    shown={"red": 2, "green": 1, "blue": 0, "value": 2, "sigma": 12},
)
