"""Spectra that are never shadow: snow and water are told, shaded land is not among them."""

import numpy as np
import pytest

from eomap.sensors.water_snow import is_snow, is_water

# green, near infrared, 1.6 um: reflectance x 10000
CASES = {
    "snow": (8_000, 7_500, 900),
    "snow in the shade": (1_600, 1_400, 250),
    "snow in cloud shadow": (3_000, 2_300, 300),
    "lake": (600, 350, 120),
    "murky lake": (1_100, 700, 250),
    "shaded forest": (450, 900, 500),
    "shaded soil": (600, 700, 900),
    "cloud": (4_700, 5_000, 3_900),
}


@pytest.mark.parametrize(("name", "spectrum"), CASES.items())
def test_each_spectrum_is_what_it_is(name, spectrum):
    dn = {b: np.full((2, 2), v, np.uint16) for b, v in zip(("B03", "B08", "B11"), spectrum, strict=True)}
    assert is_snow(dn).all() == is_snow(dn).any() == ("snow" in name)
    assert is_water(dn).all() == is_water(dn).any() == ("lake" in name)
