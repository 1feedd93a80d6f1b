"""How the values of a layer become the bytes of a shard, and which bands share one."""

from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import LATTICE, Window, tile_cells
from eomap.core.layer import Layer, bands_together

CHUNK_LIMIT = 500


def chunk_cells(tile: int) -> int:
    """Return the chunk side: the largest divisor of the tile that is no longer than 500 cells.

    >>> chunk_cells(6000), chunk_cells(600), chunk_cells(120)
    (500, 300, 120)
    """
    return max(n for n in range(1, min(tile, CHUNK_LIMIT) + 1) if tile % n == 0)


def coding(layer: Layer, step: int) -> dict[str, Any]:
    """Return how the values of a layer become the bytes of a shard."""
    from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

    n, itemsize = tile_cells(step), np.dtype(layer.dtype).itemsize
    # High and low bytes apart: a composite is a tenth to a quarter smaller so, and three times as fast to
    # write (docs/decisions/0010-bytes-apart.md). Blosc has no checksum of its own.
    apart = BloscCodec(cname="zstd", clevel=1, shuffle="shuffle", typesize=itemsize), Crc32cCodec()
    lead, chunk = (bands_together(layer, step),) if layer.bands else (), chunk_cells(n)
    return {
        "chunks": (*lead, chunk, chunk),
        "shards": (*lead, n, n),
        "dtype": layer.dtype,
        "fill_value": layer.fill,
        "compressors": apart if itemsize > 1 else ZstdCodec(level=3, checksum=True),
    }


def shard_bytes(layer: Layer, block: npt.NDArray[Any], window: Window) -> bytes:
    """Return one shard as zarr encodes it: the block on its window, fill around it.

    Made in memory, for zarr-python reads what lies in a shard before it writes it anew: a damaged
    shard could not be replaced. An all-fill shard exists too, or "done and empty" would look undone.
    On the lattice all chunks are there. In a zone those that the window does not touch are left out, which
    readers take for fill: an area may touch four large tiles, and their empty parts cost more than it does.
    """
    import zarr

    n, chunk = tile_cells(window.step), chunk_cells(tile_cells(window.step))
    row, col = window.row0 % n, window.col0 % n
    top, bottom, left, right = 0, n, 0, n
    if window.epsg != LATTICE:
        top, left = row // chunk * chunk, col // chunk * chunk
        bottom, right = (-(-v // chunk) * chunk for v in (row + window.shape[0], col + window.shape[1]))
    touched = block
    if block.shape[-2:] != (bottom - top, right - left):
        touched = np.full((*block.shape[:-2], bottom - top, right - left), layer.fill, dtype=layer.dtype)
        inner = slice(row - top, row - top + window.shape[0]), slice(col - left, col - left + window.shape[1])
        touched[(..., *inner)] = block
    staging = zarr.storage.MemoryStore()
    array = zarr.create_array(
        staging,
        shape=(*block.shape[:-2], n, n),
        **coding(layer, window.step),
        config={"write_empty_chunks": True},
    )
    array[..., top:bottom, left:right] = touched
    return staging._store_dict["/".join(["c", *("0" * block.ndim)])].to_bytes()
