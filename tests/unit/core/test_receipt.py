"""What is counted of a tile, and what of it a manifest holds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eomap.core.layer import Layer, LegendClass
from eomap.core.receipt import Receipt, tally

CLASSES = Layer(
    "kind",
    "uint8",
    "kind",
    fill=255,
    no_look=0,
    legend=(LegendClass(1, "a", "000000"), LegendClass(2, "b", "ffffff")),
)
VALUES = Layer("r", "uint16", "values", fill=65535, no_look=0, scale=1e-4, bands=("x", "y"))


def test_classes_are_counted_and_values_are_summed():
    codes = np.array([[1, 1, 2], [0, 255, 255]], np.uint8)
    found = tally(CLASSES, (codes,))
    assert (found.n_valid, found.histogram, found.sums) == (3, {"0": 1, "1": 2, "2": 1}, {})
    values = np.array([[[7, 65534, 0]], [[1, 2, 65535]]], np.uint16)
    found = tally(VALUES, values)
    assert (found.n_valid, found.histogram, found.sums) == (2, {}, {"x": 65541, "y": 3})


@given(st.integers(0, 2**32 - 1), st.integers(0, 50))
def test_the_sums_of_parts_are_the_sum_of_the_whole(seed, cut):
    values = np.random.default_rng(seed).integers(0, 65536, (2, 1, 50)).astype(np.uint16)
    whole, parts = (
        tally(VALUES, values),
        [tally(VALUES, values[..., s]) for s in (slice(cut), slice(cut, None))],
    )
    assert whole.n_valid == sum(p.n_valid for p in parts)
    assert whole.sums == {b: sum(p.sums[b] for p in parts) for b in VALUES.bands}


def test_sums_stand_in_a_manifest_only_where_there_are_some():
    assert "sums" not in Receipt("k", "r075c385", "written", histogram={"1": 2}).content()
    summed = Receipt("k", "r075c385", "written", sums={"x": 3})
    assert summed.content()["sums"] == {"x": 3} and Receipt.from_json(summed.to_json()) == summed
    older = {k: v for k, v in summed.to_json().items() if k != "sums"}
    assert Receipt.from_json(older).sums == {}
