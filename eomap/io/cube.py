"""The map cube: one Zarr v3 group, a tile of the lattice = one shard of every array.

The driver creates the arrays and writes all metadata; workers only write whole shards. Two writers
in one shard would lose data silently, so a write that is not exactly one shard is refused.
"""

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import TILE_COLS, TILE_ROWS, Tile, Window, tile_cells
from eomap.core.layer import Layer
from eomap.core.receipt import Written
from eomap.errors import BrokenInputError, MisuseError
from eomap.io.store import Bucket, Folder, open_store

CHUNK_LIMIT = 500
FORMAT_VERSION = 1
ROOT = "zarr.json"


def chunk_cells(tile: int) -> int:
    """Return the chunk side: the largest divisor of the tile that is no longer than 500 cells.

    >>> chunk_cells(6000), chunk_cells(600), chunk_cells(120)
    (500, 300, 120)
    """
    return max(n for n in range(1, min(tile, CHUNK_LIMIT) + 1) if tile % n == 0)


@dataclass(frozen=True, slots=True)
class Extent:
    """Which tiles a cube spans: rows and columns of tiles, ends excluded."""

    step: int
    row0: int
    row1: int
    col0: int
    col1: int

    @classmethod
    def of_tiles(cls, tiles: list[Tile], step: int) -> "Extent":
        """Return the smallest extent that holds the tiles."""
        rows, cols = [t.row for t in tiles], [t.col for t in tiles]
        return cls(step, min(rows), max(rows) + 1, min(cols), max(cols) + 1)

    @classmethod
    def globe(cls, step: int) -> "Extent":
        """Return the extent of the whole lattice."""
        return cls(step, 0, TILE_ROWS, 0, TILE_COLS)

    @property
    def window(self) -> Window:
        """The cells of the extent."""
        n = tile_cells(self.step)
        return Window(self.step, self.row0 * n, self.row1 * n, self.col0 * n, self.col1 * n)

    def shard(self, tile: Tile) -> tuple[int, int]:
        """Return the shard row and column of a tile; raise MisuseError outside the cube."""
        if not (self.row0 <= tile.row < self.row1 and self.col0 <= tile.col < self.col1):
            raise MisuseError(tile.id, expected="a tile of this cube", got="a tile outside it")
        return tile.row - self.row0, tile.col - self.col0


