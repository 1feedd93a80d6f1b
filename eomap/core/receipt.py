"""What happened to a task."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

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
    """Class code to number of cells, for the product's categorical layer."""
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

    def content(self) -> dict[str, Any]:
        """The part that a repeated run must reproduce: no times, hosts, attempts or bytes read."""
        whole = asdict(self)
        return {
            k: whole[k]
            for k in (
                "task_key",
                "tile",
                "status",
                "objects",
                "n_valid",
                "histogram",
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


def manifest_sha256(receipts: list[Receipt]) -> str:
    """Return the digest of what a run made, the same for every run of the same plan."""
    return digest([r.content() for r in sorted(receipts, key=lambda r: r.tile)])
