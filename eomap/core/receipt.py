"""What happened to a task."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.layer import Layer
from eomap.core.plan import digest


@dataclass(frozen=True, slots=True)
class Written:
    """One object that a task put into the cube."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The record of one finished task. `status` is written, or failed (set aside after its error)."""

    task_key: str
    tile: str
    status: str
    objects: tuple[Written, ...] = ()
    n_valid: int = 0
    histogram: Mapping[str, int] = field(default_factory=dict)
    """Class code to number of cells, where the product's first layer has a legend."""
    scenes_used: tuple[str, ...] = ()
    scenes_failed: Mapping[str, str] = field(default_factory=dict)
    """Scene id to the error that set it aside."""
    warnings: tuple[str, ...] = ()
    error: str = ""
    attempt: str = ""
    """Unique to one attempt; a lost answer to our own write is recognised by it."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    host: str = ""
    needed_bytes: int = 0
    """What the plan says must be read: the bands' own pixels under the frame, decoded."""
    decoded_bytes: int = 0
    """What the reader decoded for it; margins and overlaps make it more than was needed."""
    sums: Mapping[str, int] = field(default_factory=dict)
    """Where that layer has no legend: per band, or for the layer, the sum of its values as stored."""

    def content(self) -> dict[str, Any]:
        """The part that a repeated run must reproduce: no times, hosts, attempts or bytes read."""
        whole = asdict(self)
        summed = ("sums",) if self.sums else ()  # absent where empty: the manifests of class maps stay theirs
        return {
            k: whole[k]
            for k in (
                "task_key",
                "tile",
                "status",
                "objects",
                "n_valid",
                "histogram",
                *summed,
                "scenes_used",
                "scenes_failed",
            )
        }

    def to_json(self) -> dict[str, Any]:
        """Return the receipt as plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Receipt":
        """Return the receipt that `to_json` wrote."""
        fields = dict(data)
        fields["objects"] = tuple(Written(**w) for w in fields.get("objects", ()))
        for name in ("scenes_used", "warnings"):
            fields[name] = tuple(fields.get(name, ()))
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Tally:
    """What lies in the first layer of a tile, in whole numbers: any order of counting gives the same."""

    n_valid: int
    """Cells that are neither fill nor without a clear look; of a layer with bands, in the first."""
    histogram: Mapping[str, int]
    sums: Mapping[str, int]
    """See `Receipt`."""


def tally(layer: Layer, planes: Iterable[npt.NDArray[Any]]) -> Tally:
    """Return the tally of a layer's stored values, given as one plane (y, x) per band, or a single one."""
    if layer.legend:
        (plane,) = planes
        codes, counts = np.unique(plane, return_counts=True)
        found = {int(k): int(n) for k, n in zip(codes, counts, strict=True) if k != layer.fill}
        n_valid = sum(n for k, n in found.items() if k != layer.no_look)
        return Tally(n_valid, {str(k): n for k, n in found.items()}, {})
    cells, sums = [], {}
    for name, plane in zip(layer.bands or (layer.name,), planes, strict=True):
        valid = plane != layer.fill
        if layer.no_look is not None:
            valid &= plane != layer.no_look
        cells.append(int(np.count_nonzero(valid)))
        sums[name] = int(plane.sum(dtype=np.int64, where=valid))
    return Tally(cells[0], {}, sums)


def manifest_sha256(receipts: list[Receipt]) -> str:
    """Return the digest of what a run made, the same for every run of the same plan."""
    return digest([r.content() for r in sorted(receipts, key=lambda r: r.tile)])
