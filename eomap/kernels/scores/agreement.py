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
    if m.sum() == 0:
        return float("nan")
    share = m / m.sum()
    expected = float(share.sum(axis=1) @ share.sum(axis=0))
    return float(_ratio(np.trace(share) - expected, 1 - expected))


def class_f1(matrix: npt.ArrayLike) -> F64:
    """Return F1 per class, NaN for a class that neither map has."""
    m = np.asarray(matrix, np.float64)
    return _ratio(2 * np.diag(m), m.sum(axis=0) + m.sum(axis=1))


def producers_accuracy(matrix: npt.ArrayLike) -> F64:
    """Return per class the share of its true cells that the map has right (recall), NaN without truth."""
    m = np.asarray(matrix, np.float64)
    return _ratio(np.diag(m), m.sum(axis=1))


def users_accuracy(matrix: npt.ArrayLike) -> F64:
    """Return per class the share of its mapped cells that are right (precision), NaN where never mapped."""
    m = np.asarray(matrix, np.float64)
    return _ratio(np.diag(m), m.sum(axis=0))


def accuracy_where(matrix: npt.ArrayLike, chosen: npt.ArrayLike) -> float:
    """Return the share of pairs that agree among those whose truth is one of the chosen classes.

    `chosen` is a mask over the classes. A chosen class mapped as one that is not chosen is an error.

    >>> accuracy_where([[8, 2], [1, 9]], [True, False])
    0.8
    """
    m, rows = np.asarray(matrix, np.float64), np.asarray(chosen, bool)
    return float(_ratio(np.diag(m)[rows].sum(), m[rows].sum()))


def merged(matrix: npt.ArrayLike, groups: npt.ArrayLike) -> I64:
    """Return the confusion matrix of groups of classes; `groups` gives the group 0, 1, ... of each class.

    >>> merged([[8, 2, 0], [1, 9, 0], [0, 3, 4]], [0, 0, 1]).tolist()
    [[20, 0], [3, 4]]
    """
    m, group = np.asarray(matrix), np.asarray(groups)
    member = (group[:, None] == np.arange(group.max() + 1)[None, :]).astype(np.int64)
    return member.T @ m @ member


def weighted_accuracy(matrix: npt.ArrayLike, likeness: npt.ArrayLike) -> float:
    """Return the mean likeness, 0 to 1, of true and mapped class over all pairs.

    With the identity matrix as likeness this is the overall accuracy.
    """
    m = np.asarray(matrix, np.float64)
    return float(_ratio((m * np.asarray(likeness)).sum(), m.sum()))


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
