"""Scores of one whole picture, as papers on cloud removal print them: averaged over pictures, not pixels.

Axis letters: b band, y, x. Values and truth share a unit, 1 in which is the range of the data.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.kernels.scores.error import Errors, Mean
from eomap.kernels.scores.spectra import REACH_PX, spectral_angle, structural_similarity

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Picture:
    """Scores that a picture has, or that many have in the mean; sums of pictures add."""

    rmse: Mean
    mae: Mean
    psnr_db: Mean
    sam_deg: Mean
    ssim: Mean

    @classmethod
    def of(cls, values_byx: npt.ArrayLike, truth_byx: npt.ArrayLike) -> "Picture":
        """Return the scores of one picture over all of its bands; a score that cannot be told is left out.

        SAM is the mean angle in degrees. SSIM is that of every window centred on
        a pixel, zeros beyond the edges, as the published tables have it. Without any error there is no PSNR.
        """
        v, t = np.asarray(values_byx, np.float64), np.asarray(truth_byx, np.float64)
        errors = Errors.of(v, t)
        psnr_db = errors.psnr(1.0)
        padded = [np.pad(a, ((0, 0), (REACH_PX, REACH_PX), (REACH_PX, REACH_PX))) for a in (v, t)]
        likeness = Mean()
        for value_yx, truth_yx in zip(*padded, strict=True):
            likeness += Mean.of(structural_similarity(value_yx, truth_yx))
        return cls(
            Mean.of([errors.rmse]),
            Mean.of([errors.mae]),
            Mean.of([psnr_db if math.isfinite(psnr_db) else math.nan]),
            Mean.of([Mean.of(spectral_angle(v, t)).value]),
            Mean.of([likeness.value]),
        )

    def __add__(self, other: "Picture") -> "Picture":
        return Picture(
            self.rmse + other.rmse,
            self.mae + other.mae,
            self.psnr_db + other.psnr_db,
            self.sam_deg + other.sam_deg,
            self.ssim + other.ssim,
        )
