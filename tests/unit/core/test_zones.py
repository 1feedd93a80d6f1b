"""UTM zones as grids: each place in one zone, shapes there and back, tiles and frames in metres."""

import numpy as np
import pytest
import shapely
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pyproj import Geod

from eomap.core.aoi import from_bbox
from eomap.core.geodesy import zone_cell_area_km2
from eomap.core.grid import (
    PIXEL_M,
    UTM_TILE_M,
    Tile,
    Window,
    cell_centres,
    cell_index,
    frame_of,
    tile_cells,
    tile_window,
    transformer,
    utm_epsg,
    window_within,
)
from eomap.core.mask import mask
from eomap.core.tiling import clip_to_tile, parts_of, tiles_of
from eomap.core.zones import (
    grid_of,
    outline_deg,
    own_cells,
    split,
    tile_outline_deg,
    to_degrees,
    to_zone,
)
from eomap.errors import MisuseError

GEOD = Geod(ellps="WGS84")
zones = st.builds(lambda n, south: 32600 + 100 * south + n, st.integers(1, 60), st.booleans())
tiles = st.builds(Tile, st.integers(0, 667), st.integers(0, 39), zones)
places = st.tuples(st.integers(-180_000_000, 179_999_000), st.integers(-79_990_000, 83_990_000)).map(
    lambda p: (p[0] / 1e6, p[1] / 1e6)
)


def km2(geometry):
    return abs(GEOD.geometry_area_perimeter(geometry)[0]) / 1e6


@given(tiles)
def test_a_tile_of_a_zone_is_named_found_again_and_on_the_pixels_of_sentinel_2(tile):
    assert Tile.parse(tile.id) == tile
    assert all(v % UTM_TILE_M == 0 for v in tile.bounds)
    assert tile_window(tile, 1).bounds == tile.bounds == tile_window(tile, 10).bounds


@pytest.mark.parametrize("bad", [(668, 0, 32633), (0, 40, 32633), (0, 0, 4258), (0, 0, 32661)])
def test_what_is_no_tile_of_a_zone_is_refused(bad):
    with pytest.raises(MisuseError, match="UTM zone"):
        Tile(*bad)


@given(places)
@example((0.0, 0.0))
@example((12.0, 52.0))
@example((3.0, 56.0))
@example((21.0, 72.0))
@example((-180.0, 0.0))
def test_each_place_is_in_exactly_one_zone(place):
    epsg = utm_epsg(*place)
    near = {epsg, *(utm_epsg((place[0] + d + 180) % 360 - 180, place[1]) for d in (-7, -3, 3, 7))}
    near |= {utm_epsg(place[0], lat) for lat in (55.9, 63.9, 71.9, 83.9, 0.0, -0.1)}
    nudged = shapely.Point(
        place[0] + 1e-12, place[1] + 1e-12
    )  # western and southern borders are a zone's own
    assume(not any(shapely.distance(outline_deg(z).boundary, nudged) < 1e-13 for z in near))
    assert [z for z in sorted(near) if shapely.contains(outline_deg(z), nudged)] == [epsg]


@given(places, st.floats(0.01, 4), st.floats(0.01, 2))
@settings(max_examples=25)
def test_the_parts_of_an_area_are_the_area(place, width, height):
    west, south = place
    box = shapely.box(west, south, min(west + width, 180), min(south + height, 84))
    parts = split(box, "utm")
    back = [to_degrees(g, epsg) for epsg, g in parts.items()]
    assert sum(km2(g) for g in back) == pytest.approx(km2(box.segmentize(0.01)), rel=1e-5)
    for epsg, part in zip(parts, back, strict=True):
        point = shapely.point_on_surface(part)
        assert utm_epsg(point.x, point.y) == epsg


def test_cells_on_both_sides_of_a_border_share_no_place_and_leave_none_out():
    area = from_bbox("11.98,52.0,12.02,52.01")
    found = []
    for epsg, part in parts_of(area, "utm").items():
        for tile in tiles_of(part):
            clip = clip_to_tile(part, tile)
            window = window_within(tile, 1, clip.bounds)
            x, y = cell_centres(window, 4326)
            wanted = mask(clip, window)
            own = np.vectorize(utm_epsg)(x, y) == epsg
            inside = (x >= 11.98) & (x < 12.02) & (y >= 52.0) & (y < 52.01)
            # The border is followed to a millimetre; a centre so close to it may fall to either side.
            clear = (np.abs(x - 12) > 1e-7) & (np.abs(y - 52) > 1e-7) & (np.abs(y - 52.01) > 1e-7)
            clear &= (np.abs(x - 11.98) > 1e-7) & (np.abs(x - 12.02) > 1e-7)
            assert np.array_equal(wanted[clear], (own & inside)[clear])
            found.append(wanted.sum() * PIXEL_M**2 / 1e6)
    assert len(found) == 2 and sum(found) == pytest.approx(km2(area.geometry), rel=2e-3)


