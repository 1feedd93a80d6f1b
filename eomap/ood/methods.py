"""All methods by name, and detectors as arrays and JSON: what is saved, and never a pickle."""

from dataclasses import fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from eomap.errors import BrokenInputError, MisuseError
from eomap.ood.logits import Energy, Entropy, MaxLogit, MaxSoftmax
from eomap.ood.mahalanobis import Mahalanobis, RelativeMahalanobis
from eomap.ood.neighbours import Neighbours
from eomap.ood.samples import Samples
from eomap.ood.tardis import Tardis
from eomap.ood.vim import Vim

Arrays = dict[str, npt.NDArray[Any]]


class Detector(Protocol):
    """What has been fitted and can score."""

    def score(
        self, features_nd: npt.ArrayLike | None, logits_nc: npt.ArrayLike | None = None
    ) -> npt.NDArray[np.float32]:
        """Return a score per sample (n), higher = less familiar; NaN where an input is NaN."""


METHODS: dict[str, type[Any]] = {
    "tardis": Tardis,
    "mahalanobis": Mahalanobis,
    "relative-mahalanobis": RelativeMahalanobis,
    "neighbours": Neighbours,
    "vim": Vim,
    "energy": Energy,
    "max-logit": MaxLogit,
    "max-softmax": MaxSoftmax,
    "entropy": Entropy,
}
"""Every class has `fit(known, **options)` and gives a `Detector`."""


def fit(method: str, known: Samples, **options: Any) -> Detector:
    """Return the detector of a method, fitted; raise MisuseError naming the methods there are."""
    if method not in METHODS:
        raise MisuseError("ood method", expected=f"one of {', '.join(METHODS)}", got=repr(method))
    return METHODS[method].fit(known, **options)


def to_arrays(detector: Any) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays of a detector, and the rest as what JSON can hold."""
    names = {kind: name for name, kind in METHODS.items()}
    values = {f.name: getattr(detector, f.name) for f in fields(detector)}
    arrays = {k: v for k, v in values.items() if isinstance(v, np.ndarray)}
    rest = {k: v for k, v in values.items() if k not in arrays}
    return arrays, {"method": names[type(detector)], "values": rest}


def from_arrays(arrays: Arrays, record: dict[str, Any]) -> Detector:
    """Return the detector that `to_arrays` took apart; raise BrokenInputError where parts are missing."""
    kind, rest = METHODS.get(record.get("method", "")), record.get("values", {})
    wanted = {f.name for f in fields(kind)} if kind else set()
    if kind is None or arrays.keys() | rest.keys() != wanted or arrays.keys() & rest.keys():
        raise BrokenInputError(
            "detector",
            expected=f"a known method and {', '.join(sorted(wanted)) or 'its values'}",
            got=f"method {record.get('method')!r} with {', '.join(sorted([*arrays, *rest]))}",
        )
    return kind(**arrays, **rest)
