"""Scores that need nothing but the logits: energy, maximum softmax, maximum logit, entropy.

Axis letters: n sample, c class.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.ood.samples import Samples, finite_rows, rows_to_score

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
_WHERE = "scores of logits"


@dataclass(frozen=True, slots=True)
class Energy:
    """Free energy of the logits; Liu et al. (2020), arXiv:2010.03759, equation 4."""

    temperature: float = 1.0

    @classmethod
    def fit(cls, known: Samples, *, temperature: float = 1.0) -> "Energy":
        """Return the score; log-probabilities have no energy and raise MisuseError."""
        _vet_temperature(temperature)
        vet_logits(known.logits_nc)
        return cls(temperature)

    def score(self, features_nd: npt.ArrayLike | None, logits_nc: npt.ArrayLike | None = None) -> F32:
        """Return -T log sum exp(logits / T)."""
        logits = rows_to_score(_WHERE, logits_nc)
        return (-self.temperature * log_sum_exp(logits / self.temperature)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class MaxSoftmax:
    """Doubt in the most likely class; Hendrycks and Gimpel (2017), arXiv:1610.02136."""

    temperature: float = 1.0

    @classmethod
    def fit(cls, known: Samples, *, temperature: float = 1.0) -> "MaxSoftmax":
        """Return the score; nothing is learnt from the samples."""
        _vet_temperature(temperature)
        return cls(temperature)

    def score(self, features_nd: npt.ArrayLike | None, logits_nc: npt.ArrayLike | None = None) -> F32:
        """Return 1 - the largest probability, as the sum of the others: it does not round to 0."""
        logits = np.sort(rows_to_score(_WHERE, logits_nc) / self.temperature, axis=1)
        others = np.exp(logits[:, :-1] - logits[:, -1:]).sum(axis=1)
        return (others / (1 + others)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class MaxLogit:
    """How low the largest logit is; Hendrycks et al. (2022), arXiv:1911.11132."""

    @classmethod
    def fit(cls, known: Samples) -> "MaxLogit":
        """Return the score; log-probabilities raise MisuseError, since their largest is `MaxSoftmax`."""
        vet_logits(known.logits_nc)
        return cls()

    def score(self, features_nd: npt.ArrayLike | None, logits_nc: npt.ArrayLike | None = None) -> F32:
        """Return minus the largest logit."""
        return -rows_to_score(_WHERE, logits_nc).max(axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Entropy:
    """Entropy of the class probabilities, 0 sure to 1 unsure."""

    temperature: float = 1.0

    @classmethod
    def fit(cls, known: Samples, *, temperature: float = 1.0) -> "Entropy":
        """Return the score; nothing is learnt from the samples."""
        _vet_temperature(temperature)
        return cls(temperature)

    def score(self, features_nd: npt.ArrayLike | None, logits_nc: npt.ArrayLike | None = None) -> F32:
        """Return the entropy divided by that of equal probabilities; needs two classes at least."""
        logits = rows_to_score(_WHERE, logits_nc) / self.temperature
        log_p = logits - log_sum_exp(logits)[:, None]
        return (-(np.exp(log_p) * log_p).sum(axis=1) / np.log(logits.shape[1])).astype(np.float32)


def log_sum_exp(logits_nc: F64) -> F64:
    """Return log sum exp over the classes (n), without overflow."""
    top = logits_nc.max(axis=1)
    return top + np.log(np.exp(logits_nc - top[:, None]).sum(axis=1))


def vet_logits(logits_nc: F64 | None) -> F64:
    """Return logits (n, c); raise MisuseError on log-probabilities, which sum to one."""
    logits = finite_rows(_WHERE, logits_nc)
    if np.abs(log_sum_exp(logits)).max() < 1e-4:
        raise MisuseError(
            _WHERE,
            expected="logits before the softmax",
            got="log-probabilities",
            hint="hook the classifier's last layer (eomap.nn.features)",
        )
    return logits


def _vet_temperature(temperature: float) -> None:
    if not 0 < temperature < np.inf:
        raise MisuseError("temperature", expected="a number above 0", got=str(temperature))
