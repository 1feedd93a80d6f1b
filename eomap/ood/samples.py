"""What a network is used to: features, logits and classes of in-distribution samples, vetted.

Axis letters: n sample, d feature, c class.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Samples:
    """In-distribution samples in an order that does not depend on how they came, so that fits do not."""

    features_nd: F64 | None
    """Pooled activations of one layer before its non-linearity."""
    logits_nc: F64 | None
    """The network's answer before softmax."""
    classes_n: I64 | None
    """Classes 0, 1, ... as labelled; without labels, as predicted."""

    @classmethod
    def of(
        cls,
        features_nd: npt.ArrayLike | None = None,
        logits_nc: npt.ArrayLike | None = None,
        classes_n: npt.ArrayLike | None = None,
    ) -> "Samples":
        """Return the samples, sorted; raise MisuseError where arrays do not fit or are not finite."""
        features = None if features_nd is None else finite_rows("features of samples", features_nd)
        logits = None if logits_nc is None else finite_rows("logits of samples", logits_nc)
        classes = None if classes_n is None else np.asarray(classes_n, np.int64)
        if classes is None and logits is not None:
            classes = logits.argmax(axis=1)
        given = [a for a in (features, logits, classes) if a is not None]
        sizes = {len(a) for a in given}
        if len(sizes) != 1 or (classes is not None and (classes.ndim != 1 or classes.min() < 0)):
            raise MisuseError(
                "in-distribution samples",
                expected="features (n, d), logits (n, c), classes 0, 1, ... (n), at least one of them",
                got=f"shapes {[a.shape for a in given]}",
            )
        order = row_order(np.column_stack(given))
        return cls(
            None if features is None else features[order],
            None if logits is None else logits[order],
            None if classes is None else classes[order],
        )


def row_order(rows: F64) -> I64:
    """Return the order that sorts rows by their first column, then the second and so on."""
    return np.lexsort(rows.T[::-1])


def finite_rows(where: str, values: npt.ArrayLike | None) -> F64:
    """Return a table as float64; raise MisuseError unless it is (n, columns), n > 0, and finite."""
    if values is None:
        raise MisuseError(where, expected="an array (n, columns)", got="none")
    rows = np.asarray(values, np.float64)
    if rows.ndim != 2 or not rows.size:
        raise MisuseError(where, expected="an array (n, columns)", got=f"shape {rows.shape}")
    bad = int((~np.isfinite(rows)).any(axis=1).sum())
    if bad:
        raise MisuseError(where, expected="finite numbers", got=f"{bad} of {len(rows)} rows that are not")
    return rows


def rows_to_score(where: str, values: npt.ArrayLike | None, *, columns: int | None = None) -> F64:
    """Return a table to score as float64 (n, columns); NaN passes, another number of columns does not."""
    rows = np.empty(0) if values is None else np.asarray(values, np.float64)
    if rows.ndim != 2 or (columns is not None and rows.shape[1] != columns):
        got = "none" if values is None else f"shape {rows.shape}"
        raise MisuseError(where, expected=f"an array (n, {columns or 'columns'})", got=got)
    return rows
