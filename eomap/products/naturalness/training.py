"""How the network of the naturalness product is taught."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from eomap.core.recipe import Picture, Recipe, Variation
from eomap.kernels.scores.ranks import rank_correlation
from eomap.nn.naturalness_s import OUTPUTS
from eomap.products.naturalness import BANDS, LIGHTS, RADAR

F32 = npt.NDArray[np.float32]
SIDE_PX, STEP_PX = 256, 192
_BETA = 0.5
_EVERY = 7
"""Ranks are compared of every seventh pixel: neighbours say the same."""


def target(physical: Mapping[str, F32]) -> F32:
    """Return naturalness (1, y, x)."""
    return physical["naturalness"][None]


def loss(y: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return the beta-NLL, Seitzer and others 2022 (arXiv 2203.09168, equation 5, beta = .5).

    The negative log-likelihood of a normal error times the deviation, taken as a constant: without it, what
    is hard is called uncertain and no longer learnt.
    """
    mean, log_variance = y[:, :1], y[:, 1:2]
    variance = torch.exp(log_variance)
    nll = 0.5 * (log_variance + (mean - target).square() / variance)
    weighed = nll * variance.detach() ** _BETA
    return torch.where(valid, weighed, 0.0).sum() / valid.sum().clamp(min=1)


def figures(y: F32, target: F32) -> dict[str, float]:
    """Return how good maps of windows (n, k, y, x) are.

    `within_1_sigma` is .683 where errors are normal and sigma is right.
    """
    known = np.isfinite(target[:, 0])
    truth, said = target[:, 0][known].astype(np.float64), y[:, 0][known].astype(np.float64)
    error, sigma = said - truth, np.exp(0.5 * y[:, 1][known].astype(np.float64))
    spread = np.square(truth - truth.mean()).sum()
    return {
        "r2": float(1 - np.square(error).sum() / spread) if spread else float("nan"),
        "rmse": float(np.sqrt(np.square(error).mean())),
        "mae": float(np.abs(error).mean()),
        "bias": float(error.mean()),
        "spearman": rank_correlation(said[::_EVERY], truth[::_EVERY]),
        "within_1_sigma": float((np.abs(error) <= sigma).mean()),
    }


CAUTIONS = """
- Never seen a real scene: what it says of one has not been checked.
- Nearness to people is read from night lights; without them it is guessed from what the window shows.
- Roads, single houses and clearings of a pixel or two are smeared.
- Trained on composites of a year and of 90 days; single looks are strangers to it.

See docs/explanation/naturalness.md.
"""

RECIPE = Recipe(
    product="naturalness",
    title="Naturalness of the land, of Sentinel-2, and Sentinel-1 and night lights where there are any",
    architecture="eomap.nn.naturalness_s:naturalness_s",
    pictures=(
        Picture("sentinel-2", BANDS, ("s2_l2a_year", "s2_l1c_year", "s2_l2a_season_1")),
        Picture("sentinel-1", RADAR, ("s1_year",), optional=True),
        Picture("night-lights", LIGHTS, ("lights",), optional=True),
    ),
    truth=("naturalness",),
    target=target,
    outputs=OUTPUTS,
    loss=loss,
    figures=figures,
    best="rmse",
    side_px=SIDE_PX,
    step_px=STEP_PX,
    aside=("lon_deg", "lat_deg"),
    level="L2A,L1C",
    batch=4,
    steps=1400,
    rate=3e-3,
    variation=Variation(gain=0.05, gaps=0.1, without=0.25),
    shown={"red": 2, "green": 1, "blue": 0, "value": 0, "sigma": 1},
    cautions=CAUTIONS,
)
