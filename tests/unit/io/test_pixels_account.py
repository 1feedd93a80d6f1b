"""The reader counts what the codec has to decode: whole blocks."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from eomap.core.grid import Frame
from eomap.core.source import Band
from eomap.io.pixels import RasterReader


@pytest.fixture
def band(tmp_path):
    path = tmp_path / "B02.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=300, width=520, count=1, dtype="uint16", crs="EPSG:32633",
        transform=from_origin(500_000, 5_800_000, 10, 10), tiled=True, blockxsize=256, blockysize=256,
    ) as file:  # fmt: skip
        file.write(np.ones((1, 300, 520), np.uint16))
    return Band("B02", str(path), 1e-4, 0.0, 0.0)


@pytest.mark.parametrize(
    ("rows", "cols", "pixels"),
    [
        ((0, 1), (0, 1), 256 * 256),
        ((0, 256), (255, 256), 256 * 256),
        ((0, 1), (255, 257), 256 * 512),
        ((255, 257), (0, 256), 300 * 256),
        ((299, 300), (519, 520), 44 * 8),
        ((-9, 400), (-9, 600), 300 * 520),
        ((400, 410), (0, 10), 0),
    ],
)
def test_a_window_costs_the_blocks_that_it_touches(band, rows, cols, pixels):
    reader = RasterReader()
    whole = Frame(32633, 500_000, 5_800_000, 300, 520)
    read = reader.read(band, whole.sub(*rows, *cols))
    reader.close()
    assert read.shape == (rows[1] - rows[0], cols[1] - cols[0])
    assert reader.decoded_bytes == 2 * pixels
