"""How the network of the settlement product is taught: two tasks, and how sure it is of the first."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from eomap.core.recipe import Picture, Recipe, Variation
from eomap.kernels.scores import average_accuracy, confusion, kappa, overall_accuracy
from eomap.nn.losses_masked import masked_gaussian_nll, masked_share_divergence
from eomap.nn.sen2mt import N_CLASSES, lcz_cross_entropy, weighed
from eomap.nn.settlement_s import CELL_PX, OUTPUTS
from eomap.products.settlement import BANDS

F32 = npt.NDArray[np.float32]
SIDE_PX, STEP_PX = 128, 96
BETA = 0.5
"""With 0 a few cells whose sigma was far too small made gradients that the clipping of the loop turned into
hardly any learning of the maps."""
_CELLS, _ZONE_CELLS = SIDE_PX // CELL_PX, 5
"""Cells of 20 m along a window, and along a 100 m cell of the truth of zones."""


def target(physical: Mapping[str, F32]) -> F32:
    """Return share of sealed ground and zone 1..17 (2, rows, cols), NaN where nobody knows.

    Every cell has the zone of the 100 m cell it lies in; windows are no multiple of 100 m, so the last cells
    have none.
    """
    out = np.full((2, _CELLS, _CELLS), np.nan, np.float32)
    out[0] = physical["settlement"]
    zones = physical["lcz"].repeat(_ZONE_CELLS, 0).repeat(_ZONE_CELLS, 1)[:_CELLS, :_CELLS]
    out[1, : zones.shape[0], : zones.shape[1]] = zones
    return out


def loss(y: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return the loss of both tasks and of the variance; y as OUTPUTS, and two task weights in training.

    Cross-entropy and learnt weights are those of Sen2-MT (arXiv 1705.07115). Its weighted absolute error is
    not taken: where more than half of the ground is bare of houses its optimum is 0, a median, and sums of a
    map come out too low. The divergence has its optimum at the mean. The variance is fitted to the errors as
    they are: the share has no part in its loss.
    """
    share = torch.where(valid[:, :1], target[:, :1], torch.nan)
    zone = torch.where(valid[:, 1], target[:, 1].long() - 1, -1)
    regression = masked_share_divergence(y[:, :1], share)
    classification = lcz_cross_entropy(y[:, 2 : 2 + N_CLASSES], zone)
    unsure = masked_gaussian_nll(y[:, :1].detach(), torch.log(y[:, 1:2]), share, beta=BETA)
    weights = y[0, len(OUTPUTS) :, 0, 0] if y.shape[1] > len(OUTPUTS) else y.new_zeros(2)
    return weighed(weights, regression, classification) + unsure


def figures(y: F32, target: F32) -> dict[str, float]:
    """Return how good the shares and zones of windows (n, k, rows, cols) are.

    `within_1_sigma` is .683 where errors are normal and sigma is right.
    """
    known = np.isfinite(target[:, 0])
    truth = target[:, 0][known].astype(np.float64)
    error = y[:, 0][known] - truth
    sigma = np.sqrt(y[:, 1][known])
    spread = np.square(truth - truth.mean()).sum()
    zoned = np.isfinite(target[:, 1])
    mapped = 1 + y[:, 2 : 2 + N_CLASSES].argmax(axis=1)[zoned]
    matrix = confusion(target[:, 1][zoned].astype(int), mapped, classes=np.arange(1, N_CLASSES + 1))
    return {
        "rmse": float(np.sqrt(np.square(error).mean())),
        "mae": float(np.abs(error).mean()),
        "bias": float(error.mean()),
        "r2": float(1 - np.square(error).sum() / spread) if spread else float("nan"),
        "within_1_sigma": float((np.abs(error) <= sigma).mean()),
        "lcz_oa": float(overall_accuracy(matrix)),
        "lcz_aa": float(average_accuracy(matrix)),
        "lcz_kappa": float(kappa(matrix)),
    }


RECIPE = Recipe(
    product="settlement",
    title="Share of sealed ground on 20 m cells and local climate zones, of ten bands of Sentinel-2",
    architecture="eomap.nn.settlement_s:settlement_s",
    pictures=(
        Picture(
            "sentinel-2",
            BANDS,
            ("s2_l2a_year", "s2_l1c_year", "s2_l2a_season_1", "s2_l2a_season_2"),
        ),
    ),
    truth=("settlement", "lcz"),
    target=target,
    outputs=OUTPUTS,
    loss=loss,
    figures=figures,
    best="rmse",
    side_px=SIDE_PX,
    step_px=STEP_PX,
    cell_px=CELL_PX,
    level="L1C and L2A",
    batch=8,
    steps=800,
    rate=3e-3,
    variation=Variation(gain=0.05, gaps=0.15),
    shown={"red": 2, "green": 1, "blue": 0, "value": 0, "sigma": 1},
    cautions="See docs/explanation/settlement.md.",
)
