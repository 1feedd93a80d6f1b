"""The c-factor against sen2nbar's, and its laws."""

import numpy as np
import pytest

from eomap.errors import MisuseError
from eomap.sensors.nbar import WEIGHTS, c_factor, to_nadir

ANGLES = {
    "sun_zenith_deg": [30, 45, 60, 70, 25, 20.5],
    "view_zenith_deg": [5, 10, 12, 8, 0, 11.5],
    "relative_azimuth_deg": [40, 140, 95, 180, 0, 312.25],
}
SEN2NBAR = {
    "B02": [0.98051487, 1.04053326, 1.00083698, 1.03882721, 1.0, 0.97302729],
    "B08": [0.97969067, 1.04245761, 1.00089748, 1.04095323, 1.0, 0.97193128],
    "B12": [0.98078004, 1.03931995, 1.00241596, 1.04807668, 1.0, 0.97322310],
}
"""sen2nbar 2024.6.0, c_factor at ANGLES."""


@pytest.mark.parametrize("band", SEN2NBAR)
def test_equals_sen2nbar(band):
    np.testing.assert_allclose(c_factor(band, **ANGLES), SEN2NBAR[band], atol=1e-6)


@pytest.mark.parametrize("band", WEIGHTS)
def test_straight_above_nothing_changes(band):
    at_nadir = {**ANGLES, "view_zenith_deg": 0}
    np.testing.assert_array_equal(c_factor(band, **at_nadir), np.ones(6))


def test_codes_without_data_stay_so_and_others_stay_codes():
    code = np.array([0, 1, 3, 65_535], np.uint16)
    assert to_nadir(code, 0.1).tolist() == [0, 1, 1, 6554]
    assert to_nadir(code, [2, 2, 2, 2]).tolist() == [0, 2, 6, 65_535]


def test_a_band_without_weights_is_refused():
    with pytest.raises(MisuseError, match="B01"):
        c_factor("B01", **ANGLES)
