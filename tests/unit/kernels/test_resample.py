"""Coarser bands on the 10 m grid: kernel = twin, any window gives the same bits, a ramp stays a ramp."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.grid import Frame
from eomap.core.source import Band
from eomap.io.pixels import RasterReader
from eomap.kernels.resample import interpolate, interpolate_numpy


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
    kind = draw(st.sampled_from([np.uint16, np.float32]))
    native = rng.integers(1, 65_536, shape).astype(kind)
    native[rng.random(shape) < draw(st.sampled_from([0, 0.2, 1]))] = 0
    if draw(st.booleans()):
        n = draw(st.integers(1, 30))
        return native, rng.uniform(0, shape[0], (n, 3)), rng.uniform(0, shape[1], (n, 3))
    return native, np.sort(rng.uniform(0, shape[0], 25)), np.sort(rng.uniform(0, shape[1], 30))


@given(cases())
@settings(max_examples=80, deadline=None)
def test_kernel_equals_its_twin_bit_for_bit(case):
    fast, plain = interpolate(*case, nodata=0), interpolate_numpy(*case, nodata=0)
    assert fast.dtype == plain.dtype == case[0].dtype
    np.testing.assert_array_equal(fast, plain)


def test_a_plane_stays_a_plane_between_the_outermost_centres():
    native = (100 + 40 * np.arange(8)[:, None] + 8 * np.arange(9)[None, :]).astype(np.uint16)
    at = 0.5 + np.arange(29) / 4
    made = interpolate(native, at[:28], at, nodata=0)
    expected = 100 + 40 * (at[:28, None] - 0.5) + 8 * (at[None, :] - 0.5)
    assert np.array_equal(made, expected)


def test_the_edge_stands_beyond_the_outermost_centres():
    made = interpolate(np.array([[10, 20]], np.uint16), np.array([0.1, 0.9]), np.array([0.1, 1.9]), nodata=0)
    assert made.tolist() == [[10, 20], [10, 20]]


def test_fill_is_never_mixed_into_a_value():
    native = np.array([[0, 1000, 2000]], np.uint16)
    made = interpolate(native, np.array([0.5]), np.array([0.75, 1.25, 1.75, 2.25]), nodata=0)
    assert made.tolist() == [[0, 1000, 1250, 1750]]


@pytest.fixture(scope="module")
def coarse(tmp_path_factory):
    """A 20 m raster in UTM 33N and in a made-up file of UTM 32N, with some fill."""
    import rasterio

    folder = tmp_path_factory.mktemp("coarse")
    native = np.random.default_rng(5).integers(1, 9_000, (150, 160)).astype(np.uint16)
    native[40:44, 30:50] = 0
    for epsg, origin in ((32633, (300_000, 5_800_020)), (32632, (708_980, 5_800_380))):
        with rasterio.open(
            folder / f"{epsg}.tif",
            "w",
            driver="GTiff",
            width=160,
            height=150,
            count=1,
            dtype="uint16",
            crs=epsg,
            transform=rasterio.transform.from_origin(*origin, 20, 20),
        ) as file:
            file.write(native, 1)
    return folder


@pytest.mark.parametrize("epsg", [32633, 32632])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_part_of_a_frame_reads_what_the_whole_reads(coarse, epsg, data):
    band = Band("B11", str(coarse / f"{epsg}.tif"), 1e-4, 0.0, 0.0)
    whole = Frame(32633, 299_900, 5_800_100, 330, 340)
    seen = RasterReader().read(band, whole)
    assert (seen > 0).mean() > 0.3
    row, col = data.draw(st.integers(0, 300)), data.draw(st.integers(0, 310))
    height, width = data.draw(st.integers(1, 330 - row)), data.draw(st.integers(1, 340 - col))
    part = RasterReader().read(band, whole.sub(row, row + height, col, col + width))
    assert np.array_equal(part, seen[row : row + height, col : col + width])


def test_classes_are_repeated_and_amounts_interpolated(coarse):
    frame = Frame(32633, 300_000, 5_800_020, 40, 60)
    href = str(coarse / "32633.tif")
    classes = RasterReader().read(Band("SCL", href, 1.0, 0.0, 0.0, categorical=True), frame)
    assert np.array_equal(classes, classes[::2, ::2].repeat(2, 0).repeat(2, 1))
    amounts = RasterReader().read(Band("B11", href, 1e-4, 0.0, 0.0), frame)
    centre = (classes[:-2:2, :-2:2].astype(float) * 9 + classes[2::2, 2::2] * 1.0) + (
        3.0 * classes[2::2, :-2:2] + 3.0 * classes[:-2:2, 2::2]
    )
    assert np.array_equal(amounts[1:-2:2, 1:-2:2], np.floor(centre / 16 + 0.5))
