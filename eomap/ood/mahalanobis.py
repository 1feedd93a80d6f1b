"""Distances from what is known, in units of its own spread.

Lee et al. (2018), arXiv:1807.03888: a mean per class, one covariance for all. Ren et al. (2021),
arXiv:2106.09022: the same, less the distance from all classes taken as one.
Axis letters: n sample, d and e feature, c class.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.ood.kmeans import squared_distances
from eomap.ood.samples import Samples, finite_rows, rows_to_score

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
_WHERE = "Mahalanobis distance"


@dataclass(frozen=True, slots=True)
class Mahalanobis:
    """Squared distance from the nearest class."""

    mean_cd: F64
    whitening_de: F32
    """Maps differences to directions of unit variance."""

    @classmethod
    def fit(
        cls,
        known: Samples,
        *,
        by_class: bool = True,
        shrinkage: float | None = None,
        directions: int | None = None,
    ) -> "Mahalanobis":
        """Return means and whitening; `by_class=False` takes all samples as one class.

        `directions` keeps only so many, those along which the samples of a class vary most; None keeps all.
        `shrinkage` 0 to 1 is the weight of the diagonal in the covariance; None: chosen by `shrinkage_of`.
        With 0 the score does not change under any invertible affine map of the features.
        """
        x = finite_rows(_WHERE, known.features_nd)
        mean, inner = _centred(x, known if by_class else Samples(x, None, None))
        white = whitening(inner, shrinkage)[:, -directions if directions else None :]
        return cls(mean, np.ascontiguousarray(white, np.float32))

    def score(self, features_nd: npt.ArrayLike | None, logits_nc: npt.ArrayLike | None = None) -> F32:
        """Return the squared distance, about d for a typical sample of a known class."""
        x = rows_to_score(_WHERE, features_nd, columns=self.mean_cd.shape[1])
        return nearest(x, self.mean_cd, self.whitening_de).astype(np.float32)


@dataclass(frozen=True, slots=True)
class RelativeMahalanobis:
    """Squared distance from the nearest class, less that from all samples taken as one class."""

    mean_cd: F64
    whitening_de: F32
    mean_d: F64
    all_whitening_de: F32

    @classmethod
    def fit(cls, known: Samples, *, shrinkage: float | None = None) -> "RelativeMahalanobis":
        """Return both distances; needs at least two classes, else they are the same."""
        x = finite_rows(_WHERE, known.features_nd)
        mean, inner = _centred(x, known)
        if len(mean) < 2:
            raise MisuseError("relative " + _WHERE, expected="samples of two classes or more", got="one")
        middle = x.mean(axis=0)
        return cls(
            mean,
            whitening(inner, shrinkage).astype(np.float32),
            middle,
            whitening(x - middle, shrinkage).astype(np.float32),
        )

    def score(self, features_nd: npt.ArrayLike | None, logits_nc: npt.ArrayLike | None = None) -> F32:
        """Return the difference of squared distances; may be negative."""
        x = rows_to_score(_WHERE, features_nd, columns=len(self.mean_d))
        own = nearest(x, self.mean_cd, self.whitening_de)
        return (own - nearest(x, self.mean_d[None], self.all_whitening_de)).astype(np.float32)


def nearest(x_nd: F64, mean_cd: F64, whitening_de: F32) -> F64:
    """Return the least squared distance from the means (n), after whitening; one product for all classes."""
    w, middle = whitening_de.astype(np.float64), mean_cd.mean(axis=0)
    return squared_distances((x_nd - middle) @ w, (mean_cd - middle) @ w).min(axis=1)


def whitening(centred_nd: F64, shrinkage: float | None) -> F64:
    """Return W (d, e) with |x W|^2 = x C^-1 x for the shrunk covariance C of centred samples.

    The correlation matrix is shrunk towards the identity, so that the units of a feature do not matter.
    A feature that never varies counts in its own unit; directions without variance count as nothing.
    """
    scale = np.sqrt((centred_nd**2).mean(axis=0))
    scale = np.where(scale > 1e-12 * max(scale.max(), 1e-300), scale, 1.0)
    z = centred_nd / scale
    correlation = z.T @ z / len(z)
    weight = shrinkage_of(correlation, len(z)) if shrinkage is None else shrinkage
    if not 0 <= weight <= 1:
        raise MisuseError("shrinkage", expected="0 to 1", got=str(weight))
    values, vectors = np.linalg.eigh((1 - weight) * correlation + weight * np.eye(len(scale)))
    some = values > 1e-10 * values[-1]
    return vectors[:, some] / np.sqrt(values[some]) / scale[:, None]


def shrinkage_of(covariance_de: F64, n: int) -> float:
    """Return the oracle-approximating weight of the identity, 0 to 1, for n Gaussian samples.

    Chen et al. (2010), doi:10.1109/TSP.2010.2053029, equation 23.
    """
    p = len(covariance_de)
    square, trace = float((covariance_de**2).sum()), float(np.trace(covariance_de))
    above = (1 - 2 / p) * square + trace**2
    below = (n + 1 - 2 / p) * (square - trace**2 / p)
    return min(1.0, above / below) if below > 0 else 1.0


def _centred(x: F64, known: Samples) -> tuple[F64, F64]:
    """Return the mean of each class that occurs (c, d) and the samples less their class's mean."""
    classes = np.zeros(len(x), np.int64) if known.classes_n is None else known.classes_n
    _, code = np.unique(classes, return_inverse=True)
    mean = np.stack([x[code == c].mean(axis=0) for c in range(code.max() + 1)])
    return mean, x - mean[code]
