"""How well scores detect what is truly unfamiliar, and whether leaving it out makes a map better."""

import numpy as np
import numpy.typing as npt

from eomap.kernels.scores import Outcomes


def detection_figures(known: npt.ArrayLike, unfamiliar: npt.ArrayLike) -> dict[str, float]:
    """Return AUROC, AUPR and FPR95 of scores (any shape) of samples whose kind is known for certain.

    aupr_out takes the unfamiliar as events, aupr_in the known. fpr95 is the least share of known samples
    flagged by a threshold that flags 95 % of the unfamiliar. Never pass surrogate labels here: they tell
    how a method agrees with itself.

    >>> figures = detection_figures([0.1, 0.2], [0.3, 0.4])
    >>> figures["auroc"], figures["fpr95"], figures["n_known"]
    (1.0, 0.0, 2)
    """
    low, high = np.ravel(known), np.ravel(unfamiliar)
    scores = np.concatenate([low, high])
    counts = Outcomes.ranked(scores, np.arange(scores.size) >= low.size)
    return {
        "n_known": low.size,
        "n_unfamiliar": high.size,
        "auroc": counts.auroc(),
        "aupr_out": counts.average_precision(),
        "aupr_in": counts.reverse.average_precision(),
        "fpr95": counts.false_alarms(0.95),
    }


def risk_figures(scores: npt.ArrayLike, wrong: npt.ArrayLike) -> dict[str, float]:
    """Return the share of wrong cells among all, among the more familiar 80 and 50 %, and AURC.

    `aurc_random` is what scores that know nothing have on average: the share of wrong cells. Equal scores
    are kept or left out together; where they straddle 80 %, the largest share that fits counts, NaN where
    none does.
    """
    counts = Outcomes.ranked(scores, wrong)
    coverage, risk = counts.risk_coverage()

    def risk_at(share: float) -> float:
        inside = np.flatnonzero(coverage <= share + 1e-12)
        return float(risk[inside[-1]]) if inside.size else float("nan")

    return {
        "n": counts.n,
        "risk": risk_at(1.0),
        "risk_80": risk_at(0.8),
        "risk_50": risk_at(0.5),
        "aurc": counts.aurc(),
        "aurc_random": risk_at(1.0),
    }
