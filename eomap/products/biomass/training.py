"""How the networks of biomass are taught: recipes for samples whose truth is the twin's own allometry."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from eomap.core.recipe import F32, Picture, Recipe, Variation
from eomap.kernels.scores.error import Errors
from eomap.nn.biomass_s import OUTPUTS, interval_score, roots_nll
from eomap.products.biomass import ENMAP_BANDS, OPTICAL_BANDS, RADAR_BANDS

if TYPE_CHECKING:
    from torch import Tensor

FOOTPRINT_M, ALONG_M, ACROSS_M = 25.0, 60, 600
"""Of GEDI: diameter of a footprint, from one to the next along a track, and from track to track; Dubayah and
others (2020), doi:10.1016/j.srs.2020.100002."""
_CAUTIONS = """
- Truth is the twin's own allometry, 1.6 height^1.5 per crown cover with noise: a test of plumbing, intervals
  and saturation. **Nothing here is an accuracy of real biomass.**
- High biomass is mapped too low and its intervals miss it more often than one in ten: by bins of true
  biomass see docs/explanation/biomass.md.
"""


def dense(physical: Mapping[str, F32]) -> F32:
    """Return biomass at every pixel of 10 m (1, y, x), Mg/ha."""
    return physical["biomass"][None]


def dense_30_m(physical: Mapping[str, F32]) -> F32:
    """Return the mean biomass of squares of 30 m (1, y, x), Mg/ha; NaN where any of it is unknown."""
    fine = physical["biomass"]
    height, width = fine.shape
    return fine.reshape(height // 3, 3, width // 3, 3).mean(axis=(1, 3))[None]


def footprints(physical: Mapping[str, F32]) -> F32:
    """Return biomass as a lidar in orbit samples it (1, y, x), Mg/ha: means of footprints, NaN elsewhere.

    Pixels of 10 m whose middle lies within a footprint of 25 m hold its mean. Footprints lie on a grid of
    60 m from north to south and 600 m from west to east, from the corner of a window on; windows begin
    anywhere.
    """
    fine = physical["biomass"]
    row, col = (np.arange(n) * 10.0 + 5 for n in fine.shape)
    far_row, far_col = (
        (at + step / 2) % step - step / 2 for at, step in ((row - 30, ALONG_M), (col - 300, ACROSS_M))
    )
    inside = np.hypot(far_row[:, None], far_col[None, :]) <= FOOTPRINT_M / 2
    track, shot = np.meshgrid(col // ACROSS_M, row // ALONG_M)
    number = (shot * (track.max() + 1) + track).astype(np.int64)
    known = inside & ~np.isnan(fine)
    count = np.bincount(number[known], minlength=number.max() + 1)
    total = np.bincount(number[known], weights=fine[known], minlength=number.max() + 1)
    mean = total / np.maximum(count, 1)
    return np.where(known, mean[number], np.nan).astype(np.float32)[None]


def loss(y: "Tensor", target: "Tensor", valid: "Tensor") -> "Tensor":
    """Return what training makes small, and of a map, which has no members any more, its interval score."""
    return roots_nll(y, target, valid) if y.ndim == 5 else interval_score(y, target, valid)


def figures(y: F32, target: F32) -> Mapping[str, float]:
    """Return errors over all pixels (Mg/ha; rrmse of the mean truth) and the share within the intervals."""
    value, truth = y[:, 0], target[:, 0]
    found = Errors.of(value, truth)
    known = np.isfinite(truth)
    within = (y[:, 2] <= truth) & (truth <= y[:, 3])
    near = np.abs(value - truth) <= y[:, 1]
    return {
        "rmse": found.rmse,
        "rrmse": found.rmse / found.truth_mean if found.truth_mean else float("nan"),
        "mae": found.mae,
        "bias": found.bias,
        "r2": found.r2,
        "coverage_90": float(within[known].mean()) if known.any() else float("nan"),
        "within_sigma": float(near[known].mean()) if known.any() else float("nan"),
    }


RECIPE = Recipe(
    product="biomass",
    title="Biomass above the ground from Sentinel-2 and Sentinel-1",
    architecture="eomap.nn.biomass_s:biomass_s",
    pictures=(
        Picture("sentinel-2", OPTICAL_BANDS, ("s2_l2a_year", "s2_l1c_year")),
        Picture("sentinel-1", RADAR_BANDS, ("s1_year",), optional=True),
    ),
    truth=("biomass",),
    target=dense,
    outputs=OUTPUTS,
    loss=loss,
    figures=figures,
    best="rmse",
    side_px=128,
    step_px=96,
    level="L2A",
    batch=4,
    steps=2000,
    rate=2e-3,
    variation=Variation(),
    cautions=_CAUTIONS,
    shown={"red": 2, "green": 1, "blue": 0, "value": 0, "sigma": 1},
)
ENMAP = replace(
    RECIPE,
    title="Biomass above the ground from EnMAP",
    architecture="eomap.nn.biomass_s:biomass_enmap_s",
    pictures=(Picture("enmap", ENMAP_BANDS, ("enmap",)),),
    target=dense_30_m,
    side_px=64,
    step_px=48,
    pixel_m=30,
    # The twin's woods are about half as bright as real ones (docs/explanation/twin.md): without this a
    # network that knows them alone finds no tree in Potsdam.
    variation=Variation(gain=0.3),
    batch=8,
    steps=1200,
    shown={"red": 47, "green": 29, "blue": 10, "value": 0, "sigma": 1},
)
SPARSE = replace(RECIPE, target=footprints)
"""The same taught at footprints only, as from a lidar in orbit."""
