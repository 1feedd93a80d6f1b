"""Scores of maps against truth, from sums that merge: any tiling, any order, the same answer.

Every sum has `of(...)`, which takes arrays, and `+`. What cannot be told (nothing compared, a division by
zero) is NaN, never 0.
"""

from eomap.kernels.scores.agreement import (
    accuracy_where,
    average_accuracy,
    class_f1,
    confusion,
    kappa,
    macro_f1,
    merged,
    overall_accuracy,
    producers_accuracy,
    users_accuracy,
    weighted_accuracy,
)
from eomap.kernels.scores.detection import Outcomes
from eomap.kernels.scores.error import Bins, Coverage, Errors, Mean
from eomap.kernels.scores.pictures import Picture
from eomap.kernels.scores.seam import Seam
from eomap.kernels.scores.spectra import spectral_angle, structural_similarity
from eomap.kernels.scores.uncertainty import Calibration, discard_curve

__all__ = [
    "Bins",
    "Calibration",
    "Coverage",
    "Errors",
    "Mean",
    "Outcomes",
    "Picture",
    "Seam",
    "accuracy_where",
    "average_accuracy",
    "class_f1",
    "confusion",
    "discard_curve",
    "kappa",
    "macro_f1",
    "merged",
    "overall_accuracy",
    "producers_accuracy",
    "spectral_angle",
    "structural_similarity",
    "users_accuracy",
    "weighted_accuracy",
]
