"""Pixels equal those that rasterio reads of the same place; files that cannot be trusted are named."""

import time

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from small_world import write_tif

from eomap.core.grid import Frame
from eomap.core.source import Band
from eomap.errors import BrokenInputError, TransientError
from eomap.io.pixels import BLOCK_LIMIT_BYTES, RasterReader

EPSG, WEST, NORTH, SIDE = 32633, 399_960, 5_900_040, 600
NUMBERS = np.random.default_rng(5).integers(1, 10_000, (SIDE, SIDE)).astype(np.uint16)


@pytest.fixture
def reader():
    made = RasterReader()
    yield made
    made.close()


@pytest.fixture
def tif(tmp_path):
    path = tmp_path / "B02.tif"
    write_tif(path, NUMBERS, epsg=EPSG, west=WEST, north=NORTH)
    return path


def band(path, name="B02", nodata=0.0):
    return Band(name, str(path), 1e-4, 0.0, nodata, categorical=name == "SCL")


def frame(row, col, height, width, epsg=EPSG):
    return Frame(epsg, WEST + 10 * col, NORTH - 10 * row, height, width)


@pytest.mark.parametrize(
    "at",
    [(0, 0, 600, 600), (37, 250, 64, 91), (599, 599, 1, 1), (-20, 580, 50, 50), (590, -5, 30, 700)],
)
def test_windows_in_the_files_own_zone_are_its_pixels(reader, tif, at):
    row, col, height, width = at
    rows, cols = (slice(max(a, 0), min(a + n, SIDE)) for a, n in ((row, height), (col, width)))
    wanted = np.zeros((height, width), np.uint16)
    with rasterio.open(tif) as file:
        inside = file.read(1, window=rasterio.windows.Window.from_slices(rows, cols))
    wanted[rows.start - row : rows.stop - row, cols.start - col : cols.stop - col] = inside
    assert np.array_equal(reader.read(band(tif), frame(*at)), wanted)


def test_only_the_blocks_of_the_window_are_decoded(reader, tif):
    with rasterio.open(tif) as file:
        rows, cols = file.block_shapes[0]
    reader.read(band(tif), frame(0, 0, 30, 40))
    assert reader.decoded_bytes == rows * cols * 2 < NUMBERS.nbytes


@pytest.mark.parametrize(("nodata", "fill"), [(0.0, 0), (65535.0, 65535), (None, 0)])
def test_outside_the_file_is_nodata(reader, tif, nodata, fill):
    where = band(tif, nodata=nodata)
    assert (reader.read(where, frame(5000, 0, 7, 9)) == fill).all()
    edge = reader.read(where, frame(-3, 0, 10, 10))
    assert edge.dtype == np.uint16 and (edge[:3] == fill).all()
    assert np.array_equal(edge[3:], NUMBERS[:7, :10])
    far = reader.read(where, Frame(32634, WEST + 10_000_000, NORTH, 4, 5))
    assert far.shape == (4, 5) and (far == fill).all()


@pytest.mark.parametrize("epsg", [32632, 32634])
def test_another_zone_gives_the_nearest_pixel_by_exact_position(reader, tif, epsg):
    there = Transformer.from_crs(EPSG, epsg, always_xy=True)
    x0, y0 = (round(v, -1) for v in there.transform(WEST + 1500, NORTH - 1500))
    part = Frame(epsg, int(x0), int(y0), 150, 170)
    x = part.x0 + 5 + 10 * np.arange(part.width)[None, :] + np.zeros((part.height, 1))
    y = part.y0 - 5 - 10 * np.arange(part.height)[:, None] + np.zeros((1, part.width))
    back = Transformer.from_crs(epsg, EPSG, always_xy=True)
    source_x, source_y = back.transform(x, y)
    col, row = (source_x - WEST) / 10, (NORTH - source_y) / 10
    # The control grid may be off by a hundredth of a pixel; centres closer than that to an edge are left out.
    clear = (np.abs(col - np.rint(col)) > 0.01) & (np.abs(row - np.rint(row)) > 0.01)
    inside = (row >= 0) & (row < SIDE) & (col >= 0) & (col < SIDE)
    wanted = np.where(
        inside,
        NUMBERS[
            np.clip(np.floor(row), 0, SIDE - 1).astype(int), np.clip(np.floor(col), 0, SIDE - 1).astype(int)
        ],
        0,
    )
    assert clear.mean() > 0.9 and inside.any()
    assert np.array_equal(reader.read(band(tif), part)[clear], wanted[clear])


