"""Blocks straight from the file are what GDAL gives, and what is of another kind is left to it."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from eomap.errors import BrokenInputError
from eomap.io.blocks import blocks_of
from eomap.kernels.predictor import undifferenced, undifferenced_numpy

HEIGHT, WIDTH = 300, 420


def write(path, *, dtype="uint16", count=1, **more):
    """Write a raster of noise with a flat corner, and return its pixels (b, y, x)."""
    rng = np.random.default_rng(7)
    info = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.iinfo("int16")
    values = rng.integers(info.min, info.max, (count, HEIGHT, WIDTH), endpoint=True).astype(dtype)
    values[:, :130, :130] = 5
    said = {"driver": "GTiff", "height": HEIGHT, "width": WIDTH, "count": count, "dtype": dtype, "nodata": 0}
    said |= {"crs": "EPSG:32633", "transform": from_origin(500_000, 5_800_000, 10, 10), "tiled": True}
    said |= {"blockxsize": 128, "blockysize": 64, "compress": "deflate", "interleave": "band"}
    with rasterio.open(path, "w", **(said | more)) as file:
        file.write(values)
    return values


@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32"])
def test_any_window_is_that_of_gdal(tmp_path, dtype, predictor):
    values = write(tmp_path / "a.tif", dtype=dtype, count=2, predictor=predictor)
    blocks = blocks_of(str(tmp_path / "a.tif"))
    for rows, cols in (
        ((0, HEIGHT), (0, WIDTH)),
        ((63, 65), (127, 129)),
        ((64, 128), (128, 256)),
        ((299, 300), (0, 1)),
    ):
        for index in (1, 2):
            read = blocks.window(rows, cols, index=index)
            assert read.dtype == values.dtype
            assert np.array_equal(read, values[index - 1, slice(*rows), slice(*cols)])
    blocks.close()


def test_holes_of_a_sparse_file_are_nodata(tmp_path):
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=256, width=256, count=1, dtype="uint16", nodata=9, tiled=True,
        blockxsize=128, blockysize=128, compress="deflate", sparse_ok=True, crs="EPSG:32633",
        transform=from_origin(500_000, 5_800_000, 10, 10),
    ) as file:  # fmt: skip
        file.write(np.full((1, 128, 128), 3, np.uint16), window=((0, 128), (0, 128)))
    blocks = blocks_of(str(path))
    read = blocks.window((0, 256), (0, 256), index=1)
    blocks.close()
    assert (read[:128, :128] == 3).all() and (read[128:] == 9).all()


@pytest.mark.parametrize(
    "more",
    [
        {"compress": "lzw"},
        {"compress": "zstd"},
        {"dtype": "float32", "nodata": None},
        {"count": 2, "interleave": "pixel"},
        {"tiled": False, "blockxsize": WIDTH, "blockysize": 1},
        {"endianness": "big"},
        {"nbits": 12, "predictor": 1},
    ],
)
def test_other_kinds_are_left_to_gdal(tmp_path, more):
    if more.get("nbits"):
        more = more | {"dtype": "uint16"}
    write(tmp_path / "a.tif", **more)
    assert blocks_of(str(tmp_path / "a.tif")) is None


def test_other_places_are_left_to_gdal():
    assert blocks_of("/vsicurl/https://example.org/a.tif") is None
    assert blocks_of("https://example.org/a.tif") is None


@pytest.mark.parametrize("cut", [0.4, 0.9])
def test_a_cut_file_is_named(tmp_path, cut):
    path = tmp_path / "a.tif"
    write(path, predictor=2)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * cut)])
    blocks = blocks_of(str(path))
    with pytest.raises(BrokenInputError, match=r"a\.tif"):
        blocks.window((0, HEIGHT), (0, WIDTH), index=1)
    blocks.close()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_the_kernel_is_its_twin(dtype):
    block = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (9, 31), endpoint=True).astype(dtype)
    for row, col, height, width in ((0, 0, 9, 31), (2, 5, 3, 7), (8, 30, 1, 1)):
        one, other = np.empty((height, width), dtype), np.empty((height, width), dtype)
        undifferenced(block, one, row, col)
        undifferenced_numpy(block, other, row, col)
        assert np.array_equal(one, other)
