"""A detector learnt from unlabelled deployment samples: clusters that hold few known samples are unfamiliar.

TARDIS (Ekim et al. 2025, "Distribution Shifts at Scale: Out-of-distribution Detection in Earth
Observation"): known and wild samples are clustered together; a cluster with a share of known samples
below `least_known` is surrogate-unfamiliar; a balanced logistic regression learns to tell such samples.
No label of unfamiliarity is used. How well it tells surrogates says nothing of how well it detects.
Axis letters: n sample, w wild sample, d feature.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError
from eomap.ood.kmeans import kmeans
from eomap.ood.logistic import balanced_logistic
from eomap.ood.samples import F64, I64, Bool, Samples, finite_rows, row_order, rows_to_score

F32 = npt.NDArray[np.float32]
_WHERE = "TARDIS"
_CLUSTERS_OF_KNOWN = 0.3
_SHUFFLES = 199


@dataclass(frozen=True, slots=True)
class Surrogate:
    """Which samples one clustering calls unfamiliar, and how many it would if nothing had shifted."""

    k: int
    known_n: Bool
    wild_w: Bool
    null_share_s: F64
    """Share of the wild samples that the same clusters call unfamiliar, per shuffle of known and wild."""

    @property
    def null_share(self) -> float:
        """Mean over the shuffles."""
        return float(self.null_share_s.mean())

    @property
    def excess(self) -> float:
        """Share of the wild samples called unfamiliar, less the null share."""
        return float(self.wild_w.mean()) - self.null_share


@dataclass(frozen=True, slots=True)
class Tardis:
    """The logistic regression g on standardised features, and what it was learnt from."""

    mean_d: F64
    scale_d: F64
    coefficient_d: F64
    intercept: float
    shift: bool
    """False: the wild samples are like the known ones, and every score is 0."""
    k: int
    least_known: float
    n_known: int
    n_wild: int
    n_surrogate: int
    null_share: float

    @classmethod
    def fit(
        cls,
        known: Samples,
        *,
        wild_nd: npt.ArrayLike | None = None,
        k: int | None = None,
        least_known: float = 0.1,
        seed: int = 31,
    ) -> "Tardis":
        """Return g for known samples and wild ones (n, d) of the same layer.

        `k` is the number of clusters of known and wild together; None: the best of `cluster_numbers`, see
        `chosen`. Raises MisuseError without wild samples.
        """
        x = finite_rows(_WHERE, known.features_nd)
        wild = _wild_rows(wild_nd, x.shape[1])
        sizes = cluster_numbers(len(x)) if k is None else [k]
        made, shift = chosen([surrogate(x, wild, n, least_known=least_known, seed=seed) for n in sizes])
        both = np.concatenate([x, wild])
        event = np.concatenate([made.known_n, made.wild_w])
        mean, scale = both.mean(axis=0), both.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        coefficient, intercept = np.zeros(x.shape[1]), 0.0
        if shift and not event.all():
            coefficient, intercept = balanced_logistic((both - mean) / scale, event)
        return cls(
            mean, scale, coefficient, intercept, shift, made.k, least_known,
            len(x), len(wild), int(event.sum()), made.null_share,
        )  # fmt: skip

    def score(self, features_nd: npt.ArrayLike | None, logits_nc: npt.ArrayLike | None = None) -> F32:
        """Return the log-odds of being unfamiliar: they do not round to one as probabilities do."""
        x = rows_to_score(_WHERE, features_nd, columns=len(self.mean_d))
        z = (x - self.mean_d) / self.scale_d
        return (z @ self.coefficient_d + self.intercept).astype(np.float32)

    def probability(self, features_nd: npt.ArrayLike) -> F32:
        """Return g, 0 to 1, as learnt from equal numbers of both kinds; 0 without a shift."""
        if not self.shift:
            return np.zeros(len(np.asarray(features_nd)), np.float32)
        odds = self.score(features_nd).astype(np.float64)
        return (1 / (1 + np.exp(-np.clip(odds, -700, 700)))).astype(np.float32)


def cluster_numbers(n_known: int) -> list[int]:
    """Return the k that are tried: 2, 4, 8 ... and 0.3 of the known samples, as published.

    >>> cluster_numbers(100)
    [2, 4, 8, 16, 30]
    """
    most = max(2, int(_CLUSTERS_OF_KNOWN * n_known))
    return [k for k in (2**i for i in range(1, 32)) if k < most] + [most]


def surrogate(x_nd: F64, wild_wd: F64, k: int, *, least_known: float = 0.1, seed: int = 31) -> Surrogate:
    """Return what k clusters call unfamiliar: all members of clusters with a known share < `least_known`.

    If the wild samples were of the known kind, any could be called wild: shuffles of who is known within
    the same clusters show how many would be called unfamiliar then. Raises MisuseError unless
    0 < `least_known` <= 1.
    """
    if not 0 < least_known <= 1:
        raise MisuseError("least known share", expected="more than 0, at most 1", got=str(least_known))
    n = len(x_nd)
    _, cluster = kmeans(np.concatenate([x_nd, wild_wd]), k, seed=seed)
    poor = _poor(cluster[:n], cluster[n:], k, least_known)
    rng = np.random.default_rng(seed)
    null = np.empty(_SHUFFLES)
    for s in range(_SHUFFLES):
        mixed = rng.permutation(cluster)
        null[s] = _poor(mixed[:n], mixed[n:], k, least_known)[mixed[n:]].mean()
    return Surrogate(k, poor[cluster[:n]], poor[cluster[n:]], null)


def chosen(made: list[Surrogate]) -> tuple[Surrogate, bool]:
    """Return the clustering with the largest excess, of equals the one with least k, and if it is a shift.

    Few clusters mix both kinds and find nothing; too many leave wild samples alone, which happens to
    shuffled ones too. The excess is small in both cases, so neither is chosen; no label is needed. A shift:
    the largest excess of no shuffle, over all k, reaches it (a permutation test at 1 / 200).
    """
    best = max(made, key=lambda each: (round(each.excess, 9), -each.k))
    by_chance = np.max([each.null_share_s - each.null_share for each in made], axis=0)
    return best, bool(best.wild_w.any() and best.excess > by_chance.max())


def _wild_rows(wild_nd: npt.ArrayLike | None, columns: int) -> F64:
    """Return the wild samples in an order of their own; raise MisuseError where there are none."""
    if wild_nd is None or not np.size(wild_nd):
        raise MisuseError(
            _WHERE,
            expected="wild samples: unlabelled features of what is to be mapped",
            got="none",
            hint="a method that needs none, such as mahalanobis",
        )
    wild = finite_rows("wild samples", wild_nd)
    if wild.shape[1] != columns:
        raise MisuseError("wild samples", expected=f"{columns} features", got=str(wild.shape[1]))
    return wild[row_order(wild)]


def _poor(known_n: I64, wild_w: I64, k: int, least_known: float) -> Bool:
    """Return which clusters (k) have too small a share of known samples."""
    known = np.bincount(known_n, minlength=k)
    return known < least_known * (known + np.bincount(wild_w, minlength=k))