def test_scene_classes_keep_their_codes(reader, tmp_path):
    codes = np.random.default_rng(6).choice([3, 4, 9, 11], (SIDE // 2, SIDE // 2)).astype(np.uint8)
    write_tif(tmp_path / "SCL.tif", codes, epsg=EPSG, west=WEST, north=NORTH, pixel_m=20)
    read = reader.read(band(tmp_path / "SCL.tif", "SCL"), frame(0, 0, SIDE, SIDE))
    assert np.array_equal(read, np.repeat(np.repeat(codes, 2, axis=0), 2, axis=1))
    elsewhere = reader.read(band(tmp_path / "SCL.tif", "SCL"), frame(11, 13, 50, 50, epsg=EPSG))
    assert np.array_equal(elsewhere, read[11:61, 13:63])


def test_more_files_than_may_stay_open(reader, tmp_path, monkeypatch):
    monkeypatch.setattr("eomap.io.pixels.OPEN_FILES", 3)
    for n in range(8):
        write_tif(tmp_path / f"{n}.tif", NUMBERS[:32, :32] + np.uint16(n), epsg=EPSG, west=WEST, north=NORTH)
    for n in (*range(8), 0, 5):
        assert (reader.read(band(tmp_path / f"{n}.tif"), frame(0, 0, 8, 8)) == NUMBERS[:8, :8] + n).all()
    assert len(reader._open) == 3


def no_place(path):
    with rasterio.open(path, "w", driver="GTiff", height=8, width=8, count=1, dtype="uint16") as file:
        file.write(np.ones((8, 8), np.uint16), 1)


def no_crs(path):
    with rasterio.open(
        path, "w", driver="GTiff", height=8, width=8, count=1, dtype="uint16",
        transform=rasterio.Affine(10, 0, WEST, 0, -10, NORTH),
    ) as file:  # fmt: skip
        file.write(np.ones((8, 8), np.uint16), 1)


def rotated(path):
    with rasterio.open(
        path, "w", driver="GTiff", height=8, width=8, count=1, dtype="uint16", crs=f"EPSG:{EPSG}",
        transform=rasterio.Affine(10, 2, WEST, 2, -10, NORTH),
    ) as file:  # fmt: skip
        file.write(np.ones((8, 8), np.uint16), 1)


def one_huge_block(path):
    side = 16 * -(-int(BLOCK_LIMIT_BYTES**0.5) // 16)
    with rasterio.open(
        path, "w", driver="GTiff", height=side, width=side, count=1, dtype="uint16", crs=f"EPSG:{EPSG}",
        transform=rasterio.Affine(10, 0, WEST, 0, -10, NORTH), tiled=True, blockxsize=side,
        blockysize=side, sparse_ok=True,
    ):  # fmt: skip
        pass


def truncated(path):
    write_tif(path, NUMBERS, epsg=EPSG, west=WEST, north=NORTH)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def vrt_in_disguise(path):
    secret = path.with_name("secret.tif")
    write_tif(secret, NUMBERS, epsg=EPSG, west=WEST, north=NORTH)
    path.write_text(
        f'<VRTDataset rasterXSize="600" rasterYSize="600"><SRS>EPSG:{EPSG}</SRS>'
        f"<GeoTransform>{WEST}, 10, 0, {NORTH}, 0, -10</GeoTransform>"
        f'<VRTRasterBand dataType="UInt16" band="1"><SimpleSource><SourceFilename>{secret}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )


BROKEN = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "a web page": lambda path: path.write_text("<html><body>404</body></html>"),
    "a zip": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(200)),
    "a folder": lambda path: path.mkdir(),
    "a VRT in disguise": vrt_in_disguise,
    "truncated": truncated,
    "without place": no_place,
    "without CRS": no_crs,
    "rotated": rotated,
    "one huge block": one_huge_block,
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_cannot_be_trusted_are_named(reader, tmp_path, name):
    path = tmp_path / "B02.tif"
    BROKEN[name](path)
    with pytest.raises(BrokenInputError) as problem:
        reader.read(band(path), frame(0, 0, SIDE, SIDE))
    assert str(path) in str(problem.value) and "\n" not in str(problem.value)
    assert not reader._open, "a broken file is not kept"


def test_a_file_that_was_broken_can_be_read_once_it_is_whole(reader, tif):
    whole = tif.read_bytes()
    tif.write_bytes(whole[:5000])
    with pytest.raises(BrokenInputError):
        reader.read(band(tif), frame(0, 0, SIDE, SIDE))
    tif.write_bytes(whole)
    assert np.array_equal(reader.read(band(tif), frame(0, 0, SIDE, SIDE)), NUMBERS)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_host_is_tried_again_and_named_without_its_signature(reader, serve, monkeypatch, status):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    server = serve()
    server.answer = lambda method, path, body: status
    with pytest.raises(TransientError) as problem:
        reader.read(band(f"{server.url}/B02.tif?sig=hidden"), frame(0, 0, 8, 8))
    assert f"{server.url}/B02.tif" in str(problem.value) and "hidden" not in str(problem.value)
    assert waits == sorted(waits) and len(waits) >= 2 and len(server.hits) > len(waits)


def test_a_file_that_a_host_does_not_have_is_broken(reader, serve):
    server = serve()
    with pytest.raises(BrokenInputError, match=r"B02\.tif") as problem:
        reader.read(band(f"{server.url}/B02.tif?sig=hidden"), frame(0, 0, 8, 8))
    assert "hidden" not in str(problem.value)


def test_a_host_that_does_not_answer_is_no_broken_file(reader, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:9/B02\.tif"):
        reader.read(band("http://127.0.0.1:9/B02.tif"), frame(0, 0, 8, 8))


def test_a_host_that_comes_back_gives_the_pixels(reader, serve, tif, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    whole, server = tif.read_bytes(), serve()
    answers = iter([503] * 3)
    server.answer = lambda method, path, body: next(answers, None) or (200, {}, whole)
    assert np.array_equal(reader.read(band(f"{server.url}/B02.tif"), frame(0, 0, 50, 60)), NUMBERS[:50, :60])


@pytest.mark.parametrize("href", ["/vsicurl/http://127.0.0.1/x.tif", "vrt:///etc/passwd", "<VRTDataset/>"])
def test_expressions_for_gdal_are_refused(reader, href):
    with pytest.raises(BrokenInputError):
        reader.read(band(href), frame(0, 0, 8, 8))
