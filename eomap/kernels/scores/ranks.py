"""Agreement of orders: whether a map puts places in the right order, whatever its numbers."""

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def ranks(values: npt.ArrayLike) -> F64:
    """Return the rank of each value from 1 on; equal ones share the mean of theirs.

    >>> ranks([30, 10, 30]).tolist()
    [2.5, 1.0, 2.5]
    """
    _, which, count = np.unique(np.asarray(values).ravel(), return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[which].astype(np.float64)


def rank_correlation(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Return Spearman's rho, -1 to 1; NaN where either is the same everywhere."""
    a, b = (ranks(v) - (np.size(v) + 1) / 2 for v in (truth, predicted))
    length = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum() / length) if length else float("nan")