@given(st.integers(0, 5999), st.integers(0, 5999), st.integers(1, 500), st.integers(1, 500))
@settings(max_examples=30)
def test_a_cut_area_has_the_cells_of_the_whole(row, col, height, width):
    part = parts_of(from_bbox("12.2,52.1,13.4,52.9"), "utm")[32633]
    tiles = tiles_of(part)
    assert len(tiles) > 2
    tile = tiles[(row + col) % len(tiles)]
    whole = tile_window(tile, 1)
    cut = Window(
        1,
        whole.row0 + row,
        min(whole.row0 + row + height, whole.row1),
        whole.col0 + col,
        min(whole.col0 + col + width, whole.col1),
        32633,
    )
    clip = clip_to_tile(part, tile)
    assert np.array_equal(
        mask(part.geometry, cut), np.ones(cut.shape, bool) if clip is None else mask(clip, cut)
    )


@given(tiles, st.sampled_from([1, 2, 5, 10]), st.data())
@settings(max_examples=40)
def test_a_frame_of_a_zone_has_its_windows_cells_and_no_other(tile, step, data):
    n = tile_cells(step)
    row, col = (data.draw(st.integers(0, n - 1)) for _ in "ab")
    whole = tile_window(tile, step)
    window = Window(step, whole.row0 + row, whole.row1, whole.col0 + col, whole.col1, tile.epsg)
    halo = 4 * step
    frame = frame_of(window, tile.epsg, cell_px=step, halo_px=halo)
    rows, cols = cell_index(window, frame, cell_px=step, halo_px=halo)
    assert (rows, cols) == (slice(0, window.shape[0]), slice(0, window.shape[1]))
    assert frame.shape == tuple(s * step + 2 * halo for s in window.shape)
    west, _, _, north = window.bounds
    assert (frame.x0, frame.y0) == (west - halo * 10, north + halo * 10)
    part = Window(step, window.row1 - 1, window.row1, window.col1 - 1, window.col1, tile.epsg)
    assert [s.start for s in cell_index(part, frame, cell_px=step, halo_px=halo)] == [
        s - 1 for s in window.shape
    ]


def test_slices_are_what_nearest_neighbour_gives():
    window = Window(10, 142_300, 142_320, 9_400, 9_430, 32633)
    frame = frame_of(window, 32633, cell_px=10, halo_px=40)
    rows, cols = cell_index(window, frame, cell_px=10, halo_px=40)
    x, y = cell_centres(window, 32633)
    wanted_col = np.floor((x - frame.x0) / 100).astype(int) - 4
    wanted_row = np.floor((frame.y0 - y) / 100).astype(int) - 4
    index = np.indices(window.shape)
    assert np.array_equal(index[0][rows, cols], wanted_row) and np.array_equal(
        index[1][rows, cols], wanted_col
    )


def test_cells_that_are_not_the_frames_take_the_nearest():
    window = Window(3, 474_000, 474_010, 31_000, 31_010, 32633)  # 30 m cells, a frame of 20 m ones
    frame = frame_of(window, 32633, cell_px=2, halo_px=0)
    rows, cols = cell_index(window, frame, cell_px=2)
    x, y = cell_centres(window, 32633)
    assert ((frame.x0 + cols * 20 <= x) & (x < frame.x0 + (cols + 1) * 20)).all()
    assert ((frame.y0 - rows * 20 >= y) & (y > frame.y0 - (rows + 1) * 20)).all()


@given(places)
@settings(max_examples=40)
def test_there_and_back_is_the_same_shape(place):
    lon, lat = place
    assume(abs(lon) < 179.9)  # at the antimeridian a millimetre may lie on the other side of the sheet
    shape = shapely.box(lon, lat, lon + 0.001, min(lat + 0.2, 84))
    epsg = utm_epsg(lon, lat)
    back = to_degrees(to_zone(shape, epsg), epsg)
    # 1 mm along an edge of 22 km, 100 m wide
    assert km2(back) == pytest.approx(km2(shape.segmentize(0.002)), rel=1e-3)
    assert shapely.hausdorff_distance(shapely.normalize(back), shape.segmentize(0.002)) < 1e-3


