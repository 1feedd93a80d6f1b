"""Areas of cells against an independent geodesic library."""

import numpy as np
import pytest
from pyproj import Geod

from eomap.core.geodesy import band_area_km2, cell_area_km2

GEOD = Geod(ellps="WGS84")


@pytest.mark.parametrize("lat", [-79.9, -45.0, -0.25, 0.0, 12.3, 52.5, 70.0, 83.9])
@pytest.mark.parametrize("step_deg", [1 / 12_000, 1 / 1_200, 0.05])
def test_cell_area_agrees_with_the_geodesic_polygon(lat, step_deg):
    """Parallels are drawn with 50 points: geodesics are not parallels."""
    h = step_deg / 2
    lon = np.linspace(-h, h, 50)
    area_m2, _ = GEOD.polygon_area_perimeter(
        np.r_[lon, lon[::-1]], np.r_[np.full(50, lat - h), np.full(50, lat + h)]
    )
    assert float(cell_area_km2(lat, step_deg)) == pytest.approx(area_m2 / 1e6, rel=1e-4)


def test_all_cells_together_are_the_ellipsoid():
    lat = 90 - (np.arange(360) + 0.5) * 0.5
    assert cell_area_km2(lat, 0.5).sum() * 720 == pytest.approx(510_065_621.724, rel=1e-12)


def test_bands_add_up():
    rows = cell_area_km2(52 + (np.arange(600) + 0.5) / 1200, 1 / 1200).sum() * 600
    assert rows == pytest.approx(float(band_area_km2(52, 52.5, 0.5)), rel=1e-9)
