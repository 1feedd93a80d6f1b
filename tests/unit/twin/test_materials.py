"""Materials in the bands of real sensors: physical values, responses that weigh, sensors that agree."""

import numpy as np
import pytest

from eomap.errors import MisuseError
from eomap.sensors.response import responses
from eomap.sensors.sentinel2 import BANDS
from eomap.twin.materials import SENSORS, TABLES, Material, band_table


def of(table, material, band):
    return float(table.mean_mb[material, table.names.index(band)])


@pytest.mark.parametrize(("sensor", "bands"), [("S2A", 13), ("S2B", 13), ("MODIS", 7), ("ENMAP", 224)])
def test_every_sensor_has_its_bands_and_every_material_a_reflectance(sensor, bands):
    table = band_table(sensor)
    assert len(table.names) == bands and table.centre_nm.shape == (bands,)
    assert table.mean_mb.shape == (len(Material), bands) and table.spread_kmb.shape == (
        3,
        len(Material),
        bands,
    )
    assert table.mean_mb.min() > 0 and table.mean_mb.max() < 1
    assert table.mean_mb.dtype == table.spread_kmb.dtype == np.float32
    assert not table.mean_mb.flags.writeable


def test_names_are_those_of_eomap():
    assert set(band_table("S2A").names) == set(BANDS)


def test_weights_of_every_band_sum_to_one():
    for table in map(responses, SENSORS):
        np.testing.assert_allclose(table.weight_bw.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(table.weight_bw @ table.nodes_nm, table.centre_nm, atol=1.5)


def test_the_table_lists_the_materials_in_the_order_of_the_enum():
    with np.load(TABLES / "spectra.npz") as file:
        assert file["material"].tolist() == [m.name for m in Material]


def test_plants_are_green_water_is_dark_and_snow_is_not_cloud():
    table = band_table("S2A")
    for plant in (Material.BROADLEAF, Material.CONIFER, Material.GRASS, Material.CROP):
        assert of(table, plant, "B8A") > 3 * of(table, plant, "B04")
        assert of(table, plant, "B03") > of(table, plant, "B04")
        assert of(table, plant, "B8A") > of(table, plant, "B11") > of(table, plant, "B12")
    assert of(table, Material.BROADLEAF, "B8A") > of(table, Material.CONIFER, "B8A")
    assert (
        of(table, Material.WATER, "B03") > of(table, Material.WATER, "B8A") > of(table, Material.WATER, "B12")
    )
    assert of(table, Material.SNOW, "B03") > 0.8 > 0.2 > of(table, Material.SNOW, "B11")
    assert of(table, Material.TILES, "B04") > 3 * of(table, Material.TILES, "B02")


def test_a_broad_band_is_about_the_mean_of_the_narrow_ones_inside_it():
    broad, narrow = band_table("S2A"), band_table("ENMAP")
    i = broad.names.index("B08")
    inside = (narrow.centre_nm > 780) & (narrow.centre_nm < 888)
    np.testing.assert_allclose(broad.mean_mb[:, i], narrow.mean_mb[:, inside].mean(axis=1), atol=0.012)


def test_two_sentinels_see_nearly_the_same():
    a, b = band_table("S2A"), band_table("S2B")
    assert 0 < np.abs(a.mean_mb - b.mean_mb).max() < 0.015


def test_variations_are_one_standard_deviation_and_do_not_repeat_each_other():
    with np.load(TABLES / "spectra.npz") as file:
        spread = file["spread_kmw"].astype(np.float64)
    for m in Material:
        gram = spread[:, m] @ spread[:, m].T
        assert gram[0, 0] >= gram[1, 1] >= gram[2, 2] > 0
        assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-4 * gram[0, 0]


def test_an_unknown_sensor_is_refused():
    with pytest.raises(MisuseError, match="S2A, S2B"):
        band_table("S2")
