"""Warps: kernel = twin, part = whole, positions true to 1e-3 of a pixel, sums kept by area."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from eomap.core.grid import Frame, transformer, utm_epsg
from eomap.errors import MisuseError
from eomap.kernels.warp import ERROR_PX, Place, control_grids, node_px
from eomap.kernels.warp_area import (
    overlaps_numpy,
    warp_average,
    warp_average_numpy,
    warp_mode,
    warp_mode_numpy,
)
from eomap.kernels.warp_cubic import warp_cubic, warp_cubic_numpy
from eomap.kernels.warp_linear import warp_bilinear, warp_bilinear_numpy
from eomap.kernels.warp_nearest import take_nearest, warp_nearest, warp_nearest_numpy

MODIS = CRS.from_proj4("+proj=sinu +R=6371007.181 +units=m").to_wkt()
SYSTEMS = ("own", "next zone", 4326, MODIS, 3035)


def nearest(native, grid, *, corner=(0, 0), nodata):
    return warp_nearest(native, grid, corner=corner, fill=nodata)


def nearest_numpy(native, grid, *, corner=(0, 0), nodata):
    return warp_nearest_numpy(native, grid, corner=corner, fill=nodata)


POINTS = {
    "nearest": (nearest, nearest_numpy),
    "bilinear": (warp_bilinear, warp_bilinear_numpy),
    "cubic": (warp_cubic, warp_cubic_numpy),
}
AREAS = {"average": (warp_average, warp_average_numpy), "mode": (warp_mode, warp_mode_numpy)}


def centred(lon, lat, *, system, side, file_m, shape, pixel_m, off=0, shift=(0.0, 0.0)):
    """Return a frame that begins `shift` metres from a point, and a file that is centred on it."""
    epsg = utm_epsg(lon, lat)
    zone = epsg % 100 % 60 + 1
    crs = {"own": epsg, "next zone": epsg - epsg % 100 + zone}.get(system, system)
    x, y = transformer(4326, epsg).transform(lon + off, lat)
    frame = Frame(
        epsg,
        int((x + shift[0]) // pixel_m * pixel_m),
        int((y + shift[1]) // pixel_m * pixel_m),
        *shape,
        pixel_m,
    )
    named = CRS.from_user_input(crs)
    x, y = Transformer.from_crs(epsg, named, always_xy=True).transform(x, y)
    step = file_m / 111_320 if named.is_geographic else file_m
    return frame, Place(crs, (x - side / 2 * step, y + side / 2 * step), (step, -step), (side, side))


places = st.tuples(
    st.floats(-179, 179), st.one_of(st.floats(-79.5, 83.9), st.sampled_from([-79.9, 0.0, 83.95]))
)


@given(
    place=places,
    off=st.sampled_from([-3.0, 0.0, 3.0]),
    system=st.sampled_from(SYSTEMS),
    pixel_m=st.sampled_from([10, 20, 30, 60, 100, 240, 480]),
)
@settings(max_examples=80, deadline=None)
def test_positions_are_true_to_a_thousandth_of_a_pixel(place, off, system, pixel_m):
    lon, lat = place
    assume(system != 3035 or (-25 < lon < 45 and 32 < lat < 75))
    frame, file = centred(
        lon, lat, system=system, side=99, file_m=pixel_m, shape=(70, 75), pixel_m=pixel_m, off=off
    )
    x = np.tile(frame.x0 + (np.arange(75) + 0.5) * pixel_m, (70, 1))
    y = np.tile(frame.y0 - (np.arange(70) + 0.5) * pixel_m, (75, 1)).T
    to_file = Transformer.from_crs(frame.epsg, CRS.from_user_input(file.crs), always_xy=True)
    x, y = to_file.transform(x, y)
    once_round = 360 if file.crs == 4326 else 2 * 20_015_115 if file.crs == MODIS else np.inf
    for grid in control_grids(frame, file):
        row, col = grid.positions()
        assert np.abs(row - (y - file.corner_xy[1]) / file.pixel_xy[1]).max() < ERROR_PX
        gap = np.abs(col - (x - file.corner_xy[0]) / file.pixel_xy[0])
        near = gap < once_round / file.pixel_xy[0] / 40
        assert gap[near].max(initial=0) < ERROR_PX


@st.composite
def warps(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    side, kind = draw(st.integers(1, 60)), draw(st.sampled_from([np.uint16, np.uint8, np.int16, np.float32]))
    lon, lat = draw(places)
    assume(abs(lat) < 75)
    shape = draw(st.tuples(st.integers(1, 70), st.integers(1, 70)))
    system = draw(st.sampled_from(SYSTEMS[:4]))
    frame, file = centred(
        lon, lat, system=system, side=side, file_m=draw(st.sampled_from([5, 10, 20, 60])), shape=shape,
        pixel_m=draw(st.sampled_from([10, 30])), shift=(draw(st.floats(-600, 0)), draw(st.floats(0, 600))),
    )  # fmt: skip
    signed = np.dtype(kind).kind != "u"
    native = rng.integers(-9999 if signed else 0, 200, (side, side)).astype(kind)
    nodata = draw(st.sampled_from([0, 77, -9999] if signed else [0, 77]))
    native[rng.random(native.shape) < draw(st.sampled_from([0, 0.1, 0.9]))] = nodata
    if kind == np.float32 and draw(st.booleans()):
        native[rng.random(native.shape) < 0.1] = np.nan
    return frame, file, native, nodata


@pytest.mark.parametrize("name", POINTS)
@given(case=warps(), data=st.data())
@settings(max_examples=25, deadline=None)
def test_kernel_equals_its_twin_and_a_part_the_whole(name, case, data):
    (frame, file, native, nodata), (fast, plain) = case, POINTS[name]
    (grid,) = control_grids(frame, file)
    whole = fast(native, grid, nodata=nodata)
    np.testing.assert_array_equal(whole, plain(native, grid, nodata=nodata))
    row, col = data.draw(st.integers(0, frame.height - 1)), data.draw(st.integers(0, frame.width - 1))
    row1, col1 = data.draw(st.integers(row + 1, frame.height)), data.draw(st.integers(col + 1, frame.width))
    (grid,) = control_grids(frame.sub(row, row1, col, col1), file)
    window = grid.window(file.shape, reach_px=2)
    part = np.full(grid.shape, nodata, native.dtype)
    if window:
        (r0, r1), (c0, c1) = window
        part = fast(native[r0:r1, c0:c1], grid, corner=(r0, c0), nodata=nodata)
    np.testing.assert_array_equal(part, whole[row:row1, col:col1])


@pytest.mark.parametrize("name", AREAS)
@given(case=warps(), data=st.data())
@settings(max_examples=8, deadline=None)
def test_area_kernels_equal_their_twins_and_a_part_the_whole(name, case, data):
    (frame, file, native, nodata), (fast, plain) = case, AREAS[name]
    if name == "mode":
        nodata = 0
        native = np.nan_to_num(native).clip(0, 9).astype(np.uint8)
    frame = frame.sub(0, min(frame.height, 6), 0, min(frame.width, 7))
    (grid,) = control_grids(frame, file, at_corners=True)
    whole = fast(native, grid, nodata=nodata)
    assert whole.shape == frame.shape
    np.testing.assert_array_equal(whole, plain(native, grid, nodata=nodata))
    row, col = data.draw(st.integers(0, frame.height - 1)), data.draw(st.integers(0, frame.width - 1))
    (grid,) = control_grids(frame.sub(row, frame.height, col, frame.width), file, at_corners=True)
    window = grid.window(file.shape)
    part = np.full((frame.height - row, frame.width - col), nodata, native.dtype)
    if window:
        (r0, r1), (c0, c1) = window
        part = fast(native[r0:r1, c0:c1], grid, corner=(r0, c0), nodata=nodata)
    np.testing.assert_array_equal(part, whole[row:, col:])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_the_area_of_a_quadrangle_is_divided_among_pixels(seed):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 4))
    row, col = rng.uniform(0.1, 9) * np.sin(angle) + 20, rng.uniform(0.1, 9) * np.cos(angle) + 20
    (top, _), area = overlaps_numpy(row, col)
    shoelace = abs(np.sum(row * np.roll(col, -1) - col * np.roll(row, -1))) / 2
    assert area.sum() == pytest.approx(shoelace, abs=1e-9) and area.max() < 1 + 1e-9
    centre = (area.sum(1) @ (np.arange(area.shape[0]) + top + 0.5)) / max(area.sum(), 1e-12)
    assert area.sum() < 0.1 or row.min() - 1 < centre < row.max() + 1


def test_sums_are_kept_by_means_over_area():
    native = np.random.default_rng(2).random((300, 300)).astype(np.float64)
    native[:60], native[-60:], native[:, :60], native[:, -60:] = 0, 0, 0, 0
    frame, file = centred(
        12.5, 50.0, system="next zone", side=300, file_m=10, shape=(64, 64), pixel_m=60, shift=(-1920, 1920)
    )
    (grid,) = control_grids(frame, file, at_corners=True)
    mean = warp_average(native, grid, nodata=-1)
    row, col = grid.positions()
    (v, u), (dv, du) = (row, col), (row[1:, 1:] - row[:-1, :-1], col[1:, 1:] - col[:-1, :-1])
    area = np.abs(dv * (u[1:, :-1] - u[:-1, 1:]) - du * (v[1:, :-1] - v[:-1, 1:])) / 2
    inside = mean >= 0
    assert (mean * area)[inside].sum() == pytest.approx(native.sum(), rel=1e-6)


def test_codes_by_area_give_ties_to_the_smaller():
    native = np.array([[7, 3], [3, 7]], np.uint8).repeat(2, 0).repeat(2, 1)
    frame = Frame(32633, 500_000, 5_000_040, 1, 1, 40)
    (grid,) = control_grids(frame, Place(32633, (500_000, 5_000_040), (10, -10), (4, 4)), at_corners=True)
    assert warp_mode(native, grid, nodata=0).tolist() == [[3]]
    with pytest.raises(MisuseError):
        warp_mode(native.astype(np.int16), grid, nodata=0)


@pytest.mark.parametrize("name", POINTS)
def test_fill_never_bleeds(name):
    frame, file = centred(
        12.0, 50.0, system="next zone", side=200, file_m=10, shape=(100, 100), pixel_m=10, shift=(-500, 500)
    )
    native = np.random.default_rng(3).integers(4000, 4100, (200, 200)).astype(np.uint16)
    native[90:95, 80:120] = 0
    (grid,) = control_grids(frame, file)
    made = POINTS[name][0](native, grid, nodata=0)
    assert (made == 0).any() and made[made > 0].min() >= 3900 and made.max() <= 4200


def across_the_antimeridian(lat):
    """Return a frame of 300 x 600 pixels whose middle column lies on it."""
    epsg = utm_epsg(179.9, lat)
    x, y = transformer(4326, epsg).transform(179.9999, lat)
    return Frame(epsg, int(x // 10) * 10 - 3000, int(y // 10) * 10, 300, 600)


@pytest.mark.parametrize("lat", [-60.0, 0.5, 71.0])
def test_both_sides_of_the_antimeridian_are_seen(lat):
    frame, file = across_the_antimeridian(lat), Place(4326, (-180, 90), (0.05, -0.05), (3600, 7200))
    east, west = control_grids(frame, file)
    col = np.tile(np.arange(7200), (3600, 1)).astype(np.int32)
    made = warp_nearest(col, east, fill=-1)
    assert (made[:, :150] >= 0).all() and (made[:, 450:] == -1).all()
    made = warp_nearest(col, west, out=made)
    lon, _ = transformer(frame.epsg, 4326).transform(
        frame.x0 + 5 + 10 * np.arange(600), np.full(600, frame.y0 - 5)
    )
    assert np.array_equal(made[0], np.floor((np.asarray(lon) + 180) / 0.05).astype(int))


@pytest.mark.parametrize("lat", [-60.0, 0.5, 71.0])
def test_a_tile_at_the_end_of_the_sinusoidal_is_not_smeared(lat):
    frame = across_the_antimeridian(lat)
    _, west = control_grids(frame, Place(MODIS, (0.0, 0.0), (500.0, -500.0), (9, 9)))
    row, col = west.positions()
    lon, _ = Transformer.from_crs(CRS.from_wkt(MODIS), 4326, always_xy=True).transform(col * 500, row * -500)
    x = frame.x0 + 5 + 10 * np.arange(600)
    there, _ = transformer(frame.epsg, 4326).transform(x, np.full(600, frame.y0 - 5))
    beyond = np.asarray(there) < 0
    assert 250 < beyond.sum() < 350
    assert np.allclose(lon[0][beyond], np.asarray(there)[beyond], atol=1e-5)


def test_nodes_are_as_close_as_a_system_bends():
    frame = Frame(32633, 400_000, 5_800_000, 64, 64)
    far, near = (
        Place(4326, (12.0, 53.0), (0.004, -0.004), (9, 9)),
        Place(4326, (12.0, 53.0), (1e-4, -1e-4), (9, 9)),
    )
    assert node_px(frame, far) == node_px(frame, Place(32632, (0, 0), (10, -10), (9, 9))) == 32
    assert 1 < node_px(frame, near) < 32


def test_taken_pixels_are_those_of_numpy():
    native = np.random.default_rng(4).integers(0, 99, (20, 30))
    for row, col in (
        (np.arange(3, 9), np.arange(30)),
        (np.arange(12) // 2, np.arange(9)[::-1]),
        (np.array([4]), np.array([7])),
    ):
        assert np.array_equal(take_nearest(native, row, col), native[np.ix_(row, col)])