def test_a_tile_at_the_antimeridian_is_cut_there():
    x, y = transformer(4326, 32660).transform(179.99, -0.1)
    tile = Tile(int((334 * UTM_TILE_M - y) // UTM_TILE_M), int(x // UTM_TILE_M) + 10, 32660)
    outline = tile_outline_deg(tile)
    assert outline.bounds[0] == -180 and outline.bounds[2] == 180 and outline.area < 0.5
    assert tile.bounds_deg[0] == -180 and tile.bounds_deg[2] == 180


@pytest.mark.parametrize(
    ("text", "name"), [("LATTICE", "lattice"), ("utm", "utm"), ("epsg:32601", "EPSG:32601")]
)
def test_grids_have_one_spelling(text, name):
    assert grid_of(text) == name


@pytest.mark.parametrize("text", ["", "UTM33", "EPSG:4326", "EPSG:32661", "EPSG:", "32633"])
def test_what_is_no_grid_is_refused(text):
    with pytest.raises(MisuseError, match="lattice, utm"):
        grid_of(text)


def test_one_zone_may_be_used_six_degrees_far():
    area = from_bbox("11.5,52,12.5,52.1")
    (part,) = parts_of(area, "EPSG:32632").values()
    assert km2(to_degrees(part.geometry, 32632)) == pytest.approx(
        km2(area.geometry.segmentize(0.01)), rel=1e-6
    )
    assert set(parts_of(from_bbox("178,-1,-178,1"), "EPSG:32601")) == {32601}, "across the antimeridian"
    with pytest.raises(MisuseError, match="within 6 degrees"):
        parts_of(from_bbox("11,52,15.5,53"), "EPSG:32632")
    loose = split(from_bbox("11,52,15.5,53").geometry, "EPSG:32632", strict=False)
    assert sorted(loose) == [32632, 32633]
    assert sum(km2(to_degrees(g, z)) for z, g in loose.items()) == pytest.approx(
        km2(shapely.box(11, 52, 15.5, 53).segmentize(0.01)), rel=1e-6
    )


def test_the_same_area_on_two_grids_is_two_values():
    """Parts are cached by what they equal: one zone for all is not the native part in that zone."""
    area = from_bbox("11.9,52,12.1,52.1")
    native, one = parts_of(area, "utm")[32632], parts_of(area, "EPSG:32632")[32632]
    assert native != one
    tile = tiles_of(native)[0]
    assert clip_to_tile(native, tile).area < clip_to_tile(one, tile).area


def test_own_cells_end_at_the_border():
    x, y = transformer(4326, 32633).transform(12.0, 52.0)
    row, col = int((334 * UTM_TILE_M - y) // 10), int((x + 10 * UTM_TILE_M) // 10)
    window = Window(1, row - 50, row + 50, col - 50, col + 50, 32633)
    lon, _ = cell_centres(window, 4326)
    clear = np.abs(lon - 12) > 1e-7
    assert np.array_equal(own_cells(window)[clear], (lon >= 12)[clear])
    assert own_cells(Window(1, row, row + 9, col + 9000, col + 9009, 32633)).all()
    assert own_cells(Window(1, 0, 9, 0, 9)).all()


@given(st.integers(100, 1300), st.floats(-9.3e6, 9.3e6))
def test_areas_of_cells_are_geodesic(col, y):
    x = -600_000.0 + col * 1000 + 500
    assume(200_000 < x < 800_000)
    corners = ((x - 500, y - 500), (x + 500, y - 500), (x + 500, y + 500), (x - 500, y + 500))
    lon, lat = transformer(32633, 4326).transform(*np.array(corners).T)
    true = abs(GEOD.polygon_area_perimeter(lon, lat)[0]) / 1e6
    assert zone_cell_area_km2(32633, [x], y, side_m=1000.0)[0] == pytest.approx(true, rel=1e-6)
    assert zone_cell_area_km2(32633, [x], y + 30_000, side_m=1000.0)[0] == pytest.approx(true, rel=1e-6)


def test_lines_of_the_lattice_are_not_those_of_a_zone():
    with pytest.raises(ValueError, match="lattice"):
        Window(1, 0, 1, 0, 1, 32633).lat()
