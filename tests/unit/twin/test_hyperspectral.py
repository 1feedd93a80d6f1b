"""EnMAP of the twin: part = whole, nodata and noise as in real products, masks that say the truth."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.twin.hyperspectral import (
    LAND,
    MASKS,
    NODATA,
    WATER,
    averaged,
    enmap_image,
    noise_floor_dn,
    quality_masks,
)
from eomap.twin.materials import Material, band_table

TABLE = band_table("ENMAP")
HOW = {"seed": 4, "scene": "a"}


def even(shape, **share):
    fraction = np.zeros((len(Material), *shape), np.uint8)
    for name, value in share.items():
        fraction[Material[name]] = round(255 * value)
    return fraction, np.zeros((3, *shape), np.float32)


def varied(shape, seed=1):
    draw = np.random.default_rng(seed)
    share = draw.dirichlet(np.full(len(Material), 0.3), shape) * 0.95
    style = draw.normal(size=(3, *shape)).astype(np.float32)
    return np.rint(255 * share.transpose(2, 0, 1)).astype(np.uint8), style


@pytest.fixture(scope="module")
def whole():
    fraction, style = varied((24, 30))
    return fraction, style, enmap_image(fraction, style, rows=slice(-10, 14), cols=slice(900, 930), **HOW)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 20), st.integers(0, 25), st.integers(1, 4), st.integers(1, 5))
def test_a_part_is_that_of_the_whole(whole, top, left, height, width):
    fraction, style, image = whole
    cut = slice(top, top + height), slice(left, left + width)
    at = {"rows": slice(top - 10, top - 10 + height), "cols": slice(900 + left, 900 + left + width)}
    assert np.array_equal(enmap_image(fraction[:, *cut], style[:, *cut], **at, **HOW), image[:, *cut])


def test_nodata_is_bands_130_to_135_and_nothing_else(whole):
    image = whole[2]
    empty = np.flatnonzero((image == NODATA).all(axis=(1, 2))) + 1
    assert empty.tolist() == [130, 131, 132, 133, 134, 135]
    assert (image == NODATA).sum() == 6 * image[0].size
    assert image.dtype == np.int16 and image.shape[0] == 224


@pytest.mark.parametrize("material", ["GRASS", "SOIL", "SNOW"])
def test_the_mean_is_the_material_and_the_noise_is_that_of_the_band(material):
    fraction, style = even((90, 90), **{material: 1.0})
    image = enmap_image(fraction, style, rows=slice(0, 90), cols=slice(0, 90), **HOW).astype(float)
    seen = image[:, 0, 0] != NODATA
    true_dn = np.maximum(TABLE.mean_mb[Material[material]], 0.001) * 1e4
    floor = np.array([noise_floor_dn(w) for w in TABLE.centre_nm])
    sigma = np.sqrt(floor**2 + (true_dn / 500) ** 2 + (0.002 * true_dn) ** 2 + (0.2 * floor) ** 2)
    assert np.abs((image.mean((1, 2)) - true_dn)[seen] / sigma[seen]).max() < 0.35
    assert np.abs(image.std((1, 2))[seen] / sigma[seen] - 1).max() < 0.15


def test_signal_to_noise_of_a_bright_pixel_is_that_of_the_instrument():
    signal_dn = 3000.0

    def ratio(nm):
        return signal_dn / np.hypot(noise_floor_dn(nm), signal_dn / 500)

    assert 350 < ratio(700) < 500 and 150 < ratio(2200) < 260


def test_detectors_leave_stripes_along_the_flight():
    fraction, style = even((120, 120), SOIL=1.0)
    image = enmap_image(fraction, style, rows=slice(0, 120), cols=slice(0, 120), **HOW)[60].astype(float)
    residual = image - image.mean()
    down = np.array([np.roll(residual[r], round(r * np.tan(np.radians(12)))) for r in range(120)])[:, 30:]
    against = np.array([np.roll(residual[r], -round(r * np.tan(np.radians(12)))) for r in range(120)])[
        :, :-30
    ]
    noise = residual.std() / np.sqrt(120)
    assert down.mean(0).std() > 2 * noise and against.mean(0).std() < 1.6 * noise


def test_scenes_and_seeds_differ_but_repeat():
    fraction, style = varied((6, 6))
    at = {"rows": slice(0, 6), "cols": slice(0, 6)}
    first = enmap_image(fraction, style, **at, **HOW)
    assert np.array_equal(first, enmap_image(fraction, style, **at, **HOW))
    for other in ({"seed": 5, "scene": "a"}, {"seed": 4, "scene": "b"}):
        assert not np.array_equal(first, enmap_image(fraction, style, **at, **other))


def test_averages_keep_the_shares_of_the_ground():
    fraction, style = varied((12, 9))
    coarse, coarse_style = averaged(fraction, style)
    mean = fraction.reshape(15, 4, 3, 3, 3).mean((2, 4))
    assert coarse.shape == (15, 4, 3) and np.abs(coarse - mean).max() <= 0.5
    assert np.allclose(coarse_style, style.reshape(3, 4, 3, 3, 3).mean((2, 4)), atol=1e-6)
    with pytest.raises(MisuseError):
        averaged(fraction[:, :11], style[:, :11])


def test_masks_say_where_water_snow_and_clouds_are():
    fraction, _ = even((1, 4), SOIL=1.0)
    fraction[:, 0, 1:3] = 0
    fraction[Material.WATER, 0, 1] = fraction[Material.SNOW, 0, 2] = 255
    none = np.zeros((1, 4), bool)
    cloud = np.array([[False, False, False, True]])
    masks = quality_masks(
        fraction, rows=slice(0, 1), cols=slice(0, 4), **HOW,
        cloud_yx=cloud, shadow_yx=~none, haze_yx=none, cirrus_yx=none,
    )  # fmt: skip
    assert set(masks) == set(MASKS) and {m.dtype for m in masks.values()} == {np.dtype(np.uint8)}
    assert masks["quality_classes"].tolist() == [[LAND, WATER, LAND, LAND]]
    assert masks["quality_snow"].tolist() == [[0, 0, 1, 0]]
    assert masks["quality_cloud"].tolist() == [[0, 0, 0, 1]]
    assert masks["quality_cloud_shadow"].tolist() == [[1, 1, 1, 0]]
    assert masks["defective_pixel_mask"].shape == (224, 1, 4)


def test_about_as_many_detectors_are_dead_as_in_a_real_scene():
    fraction, _ = even((1, 1000), SOIL=1.0)
    none = np.zeros((1, 1000), bool)
    found = [
        quality_masks(
            fraction, rows=slice(0, 1), cols=slice(0, 1000), seed=s, scene="a",
            cloud_yx=none, shadow_yx=none, haze_yx=none, cirrus_yx=none,
        )["defective_pixel_mask"].sum()
        for s in range(12)
    ]  # fmt: skip
    assert 10 < np.mean(found) < 20


@pytest.mark.shared
def test_names_are_those_of_a_real_catalogue(shared):
    (path,) = (shared / "data/stac/recorded").glob("dlr_item_ENMAP*")
    assets = json.loads(path.read_text())["assets"]
    for key, end in MASKS.items():
        assert assets[key]["href"].endswith(f"-{end}_COG.TIF")


def test_fractions_of_another_shape_are_refused():
    fraction, style = even((2, 2), SOIL=1.0)
    with pytest.raises(MisuseError, match="fractions"):
        enmap_image(fraction, style, rows=slice(0, 3), cols=slice(0, 2), **HOW)
