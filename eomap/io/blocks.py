"""Blocks of a local tiled GeoTIFF, straight from the file: GDAL says where, libdeflate inflates them.

Faster than GDAL's own way (bench/README.md), which copies every block through its cache.
What is not of this kind (JPEG 2000, other codecs, files behind a network) is left to GDAL.
"""

import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.errors import BrokenInputError
from eomap.io.rests import Part, Rests, rests_of
from eomap.kernels.predictor import undifferenced

Span = tuple[int, int]
_KINDS = {"uint8": "u1", "uint16": "u2", "int16": "u2", "uint32": "u4", "int32": "u4"}


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of one open file."""

    dataset: Any
    """rasterio.DatasetReader, asked for places and sizes only."""
    descriptor: int
    """Of the same file, read at any place without a common position."""
    differenced: bool
    nodata: float
    shape: tuple[int, int]
    """Rows, columns."""

    def window(self, rows: Span, cols: Span, *, index: int) -> npt.NDArray[Any]:
        """Return the pixels (y, x) of a band between those rows and columns, ends excluded; see `fill`."""
        out = np.empty((rows[1] - rows[0], cols[1] - cols[0]), np.dtype(self.dataset.dtypes[index - 1]))
        self.fill(out, rows, cols, index=index)
        return out

    def fill(
        self,
        out_yx: npt.NDArray[Any],
        rows: Span,
        cols: Span,
        *,
        index: int,
        rests: Rests | None = None,
        slack_yx: tuple[int, int] = (0, 0),
    ) -> int:
        """Fill in the pixels of a band between those rows and columns; return the bytes that were inflated.

        What `rests` hold is taken from them, and what is left over is left to them. Raises BrokenInputError
        where a block is shorter than it should be, or no zlib stream.
        """
        (r0, r1), (c0, c1) = rows, cols
        high, wide = self.dataset.block_shapes[index - 1]
        plain, inflated = out_yx.view(_KINDS[out_yx.dtype.name]), 0
        for i in range(r0 // high, -(-r1 // high)):
            for j in range(c0 // wide, -(-c1 // wide)):
                whole = min(high, self.shape[0] - i * high), min(wide, self.shape[1] - j * wide)
                part = (
                    *(max(r0 - i * high, 0), min(r1 - i * high, high)),
                    *(max(c0 - j * wide, 0), min(c1 - j * wide, wide)),
                )
                y, x = i * high - r0, j * wide - c0
                here = plain[y + part[0] : y + part[1], x + part[2] : x + part[3]]
                at = (self.dataset.name, index, i, j)
                if rests is not None and (held := rests.take(at, part)) is not None:
                    here[...] = held
                    continue
                block = self._block(i, j, index, plain.dtype, (high, wide))
                if block is None:  # never written: a hole in a sparse file
                    here[...] = np.array(self.nodata, out_yx.dtype).view(plain.dtype)
                    continue
                inflated += whole[0] * whole[1] * plain.itemsize
                self._decode(block, part, here)
                if rests is not None:
                    self._leave(block, at, rests_of(part, whole, slack_yx), rests)
        return inflated

    def _leave(self, block: npt.NDArray[Any], at: Hashable, parts: Mapping[str, Part], rests: Rests) -> None:
        """Leave parts of an inflated block to the rests, as far as there is room."""
        for side, part in parts.items():
            if rests.room(part, block.itemsize):
                pixels = np.empty((part[1] - part[0], part[3] - part[2]), block.dtype)
                self._decode(block, part, pixels)
                rests.leave(at, side, part, pixels)

    def _decode(self, block: npt.NDArray[Any], part: Part, out_yx: npt.NDArray[Any]) -> None:
        """Fill in a part of an inflated block."""
        if self.differenced:
            undifferenced(block, out_yx, part[0], part[2])
        else:
            out_yx[...] = block[part[0] : part[1], part[2] : part[3]]

    def _block(self, row: int, col: int, index: int, kind: Any, shape: tuple[int, int]) -> Any:
        import deflate

        where = self.dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=index)
        size = self.dataset.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=index)
        if not where or not size:
            return None
        packed = os.pread(self.descriptor, int(size), int(where))
        want = shape[0] * shape[1] * kind.itemsize
        try:
            raw = deflate.zlib_decompress(packed, want)
        except deflate.DeflateError as problem:
            raise BrokenInputError(
                self.dataset.name, expected="a whole block", got=f"block {row}, {col}: {problem}"
            ) from None
        if len(raw) != want:
            raise BrokenInputError(
                self.dataset.name, expected=f"{want} bytes in block {row}, {col}", got=str(len(raw))
            )
        return np.frombuffer(raw, kind).reshape(shape)

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)
        self.dataset.close()


def blocks_of(path: str) -> Blocks | None:
    """Return the blocks of a local file where they can be had straight from it, else None."""
    if "://" in path or path.startswith("/vsi") or not path.lower().endswith((".tif", ".tiff")):
        return None
    import rasterio

    dataset = rasterio.open(path, driver="GTiff")
    said = dataset.tags(ns="IMAGE_STRUCTURE")
    fits = (
        said.get("COMPRESSION") == "DEFLATE"
        and said.get("PREDICTOR", "1") in ("1", "2")
        and (dataset.count == 1 or said.get("INTERLEAVE") == "BAND")
        and set(dataset.dtypes) <= set(_KINDS)
        and dataset.profile.get("tiled", False)
        and "NBITS" not in dataset.tags(1, ns="IMAGE_STRUCTURE")
    )
    descriptor = os.open(path, os.O_RDONLY) if fits else -1
    if not fits or os.pread(descriptor, 2, 0) != b"II":  # of the other byte order
        dataset.close()
        if fits:
            os.close(descriptor)
        return None
    return Blocks(dataset, descriptor, said.get("PREDICTOR") == "2", dataset.nodata or 0, dataset.shape)
