"""Masks: cell centres, half-open edges, one answer whatever the window."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.grid import Tile, Window, tile_window, window_within
from eomap.core.mask import bounds_window, mask

TILE = Tile(75, 385)
WEST, SOUTH, EAST, NORTH = TILE.bounds_deg
WINDOW = tile_window(TILE, 50)
D = 50 / 12_000


def blob(seed: int, n: int = 40) -> shapely.Polygon:
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, n))
    radius = rng.uniform(0.05, 0.24, n)
    return shapely.Polygon(
        np.c_[WEST + 0.25 + radius * np.cos(angle), SOUTH + 0.25 + radius * np.sin(angle)]
    ).buffer(0)


def centres_inside(geometry, window):
    lon, lat = np.meshgrid(window.lon(), window.lat())
    return shapely.contains_xy(geometry, lon, lat)


@pytest.mark.parametrize("seed", range(20))
def test_mask_is_the_cells_whose_centre_is_inside(seed):
    shape = blob(seed).difference(blob(seed + 100).buffer(-0.05))
    np.testing.assert_array_equal(mask(shape, WINDOW), centres_inside(shape, WINDOW))


def test_mask_of_multipolygon_with_hole():
    shape = shapely.MultiPolygon(
        [
            shapely.box(WEST, SOUTH, WEST + 0.2, NORTH).difference(
                shapely.box(WEST + 0.05, SOUTH + 0.1, WEST + 0.1, NORTH - 0.1)
            ),
            shapely.box(WEST + 0.3, SOUTH, EAST, NORTH),
        ]
    )
    np.testing.assert_array_equal(mask(shape, WINDOW), centres_inside(shape, WINDOW))


def test_larger_shape_fills_the_window():
    assert mask(shapely.box(0, 0, 90, 80), WINDOW).all()


def test_far_shape_fills_nothing():
    assert not mask(shapely.box(0, 0, 1, 1), WINDOW).any()
    assert not mask(shapely.Polygon(), WINDOW).any()


def test_centre_on_the_edge_belongs_to_the_east_and_to_the_north():
    lon, lat = WINDOW.lon()[30], WINDOW.lat()[40]
    here = (40, 30)
    assert mask(shapely.box(lon, SOUTH, EAST, NORTH), WINDOW)[here]
    assert not mask(shapely.box(WEST, SOUTH, lon, NORTH), WINDOW)[here]
    assert mask(shapely.box(WEST, lat, EAST, NORTH), WINDOW)[here]
    assert not mask(shapely.box(WEST, SOUTH, EAST, lat), WINDOW)[here]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 119), min_size=2, max_size=6))
def test_two_halves_share_no_cell_and_leave_none_out(cols):
    """The cut runs through cell centres: the hardest case."""
    lat = np.linspace(NORTH, SOUTH, len(cols))
    seam = np.c_[WINDOW.lon()[cols], lat]
    west_half = shapely.Polygon([*seam, (WEST, SOUTH), (WEST, NORTH)])
    east_half = shapely.Polygon([*seam, (EAST, SOUTH), (EAST, NORTH)])
    whole = mask(shapely.box(WEST, SOUTH, EAST, NORTH), WINDOW)
    left, right = mask(west_half, WINDOW), mask(east_half, WINDOW)
    assert not (left & right).any()
    np.testing.assert_array_equal(left | right, whole)


@pytest.mark.parametrize("seed", range(5))
def test_mask_does_not_depend_on_the_window(seed):
    shape = blob(seed)
    part = Window(50, WINDOW.row0 + 17, WINDOW.row0 + 90, WINDOW.col0 + 5, WINDOW.col0 + 71)
    np.testing.assert_array_equal(mask(shape, WINDOW)[17:90, 5:71], mask(shape, part))


def test_shape_without_a_centre_gets_the_one_cell_under_it():
    lon, lat = WINDOW.lon()[7], WINDOW.lat()[9]
    speck = shapely.box(lon + 0.1 * D, lat + 0.1 * D, lon + 0.2 * D, lat + 0.2 * D)
    assert np.argwhere(mask(speck, WINDOW)).tolist() == [[9, 7]]
    own = window_within(TILE, 50, speck.bounds)
    assert mask(speck, own).tolist() == [[True]]


def test_speck_belongs_to_one_window_only():
    """It lies over a tile border but has one representative point."""
    lat = WINDOW.lat()[9]
    speck = shapely.box(EAST - 0.3 * D, lat + 0.1 * D, EAST + 0.2 * D, lat + 0.2 * D)
    east = tile_window(Tile(75, 386), 50)
    assert mask(speck, WINDOW).sum() + mask(speck, east).sum() == 1


def test_sliver_in_this_window_gets_no_cell_when_the_shape_has_cells_elsewhere():
    """The representative point lies here, the only centres lie in the next window."""
    lat, lon = WINDOW.lat()[9], EAST + 0.5 * D
    thread = shapely.box(EAST - 40 * D, lat - 0.4 * D, EAST, lat - 0.05 * D)
    head = shapely.box(EAST - 0.01 * D, lat - 0.4 * D, lon + 0.1 * D, lat + 0.1 * D)
    shape = thread.union(head)
    assert shape.representative_point().x < EAST
    assert not mask(shape, WINDOW).any()
    assert mask(shape, tile_window(Tile(75, 386), 50)).sum() == 1


def test_bounds_window_is_tight_and_never_empty():
    assert bounds_window(shapely.box(0, 0, 1, 1), 12_000 // 2) == Window(6000, 178, 180, 360, 362)
    assert bounds_window(shapely.box(0.1, 0.1, 0.2, 0.2), 6000).shape == (1, 1)
