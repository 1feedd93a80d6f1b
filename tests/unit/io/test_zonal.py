"""Class areas within zones: they add up, they are geodesic, and partitions do not matter."""

import geopandas
import numpy as np
import pandas
import pytest
import shapely
from pyproj import Geod

from eomap.core.geodesy import band_area_km2
from eomap.core.grid import Tile, Window, tile_window
from eomap.errors import MisuseError
from eomap.io.zonal import class_areas, zone_table

TILE = Tile(75, 385)
WEST, SOUTH, EAST, NORTH = TILE.bounds_deg
STEP = 50
WINDOW = tile_window(TILE, STEP)


def world(window: Window):
    """Codes that depend on the absolute cell alone: classes 1 to 5, some no look, some unwritten."""
    row, col = np.mgrid[window.row0 : window.row1, window.col0 : window.col1]
    kind = (row // 7 * 31 + col // 5 * 17) % 11
    return np.choose(kind, [0, 1, 2, 3, 4, 5, 255, 1, 2, 3, 1]).astype(np.uint8)


def zones(*shapes, **columns) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(columns, geometry=list(shapes), crs="OGC:CRS84")


def grid_of_zones(n: int = 6) -> geopandas.GeoDataFrame:
    """n x n touching boxes of 0.3 degrees over several tiles, each with a corner cut off."""
    boxes = [
        shapely.box(12.1 + 0.3 * i, 51.1 + 0.3 * j, 12.4 + 0.3 * i, 51.4 + 0.3 * j)
        for i in range(n)
        for j in range(n)
    ]
    return zones(*boxes, name=[f"z{k}" for k in range(n * n)])


def test_whole_tile_is_its_geodesic_area():
    areas = class_areas(world(WINDOW), WINDOW, shapely.box(*TILE.bounds_deg))
    lon = np.linspace(WEST, EAST, 500)
    area_m2, _ = Geod(ellps="WGS84").polygon_area_perimeter(
        np.r_[lon, lon[::-1]], np.r_[np.full(500, SOUTH), np.full(500, NORTH)]
    )
    assert sum(areas.values()) == pytest.approx(area_m2 / 1e6, rel=1e-5)
    assert list(areas) == [0, 1, 2, 3, 4, 5, 255]


def test_areas_are_weighted_by_latitude():
    """A box from 55 to 60 N split half and half by class: equal cells, unequal areas, as on a sphere."""
    window = Window(1000, 30 * 12, 35 * 12, 190 * 12, 195 * 12)
    codes = np.repeat(np.uint8([[1], [2]]), 30, axis=0) * np.ones((1, 60), np.uint8)
    areas = class_areas(codes, window, shapely.box(*window.bounds_deg))
    south, middle, north = np.sin(np.radians([55, 57.5, 60]))
    expected = (middle - south) / (north - south)  # 0.5171; the ellipsoid differs in the fourth digit
    assert areas[2] / (areas[1] + areas[2]) == pytest.approx(expected, abs=3e-4)


def test_two_halves_add_up():
    codes = world(WINDOW)
    seam = shapely.LineString([(WEST + 0.1, NORTH + 1), (WEST + 0.37, SOUTH + 0.2), (WEST + 0.2, SOUTH - 1)])
    left, right = (
        shapely.Polygon([*seam.coords, (side, SOUTH - 1), (side, NORTH + 1)]) for side in (WEST, EAST)
    )
    a, b = class_areas(codes, WINDOW, left), class_areas(codes, WINDOW, right)
    whole = class_areas(codes, WINDOW, shapely.box(*TILE.bounds_deg))
    assert {k: a.get(k, 0) + b.get(k, 0) for k in whole} == pytest.approx(whole, rel=1e-12)


def test_codes_of_another_shape_are_refused():
    with pytest.raises(MisuseError, match="uint8 codes"):
        class_areas(np.zeros((2, 2), np.uint8), WINDOW, shapely.box(*TILE.bounds_deg))
    with pytest.raises(MisuseError, match="int64"):
        class_areas(np.zeros(WINDOW.shape, np.int64), WINDOW, shapely.box(*TILE.bounds_deg))


def test_table_of_one_zone_is_class_areas():
    shape = shapely.Point(WEST + 0.25, SOUTH + 0.25).buffer(0.2)
    table = zone_table(zones(shape), world, step=STEP)
    areas = class_areas(world(WINDOW), WINDOW, shape)
    assert dict(zip(table["code"], table["area_km2"], strict=True)) == pytest.approx(
        {k: v for k, v in areas.items() if k not in (0, 255)}
    )
    assert table["no_look_km2"].to_numpy() == pytest.approx(areas[0])
    assert table["unwritten_km2"].to_numpy() == pytest.approx(areas[255])
    assert table["share"].sum() == pytest.approx(1)
    assert list(table.columns) == [
        "zone",
        "code",
        "area_km2",
        "share",
        "n_cells",
        "no_look_km2",
        "unwritten_km2",
        "outside_km2",
    ]


@pytest.mark.parametrize("npartitions", [2, 5, 36, 100])
def test_table_does_not_depend_on_partitions(npartitions):
    one = zone_table(grid_of_zones(), world, step=STEP, npartitions=1)
    pandas.testing.assert_frame_equal(
        zone_table(grid_of_zones(), world, step=STEP, npartitions=npartitions), one, check_exact=True
    )


def test_table_does_not_depend_on_the_order_of_zones():
    frame = grid_of_zones(3)
    turned = zone_table(frame.iloc[::-1], world, step=STEP).sort_values(["zone", "code"])
    straight = zone_table(frame, world, step=STEP).sort_values(["zone", "code"])
    pandas.testing.assert_frame_equal(
        turned.reset_index(drop=True), straight.reset_index(drop=True), check_exact=True
    )


def test_touching_zones_add_up_to_their_union():
    parts = zone_table(grid_of_zones(), world, step=STEP)
    whole = zone_table(zones(shapely.box(12.1, 51.1, 13.9, 52.9)), world, step=STEP)
    assert parts.groupby("code")["n_cells"].sum().tolist() == whole["n_cells"].tolist()
    assert parts.groupby("code")["area_km2"].sum().to_numpy() == pytest.approx(whole["area_km2"].to_numpy())
    total = whole["area_km2"].sum() + whole["no_look_km2"][0] + whole["unwritten_km2"][0]
    assert total == pytest.approx(float(band_area_km2(51.1, 52.9, 1.8)), rel=1e-6)


def test_names_and_labels_come_back_in_order():
    frame = grid_of_zones(2).set_index(pandas.Index(["d", "a", "c", "b"]))
    table = zone_table(frame, world, step=STEP)
    assert table["zone"].unique().tolist() == ["d", "a", "c", "b"]
    assert table["name"].unique().tolist() == ["z0", "z1", "z2", "z3"]


@pytest.mark.parametrize(
    ("code", "column"), [(0, "no_look_km2"), (255, "unwritten_km2"), (254, "outside_km2")]
)
def test_no_look_unwritten_and_outside_are_told_apart(code, column):
    table = zone_table(
        zones(shapely.box(*TILE.bounds_deg)), lambda w: np.full(w.shape, code, np.uint8), step=STEP
    )
    assert len(table) == 1
    assert table["code"].isna().all()
    assert table["n_cells"][0] == 0
    assert table[column][0] > 1000
    assert table[["no_look_km2", "unwritten_km2", "outside_km2"]].sum(axis=1)[0] == table[column][0]


def test_zone_smaller_than_a_cell_has_one_cell():
    speck = shapely.box(WEST - 1e-4, SOUTH + 1e-4, WEST + 1e-4, SOUTH + 2e-4)
    table = zone_table(zones(speck), lambda w: np.full(w.shape, 9, np.uint8), step=STEP)
    assert table["n_cells"].tolist() == [1]


def test_zone_across_the_antimeridian_is_read_on_both_sides():
    halves = shapely.MultiPolygon([shapely.box(179.6, 0.1, 180, 0.2), shapely.box(-180, 0.1, -179.6, 0.2)])
    asked: list[Window] = []

    def codes(window):
        asked.append(window)
        return np.full(window.shape, 3, np.uint8)

    table = zone_table(zones(halves), codes, step=STEP)
    assert table["area_km2"][0] == pytest.approx(float(band_area_km2(0.1, 0.2, 0.8)), rel=1e-6)
    assert len(asked) == 2


def test_windows_never_exceed_a_tile():
    shapes = []

    def codes(window):
        shapes.append(window.shape)
        return world(window)

    zone_table(zones(shapely.box(10, 50, 12, 52)), codes, step=STEP)
    assert len(shapes) == 16
    assert set(shapes) == {(120, 120)}


@pytest.mark.parametrize("grid", ["utm", "EPSG:32632", "EPSG:32633"])
def test_areas_on_zones_are_geodesic_across_their_border(grid):
    geometry = shapely.box(11.7, 52.1, 12.4, 52.3)
    wide = shapely.box(2.0, 52.1, 2.1, 52.2)  # beyond the reach of either zone: in its own, outside the cube
    seen = []

    def codes(window):
        seen.append(window.epsg)
        return np.full(window.shape, 254 if window.epsg == 32631 else 7, np.uint8)

    table = zone_table(zones(geometry, wide), codes, step=10, grid=grid, npartitions=1)
    true = [
        abs(Geod(ellps="WGS84").geometry_area_perimeter(g.segmentize(0.01))[0]) / 1e6
        for g in (geometry, wide)
    ]
    assert table["area_km2"][0] == pytest.approx(true[0], rel=1e-3)
    assert table["outside_km2"][1] == pytest.approx(true[1], rel=2e-3) and table["area_km2"][1] == 0
    assert set(seen) == {32631, *((32632, 32633) if grid == "utm" else (int(grid[5:]),))}
