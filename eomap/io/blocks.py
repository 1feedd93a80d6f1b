"""Blocks of a local tiled GeoTIFF, straight from the file: GDAL says where, libdeflate inflates them.

Faster than GDAL's own way (bench/README.md), which copies every block through its cache.
What is not of this kind (JPEG 2000, other codecs, files behind a network) is left to GDAL.
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.errors import BrokenInputError
from eomap.kernels.predictor import undifferenced

_KINDS = {"uint8": "u1", "uint16": "u2", "int16": "u2", "uint32": "u4", "int32": "u4"}


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of one open file."""

    dataset: Any
    """rasterio.DatasetReader, asked for places and sizes only."""
    descriptor: int
    """Of the same file, read at any place without a common position."""
    differenced: bool
    fill: float

    def window(self, rows: tuple[int, int], cols: tuple[int, int], *, index: int) -> npt.NDArray[Any]:
        """Return the pixels (y, x) of a band between those rows and columns, ends excluded.

        Raises BrokenInputError where a block is shorter than it should be, or no zlib stream.
        """
        (r0, r1), (c0, c1) = rows, cols
        high, wide = self.dataset.block_shapes[index - 1]
        dtype = np.dtype(self.dataset.dtypes[index - 1])
        out = np.empty((r1 - r0, c1 - c0), dtype)
        plain = out.view(_KINDS[dtype.name])
        for i in range(r0 // high, -(-r1 // high)):
            for j in range(c0 // wide, -(-c1 // wide)):
                top, left = max(i * high, r0), max(j * wide, c0)
                bottom, right = min((i + 1) * high, r1), min((j + 1) * wide, c1)
                part = (slice(top - r0, bottom - r0), slice(left - c0, right - c0))
                block = self._block(i, j, index, plain.dtype, (high, wide))
                if block is None:  # never written: a hole in a sparse file
                    out[part] = self.fill
                elif self.differenced:
                    undifferenced(block, plain[part], top - i * high, left - j * wide)
                else:
                    plain[part] = block[
                        top - i * high : bottom - i * high, left - j * wide : right - j * wide
                    ]
        return out

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
    return Blocks(dataset, descriptor, said.get("PREDICTOR") == "2", dataset.nodata or 0)
