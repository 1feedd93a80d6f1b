"""The materials' shapes give plausible brightness under the kernels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eomap.kernels.brdf import relative_to_nadir
from eomap.twin.brdf import SHAPES
from eomap.twin.materials import Material

angle = st.floats(0, 75)
azimuth = st.floats(0, 360)


@given(angle, azimuth, st.sampled_from(list(Material)))
def test_nadir_is_one_and_views_of_sentinel_2_stay_plausible(sun, phi, material):
    shape = {"iso": 1.0, "vol": SHAPES[material].vol, "geo": SHAPES[material].geo}
    assert relative_to_nadir(sun, 0.0, phi, **shape) == 1
    assert 0.7 < relative_to_nadir(sun, 12.0, phi, **shape) < 1.3
    assert 0.7 < relative_to_nadir(sun, 12.0, np.array([0.0, 180.0]), **shape).mean() < 1.2


def test_plants_look_brighter_with_the_sun_behind_the_satellite():
    for material in (Material.BROADLEAF, Material.CONIFER, Material.GRASS, Material.CROP):
        shape = {"iso": 1.0, "vol": SHAPES[material].vol, "geo": SHAPES[material].geo}
        assert relative_to_nadir(40, 10, 0, **shape) > 1.02 > relative_to_nadir(40, 10, 180, **shape)


def test_every_material_has_a_shape():
    assert set(SHAPES) == set(Material)
