"""The sinusoidal grid, and what MODIS makes of the twin: exact places, part = whole, errors as stated."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from eomap.errors import MisuseError
from eomap.twin.land import Cover
from eomap.twin.modis import (
    CLOUDY,
    FILL,
    GOOD,
    LOOKALIKES,
    MARGINAL,
    NBAR_FILL,
    NDVI_FILL,
    SNOW,
    Igbp,
    land_cover,
    mistaken,
    nbar,
    ndvi,
)
from eomap.twin.sinusoidal import (
    PX_250M,
    PX_500M,
    SPHERE_M,
    WKT,
    Patch,
    area_mean,
    pixel_of,
    sinusoidal_points,
)

SPHERE = CRS.from_proj4(f"+proj=longlat +R={SPHERE_M} +no_defs")
TO_GRID = Transformer.from_crs(SPHERE, CRS.from_proj4(f"+proj=sinu +R={SPHERE_M} +units=m"), always_xy=True)
SOMEWHERE = Patch(18, 4, slice(100, 140), slice(200, 260))


def rough(points, pixel_m):
    """Reflectance of a made-up surface: 7 bands that know their place and pixel."""
    field = np.clip(0.3 + 0.1 * points.fractal(4_000, 5, octaves=4), 0, 1)
    return np.stack([field * (k + 1) / 7 for k in range(7)]).astype(np.float32)


def even(*bands):
    return lambda points, pixel_m: (
        np.array(bands, np.float32)[:, None, None] + np.zeros(points.shape, np.float32)
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(10, 25), st.integers(2, 15), st.integers(0, 4799), st.integers(0, 4799))
def test_places_are_those_of_the_projection(h, v, row, col):
    patch = Patch(h, v, slice(row, row + 1), slice(col, col + 1), PX_250M)
    points, on_earth = sinusoidal_points(patch)
    if not on_earth.item():
        return
    x, y = TO_GRID.transform(points.lon_deg.item(), points.lat_deg.item())
    a, _, west, _, e, north = patch.transform
    assert np.allclose([x, y], [west + a / 2, north + e / 2], atol=1e-3)
    assert pixel_of(points.lon_deg.item(), points.lat_deg.item(), tile_px=PX_250M) == (h, v, row, col)


def test_pixels_have_the_sizes_of_the_products():
    assert round(Patch(0, 0, slice(0, 1), slice(0, 1), PX_500M).pixel_m, 4) == 463.3127
    assert round(Patch(0, 0, slice(0, 1), slice(0, 1), PX_250M).pixel_m, 4) == 231.6564
    assert np.allclose(Patch(0, 0, slice(0, 1), slice(0, 1)).transform[2::3], (-20015109.354, 10007554.677))
    assert CRS.from_wkt(WKT).ellipsoid.semi_major_metre == SPHERE_M


@pytest.mark.shared
def test_a_real_product_lies_on_the_grid(shared):
    (path, *_) = sorted((shared / "data/catalog/modis-13q1").glob("*/*.json"))
    item = json.loads(path.read_text())
    (asset,) = item["assets"].values()
    pixel, _, west, _, _, north = asset["proj:transform"]
    patch = Patch(12, 10, slice(0, 1), slice(0, 1), PX_250M)
    a, _, x0, _, _, y0 = patch.transform
    assert abs(pixel - a) < 1e-6
    for offset in ((west - x0) / a, (north - y0) / a):
        assert abs(offset - round(offset)) < 1e-3


def test_beyond_the_outline_there_is_nothing():
    patch = Patch(0, 3, slice(0, 5), slice(0, 5))
    _, on_earth = sinusoidal_points(patch)
    assert not on_earth.any()
    assert (nbar(patch, rough, per_px=2) == NBAR_FILL).all()
    values, quality = ndvi(patch, rough, per_px=2)
    assert (values == NDVI_FILL).all() and (quality == FILL).all()
    assert (land_cover(patch, np.full((10, 10), 80, np.uint8), per_px=2) == 255).all()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 30), st.integers(0, 50), st.integers(1, 10), st.integers(1, 10))
def test_a_part_is_that_of_the_whole(top, left, height, width):
    part = Patch(18, 4, slice(100 + top, 100 + top + height), slice(200 + left, 200 + left + width))
    cut = slice(top, top + height), slice(left, left + width)
    assert np.array_equal(nbar(part, rough), nbar(SOMEWHERE, rough)[:, *cut])
    assert all(
        np.array_equal(a, b[cut]) for a, b in zip(ndvi(part, rough), ndvi(SOMEWHERE, rough), strict=True)
    )
    codes = np.full(SOMEWHERE.shape, int(Igbp.CROPLAND), np.uint8)
    assert np.array_equal(mistaken(part, codes[cut], 3), mistaken(SOMEWHERE, codes, 3)[cut])


def test_reflectance_is_the_mean_of_the_parts():
    points, _ = sinusoidal_points(SOMEWHERE, per_px=4)
    expected = area_mean(rough(points, 0), 4) * 1e4
    assert np.abs(nbar(SOMEWHERE, rough) - expected).max() <= 0.5


def test_the_index_and_its_reliability():
    one = Patch(18, 4, slice(10, 12), slice(10, 13), PX_250M)
    green = even(0.04, 0.36, 0.03, 0.06, 0.3, 0.2, 0.1)
    cloud = np.zeros((4, 5), bool)
    cloud[1, 1] = True
    values, quality = ndvi(one, green, per_px=1, cloud_yx=cloud)
    assert values[1, 2] == 8000 and quality.tolist() == [[CLOUDY, MARGINAL, GOOD], [MARGINAL, MARGINAL, GOOD]]
    assert values[0, 0] < 1000
    snow = even(0.8, 0.75, 0.85, 0.85, 0.5, 0.1, 0.08)
    assert (ndvi(one, snow, per_px=1)[1] == SNOW).all()
    with pytest.raises(MisuseError):
        ndvi(one, green, cloud_yx=cloud[1:-1, 1:-1])


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({Cover.WATER: 10}, Igbp.WATER),
        ({Cover.BUILT: 4, Cover.CROP: 6}, Igbp.URBAN),
        ({Cover.CROP: 7, Cover.TREES: 3}, Igbp.CROPLAND),
        ({Cover.CROP: 5, Cover.GRASS: 5}, Igbp.MOSAIC),
        ({Cover.TREES: 8, Cover.GRASS: 2}, Igbp.DECIDUOUS_BROAD),
        ({Cover.TREES: 4, Cover.GRASS: 6}, Igbp.WOODY_SAVANNA),
        ({Cover.TREES: 2, Cover.GRASS: 8}, Igbp.SAVANNA),
        ({Cover.SHRUB: 7, Cover.BARE: 3}, Igbp.CLOSED_SHRUB),
        ({Cover.SHRUB: 5, Cover.BARE: 5}, Igbp.OPEN_SHRUB),
        ({Cover.BARE: 9, Cover.SHRUB: 1}, Igbp.BARREN),
        ({Cover.SNOW: 6, Cover.BARE: 4}, Igbp.SNOW),
        ({Cover.WETLAND: 6, Cover.GRASS: 4}, Igbp.WETLAND),
        ({Cover.GRASS: 10}, Igbp.GRASSLAND),
    ],
)
def test_classes_follow_the_shares_of_covers(shares, expected):
    pixel = Patch(18, 4, slice(5, 6), slice(5, 6))  # 49 N
    parts = np.concatenate([np.full(10 * n, c, np.uint8) for c, n in shares.items()]).reshape(10, 10)
    assert land_cover(pixel, parts, per_px=10).item() == expected


def test_forests_by_needles_and_latitude():
    parts = np.full((2, 2), Cover.TREES, np.uint8)
    here, tropic, north = (Patch(18, v, slice(5, 6), slice(5, 6)) for v in (4, 9, 2))
    assert land_cover(tropic, parts, per_px=2).item() == Igbp.EVERGREEN_BROAD
    assert land_cover(north, parts, per_px=2).item() == Igbp.EVERGREEN_NEEDLE
    for share, expected in (
        (0.9, Igbp.EVERGREEN_NEEDLE),
        (0.5, Igbp.MIXED_FOREST),
        (0.1, Igbp.DECIDUOUS_BROAD),
    ):
        conifer = np.full((1, 1), share, np.float32)
        assert land_cover(here, parts, per_px=2, conifer_yx=conifer).item() == expected


@pytest.mark.parametrize("share", [0.15, 0.20, 0.25])
def test_errors_are_as_many_as_asked_and_lie_in_blobs(share):
    patch = Patch(18, 4, slice(0, 600), slice(0, 600))
    truth = np.full(patch.shape, int(Igbp.CROPLAND), np.uint8)
    map_ = mistaken(patch, truth, 11, share=share)
    wrong = map_ != truth
    assert abs(wrong.mean() - share) < 0.02
    assert set(np.unique(map_[wrong]).tolist()) == set(LOOKALIKES[Igbp.CROPLAND])
    both = (wrong[1:] & wrong[:-1]).mean() / wrong.mean()
    assert both > 2 * share  # a wrong pixel's neighbour is wrong far more often than any


def test_every_class_is_taken_for_others_only():
    assert set(LOOKALIKES) == set(Igbp)
    assert all(c not in others for c, others in LOOKALIKES.items())


def test_what_does_not_fit_is_refused():
    with pytest.raises(MisuseError):
        Patch(36, 0, slice(0, 1), slice(0, 1))
    with pytest.raises(MisuseError):
        Patch(0, 0, slice(0, 2401), slice(0, 1))
    with pytest.raises(MisuseError):
        land_cover(SOMEWHERE, np.zeros((3, 3), np.uint8), per_px=2)
    with pytest.raises(MisuseError):
        mistaken(SOMEWHERE, np.zeros(SOMEWHERE.shape, np.uint8), 1, share=0.7)
