"""Soil is darker when it is wet, and where it holds humus."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eomap.twin.climate import CLIMATES
from eomap.twin.soil import soil_brightness

N = len(CLIMATES)


@given(st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_wetter_soil_is_never_brighter(a, b):
    dry, wet = (
        soil_brightness(np.full((1, N), m, np.float32), np.arange(N, dtype=np.uint8)[None])
        for m in (min(a, b), max(a, b))
    )
    assert (wet <= dry).all() and wet.min() > 0.3 and dry.max() <= 1


def test_dry_desert_soil_is_that_of_the_tables_and_black_earth_is_darker():
    index = [c.name for c in CLIMATES]
    codes = np.array([[index.index("desert"), index.index("continental")]], np.uint8)
    desert, black_earth = soil_brightness(np.full((1, 2), 0.05, np.float32), codes)[0]
    assert desert == 1 and black_earth < 0.8
