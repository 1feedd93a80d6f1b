"""The frozen list of what will be done, and the key that makes a task the same task."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from eomap.core.grid import Tile, Window

NO_NETWORK = "no network"


def digest(value: Any) -> str:
    """Return the sha256 of the canonical JSON of a value made of plain types.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Task:
    """One tile of one product: the unit of work, owned by one worker at a time."""

    tile: Tile
    window: Window
    """The cells of the tile that may be written: those under the AOI's box."""
    clip_wkb: str
    """The AOI within the tile as hexadecimal WKB, lon/lat or the metres of the tile's zone; empty where the
    whole tile is wanted."""
    scenes: tuple[str, ...]
    """Ids of the scenes to read, in order of id; the scenes themselves stand once in the plan."""
    block_px: int
    """Rows of the blocks in which a frame is read, so that memory stays within the budget."""
    read_bytes: int
    memory_bytes: int
    seconds: float
    """Estimated time of one worker."""
    key: str
    """Digest of everything that decides the result: same key means done."""
    block_cols: int = 0
    """Columns of those blocks; 0 for the whole width of the frame."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides a run, before it starts. Equal inputs give equal plans."""

    product: str
    product_version: str
    code_version: str
    aoi_hash: str
    aoi_bounds_deg: tuple[float, float, float, float]
    extent: str
    """aoi: the cube spans the AOI's tiles; global: the whole lattice."""
    period: str
    catalog: str
    collection: str
    model: str
    """Name of the network; empty, like its digest, for a product without one."""
    model_sha256: str
    mask: str
    layers: tuple[str, ...]
    scenes: Mapping[str, Mapping[str, Any]]
    """Scene id to the fields of `core.source.Scene`."""
    tasks: tuple[Task, ...]
    unseen: tuple[str, ...]
    """Ids of tiles that the AOI touches but no scene of the period covers; they are not written."""
    notes: tuple[str, ...] = ()
    """What the planner found worth saying, e.g. older baselines that were set aside."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What makes the product another than its default: sensor, method, bands."""
    runtime: str = "float32"
    """How the network is asked (nn.runtime): it may change the last digits, so it is pinned."""
    picture_model: str = ""
    """Name of the network that makes the picture which the product is made from; empty, like its digest,
    where that is a composite."""
    picture_sha256: str = ""
    grid: str = "lattice"
    """lattice; utm: each place in its own UTM zone; EPSG:<zone>: one zone for all."""

    @property
    def run_id(self) -> str:
        """The digest of the plan: its name in ledgers and cubes."""
        return digest(
            [
                self.product,
                self.product_version,
                self.aoi_hash,
                self.extent,
                self.layers,
                self.model,
                self.model_sha256,
                sorted(t.key for t in self.tasks),
                sorted(self.unseen),
                *([self.picture_model, self.picture_sha256] if self.picture_model else []),
            ]
        )

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of the networks that a run asks, masks apart."""
        return tuple(name for name in (self.model, self.picture_model) if name)

    @property
    def network(self) -> str:
        """The network for people, also where there is none."""
        return " on pictures by ".join(self.networks) or NO_NETWORK

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON types, with its run id."""
        rest = asdict(replace(self, scenes={}))
        return {"run_id": self.run_id, **rest, "scenes": {k: dict(v) for k, v in self.scenes.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Plan":
        """Return the plan that `to_json` wrote."""
        fields = {k: v for k, v in data.items() if k != "run_id"}
        for name in ("layers", "unseen", "notes", "aoi_bounds_deg"):
            fields[name] = tuple(fields[name])
        fields["tasks"] = tuple(
            Task(
                **{
                    **t,
                    "tile": Tile(**t["tile"]),
                    "window": Window(**t["window"]),
                    "scenes": tuple(t["scenes"]),
                }
            )
            for t in fields["tasks"]
        )
        return cls(**fields)
