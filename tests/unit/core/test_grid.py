"""The lattice, its tiles and frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from eomap.core.grid import (
    PIXEL_M,
    Tile,
    Window,
    cell_centres,
    cell_index,
    frame_of,
    tile_cells,
    tile_epsg,
    tile_window,
    utm_epsg,
    window_within,
)
from eomap.errors import MisuseError

tiles = st.builds(Tile, st.integers(20, 330), st.integers(0, 719))


@given(tiles)
def test_a_tile_is_named_and_found_again(tile):
    assert Tile.parse(tile.id) == tile


@given(tiles)
def test_no_tile_straddles_a_zone_border(tile):
    west, south, east, north = tile.bounds_deg
    inner = 1e-6
    corners = [(x, y) for x in (west + inner, east - inner) for y in (south + inner, north - inner)]
    assert {utm_epsg(x, y) for x, y in corners} == {tile_epsg(tile)}


@given(tiles, st.sampled_from([1, 2, 3, 10, 50]))
def test_windows_of_tiles_partition_the_lattice(tile, step):
    n = tile_cells(step)
    window = tile_window(tile, step)
    assert window.shape == (n, n)
    assert window.bounds_deg == pytest.approx(tile.bounds_deg, abs=1e-9)


@pytest.mark.parametrize("tile", [Tile(75, 385), Tile(179, 0), Tile(180, 719), Tile(40, 372), Tile(13, 400)])
def test_every_cell_of_a_tile_lies_in_its_frame(tile):
    window = tile_window(tile, 10)
    frame = frame_of(window, tile_epsg(tile), cell_px=10, halo_px=40)
    row, col = cell_index(window, frame, cell_px=10)
    assert row.min() >= 4 and col.min() >= 4
    assert row.max() < frame.height // 10 - 4 and col.max() < frame.width // 10 - 4


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 99), st.integers(1, 99))
def test_a_part_of_a_tile_sees_the_same_zone_cells(row, col, height, width):
    whole = tile_window(Tile(75, 385), 10)
    from eomap.core.grid import Window

    part = Window(10, whole.row0 + row, whole.row0 + row + height, whole.col0 + col, whole.col0 + col + width)
    assert np.array_equal(_zone_cells(part), _zone_cells(whole)[:, row : row + height, col : col + width])


def _zone_cells(window):
    frame = frame_of(window, 32633, cell_px=10, halo_px=40)
    row, col = cell_index(window, frame, cell_px=10)
    return np.array([row - frame.y0 // 100, col + frame.x0 // 100])


def test_cell_index_is_the_cell_that_holds_the_centre():
    window = tile_window(Tile(75, 385), 10)
    frame = frame_of(window, 32633, cell_px=10, halo_px=0)
    row, col = cell_index(window, frame, cell_px=10)
    x, y = Transformer.from_crs(4326, 32633, always_xy=True).transform(window.lon()[17], window.lat()[311])
    assert frame.x0 + col[311, 17] * 100 <= x < frame.x0 + (col[311, 17] + 1) * 100
    assert frame.y0 - (row[311, 17] + 1) * 100 < y <= frame.y0 - row[311, 17] * 100


def test_window_within_is_never_empty_and_never_leaves_the_tile():
    tile = Tile(75, 385)
    whole = tile_window(tile, 10)
    tiny = window_within(tile, 10, (12.70001, 52.30001, 12.70002, 52.30002))
    assert tiny.shape == (1, 1)
    assert window_within(tile, 10, (-180, -90, 180, 90)) == whole


def test_frames_are_aligned_to_cells():
    frame = frame_of(tile_window(Tile(75, 385), 10), 32633, cell_px=10, halo_px=40)
    assert frame.x0 % 100 == 0 and frame.y0 % 100 == 0
    assert frame.sub(10, 20, 30, 50).bounds_m[0] == frame.x0 + 30 * PIXEL_M


@pytest.mark.parametrize(("lat", "ok"), [(83.9, True), (84.1, False), (-79.9, True), (-80.1, False)])
def test_beyond_utm_is_refused(lat, ok):
    if ok:
        assert 32601 <= utm_epsg(10, lat) <= 32760
    else:
        with pytest.raises(MisuseError, match="84 N"):
            utm_epsg(10, lat)


def test_a_moved_origin_moves_frames_and_not_what_a_cell_shows():
    """Cells still take the frame's cell at their centre, and parts of a tile share them."""
    tile = Tile(75, 385)
    window = tile_window(tile, 3)
    part = Window(3, window.row0 + 700, window.row0 + 900, window.col0 + 500, window.col0 + 760)
    whole, cut = (frame_of(w, 32633, cell_px=1, halo_px=0, pixel_m=30, origin_m=15) for w in (window, part))
    for frame in (whole, cut):
        assert frame.x0 % 30 == frame.y0 % 30 == 15
    x, y = cell_centres(part, 32633)
    for frame in (whole, cut):
        row, col = cell_index(part, frame, cell_px=1)
        assert row.min() >= 0 and col.min() >= 0 and row.max() < frame.height and col.max() < frame.width
        assert np.abs(frame.x0 + (col + 0.5) * 30 - x).max() <= 15
        assert np.abs(frame.y0 - (row + 0.5) * 30 - y).max() <= 15
