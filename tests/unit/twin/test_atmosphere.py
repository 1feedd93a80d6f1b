"""Air: its inverse is exact, its table is physical, its closed form stays near the table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.twin.atmosphere import Air, BandOptics, boa, optics, scattering, toa
from eomap.twin.materials import SENSORS, band_table

AIRS = st.builds(Air, st.floats(0, 1), st.floats(0.3, 6))
SUNS = st.floats(0, 80)


@given(AIRS, SUNS, st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_the_surface_comes_back_exactly(air, sun, surface, background):
    made = optics("S2A", sun, air)
    for name in made.names:
        at = made.band(name)
        if name == "B10" or at.gas < 0.02:
            continue
        seen = toa(surface, background, at)
        assert boa(seen, at, background=background) == pytest.approx(surface, abs=1e-6)
        assert boa(toa(surface, surface, at), at) == pytest.approx(surface, abs=1e-6)


@given(AIRS, SUNS, st.sampled_from(SENSORS))
@settings(max_examples=60, deadline=None)
def test_every_quantity_is_a_ratio_and_none_makes_light(air, sun, sensor):
    made = optics(sensor, sun, air)
    for values in (made.path_b, made.gas_b, made.down_b, made.up_b, made.albedo_b):
        assert values.shape == (len(made.names),) and values.min() >= 0 and values.max() <= 1
    for name in made.names[:13]:
        at = made.band(name)
        assert at.up_direct >= 0 and at.up_diffuse >= 0
        assert toa(1.0, 1.0, at) <= 1.15  # air sends more straight up than evenly, so 1 is no bound


def test_blue_air_is_brighter_and_more_aerosol_brighter_still():
    clean, hazy = (optics("S2A", 40.0, Air(aot, 2.0)) for aot in (0.05, 0.5))
    order = [clean.names.index(b) for b in ("B01", "B02", "B03", "B04", "B8A", "B11")]
    assert (np.diff(clean.path_b[order]) < 0).all() and (hazy.path_b > clean.path_b)[order].all()
    assert 0.05 < clean.path_b[order[1]] < 0.09  # blue, as in real scenes
    assert (hazy.down_b < clean.down_b).all() and (hazy.depth_b > clean.depth_b).all()


def test_water_vapour_hides_the_ground_in_its_bands_only():
    dry, wet = (optics("S2A", 40.0, Air(0.1, w)) for w in (0.5, 5.0))
    lost = dict(zip(dry.names, dry.gas_b - wet.gas_b, strict=True))
    assert lost["B09"] > 0.3 and lost["B02"] < 1e-3 and lost["B8A"] < 0.01
    assert wet.gas_b[wet.names.index("B10")] < 0.005


def test_land_beside_water_brightens_it():
    at = optics("S2A", 40.0, Air(0.3, 2.0)).band("B8A")
    assert toa(0.01, 0.3, at) - toa(0.01, 0.01, at) > 0.005
    alone = boa(toa(0.01, 0.3, at), at)  # a correction that does not know of the land sees too bright water
    assert 0.015 < alone < 0.06


def test_beyond_the_nodes_the_last_node_stands_and_the_second_sentinel_reads_the_first():
    edge, beyond = optics("MODIS", 80.0, Air(1.0, 6.0)), optics("MODIS", 88.0, Air(3.0, 9.0))
    np.testing.assert_array_equal(edge.path_b, beyond.path_b)
    np.testing.assert_array_equal(
        optics("S2A", 33.0, Air(0.1, 1.0)).gas_b, optics("S2B", 33.0, Air(0.1, 1.0)).gas_b
    )


@pytest.mark.parametrize("sun", [0.0, 25.0, 50.0, 70.0])
@pytest.mark.parametrize("aot", [0.0, 0.1, 0.3, 0.5])
def test_the_closed_form_is_near_the_table_in_the_bands_of_sentinel_2(sun, aot):
    table = optics("S2A", sun, Air(aot, 2.0))
    clear = table.gas_b > 0.9  # elsewhere gases act on the path as well
    path, down, up, albedo, depth = (v[clear] for v in scattering(band_table("S2A").centre_nm, sun, aot))
    gas = table.gas_b[clear]
    assert np.abs(path * np.sqrt(gas) - table.path_b[clear]).max() < 0.012
    assert np.abs(down - table.down_b[clear]).max() < 0.02
    assert np.abs(up - table.up_b[clear]).max() < 0.01
    assert np.abs(albedo - table.albedo_b[clear]).max() < 0.01
    assert np.abs(depth - table.depth_b[clear]).max() < 0.02


def test_enmap_sees_what_sentinel_2_sees():
    air = Air(0.2, 2.0)
    narrow, broad = optics("ENMAP", 35.0, air), optics("S2A", 35.0, air)
    centres = dict(zip(broad.names, band_table("S2A").centre_nm, strict=True))
    for name in ("B02", "B03", "B8A"):  # windows that one narrow band stands for
        i = int(np.abs(band_table("ENMAP").centre_nm - centres[name]).argmin())
        there, here = narrow.band(narrow.names[i]), broad.band(name)
        assert toa(0.3, 0.3, there) == pytest.approx(toa(0.3, 0.3, here), abs=0.012)


def test_what_cannot_be_answered_is_refused():
    with pytest.raises(MisuseError, match="above the horizon"):
        optics("S2A", 90.0, Air(0.1, 1.0))
    with pytest.raises(MisuseError, match="one of S2A"):
        optics("LANDSAT", 30.0, Air(0.1, 1.0))
    dark = BandOptics(path=0.001, gas=1e-5, down=0.9, up_direct=0.9, up_diffuse=0.05, albedo=0.0)
    with pytest.raises(MisuseError, match="reaches the ground"):
        boa(0.002, dark)
