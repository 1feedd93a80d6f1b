"""Files of the twin: what goes in comes out, whatever the pieces, and the bytes never differ."""

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.twin.deliveries import AssetFile
from eomap.twin.files import Raster, RasterFile, checksum
from eomap.twin.rendering import numbers

PLACE = ((10.0, 0.0, 399_960.0, 0.0, -10.0, 5_300_040.0), "EPSG:32632")


def raster(shape, dtype="uint16", nodata=0.0, **more):
    return Raster(shape, *PLACE, dtype, nodata, **more)


def write(path, values, cut, *, dtype="uint16", nodata=0.0, **more):
    """Write an array in pieces of `cut` rows and columns."""
    spec = raster(values.shape[-2:], dtype, nodata, **more)
    with RasterFile(path, spec) as file:
        for row in range(0, spec.shape_yx[0], cut):
            for col in range(0, spec.shape_yx[1], cut):
                file.write(values[..., row : row + cut, col : col + cut], row=row, col=col)
        file.finish()
    return path


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("uint16", 0), ("int16", -32_768), ("float32", -32_768), ("uint8", 0), ("int8", -1)]
)
def test_pixels_come_back_from_a_cog_whatever_the_pieces(tmp_path, dtype, nodata):
    rng = np.random.default_rng(4)
    values = rng.integers(0, 100, (1100, 700)).astype(dtype)
    paths = [
        write(tmp_path / f"{cut}.tif", values, cut, dtype=dtype, nodata=nodata) for cut in (1100, 333, 64)
    ]
    assert len({checksum(p) for p in paths}) == 1
    with rasterio.open(paths[0]) as file:
        assert np.array_equal(file.read(1), values)
        assert file.nodata == nodata and file.crs.to_epsg() == 32632 and file.transform.a == 10
        assert file.block_shapes == [(512, 512)] and file.overviews(1)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert "made up" in file.tags()["SYNTHETIC"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in paths), "no scratch is left"


def test_many_bands_keep_their_names_and_small_blocks(tmp_path):
    values = np.arange(5 * 300 * 280, dtype=np.int16).reshape(5, 300, 280)
    names = tuple(f"band {n}" for n in range(1, 6))
    path = write(tmp_path / "a.tif", values, 100, dtype="int16", nodata=-32_768, bands=5, descriptions=names)
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(), values)
        assert file.descriptions == names and file.block_shapes[0] == (256, 256)


def test_what_fails_leaves_nothing_behind(tmp_path):
    with pytest.raises(ValueError, match="shape"), RasterFile(tmp_path / "a.tif", raster((64, 64))) as file:
        file.write(np.ones((3, 10, 64), np.uint16), row=0, col=0)
    assert list(tmp_path.iterdir()) == []


def test_a_cut_file_is_half_a_file(tmp_path):
    values = np.random.default_rng(1).integers(0, 9, (600, 600)).astype(np.uint16)
    whole = write(tmp_path / "a.tif", values, 600)
    with RasterFile(tmp_path / "b.tif", raster((600, 600)), cut=True) as file:
        file.write(values, row=0, col=0)
        file.finish()
    assert (tmp_path / "b.tif").read_bytes() == whole.read_bytes()[: whole.stat().st_size // 2]


def test_overviews_of_classes_hold_only_classes(tmp_path):
    values = np.random.default_rng(2).choice([2, 9], (1200, 1200)).astype(np.uint8)
    path = write(tmp_path / "a.tif", values, 400, dtype="uint8", categorical=True)
    with rasterio.open(path, overview_level=0) as file:
        assert set(np.unique(file.read(1))) == {2, 9}


BLUE = AssetFile("blue", "B02.tif", "B02", 1, "uint16", 0, 1e-4, -0.1)


@settings(max_examples=50, deadline=None)
@given(value=st.floats(-0.25, 7.0, width=32), offset=st.sampled_from([0, 1000]))
def test_digital_numbers_say_the_reflectance_to_half_a_unit(value, offset):
    dn = int(numbers(np.full((1, 1), value, np.float32), BLUE, np.ones((1, 1), bool), offset_dn=offset)[0, 0])
    assert 1 <= dn <= 65_535
    if 2 <= dn <= 65_534:
        assert abs((dn - offset) * 1e-4 - value) <= 0.51e-4


def test_what_is_not_seen_is_nodata_in_every_type():
    valid = np.array([[True, False]])
    value = np.array([[0.1, 0.1]], np.float32)
    assert numbers(value, BLUE, valid).tolist() == [[1000, 0]]
    cube = AssetFile("image", "i.tif", "image", 3, "int16", -32_768, 1e-4, 0.0, bands=2)
    found = numbers(np.stack([value, np.array([[np.nan, 0.2]], np.float32)]), cube, valid)
    assert found.tolist() == [[[1000, -32_768]], [[-32_768, -32_768]]]
    power = AssetFile("vv", "vv.tif", "VV", 1, "float32", -32_768)
    assert numbers(np.array([[np.nan, 1.0]], np.float32), power, valid).tolist() == [[-32_768, -32_768]]
