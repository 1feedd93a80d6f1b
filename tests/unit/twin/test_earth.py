"""Places on the Earth: exact, the same in every cut, without a seam at a zone's border."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from eomap.core.grid import Frame, transformer
from eomap.twin.earth import around, from_site, points_at, points_of, sites

FRAME = Frame(32633, 299_990, 5_900_040, 200, 240)


def test_points_lie_where_pixels_do():
    points = points_of(FRAME)
    x = FRAME.x0 + 10 * (np.arange(240) + 0.5)
    y = FRAME.y0 - 10 * (np.arange(200) + 0.5)
    lon, lat = transformer(32633, 4326).transform(*np.meshgrid(x, y))
    exact = Transformer.from_crs(4979, 4978, always_xy=True).transform(lon, lat, np.zeros_like(lon))
    for found, true in zip((points.x_m, points.y_m, points.z_m), exact, strict=True):
        assert np.abs(found - true).max() < 0.01
    assert np.abs(points.lon_deg - lon).max() < 1e-7 and np.abs(points.lat_deg - lat).max() < 1e-7


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 150), st.integers(0, 180), st.integers(1, 50), st.integers(1, 60))
def test_a_part_has_the_fields_of_the_whole(row, col, height, width):
    whole = points_of(FRAME)
    field = whole.fractal(9_000, 3, octaves=9)
    cut = slice(row, row + height), slice(col, col + width)
    for part in (points_of(FRAME.sub(row, row + height, col, col + width)), whole.part(*cut)):
        assert np.array_equal(part.x_m, whole.x_m[cut]) and np.array_equal(part.lat_deg, whole.lat_deg[cut])
        assert np.array_equal(part.fractal(9_000, 3, octaves=9), field[cut])


def test_nodes_change_a_field_by_little():
    points = points_of(FRAME)
    for wavelength_m in (400.0, 9_000.0, 300_000.0):
        smooth = points.fractal(wavelength_m, 3, octaves=8)
        exact = replace(points, nodes=None).fractal(wavelength_m, 3, octaves=8)
        assert np.abs(smooth - exact).max() < 0.08


@pytest.mark.parametrize(
    ("west", "east", "lon", "lat"), [(32632, 32633, 12.0, 52.3), (32660, 32601, 180.0, 66.0)]
)
def test_fields_go_on_over_a_zone_border(west, east, lon, lat):
    """The same places seen from two zones, one of them beyond its own border."""

    def field(epsg):
        x, y = transformer(4326, epsg).transform(lon, lat)
        frame = Frame(epsg, int(x // 10) * 10 - 500, int(y // 10) * 10 + 500, 100, 100)
        points = points_of(frame)
        return points, points.fractal(2_000, 7, octaves=5)

    (a, field_a), (b, field_b) = field(west), field(east)
    for row, col in ((10, 20), (50, 50), (80, 30)):
        far = np.hypot(np.hypot(b.x_m - a.x_m[row, col], b.y_m - a.y_m[row, col]), b.z_m - a.z_m[row, col])
        nearest = np.unravel_index(far.argmin(), far.shape)
        assert far[nearest] < 8
        assert abs(field_b[nearest] - field_a[row, col]) < 0.2


def test_a_site_is_there_whatever_is_asked():
    wide = {s.key: s for s in sites((10, 50, 13, 52), 5_000, 1)}
    part = list(sites((11, 50.5, 12, 51), 5_000, 1))
    assert part and all(wide[s.key] == s for s in part)
    inside = [s for s in wide.values() if 11 <= s.lon_deg <= 12 and 50.5 <= s.lat_deg <= 51]
    assert sorted(s.key for s in inside) == sorted(s.key for s in part)
    expected = Geod(ellps="WGS84").geometry_area_perimeter
    import shapely

    area = abs(expected(shapely.box(10, 50, 13, 52))[0])
    assert 0.9 < len(wide) * 25e6 / area < 1.1
    other = {(s.lon_deg, s.lat_deg) for s in sites((10, 50, 13, 52), 5_000, 2)}
    assert not other & {(s.lon_deg, s.lat_deg) for s in wide.values()}


def test_sites_meet_at_the_antimeridian():
    east = {s.key: s.lon_deg for s in sites((179.5, 60, 180.5, 61), 5_000, 1)}
    west = {s.key: s.lon_deg + 360 for s in sites((-180.5, 60, -179.5, 61), 5_000, 1)}
    assert east.keys() == west.keys() and len(east) > 100
    assert all(abs(east[k] - west[k]) < 1e-9 for k in east)


def test_metres_from_a_site_are_metres():
    points = points_of(FRAME)
    site = next(iter(sites(around(points, 0), 1_000, 3)))
    east, north = from_site(points, site)
    line = Geod(ellps="WGS84").inv(site.lon_deg, site.lat_deg, points.lon_deg[5, 7], points.lat_deg[5, 7])
    assert abs(np.hypot(east, north)[5, 7] - line[2]) < 0.01
    assert abs(np.degrees(np.arctan2(east, north))[5, 7] - line[0]) < 0.05
    u, v = from_site(points, site, angle=0.7)
    assert np.allclose(np.hypot(u, v), np.hypot(east, north))


def test_a_pole_is_a_place():
    points = points_at(np.array([0.0, 90.0]), np.array([90.0, -90.0]))
    assert np.allclose(points.z_m, [6356752.314, -6356752.314], atol=0.01) and np.allclose(
        points.x_m, 0, atol=0.01
    )
