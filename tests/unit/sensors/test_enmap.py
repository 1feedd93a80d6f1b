"""EnMAP items to scenes, codes and clear looks."""

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from eomap.core.sensor import Ask
from eomap.core.source import Asset, Band, Item
from eomap.sensors import enmap, reads_by_band, sensor
from eomap.sensors.enmap import CENTRE_NM, KEPT, NO_LIGHT

QUALITY = ("quality_cloud", "quality_cloud_shadow", "quality_haze", "quality_cirrus", "quality_classes")
NAME = "ENMAP01-____L2A-DT0000080454_20240630T082045Z_001_V010402_20240701T122237Z"


def item(name=NAME, *, quality=QUALITY, **image):
    assets = [Asset("image", f"{name}-SPECTRAL_IMAGE_COG.TIF", **image)]
    assets += [Asset(q, f"{name}-{q}.TIF") for q in (*quality, "quality_snow")]
    footprint = shapely.to_wkb(shapely.box(12, 52, 13, 53))
    return Item(name, "ENMAP_HSI_L2A", datetime(2024, 6, 30, tzinfo=UTC), footprint, tuple(assets))


def scenes(*items, bands=KEPT, mask="auto"):
    return enmap.scenes_of(items, Ask(tuple(bands), mask, ""))


def test_202_of_224_bands_are_kept_and_rise_in_wavelength():
    assert len(CENTRE_NM) == 224 and len(KEPT) == 202 and len(NO_LIGHT) == 22
    centres = list(CENTRE_NM.values())
    assert centres == sorted(centres)
    assert list(CENTRE_NM) == [f"B{n:03d}" for n in range(1, 225)]
    assert not any(1290 < CENTRE_NM[b] < 1510 or 1725 < CENTRE_NM[b] < 1970 for b in KEPT)
    assert sensor("enmap").default_bands == KEPT


def test_every_band_is_of_one_file_by_rank_and_wavelength_with_the_archives_defaults():
    (scene,), notes = scenes(item())
    assert not notes
    measured = [b for b in scene.bands if not b.categorical]
    assert len({b.href for b in measured}) == 1 and [b.name for b in measured] == list(KEPT)
    for band in measured:
        assert band.index == int(band.name[1:]) and band.centre_nm == CENTRE_NM[band.name]
        assert (band.scale, band.offset, band.nodata) == (1e-4, 0, -32768)
    masking = [b.name for b in scene.bands if b.categorical]
    assert masking == [
        "quality_cloud",
        "quality_cloud_shadow",
        "quality_haze",
        "quality_cirrus",
        "quality_classes",
    ]


def test_bands_of_one_file_are_read_at_once():
    from eomap.products import product

    (scene,), _ = scenes(item())
    need = product("composite", {"sensor": "enmap"}).needs[0]
    assert not reads_by_band(need, "auto", [scene])
    one = product("composite", {"sensor": "enmap", "bands": ["B050"]}).needs[0]
    assert reads_by_band(one, "auto", scenes(item(), bands=("B050",))[0])


def test_bands_without_light_are_remarked_upon():
    found, notes = scenes(item(), bands=("B001", "B130"))
    assert len(found) == 1 and any("B130" in n and "B001" not in n for n in notes)


def test_masks_are_what_the_item_has():
    bare, whole = item("bare", quality=()), item("whole")
    (scene,), _ = scenes(bare)
    assert not enmap.mask_bands(scene, "auto")
    found, notes = scenes(bare, whole, mask="quality")
    assert [s.id for s in found] == ["whole"] and len(notes) == 1 and "--mask none" in notes[0]
    (scene,), _ = scenes(whole, mask="none")
    assert [b for b in scene.bands if b.categorical] == []
    assert enmap.mask_bands(scene, "none") == ()


@given(hidden=st.sampled_from(QUALITY[:-1]), grade=st.integers(1, 3))
def test_cloud_shadow_haze_and_cirrus_hide_and_snow_and_water_do_not(hidden, grade):
    (scene,), _ = scenes(item())
    pixels = {q: np.zeros((1, 4), np.uint8) for q in QUALITY}
    pixels["quality_classes"][0] = [1, 2, 3, 1]
    pixels[hidden][0, 3] = grade
    assert enmap.clear(pixels, scene, "auto").tolist() == [[True, True, False, False]]
    assert enmap.clear(pixels, scene, "none").all()
    assert "quality_snow" not in enmap.mask_bands(scene, "auto")


def test_codes_keep_dark_pixels_and_lose_only_nodata():
    band = Band("B001", "a.tif", 1e-4, 0.0, -32768.0)
    raw = np.array([[-32768, -500, 0, 1, 10_000, 32_767]])
    for dtype in (np.int16, np.float32):
        assert enmap.coded(raw.astype(dtype), band).tolist() == [[0, 1, 1, 1, 10_000, 32_767]]
    assert enmap.coded(np.array([[np.nan, 0.5]]), Band("B001", "a", 1e-3, 0.1, None)).tolist() == [[0, 1005]]


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=50))
def test_whole_and_real_numbers_give_the_same_codes(raw):
    band = Band("B001", "a.tif", 1e-4, 0.0, -32768.0)
    whole = np.array([raw], np.int16)
    np.testing.assert_array_equal(enmap.coded(whole, band), enmap.coded(whole.astype(np.float32), band))


def test_a_scale_that_would_saturate_everything_is_refused():
    found, notes = scenes(item(scale=1.0))
    assert not found and "a scale of 0.0001" in notes[0]


def test_an_item_without_image_is_set_aside():
    made = item()
    masks = Item(made.id, made.collection, made.moment, made.footprint_wkb, made.assets[1:])
    found, notes = scenes(masks)
    assert not found and "an asset `image`" in notes[0]


@pytest.mark.parametrize("turn", [1, -1])
def test_the_newest_processing_wins_whatever_the_order(turn):
    old = item(NAME.replace("V010402", "V010303"))
    late = item(NAME.replace("20240701T122237Z", "20250101T000000Z"))
    other = item(NAME.replace("_001_", "_002_"))
    clip, next_clip = item(NAME + "-Y1_X1"), item(NAME + "-Y1_X2")
    found, notes = scenes(*[old, item(), late, other, clip, next_clip][::turn])
    assert {s.id for s in found} == {late.id, other.id, clip.id, next_clip.id}
    assert len(notes) == 2 and all("a later processing" in n for n in notes)
