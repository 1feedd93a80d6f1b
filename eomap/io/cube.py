"""The map cube: a Zarr v3 group, a tile of its grid = one shard of every array (large ones: per band).

On the lattice the arrays lie in the root group. A cube of UTM zones has a group for each (`utm32632/`), with
arrays, coordinates and grid mapping of its own; what it was made from stands in the root.
The driver creates the arrays and writes all metadata; workers only write whole shards. Two writers
in one shard would lose data silently, so a write that is not exactly one shard is refused.
"""

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import (
    LATTICE,
    TILE_COLS,
    TILE_ROWS,
    Tile,
    Window,
    group_of,
    tile_cells,
    tile_window,
)
from eomap.core.layer import Layer, bands_together
from eomap.core.receipt import Written
from eomap.errors import BrokenInputError, MisuseError
from eomap.io.shards import coding, shard_bytes
from eomap.io.store import Bucket, Folder, open_store

FORMAT_VERSION, ZONED_VERSION = 1, 2
ROOT = "zarr.json"


@dataclass(frozen=True, slots=True)
class Extent:
    """Which tiles a cube spans on a grid: rows and columns of tiles, ends excluded."""

    step: int
    row0: int
    row1: int
    col0: int
    col1: int
    epsg: int = LATTICE

    @classmethod
    def of_tiles(cls, tiles: list[Tile], step: int) -> "Extent":
        """Return the smallest extent that holds the tiles, which are of one grid."""
        rows, cols = [t.row for t in tiles], [t.col for t in tiles]
        return cls(step, min(rows), max(rows) + 1, min(cols), max(cols) + 1, tiles[0].epsg)

    @classmethod
    def globe(cls, step: int) -> "Extent":
        """Return the extent of the whole lattice."""
        return cls(step, 0, TILE_ROWS, 0, TILE_COLS)

    @property
    def window(self) -> Window:
        """The cells of the extent."""
        n = tile_cells(self.step)
        return Window(self.step, self.row0 * n, self.row1 * n, self.col0 * n, self.col1 * n, self.epsg)

    def shard(self, tile: Tile) -> tuple[int, int]:
        """Return the shard row and column of a tile; raise MisuseError outside the cube."""
        within = self.row0 <= tile.row < self.row1 and self.col0 <= tile.col < self.col1
        if not within or tile.epsg != self.epsg:
            raise MisuseError(tile.id, expected="a tile of this cube", got="a tile outside it")
        return tile.row - self.row0, tile.col - self.col0


