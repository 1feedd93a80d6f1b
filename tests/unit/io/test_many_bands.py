"""Many bands of one file in one reading: the same pixels as one by one; bands found by wavelength."""

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import Affine

from eomap.core.grid import Frame
from eomap.core.source import Band
from eomap.errors import BrokenInputError
from eomap.io.pixels import RasterReader, _Raster
from eomap.io.wavelengths import described_centres_nm

EPSG, WEST, NORTH, SIDE, BANDS = 32633, 399_960, 5_900_040, 130, 40
NUMBERS = np.random.default_rng(8).integers(1, 9_000, (BANDS, SIDE, SIDE)).astype(np.int16)
CENTRES = np.random.default_rng(9).permutation(BANDS) * 10.0 + 400


@pytest.fixture
def reader():
    made = RasterReader()
    yield made
    made.close()


@pytest.fixture(params=["pixel", "band"])
def tif(tmp_path, request):
    path = tmp_path / f"{request.param}.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=SIDE, width=SIDE, count=BANDS, dtype="int16", nodata=-1, tiled=True,
        blockxsize=64, blockysize=64, compress="deflate", interleave=request.param, crs=f"EPSG:{EPSG}",
        transform=Affine(30, 0, WEST, 0, -30, NORTH),
    ) as file:  # fmt: skip
        file.write(NUMBERS)
        for n, nm in enumerate(CENTRES, 1):
            file.set_band_description(n, f"band {n} ({nm:g} Nanometers)")
    return path


def bands(path, numbers, centres=None):
    nm = [None] * len(numbers) if centres is None else centres
    return [
        Band(f"B{n}", str(path), 1e-4, 0.0, -1.0, index=n, centre_nm=c)
        for n, c in zip(numbers, nm, strict=True)
    ]


@pytest.mark.parametrize("epsg", [EPSG, 32632])
def test_many_bands_are_each_what_it_is_alone(reader, tif, epsg):
    x, y = Transformer.from_crs(EPSG, epsg, always_xy=True).transform(WEST + 300, NORTH - 600)
    frame = Frame(epsg, round(x, -1), round(y, -1), 50, 70, 30)
    asked = bands(tif, [3, 17, 40, 1])
    together = reader.read_many(asked, frame)
    for band, pixels in zip(asked, together, strict=True):
        np.testing.assert_array_equal(pixels, reader.read(band, frame))
    assert (together[0] != -1).any()


def test_pixels_are_the_files_own(reader, tif):
    frame = Frame(EPSG, WEST + 300, NORTH - 600, 50, 70, 30)
    for n, pixels in zip((1, 40), reader.read_many(bands(tif, [1, 40]), frame), strict=True):
        np.testing.assert_array_equal(pixels, NUMBERS[n - 1, 20:70, 10:80])


def test_the_file_is_asked_once_for_all_of_them(reader, tif, monkeypatch):
    asked = []
    real = _Raster.windows

    def counted(self, rows, cols, numbers):
        asked.append(list(numbers))
        return real(self, rows, cols, numbers)

    monkeypatch.setattr(_Raster, "windows", counted)
    reader.read_many(bands(tif, [5, 2, 40]), Frame(EPSG, WEST, NORTH, SIDE, SIDE, 30))
    apart = reader.decoded_bytes == 3 * SIDE * SIDE * 2  # blocks of single bands, straight from the file
    assert asked == [[5, 2, 40]] or (apart and not asked)


def test_the_nearest_wavelength_decides_where_the_file_tells_its_own(reader, tif):
    frame = Frame(EPSG, WEST, NORTH, 20, 20, 30)
    asked = bands(tif, list(range(1, BANDS + 1)), np.arange(BANDS) * 10.0 + 400.7)
    for rank, pixels in enumerate(reader.read_many(asked, frame)):
        np.testing.assert_array_equal(
            pixels, NUMBERS[int(np.flatnonzero(rank * 10 + 400 == CENTRES)[0]), :20, :20]
        )


def test_a_wavelength_that_is_not_there_breaks_the_item(reader, tif):
    with pytest.raises(BrokenInputError, match="near 405 nm"):
        reader.read(bands(tif, [1], [405.0])[0], Frame(EPSG, WEST, NORTH, 5, 5, 30))


def test_descriptions_count_only_where_every_band_has_one():
    assert described_centres_nm(()) == described_centres_nm(("418.2 nm", "red")) == ()
    assert described_centres_nm(("418.2 nm", "Band 2 [424.04 nanometer]")) == (418.2, 424.04)
    assert described_centres_nm(("1.2.3 nm",)) == ()


def test_a_file_that_would_keep_much_is_closed_after_each_reading(tif, reader, monkeypatch):
    frame, asked = Frame(EPSG, WEST, NORTH, 20, 20, 30), bands(tif, [3, 17])
    first = reader.read_many(asked, frame)
    assert len(reader._open) == 1
    monkeypatch.setattr("eomap.io.pixels.HELD_LIMIT_BYTES", 64 * 64 * 2 * BANDS - 1)
    np.testing.assert_array_equal(first, reader.read_many(asked, frame))
    assert len(reader._open) == (0 if tif.stem == "pixel" else 1)
