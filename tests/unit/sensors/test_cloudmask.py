"""Clear-sky masks on made-up spectra: what must be cloud, what must not, and the laws."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.sensors.cloud_shadow import REACH_PX, SunAt
from eomap.sensors.cloudmask import (
    MARGIN_PX,
    NETWORK_BANDS,
    S2CLOUDLESS_BANDS,
    SHADOW_REACH_PX,
    SPECTRAL_BANDS,
    Setting,
    bands_needed,
    clear_by_s2cloudless,
    clear_by_spectrum,
    clear_mask,
    margin_px,
    scl_clear,
)

# B02, B03, B04, B08, B11, B10: reflectance x 10000, as seen from space (L1C)
THICK_CLOUD = (4000, 3900, 4100, 4900, 3600, 30)
THIN_CLOUD = (1750, 1650, 1600, 2300, 2300, 12)
CIRRUS_OVER_FOREST = (1400, 1200, 1000, 2500, 1700, 60)
FOREST = (750, 620, 370, 2500, 1200, 10)
DRY_HIGH_SOIL = (1230, 1260, 1550, 2460, 3360, 60)
SAND = (2570, 2750, 3170, 3520, 4480, 15)
WATER = (1000, 800, 500, 300, 100, 10)
LAKE_ICE = (1600, 1450, 1400, 1200, 250, 10)
SNOW = (8000, 8200, 8300, 8000, 1000, 15)
SNOW_ON_A_PEAK = (8000, 8200, 8300, 8000, 1000, 90)
# The same from below the atmosphere (L2A has no B10)
L2A_CLOUD = (3900, 3800, 4000, 5000, 3700)
L2A_FOREST = (180, 400, 230, 2600, 1250)
L2A_SOIL = (900, 1160, 1500, 2600, 3600)


def scene(*spectrum, shape=(40, 40)):
    names = (*SPECTRAL_BANDS, "B10")[: len(spectrum)]
    return {n: np.full(shape, v, np.uint16) for n, v in zip(names, spectrum, strict=True)}


def with_patch(ground, patch, rows, cols, shape=(60, 60)):
    dn = scene(*ground, shape=shape)
    for name, value in zip(dn, patch, strict=True):
        dn[name][rows, cols] = value
    return dn


@pytest.mark.parametrize("spectrum", [THICK_CLOUD, THIN_CLOUD, CIRRUS_OVER_FOREST])
def test_cloud_is_not_clear(spectrum):
    assert not clear_by_spectrum(scene(*spectrum), "L1C").any()


@pytest.mark.parametrize("spectrum", [FOREST, DRY_HIGH_SOIL, SAND, WATER, LAKE_ICE, SNOW, SNOW_ON_A_PEAK])
def test_ground_is_clear(spectrum):
    assert clear_by_spectrum(scene(*spectrum), "L1C").all()


def test_without_the_cirrus_band_only_cirrus_is_missed():
    assert clear_by_spectrum(scene(*CIRRUS_OVER_FOREST[:5]), "L1C").all()
    assert not clear_by_spectrum(scene(*THICK_CLOUD[:5]), "L1C").any()


def test_surface_reflectance_has_its_own_line():
    assert not clear_by_spectrum(scene(*L2A_CLOUD), "L2A").any()
    assert clear_by_spectrum(scene(*L2A_FOREST), "L2A").all()
    assert clear_by_spectrum(scene(*L2A_SOIL), "L2A").all()
    haze = scene(1200, 1200, 1200, 2400, 2000)
    assert not clear_by_spectrum(haze, "L2A").any()
    assert clear_by_spectrum(haze, "L1C").all()


def test_a_roof_is_not_a_cloud():
    assert clear_by_spectrum(with_patch(FOREST, THIN_CLOUD, np.s_[30:33], np.s_[30:33]), "L1C").all()


def test_a_cloud_grows_by_the_buffer():
    cloud = ~clear_by_spectrum(with_patch(FOREST, THICK_CLOUD, np.s_[25:35], np.s_[25:35]), "L1C")
    rows, cols = np.nonzero(cloud)
    # 6 pixels of buffer, and up to 2 more where the average still shows the cloud
    assert 25 - 8 <= rows.min() <= 25 - 6
    assert 34 + 6 <= cols.max() <= 34 + 8


def test_unseen_pixels_are_not_clear_and_do_not_spread():
    dn = scene(*FOREST)
    dn["B11"][:, :10] = 0
    clear = clear_by_spectrum(dn, "L1C")
    assert not clear[:, :10].any()
    assert clear[:, 10:].all()


def test_a_cloud_at_the_edge_of_the_swath_is_found():
    dn = with_patch(FOREST, THICK_CLOUD, np.s_[:], np.s_[20:22])
    for band in dn.values():
        band[:, :20] = 0
    assert not clear_by_spectrum(dn, "L1C")[:, 20:22].any()


def test_zero_in_the_cirrus_band_is_a_value():
    dn = scene(*FOREST)
    dn["B10"][:] = 0
    assert clear_by_spectrum(dn, "L1C").all()


def patchy(seed, shape, names=(*SPECTRAL_BANDS, "B10")):
    """Blobs of cloud, forest, sand, water and nodata at several scales."""
    rng = np.random.default_rng(seed)
    kinds = np.array([THICK_CLOUD, THIN_CLOUD, CIRRUS_OVER_FOREST, FOREST, SAND, WATER, (0,) * 6])
    side = int(rng.integers(2, 14))
    blobs = rng.choice(
        len(kinds), (shape[0] // side + 1, shape[1] // side + 1), p=[0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1]
    )
    kind = np.kron(blobs, np.ones((side, side), int))[: shape[0], : shape[1]]
    noise = rng.normal(1, 0.05, (len(names), *shape))
    alike = {
        "B01": ("B02", 1.0),
        "B05": ("B04", 1.1),
        "B8A": ("B08", 1.05),
        "B09": ("B08", 0.35),
        "B12": ("B11", 0.7),
    }
    dn = {}
    for name, wobble in zip(names, noise, strict=True):
        like, factor = alike.get(name, (name, 1.0))
        column = (*SPECTRAL_BANDS, "B10").index(like)
        dn[name] = (kinds[kind, column] * factor * wobble).astype(np.uint16)
    return dn


def block_of(dn, rows, cols, margin):
    """A block with its margin, and the block's place inside it."""
    top, left = max(rows.start - margin, 0), max(cols.start - margin, 0)
    part = {n: a[top : rows.stop + margin, left : cols.stop + margin] for n, a in dn.items()}
    inner = np.s_[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
    return part, inner


@given(st.integers(0, 2**32 - 1), st.integers(0, 300), st.integers(0, 60), st.sampled_from([12, MARGIN_PX]))
@settings(max_examples=30, deadline=None)
def test_spectral_mask_of_a_block_is_that_of_the_whole(seed, row, col, margin):
    dn = patchy(seed, (340, 100))
    rows, cols = slice(row, row + 40), slice(col, col + 40)
    part, inner = block_of(dn, rows, cols, margin)
    whole = clear_by_spectrum(dn, "L1C")
    np.testing.assert_array_equal(clear_by_spectrum(part, "L1C")[inner], whole[rows, cols])


@pytest.mark.parametrize(("margin", "same"), [(MARGIN_PX, True), (10, False)])
def test_s2cloudless_mask_of_a_block_is_that_of_the_whole(margin, same):
    pytest.importorskip("s2cloudless")
    dn = patchy(0, (150, 150), S2CLOUDLESS_BANDS)
    whole = clear_by_s2cloudless(dn, "L1C")
    equal = []
    for rows, cols in [
        (slice(r, r + 50), slice(c, c + 50)) for r in range(0, 150, 50) for c in range(0, 150, 50)
    ]:
        part, inner = block_of(dn, rows, cols, margin)
        equal.append(np.array_equal(clear_by_s2cloudless(part, "L1C")[inner], whole[rows, cols]))
    assert all(equal) == same
    assert 0.05 < whole.mean() < 0.95


def test_auto_takes_the_classification_where_there_is_one():
    dn = scene(*L2A_CLOUD)
    scl = np.full((40, 40), 4, np.uint8)
    mask, used = clear_mask(dn, scl, level="L2A", method="auto")
    assert (mask.all(), used) == (True, "scl")
    mask, used = clear_mask(dn, None, level="L2A", method="auto")
    assert (mask.any(), used) == (False, "spectral")


class Told:
    """A network that says what it is told, and keeps how it was asked."""

    name, sha256, margin_px = "told", "", 128

    def __init__(self, classes_yx):
        self.classes_yx = classes_yx

    def __call__(self, bands, *, corrected, origin_px):
        self.asked = [int(b[0, 0]) for b in bands], corrected, origin_px
        return self.classes_yx


def six(*spectrum):
    return scene(*spectrum) | {"B12": np.full((40, 40), 77, np.uint16)}


def test_auto_asks_the_network_where_there_is_no_classification():
    classes = np.zeros((40, 40), np.uint8)
    classes[:, :8], classes[:8, 20:] = 4, 255
    classes[20, 20], classes[30, 30] = 3, 2
    told = Told(classes)
    setting = Setting(origin_px=(30, 70), buffer_m=0.0)
    mask, used = clear_mask(six(*FOREST), None, level="L1C", method="auto", classify=told, setting=setting)
    assert used == "network"
    assert told.asked == ([*FOREST[:5], 77], False, (30, 70))
    assert mask[:, :8].all()  # snow shows the ground
    assert not mask[20, 20] and not mask[:8, 20:].any()
    assert mask[20, 21] and mask[20, 19]


@pytest.mark.parametrize("hidden", [1, 2])
def test_what_the_network_hides_may_grow(hidden):
    classes = np.zeros((40, 40), np.uint8)
    classes[20, 20] = hidden
    how = {"level": "L2A", "method": "network", "classify": Told(classes)}
    assert (~clear_mask(six(*FOREST), None, **how)[0]).sum() == 1
    mask, _ = clear_mask(six(*FOREST), None, setting=Setting(buffer_m=20.0), **how)
    assert (~mask).sum() == 25
    assert not mask[18:23, 18:23].any()


def test_shadow_counts_near_cloud_only():
    classes = np.zeros((40, 200), np.uint8)
    classes[20, 0], classes[20, SHADOW_REACH_PX], classes[20, SHADOW_REACH_PX + 1] = 2, 3, 3
    dn = {n: np.full((40, 200), v, np.uint16) for n, v in zip(NETWORK_BANDS, (*FOREST[:5], 77), strict=True)}
    mask, _ = clear_mask(dn, None, level="L1C", method="network", classify=Told(classes))
    assert np.argwhere(~mask).tolist() == [[20, 0], [20, SHADOW_REACH_PX]]


def test_the_edge_of_an_image_does_not_grow():
    dn = six(*FOREST)
    for band in dn.values():
        band[:, :10] = 0
    classes = np.where(dn["B02"] == 0, 255, 0).astype(np.uint8)
    setting, how = Setting(buffer_m=40.0), {"level": "L2A", "method": "network", "classify": Told(classes)}
    mask, _ = clear_mask(dn, None, setting=setting, **how)
    assert mask[:, 10:].all() and not mask[:, :10].any()


def test_a_buffer_grows_clouds_of_the_classification_and_no_snow():
    scl = np.full((40, 40), 4, np.uint8)
    scl[10, 10], scl[30, 30], scl[30, 10] = 9, 11, 0
    dn, how = scene(*L2A_CLOUD), {"level": "L2A", "method": "scl"}
    plain, _ = clear_mask(dn, scl, **how)
    assert np.array_equal(plain, scl_clear(scl))
    grown, _ = clear_mask(dn, scl, setting=Setting(buffer_m=30.0), **how)
    expected = plain.copy()
    expected[7:14, 7:14] = False
    assert np.array_equal(grown, expected)


def test_with_a_sun_the_spectral_rule_looks_for_shadows():
    dn = with_patch(FOREST, THICK_CLOUD, np.s_[120:150], np.s_[120:150], shape=(200, 200))
    for band in dn.values():
        band[60:90, 120:150] //= 3
    how = {"level": "L1C", "method": "spectral"}
    plain, _ = clear_mask(dn, None, **how)
    cast, _ = clear_mask(dn, None, setting=Setting(sun=SunAt(45.0, 180.0)), **how)
    assert plain[60:90, 120:150].all()
    assert not cast[62:88, 122:148].any()
    assert np.array_equal(plain[:, 160:], cast[:, 160:])


def test_margins_hold_what_a_method_needs():
    low = Setting(sun=SunAt(45.0, 180.0))
    assert margin_px("scl") == margin_px("none") == 0
    assert margin_px("scl", setting=Setting(buffer_m=60.0)) == 6
    assert margin_px("network") == Told(None).margin_px + SHADOW_REACH_PX
    assert margin_px("auto") == margin_px("network") <= MARGIN_PX
    assert margin_px("s2cloudless", setting=low) == 30 + REACH_PX
    assert margin_px("auto", has_scl=True) == 0


def test_no_mask_keeps_what_is_seen():
    dn = scene(*THICK_CLOUD)
    dn["B02"][0, 0] = 0
    mask, used = clear_mask(dn, None, level="L1C", method="none")
    assert used == "none"
    assert (~mask).sum() == 1


def test_scene_classes():
    assert scl_clear(np.arange(12, dtype=np.uint8)).tolist() == [c in (2, 4, 5, 6, 7, 11) for c in range(12)]


def test_bands_needed():
    assert bands_needed("L1C", "auto") == NETWORK_BANDS
    assert bands_needed("L2A", "auto") == (*NETWORK_BANDS, "SCL")
    assert bands_needed("L1C", "spectral") == (*SPECTRAL_BANDS, "B10")
    assert bands_needed("L1C", "s2cloudless") == S2CLOUDLESS_BANDS
    assert bands_needed("L2A", "none") == ()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: clear_mask(scene(*FOREST), None, level="L1C", method="fmask"), "expected auto or scl"),
        (lambda: clear_mask(scene(*FOREST), None, level="L1C", method="scl"), "a scene with SCL"),
        (lambda: clear_mask(scene(*FOREST), None, level="L1C", method="network"), "expected the network"),
        (lambda: clear_by_spectrum(scene(*FOREST), "L3"), "level L1C or L2A"),
        (lambda: clear_by_spectrum({"B02": np.ones((2, 2), np.uint16)}, "L2A"), "no B03, B04, B08, B11"),
        (lambda: clear_by_s2cloudless(scene(*FOREST), "L2A"), "L1C, for which it was trained"),
        (lambda: clear_by_s2cloudless(scene(*FOREST), "L1C"), "no B01, B05"),
        (lambda: bands_needed("L1C", "fmask"), "got 'fmask'"),
    ],
)
def test_misuse_is_one_clear_line(call, words):
    with pytest.raises(MisuseError) as error:
        call()
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "s2cloudless", None)
    with pytest.raises(MisuseError, match=r"pip install 'eomap\[s2cloudless\]'"):
        clear_by_s2cloudless(patchy(1, (20, 20), S2CLOUDLESS_BANDS), "L1C")


def test_planning_needs_no_heavy_import():
    code = "import sys, eomap.sensors.cloudmask; print({'numba', 's2cloudless', 'cv2'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )
