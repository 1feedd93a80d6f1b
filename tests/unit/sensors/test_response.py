"""Narrow bands turned into broad ones: weights, laws, and nearer to the truth than the nearest band."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.sensors.enmap import CENTRE_NM, FWHM_NM, KEPT
from eomap.sensors.response import (
    ENMAP,
    SENSORS,
    Spectrometer,
    bands_within,
    narrow_weights,
    responses,
    to_bands,
)
from eomap.twin.materials import Material, band_table

S2_IN_REACH = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
every = pytest.mark.parametrize("sensor", SENSORS)


def of_2022():
    """Return the columns of the twin's EnMAP that are the kept bands, and their centres of 2022."""
    centre = responses("ENMAP").centre_nm.astype(float)
    columns = [int(np.abs(centre - CENTRE_NM[b]).argmin()) for b in KEPT]
    return columns, Spectrometer(tuple(centre[columns].tolist()), ENMAP.fwhm_nm)


@every
def test_weights_sum_to_one_and_lie_around_the_band(sensor):
    bands = bands_within(sensor)
    weight = narrow_weights(sensor, bands)
    np.testing.assert_allclose(weight.sum(axis=1), 1, atol=1e-12)
    table = responses(SENSORS[sensor])
    centre = [float(table.centre_nm[table.names.index(b)]) for b in bands]
    # Centres of B09 and M5, where narrow bands are few or far between, are off by 1 nm.
    np.testing.assert_allclose(weight @ np.array(ENMAP.centre_nm), centre, atol=1.0)


