"""What a correction leaves: a function of seed and scene only, of the size that corrections are judged by."""

import numpy as np

from eomap.twin.correction import DARKEST, corrected, residual
from eomap.twin.materials import band_table

CENTRE_NM = band_table("S2A").centre_nm


def test_equal_arguments_give_equal_bits_and_others_others():
    first, again = (residual(7, "S2A_x", centre_nm=CENTRE_NM) for _ in range(2))
    np.testing.assert_array_equal(first.gain_b, again.gain_b)
    np.testing.assert_array_equal(first.bias_b, again.bias_b)
    for other in (residual(8, "S2A_x", centre_nm=CENTRE_NM), residual(7, "S2A_y", centre_nm=CENTRE_NM)):
        assert not np.array_equal(first.gain_b, other.gain_b)


def test_most_errors_are_within_the_specification_and_blue_errs_most():
    scenes = [residual(1, f"scene {k}", centre_nm=CENTRE_NM) for k in range(400)]
    gain, bias = np.array([s.gain_b for s in scenes]), np.array([s.bias_b for s in scenes])
    for surface in (0.02, 0.1, 0.3):
        error = np.abs(surface * (gain - 1) + bias)
        assert 0.6 < (error <= 0.005 + 0.05 * surface).mean() <= 1.0
    spread = bias.std(axis=0)
    assert spread[CENTRE_NM < 500].min() > 1.8 * spread[CENTRE_NM > 1500].max()
    assert abs(gain.mean() - 1) < 0.01 and 0.02 < gain.std() < 0.05


def test_a_product_has_no_negative_reflectance():
    seen = corrected(np.array([0.0, 0.2], np.float32), gain=np.float32(1.1), bias=np.float32(-0.01))
    np.testing.assert_allclose(seen, [DARKEST, 0.21], rtol=1e-6)
    assert seen.dtype == np.float32
