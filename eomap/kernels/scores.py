"""Agreement of two class maps: confusion matrix and the scores that LCZ papers print.

A confusion matrix is (true, predicted) counts. Scores are undefined (NaN) where they divide by zero.
"""

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


def confusion(truth: npt.ArrayLike, predicted: npt.ArrayLike, *, classes: npt.ArrayLike) -> I64:
    """Return the counts (true class, predicted class) over the pairs whose truth is one of `classes`.

    Predictions outside `classes` (no look, never written) are left out too; raise ValueError when the
    two arrays differ in shape.

    >>> confusion([1, 1, 2], [1, 2, 2], classes=[1, 2]).tolist()
    [[1, 1], [0, 1]]
    """
    truth, predicted, known = (np.asarray(a) for a in (truth, predicted, classes))
    if truth.shape != predicted.shape:
        raise ValueError(f"shapes differ: {truth.shape} and {predicted.shape}")
    keep = np.isin(truth, known) & np.isin(predicted, known)
    order = np.argsort(known)
    t = order[np.searchsorted(known, truth[keep], sorter=order)]
    p = order[np.searchsorted(known, predicted[keep], sorter=order)]
    n = len(known)
    return np.bincount(t * n + p, minlength=n * n).reshape(n, n).astype(np.int64)


def overall_accuracy(matrix: npt.ArrayLike) -> float:
    """Return the share of pairs that agree (OA)."""
    m = np.asarray(matrix, np.float64)
    return float(_ratio(np.trace(m), m.sum()))


def average_accuracy(matrix: npt.ArrayLike) -> float:
    """Return the mean recall of the classes that occur in the truth (AA)."""
    m = np.asarray(matrix, np.float64)
    return _mean(_ratio(np.diag(m), m.sum(axis=1)))


def kappa(matrix: npt.ArrayLike) -> float:
    """Return Cohen's kappa: agreement beyond that expected of independent maps with equal class shares."""
    m = np.asarray(matrix, np.float64)
    share = m / m.sum()
    expected = float(share.sum(axis=1) @ share.sum(axis=0))
    return float(_ratio(np.trace(share) - expected, 1 - expected))


def class_f1(matrix: npt.ArrayLike) -> F64:
    """Return F1 per class, NaN for a class that neither map has."""
    m = np.asarray(matrix, np.float64)
    return _ratio(2 * np.diag(m), m.sum(axis=0) + m.sum(axis=1))


def macro_f1(matrix: npt.ArrayLike) -> float:
    """Return the mean of the classes' F1, over the classes that either map has."""
    return _mean(class_f1(matrix))


def _mean(values: F64) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> F64:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole == 0, np.nan, part / whole)
