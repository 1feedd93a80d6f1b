"""Columns are those of pyarrow, and making them imports no pandas."""

import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.io.columns import binaries, column, moments, numbers

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=9)
REAL = st.floats(allow_nan=False)
WHOLE = st.integers(-(2**63), 2**63 - 1)
ASSET = pa.struct({"href": pa.string(), "shape": pa.list_(pa.int64()), "scale": pa.float64()})
KINDS = {
    pa.string(): TEXT,
    pa.float64(): REAL | st.integers(-(2**40), 2**40),
    pa.int64(): WHOLE,
    pa.bool_(): st.booleans(),
    ASSET: st.fixed_dictionaries(
        {}, optional={"href": TEXT, "shape": st.lists(WHOLE, max_size=2) | st.none(), "scale": REAL}
    ),
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(data=st.data())
@settings(deadline=None)
def test_columns_are_those_of_arrow(kind, data):
    values = data.draw(st.lists(KINDS[kind] | st.none(), max_size=6))
    assert column(values, kind).equals(pa.array(values, kind))


def test_numbers_beyond_64_bits_are_refused_as_arrow_refuses_them():
    with pytest.raises(OverflowError):
        column([2**70], pa.int64())


@given(
    st.lists(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)), max_size=4),
    st.lists(st.binary(max_size=9), max_size=4),
    st.lists(REAL, max_size=4),
)
@settings(deadline=None)
def test_moments_bytes_and_numbers_are_those_of_arrow(days, texts, values):
    assert moments(days).equals(pa.array(days, pa.timestamp("us", tz="UTC")))
    assert binaries(texts).equals(pa.array(texts, pa.binary()))
    assert numbers(np.array(values)).equals(pa.array(values, pa.float64()))


def test_no_column_imports_pandas():
    made = "import sys, pyarrow as pa; from eomap.io.columns import column; column(['a'], pa.string());"
    subprocess.run([sys.executable, "-c", made + "assert 'pandas' not in sys.modules"], check=True)
