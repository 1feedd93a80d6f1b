"""Fitting a detector on many places and drawing its familiarity curve from places it did not see.

Axis letters: n sample, d feature, c class.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.ood.familiarity import Familiarity
from eomap.ood.methods import Detector, fit
from eomap.ood.samples import Samples

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
FOLDS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Familiar samples, and where each was taken."""

    features_nd: F32
    logits_nc: F32 | None
    place_n: I64
    """Samples of one place are alike; numbers 0, 1, ... over all sources."""
    source_n: I64
    """Which of several collections of places it is of."""

    def part(self, keep_n: npt.NDArray[Any]) -> "Known":
        """Return some of the samples."""
        logits = None if self.logits_nc is None else self.logits_nc[keep_n]
        return Known(self.features_nd[keep_n], logits, self.place_n[keep_n], self.source_n[keep_n])

    def samples(self) -> Samples:
        """Return them for a fit: classes are those predicted."""
        return Samples.of(self.features_nd, self.logits_nc)


def balanced(known: Known, *, seed: int = 0) -> Known:
    """Return as many samples of every source as the poorest has, drawn at random: none outvotes another."""
    sources, size = np.unique(known.source_n, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(known.source_n))
    kept = [order[known.source_n[order] == s][: size.min()] for s in sources]
    return known.part(np.sort(np.concatenate(kept)))


def weights(known: Known) -> F64:
    """Return the weight of each sample (n): sources weigh the same, and so do the places of each."""
    _, code, size = np.unique(known.place_n, return_inverse=True, return_counts=True)
    places = np.bincount(known.source_n, 1 / size[code])
    return 1 / (size[code] * places[known.source_n])


def held_out_scores(method: str, known: Known, *, folds: int = FOLDS, **options: Any) -> F32:
    """Return the score of each sample (n) by a detector fitted without its place.

    The places of each source take turns: a source of no more than `folds` places leaves out one at a time.
    Raises MisuseError for a single place.
    """
    turn = _turns(known, folds)
    if len(np.unique(known.place_n)) < 2:
        raise MisuseError("familiarity", expected="two places or more", got="one: no place can be held out")
    scores = np.empty(len(turn), np.float32)
    for k in np.unique(turn):
        out = turn == k
        detector, held = fit(method, known.part(~out).samples(), **options), known.part(out)
        scores[out] = detector.score(held.features_nd, held.logits_nc)
    return scores


def fitted(method: str, known: Known, *, folds: int = FOLDS, **options: Any) -> tuple[Detector, Familiarity]:
    """Return the detector of all samples, and the curve of scores of places held out in turns.

    The curve is that of detectors of fewer places, which find new ones a little stranger: it errs on the
    side of calling a sample familiar.
    """
    curve = Familiarity.of(held_out_scores(method, known, folds=folds, **options), weights(known))
    return fit(method, known.samples(), **options), curve


def _turns(known: Known, folds: int) -> I64:
    """Return which turn leaves a sample's place out (n)."""
    turn = np.empty(len(known.place_n), np.int64)
    for source in np.unique(known.source_n):
        own = known.source_n == source
        _, rank = np.unique(known.place_n[own], return_inverse=True)
        turn[own] = rank % folds
    return turn
