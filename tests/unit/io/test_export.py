"""Tests of GeoTIFFs made from cubes."""

import numpy as np
import pytest
import rasterio
from small_cube import BANDS, codes, reflectance, small_cube, value_cube

from eomap.errors import MisuseError
from eomap.io import export
from eomap.io.export import to_cog


def test_values_place_nodata_and_colours_survive(tmp_path):
    path = to_cog(small_cube(tmp_path).url, tmp_path / "kind.tif")
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(1), codes())
        assert (file.crs.to_epsg(), file.nodata) == (4326, 255)
        assert file.bounds == pytest.approx((12.5, 52.0, 13.0, 52.5))
        assert file.transform.a == pytest.approx(1 / 1200)
        assert file.transform.e == pytest.approx(-1 / 1200)
        assert file.colormap(1)[1] == (0xD1, 0, 0, 255)
        assert file.colormap(1)[0] != file.colormap(1)[255]
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.compression.name == "deflate"
        assert file.block_shapes == [(512, 512)]
        assert (file.tags(1)["class_2"], file.tags(1)["no_look"]) == ("Trees", "0")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kind.tif", "small.zarr"]


def test_values_carry_band_names_and_scale_and_no_look_is_nodata_too(tmp_path):
    stored = reflectance()
    with rasterio.open(to_cog(value_cube(tmp_path).url, tmp_path / "values.tif")) as file:
        assert (file.descriptions, file.nodata) == (BANDS, 65535)
        assert file.scales == pytest.approx([1e-4] * len(BANDS))
        assert np.array_equal(file.read(), np.where(stored == 0, 65535, stored))
        assert file.overviews(1)
    with rasterio.open(tmp_path / "values.tif", overview_level=0) as file:
        seen = file.read(1, masked=True).compressed()
    assert seen.min() >= 300 and seen.max() <= 600, "no look is no value to average"


def test_overviews_of_classes_hold_no_invented_class(tmp_path):
    path = to_cog(small_cube(tmp_path).url, tmp_path / "kind.tif")
    with rasterio.open(path) as file:
        levels = file.overviews(1)
    assert levels
    with rasterio.open(path, overview_level=0) as file:
        assert set(np.unique(file.read(1))) <= {0, 1, 2, 255}


def test_a_box_gives_exactly_the_cells_it_touches(tmp_path):
    cube = small_cube(tmp_path)
    d = 1 / 1200
    box = (12.5 + 40 * d, 52.5 - 210 * d, 12.5 + 60.5 * d, 52.5 - 190 * d)
    with rasterio.open(to_cog(cube.url, tmp_path / "part.tif", bounds=box)) as file:
        assert np.array_equal(file.read(1), codes()[190:210, 40:61])
        assert file.bounds.left == pytest.approx(box[0])


def test_a_file_of_many_blocks_holds_every_cell(tmp_path):
    cube = small_cube(tmp_path)
    with rasterio.open(to_cog(cube.url, tmp_path / "kind.tif", bounds=(12.5, 52, 13.5, 52.5))) as file:
        cells = file.read(1)
    assert np.array_equal(cells[:, :600], codes())
    assert (cells[:, 600:] == 255).all()


def test_a_scaled_layer_carries_its_scale_and_a_banded_one_its_names(tmp_path):
    cube = small_cube(tmp_path)
    with rasterio.open(to_cog(cube.url, tmp_path / "sure.tif", layer="sure")) as file:
        assert file.scales == (1 / 250,)
        assert file.nodata == 255
    with rasterio.open(to_cog(cube.url, tmp_path / "each.tif", layer="each")) as file:
        assert file.descriptions == ("city", "trees")
        assert np.array_equal(file.read(2), cube.read("each", cube.extent.window)[1, :, :600])


def test_what_made_the_cube_is_written_into_the_file(tmp_path):
    cube = small_cube(tmp_path, **{"eomap:model": "m1", "eomap:synthetic": True})
    with rasterio.open(to_cog(cube.url, tmp_path / "kind.tif")) as file:
        assert file.tags()["eomap_model"] == "m1"
        assert file.tags()["eomap_synthetic"] == "True"


@pytest.mark.parametrize(
    "request_",
    [
        {"layer": "nothing"},
        {"bounds": (20.0, 52.0, 21.0, 53.0)},
        {"bounds": (12.9, 52.0, 12.6, 52.4)},
        {"bounds": (float("nan"), 52.0, 13.0, 53.0)},
        {"path": "absent/kind.tif"},
        {"path": "small.zarr"},
        {"path": "small.zarr/zarr.json/kind.tif"},
    ],
)
def test_a_wrong_request_is_refused_and_leaves_nothing(tmp_path, request_):
    cube = small_cube(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(MisuseError):
        to_cog(cube.url, tmp_path / request_.pop("path", "kind.tif"), **request_)
    assert sorted(tmp_path.iterdir()) == before


def test_a_failure_half_way_keeps_the_old_file(tmp_path, monkeypatch):
    cube = small_cube(tmp_path)
    path = tmp_path / "kind.tif"
    path.write_bytes(b"old")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "_write_flat", full)
    with pytest.raises(MisuseError, match="No space left"):
        to_cog(cube.url, path)
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kind.tif", "small.zarr"]


def test_nothing_written_yet_is_said(tmp_path):
    from small_cube import LAYERS, TILE

    from eomap.io.cube import Extent, create

    cube = create(str(tmp_path / "empty.zarr"), Extent.of_tiles([TILE], 10), LAYERS, {})
    with pytest.raises(MisuseError, match="finished tile"):
        to_cog(cube.url, tmp_path / "kind.tif")