@every
@given(level=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_a_flat_spectrum_stays_flat(sensor, level):
    flat = np.full((202, 2, 3), level, np.float32)
    np.testing.assert_allclose(to_bands(flat, sensor), level, atol=2e-6)


@given(seed=st.integers(0, 2**32 - 1), a=st.floats(-2, 2))
@settings(max_examples=20, deadline=None)
def test_it_is_linear_and_pixel_by_pixel(seed, a):
    rng = np.random.default_rng(seed)
    x, y = rng.random((2, 202, 3, 4))
    whole = to_bands(a * x + y, "S2A")
    np.testing.assert_allclose(whole, a * to_bands(x, "S2A") + to_bands(y, "S2A"), atol=1e-5)
    np.testing.assert_array_equal(whole[:, 1:, 2:], to_bands((a * x + y)[:, 1:, 2:], "S2A"))


def test_the_order_of_the_narrow_bands_does_not_matter():
    x = np.random.default_rng(3).random((202, 1, 5))
    mixed = np.random.default_rng(4).permutation(202)
    shuffled = Spectrometer(*(tuple(np.array(a)[mixed].tolist()) for a in (ENMAP.centre_nm, ENMAP.fwhm_nm)))
    np.testing.assert_allclose(to_bands(x[mixed], "S2A", narrow=shuffled), to_bands(x, "S2A"), atol=1e-6)


def test_what_lies_in_a_gap_is_refused_and_the_cirrus_band_is_never_made_up():
    assert bands_within("S2A") == bands_within("S2B") == S2_IN_REACH
    with pytest.raises(MisuseError, match="B10"):
        to_bands(np.zeros((202, 1, 1)), "S2A", bands=("B04", "B10"))
    visible = [n for n, nm in enumerate(ENMAP.centre_nm) if nm < 1000]
    half = Spectrometer(*(tuple(a[n] for n in visible) for a in (ENMAP.centre_nm, ENMAP.fwhm_nm)))
    assert bands_within("terra-modis", half) == ("M1", "M2", "M3", "M4")
    with pytest.raises(MisuseError, match="202 narrow bands"):
        to_bands(np.zeros((224, 1, 1)), "S2A")
    with pytest.raises(MisuseError, match="S2A, S2B, terra-modis"):
        to_bands(np.zeros((202, 1, 1)), "MODIS")


def test_nodata_touches_only_the_bands_that_see_it():
    x = np.full((202, 1, 2), 0.2)
    x[KEPT.index("B040"), 0, 1] = np.nan  # 620 nm
    made = to_bands(x, "S2A", bands=("B02", "B04", "B8A", "B11"))
    assert np.isfinite(made[:, 0, 0]).all()
    assert np.isfinite(made[[0, 2, 3], 0, 1]).all()
    far = to_bands(x, "terra-modis", bands=("M1", "M2"))
    assert np.isnan(far[0, 0, 1]) and np.isfinite(far[1, 0, 1])


@every
def test_the_twins_materials_come_nearer_than_by_the_nearest_band(sensor):
    columns, narrow = of_2022()
    broad, table = band_table(SENSORS[sensor]), band_table("ENMAP")
    bands = bands_within(sensor, narrow)
    rows = [broad.names.index(b) for b in bands]
    spectra = np.concatenate([table.mean_mb, *(table.mean_mb + s for s in table.spread_kmb)])
    truth = np.concatenate([broad.mean_mb, *(broad.mean_mb + s for s in broad.spread_kmb)]).T[rows]
    seen = spectra[:, columns].T[:, None, :]
    made = to_bands(seen, sensor, narrow=narrow)[:, 0]
    nearest = seen[[int(np.abs(np.array(narrow.centre_nm) - broad.centre_nm[r]).argmin()) for r in rows], 0]
    error, plain = (np.abs(a - truth) for a in (made, nearest))
    assert error.max() < 0.0037, "what other-systems met with vegetation alone"
    assert plain.max() > 3 * error.max() and np.sqrt((plain**2).mean() / (error**2).mean()) > 3


def test_two_sentinels_differ_on_plants_by_more_than_the_error():
    columns, narrow = of_2022()
    plants = [Material.BROADLEAF, Material.CONIFER, Material.GRASS, Material.CROP]
    seen = band_table("ENMAP").mean_mb[plants][:, columns].T[:, None, :]
    apart = np.abs(to_bands(seen, "S2A", narrow=narrow) - to_bands(seen, "S2B", narrow=narrow)).max()
    assert 0.003 < apart < 0.01


@pytest.mark.shared
@pytest.mark.parametrize(("sensor", "file"), [("S2A", "a"), ("S2B", "b")])
def test_plants_by_published_responses_at_one_nanometre(shared, sensor, file):
    response = np.load(shared / "data" / "srf" / f"rfs_sentinel2_{file}.npy")  # 300 to 2600 nm
    names = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
    nm = np.arange(300, 2601.0)
    leaf, (centre, fwhm) = plants(nm), (np.array(a)[:, None] for a in (ENMAP.centre_nm, ENMAP.fwhm_nm))
    bell = np.exp(-4 * np.log(2) * ((nm - centre) / fwhm) ** 2)
    narrow = (bell @ leaf / bell.sum(axis=1))[:, None, None]
    truth = response.T @ leaf / response.sum(axis=0)
    made = to_bands(narrow, sensor, bands=names)[:, 0, 0]
    table = responses(sensor)
    at = [table.centre_nm[table.names.index(b)] for b in names]
    nearest = [narrow[int(np.abs(centre[:, 0] - c).argmin()), 0, 0] for c in at]
    assert np.abs(made - truth).max() < 0.002 < 0.0131 < np.abs(nearest - truth).max()
    centroid = response.T @ nm / response.sum(axis=0)
    # The blue band of the two published tables differs by .3 nm, all others by less than .05.
    np.testing.assert_allclose(at, centroid, atol=0.35)


def plants(nm):
    """Return a made-up canopy: red edge at 716 nm, chlorophyll at 675, water at 975, 1195, 1450, 1930 nm."""

    def dip(centre, width, depth):
        return depth * np.exp(-0.5 * ((nm - centre) / width) ** 2)

    leaf = 0.045 + 0.42 / (1 + np.exp(-(nm - 716) / 12)) + dip(552, 28, 0.055) - dip(675, 18, 0.02)
    water = 1 - dip(975, 35, 0.08) - dip(1195, 50, 0.16) - dip(1450, 75, 0.62) - dip(1930, 90, 0.8)
    return leaf * (water - 0.35 / (1 + np.exp(-(nm - 1350) / 40)) - 0.25 / (1 + np.exp(-(nm - 2000) / 120)))


def test_the_widths_are_of_the_table():
    assert len(FWHM_NM) == len(CENTRE_NM) == 224 and 5 < min(FWHM_NM.values()) < max(FWHM_NM.values()) < 12
