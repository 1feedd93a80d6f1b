"""Means by area from the sinusoidal grid: of the numbers that count, as many small squares say."""

import numpy as np
import pytest
import rasterio
from pyproj import CRS, Transformer
from rasterio.transform import Affine

from eomap.core.grid import Frame
from eomap.core.source import Band
from eomap.io.pixels import RasterReader

SINUSOID = CRS.from_proj4("+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs")
UTM, SIZE_M, SIDE = 32721, 231.656358, 60
NUMBERS = np.random.default_rng(5).integers(-2000, 10_001, (SIDE, SIDE)).astype(np.int16)
NUMBERS[10:20, 12:18] = -3000
NUMBERS[30:33, 30:50] = -3201  # fill that a resampling smeared


@pytest.fixture(scope="module")
def place():
    """Return the outer corner of the file in metres of its grid."""
    return Transformer.from_crs(4326, SINUSOID, always_xy=True).transform(-55.5, -11.6)


@pytest.fixture(scope="module")
def tif(tmp_path_factory, place):
    path = tmp_path_factory.mktemp("means") / "NDVI.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=SIDE, width=SIDE, count=1, dtype="int16", nodata=-3000,
        crs=SINUSOID.to_wkt(), transform=Affine(SIZE_M, 0, place[0], 0, -SIZE_M, place[1]),
    ) as file:  # fmt: skip
        file.write(NUMBERS, 1)
    return path


def frame_of(place, height=30, width=32):
    x, y = Transformer.from_crs(SINUSOID, UTM, always_xy=True).transform(place[0] + 1500, place[1] - 1500)
    return Frame(UTM, round(x, -1), round(y, -1), height, width, 250)


def squares(frame, place, every):
    """Return the file's numbers at `every` x `every` points of each pixel (y, x, points)."""
    step = frame.pixel_m / every
    x = frame.x0 + (np.arange(frame.width * every) + 0.5) * step
    y = frame.y0 - (np.arange(frame.height * every) + 0.5) * step
    u, v = Transformer.from_crs(UTM, SINUSOID, always_xy=True).transform(*np.meshgrid(x, y))
    row, col = ((place[1] - v) // SIZE_M).astype(int), ((u - place[0]) // SIZE_M).astype(int)
    inside = (row >= 0) & (row < SIDE) & (col >= 0) & (col < SIDE)
    found = np.where(inside, NUMBERS[row.clip(0, SIDE - 1), col.clip(0, SIDE - 1)], -3000)
    shape = (frame.height, every, frame.width, every)
    return found.reshape(shape).swapaxes(1, 2).reshape(frame.height, frame.width, -1)


def read(tif, frame, mean_of):
    reader = RasterReader()
    made = reader.read(Band("NDVI", str(tif), 1e-4, 0.0, -3000.0, mean_of=mean_of), frame)
    reader.close()
    return made


def test_a_pixel_is_the_mean_of_the_valid_numbers_below_it(tif, place):
    frame = frame_of(place)
    made = read(tif, frame, (-2000.0, 10_000.0))
    below = squares(frame, place, 40)
    counted = np.ma.masked_outside(below, -2000, 10_000)
    mean, seen = counted.mean(axis=2).filled(0), ~counted.mask.all(axis=2)
    assert ((made != -3000) == seen).mean() > 0.995 and not seen.all() and made.dtype == np.int16
    whole = counted.count(axis=2) > 400  # where a sliver counts, forty points a side tell little
    apart = np.abs(made[whole] - mean[whole])  # neighbours differ by up to 12,000
    assert apart.max() < 150 and apart.mean() < 40


def test_smeared_fill_does_not_pull_a_mean_down(tif, place):
    frame = frame_of(place)
    near = (squares(frame, place, 10) == -3201).any(axis=2)
    with_it = read(tif, frame, (-5000.0, 10_000.0))
    without = read(tif, frame, (-2000.0, 10_000.0))
    assert near.any() and (with_it[near] < without[near]).mean() > 0.9
    far = ~(squares(frame, place, 40) == -3201).any(axis=2)
    assert (with_it[far] == without[far]).mean() > 0.99  # but for slivers


def test_without_a_range_the_pixel_at_the_centre_is_taken(tif, place):
    frame = frame_of(place)
    np.testing.assert_array_equal(read(tif, frame, None), squares(frame, place, 1)[..., 0])


def test_parts_are_the_whole(tif, place):
    frame = frame_of(place)
    whole = read(tif, frame, (-2000.0, 10_000.0))
    np.testing.assert_array_equal(whole[7:19, 5:31], read(tif, frame.sub(7, 19, 5, 31), (-2000.0, 10_000.0)))