@dataclass(frozen=True)
class Cube:
    """An existing cube; cheap to send to a worker (it opens its own store there)."""

    url: str
    extent: Extent
    layers: tuple[Layer, ...]
    _open: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __reduce__(self):
        return (Cube, (self.url, self.extent, self.layers))

    @cached_property
    def store(self) -> Folder | Bucket:
        """The bytes of the cube."""
        return open_store(self.url)

    def array(self, name: str, *, writable: bool = False) -> Any:
        """Return the zarr array of a layer."""
        import zarr

        key = f"{name}:{writable}"
        if key not in self._open:
            # An all-fill shard must exist, or "done and empty" would look like "never done".
            with zarr.config.set({"array.write_empty_chunks": writable}):
                self._open[key] = zarr.open_array(
                    self.store.zarr(), path=name, mode="r+" if writable else "r", zarr_format=3
                )
        return self._open[key]

    def object_key(self, layer: Layer, tile: Tile) -> str:
        """Return the key of the shard of a layer that holds a tile."""
        row, col = self.extent.shard(tile)
        return f"{layer.name}/c/0/{row}/{col}" if layer.bands else f"{layer.name}/c/{row}/{col}"

    def write(self, tile: Tile, arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[Written, ...]:
        """Write one tile's shard of every layer and return what now lies there, read back and compared.

        The first declared layer is written last: its shard says that the others are there.
        """
        row, col = self.extent.shard(tile)
        n = tile_cells(self.extent.step)
        done: list[Written] = []
        for layer in reversed(self.layers):
            block = arrays[layer.name]
            shape = (len(layer.bands), n, n) if layer.bands else (n, n)
            if block.shape != shape or block.dtype != np.dtype(layer.dtype):
                raise ValueError(
                    f"{layer.name}: one whole shard is {shape} {layer.dtype}, got {block.shape} {block.dtype}"
                )
            part = (slice(row * n, (row + 1) * n), slice(col * n, (col + 1) * n))
            at = (slice(None), *part) if layer.bands else part
            array = self.array(layer.name, writable=True)
            array[at] = block
            key = self.object_key(layer, tile)
            data = self.store.read(key)
            if not np.array_equal(array[at], block):
                raise BrokenInputError(
                    f"{self.url}/{key}",
                    expected="the cells just written",
                    got="others",
                    hint="check the disk or the store, then run again",
                )
            done.append(Written(key, len(data), hashlib.sha256(data).hexdigest()))
        return tuple(sorted(done, key=lambda w: w.key))

    def read(self, name: str, window: Window) -> npt.NDArray[Any]:
        """Return stored values of a layer on a window; cells outside the cube are the layer's fill."""
        layer = next((g for g in self.layers if g.name == name), None)
        if layer is None:
            raise MisuseError(self.url, expected=f"one of {', '.join(g.name for g in self.layers)}", got=name)
        own = self.extent.window
        r0, r1 = max(window.row0, own.row0), min(window.row1, own.row1)
        c0, c1 = max(window.col0, own.col0), min(window.col1, own.col1)
        lead = (len(layer.bands),) if layer.bands else ()
        out = np.full((*lead, *window.shape), layer.fill, dtype=layer.dtype)
        if r0 < r1 and c0 < c1:
            source = (slice(r0 - own.row0, r1 - own.row0), slice(c0 - own.col0, c1 - own.col0))
            target = (slice(r0 - window.row0, r1 - window.row0), slice(c0 - window.col0, c1 - window.col0))
            front = (slice(None),) if lead else ()
            out[(*front, *target)] = self.array(name)[(*front, *source)]
        return out

    def attributes(self) -> dict[str, Any]:
        """Return the root attributes as they are now."""
        return dict(json.loads(self.store.read(ROOT)).get("attributes", {}))

    def set_attributes(self, changes: Mapping[str, Any]) -> None:
        """Change root attributes and consolidate the metadata: one object, replaced whole (driver only)."""
        document = json.loads(self.store.read(ROOT))
        document["attributes"] = {**document.get("attributes", {}), **changes}
        document.pop("consolidated_metadata", None)
        self.store.put(ROOT, json.dumps(document, indent=2).encode())
        _consolidate(self.store)


def create(url: str, extent: Extent, layers: tuple[Layer, ...], attributes: Mapping[str, Any]) -> Cube:
    """Create the empty arrays and the metadata of a cube at a free place; root metadata comes last."""
    import zarr
    from zarr.codecs import ZstdCodec

    from eomap.io.georeference import array_attributes, root_attributes, spatial_reference

    cube = Cube(url, extent, layers)
    n, window = tile_cells(extent.step), extent.window
    chunk = chunk_cells(n)
    staging = zarr.storage.MemoryStore()
    group = zarr.open_group(staging, mode="w", zarr_format=3)
    group.attrs.update({**root_attributes(window, layers), **attributes})
    for layer in layers:
        lead = (len(layer.bands),) if layer.bands else ()
        group.create_array(
            layer.name,
            shape=(*lead, *window.shape),
            chunks=(*lead, chunk, chunk),
            shards=(*lead, n, n),
            dtype=layer.dtype,
            fill_value=layer.fill,
            compressors=ZstdCodec(level=3, checksum=True),
            dimension_names=("band", "y", "x") if lead else ("y", "x"),
            attributes=array_attributes(layer, window),
        )
    for name, values in (("y", window.lat()), ("x", window.lon())):
        axis = group.create_array(
            name,
            shape=values.shape,
            dtype="f8",
            fill_value=None,
            dimension_names=(name,),
            chunks=values.shape,
            compressors=ZstdCodec(level=3, checksum=True),
            attributes=_AXES[name],
        )
        axis[:] = values
    group.create_array(
        "spatial_ref",
        shape=(),
        dtype="i4",
        fill_value=0,
        dimension_names=(),
        attributes=spatial_reference(window),
    )[...] = 0
    objects = {k: v.to_bytes() for k, v in staging._store_dict.items()}
    for key in sorted(objects, key=lambda k: (k == ROOT, k)):
        cube.store.put(key, objects[key])
    _consolidate(cube.store)
    return cube


def _consolidate(store: Folder | Bucket) -> None:
    import zarr

    with warnings.catch_warnings():  # zarr-python warns that other readers may ignore it; they may
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(store.zarr())


_AXES: dict[str, dict[str, Any]] = {
    "y": {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"},
    "x": {"standard_name": "longitude", "units": "degrees_east", "axis": "X"},
}


def exists(url: str) -> bool:
    """Say whether a cube (or anything with Zarr metadata) lies there."""
    return open_store(url).size(ROOT) is not None


def open_cube(url: str) -> Cube:
    """Return the cube at a path or s3:// url; raise MisuseError where there is none of ours."""
    try:
        document = json.loads(open_store(url).read(ROOT))
    except FileNotFoundError:
        raise MisuseError(
            url,
            expected="a cube made by eomap",
            got="nothing there",
            hint="check the path, or make one with `eomap run`",
        ) from None
    except (ValueError, NotADirectoryError, IsADirectoryError):
        raise MisuseError(url, expected="a cube made by eomap", got="something else") from None
    attributes = document.get("attributes", {})
    if attributes.get("eomap:format") != FORMAT_VERSION:
        raise MisuseError(
            url,
            expected=f"eomap cube format {FORMAT_VERSION}",
            got=f"format {attributes.get('eomap:format', 'unknown')}",
        )
    from eomap.core.layer import LegendClass

    layers = tuple(
        Layer(**{**g, "legend": tuple(LegendClass(**c) for c in g["legend"]), "bands": tuple(g["bands"])})
        for g in attributes["eomap:layers"]
    )
    return Cube(url, Extent(**attributes["eomap:extent"]), layers)