@dataclass(frozen=True)
class Cube:
    """An existing cube; cheap to send to a worker (it opens its own store there)."""

    url: str
    extents: tuple[Extent, ...]
    """One on the lattice; of a cube of zones, one per zone in order of their codes."""
    layers: tuple[Layer, ...]
    _open: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __reduce__(self):
        return (Cube, (self.url, self.extents, self.layers))

    @property
    def step(self) -> int:
        """The product step of its cells."""
        return self.extents[0].step

    @property
    def extent(self) -> Extent:
        """The extent of a cube on one grid; raise MisuseError for a cube of several zones."""
        if len(self.extents) > 1:
            raise MisuseError(
                self.url,
                expected="a cube on one grid",
                got=f"one of {len(self.extents)} UTM zones: {', '.join(str(e.epsg) for e in self.extents)}",
                hint="name the zone, or make it with --grid lattice or --grid EPSG:<zone>",
            )
        return self.extents[0]

    def extent_on(self, epsg: int) -> Extent | None:
        """Return the extent on a grid, None where there is none."""
        return next((e for e in self.extents if e.epsg == epsg), None)

    @cached_property
    def store(self) -> Folder | Bucket:
        """The bytes of the cube."""
        return open_store(self.url)

    def array(self, name: str, epsg: int = LATTICE) -> Any:
        """Return the zarr array of a layer on a grid, to read."""
        import zarr

        path = group_of(epsg) + name
        if path not in self._open:
            self._open[path] = zarr.open_array(self.store.zarr(), path=path, mode="r", zarr_format=3)
        return self._open[path]

    def folders(self) -> tuple[str, ...]:
        """Return where the shards of its arrays lie."""
        return tuple(f"{group_of(e.epsg)}{g.name}/c" for e in self.extents for g in self.layers)

    def object_key(self, layer: Layer, tile: Tile, band_shard: int = 0) -> str:
        """Return the key of the shard of a layer that holds a tile: the only one, or that of some bands."""
        row, col = (self.extent_on(tile.epsg) or self.extents[0]).shard(tile)
        folder = f"{group_of(tile.epsg)}{layer.name}/c"
        return f"{folder}/{band_shard}/{row}/{col}" if layer.bands else f"{folder}/{row}/{col}"

    def write(
        self, tile: Tile, arrays: Mapping[str, npt.NDArray[Any]], *, window: Window | None = None
    ) -> tuple[Written, ...]:
        """Write one tile's shards of every layer and return what now lies there, read back and compared.

        Arrays hold the whole tile, or its `window`; the other cells of the tile become fill, whatever was
        there. The first declared layer is written last, its first band after the others: that shard says
        that all is there.
        """
        whole = tile_window(tile, self.step)
        window = window or whole
        if not _holds(whole, window):
            raise ValueError(f"{tile.id}: a window of this tile lies within {whole}, got {window}")
        done: list[Written] = []
        for layer in reversed(self.layers):
            block, together = arrays[layer.name], bands_together(layer, self.step)
            lead = (len(layer.bands),) if layer.bands else ()
            if block.shape != (*lead, *window.shape) or block.dtype != np.dtype(layer.dtype):
                raise ValueError(
                    f"{layer.name}: one whole shard is {(*lead, *window.shape)} {layer.dtype},"
                    f" got {block.shape} {block.dtype}"
                )
            for first in reversed(range(0, len(layer.bands), together) if lead else (0,)):
                part = block[first : first + together] if lead else block
                key = self.object_key(layer, tile, first // together if lead else 0)
                done.append(self._put(key, shard_bytes(layer, part, window)))
        return tuple(sorted(done, key=lambda w: w.key))

    def _put(self, key: str, data: bytes) -> Written:
        """Write a shard, read it back and compare."""
        self.store.put(key, data)
        if self.store.read(key) != data:
            raise BrokenInputError(
                f"{self.url}/{key}",
                expected="the bytes just written",
                got="others",
                hint="check the disk or the store, then run again",
            )
        return Written(key, len(data), hashlib.sha256(data).hexdigest())

    def read(self, name: str, window: Window, *, band: int | None = None) -> npt.NDArray[Any]:
        """Return stored values of a layer on a window, of one band where given (y, x), else as declared.

        Cells outside the cube are the layer's fill.
        """
        layer = next((g for g in self.layers if g.name == name), None)
        if layer is None:
            raise MisuseError(self.url, expected=f"one of {', '.join(g.name for g in self.layers)}", got=name)
        lead = (len(layer.bands),) if layer.bands and band is None else ()
        out = np.full((*lead, *window.shape), layer.fill, dtype=layer.dtype)
        extent = self.extent_on(window.epsg)
        if extent is None:
            return out
        own = extent.window
        r0, r1 = max(window.row0, own.row0), min(window.row1, own.row1)
        c0, c1 = max(window.col0, own.col0), min(window.col1, own.col1)
        if r0 < r1 and c0 < c1:
            source = (slice(r0 - own.row0, r1 - own.row0), slice(c0 - own.col0, c1 - own.col0))
            target = (slice(r0 - window.row0, r1 - window.row0), slice(c0 - window.col0, c1 - window.col0))
            front = (slice(None) if band is None else band,) if layer.bands else ()
            out[(..., *target)] = self.array(name, own.epsg)[(*front, *source)]
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
        _consolidate(self.store, [""])


def _holds(whole: Window, part: Window) -> bool:
    return (
        (whole.step, whole.epsg) == (part.step, part.epsg)
        and whole.row0 <= part.row0 < part.row1 <= whole.row1
        and whole.col0 <= part.col0 < part.col1 <= whole.col1
    )


def create(
    url: str,
    extents: Extent | tuple[Extent, ...],
    layers: tuple[Layer, ...],
    attributes: Mapping[str, Any],
) -> Cube:
    """Write the metadata of a cube; root metadata comes last. Shards that are there stay as they are."""
    cube = Cube(url, (extents,) if isinstance(extents, Extent) else extents, layers)
    objects = _metadata(cube.extents, layers, attributes)
    for key in sorted(objects, key=lambda k: (k == ROOT, k)):
        cube.store.put(key, objects[key])
    zones = [group_of(e.epsg) for e in cube.extents if e.epsg != LATTICE]
    _consolidate(cube.store, [*zones, ""])
    return cube


def _metadata(
    extents: tuple[Extent, ...], layers: tuple[Layer, ...], attributes: Mapping[str, Any]
) -> dict[str, bytes]:
    """Return every object of a cube but its shards, by key: zarr.json of groups and arrays, coordinates."""
    import zarr

    from eomap.io.georeference import root_attributes, zone_attributes, zoned_root_attributes

    staging = zarr.storage.MemoryStore()
    root = zarr.open_group(staging, mode="w", zarr_format=3)
    if [e.epsg for e in extents] == [LATTICE]:
        root.attrs.update({**root_attributes(extents[0].window, layers), **attributes})
        _add_arrays(root, extents[0], layers)
    else:
        root.attrs.update({**zoned_root_attributes([e.window for e in extents], layers), **attributes})
        for extent in extents:
            group = root.create_group(group_of(extent.epsg).rstrip("/"))
            group.attrs.update(zone_attributes(extent.window, attributes))
            _add_arrays(group, extent, layers)
    return {k: v.to_bytes() for k, v in staging._store_dict.items()}


def _add_arrays(group: Any, extent: Extent, layers: tuple[Layer, ...]) -> None:
    """Add empty layers, coordinates and grid mapping to a group."""
    from zarr.codecs import ZstdCodec

    from eomap.io.georeference import array_attributes, axis_attributes, spatial_reference

    window = extent.window
    for layer in layers:
        lead = (len(layer.bands),) if layer.bands else ()
        group.create_array(
            layer.name,
            shape=(*lead, *window.shape),
            **coding(layer, extent.step),
            dimension_names=("band", "y", "x") if lead else ("y", "x"),
            attributes=array_attributes(layer, window),
        )
    for name, values in (("y", window.y()), ("x", window.x())):
        axis = group.create_array(
            name,
            shape=values.shape,
            dtype="f8",
            fill_value=None,
            dimension_names=(name,),
            chunks=values.shape,
            compressors=ZstdCodec(level=3, checksum=True),
            attributes=axis_attributes(name, extent.epsg),
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


def metadata_faults(cube: Cube, run_id: str) -> list[str]:
    """Return what keeps the metadata at a cube's place from being that of this cube and run."""
    try:
        found = open_cube(cube.url)
    except MisuseError as problem:
        return [f"its metadata: expected {problem.expected}, got {problem.got}"]
    if found.attributes().get("eomap:run_id") != run_id:
        return ["its metadata belongs to another run than its ledger"]
    # How a layer is scored says nothing of its bytes: cubes from before it was known are as planned.
    there, planned = ([replace(g, kind="", truth="") for g in c.layers] for c in (found, cube))
    if found.extents != cube.extents or there != planned:
        return ["its metadata speaks of another extent or other layers than its plan"]
    faults = []
    for key, wanted in _metadata(cube.extents, cube.layers, {}).items():
        if key != ROOT and _essence(cube.store, key) != _essence({key: wanted}, key):
            faults.append(f"{key}: missing, or not as planned")
    return sorted(faults)


def _essence(store: Any, key: str) -> Any:
    """Return what decides how the bytes of an array are read; for its chunks, whether they are there."""
    try:
        data = store[key] if isinstance(store, dict) else store.read(key)
        if not key.endswith(ROOT):
            return bool(data)
        document = json.loads(data)
        return [document.get(k) for k in ("shape", "data_type", "chunk_grid", "fill_value", "codecs")]
    except (FileNotFoundError, ValueError, AttributeError):
        return None


def _consolidate(store: Folder | Bucket, groups: list[str]) -> None:
    import zarr

    with warnings.catch_warnings():  # zarr-python warns that other readers may ignore it; they may
        warnings.simplefilter("ignore")
        for group in groups:
            zarr.consolidate_metadata(store.zarr(), path=group.rstrip("/") or None)


def exists(url: str) -> bool:
    """Say whether a cube (or anything with Zarr metadata) lies there."""
    return open_store(url).size(ROOT) is not None


def open_cube(url: str) -> Cube:
    """Return the cube at a path or s3:// url; raise MisuseError where there is none of ours."""
    try:
        document = json.loads(open_store(url).read(ROOT))
        attributes = dict(document.get("attributes", {}))
    except FileNotFoundError:
        raise MisuseError(
            url,
            expected="a cube made by eomap",
            got="nothing there",
            hint="check the path, or make one with `eomap run`",
        ) from None
    except (ValueError, TypeError, AttributeError, IsADirectoryError):
        raise MisuseError(url, expected="a cube made by eomap", got="something else") from None
    if attributes.get("eomap:format") not in (FORMAT_VERSION, ZONED_VERSION):
        raise MisuseError(
            url,
            expected=f"eomap cube format {FORMAT_VERSION} or {ZONED_VERSION}",
            got=f"format {attributes.get('eomap:format', 'unknown')}",
        )
    from eomap.core.layer import LegendClass

    try:
        layers = tuple(
            Layer(**{**g, "legend": tuple(LegendClass(**c) for c in g["legend"]), "bands": tuple(g["bands"])})
            for g in attributes["eomap:layers"]
        )
        said = attributes["eomap:extent"]
        return Cube(url, tuple(Extent(**e) for e in ([said] if isinstance(said, dict) else said)), layers)
    except (KeyError, TypeError) as problem:
        raise MisuseError(
            url, expected="a cube made by eomap", got=f"damaged metadata ({str(problem)[:80]})"
        ) from None
