"""Time spans."""

from datetime import UTC, date, datetime

import pytest

from eomap.core.period import Period
from eomap.errors import MisuseError


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2024", "2024-01-01/2024-12-31"),
        ("2024-02", "2024-02-01/2024-02-29"),
        ("2017-02-01/2017-03-01", "2017-02-01/2017-03-01"),
        ("2017-02-16", "2017-02-16/2017-02-16"),
    ],
)
def test_forms(text, span):
    assert str(Period.parse(text)) == span


@pytest.mark.parametrize(
    "text", ["", "last year", "2024-13", "2024-02-30", "2024-03-01/2024-02-01", "20240101/x", "2024/2025"]
)
def test_nonsense_is_one_clear_line(text):
    with pytest.raises(MisuseError) as problem:
        Period.parse(text)
    assert "\n" not in str(problem.value) and "--period" in str(problem.value)


def test_both_ends_belong_to_it():
    span = Period.parse("2017-02-01/2017-03-01")
    assert span.covers(datetime(2017, 3, 1, 23, 59, tzinfo=UTC))
    assert not span.covers(datetime(2017, 3, 2, tzinfo=UTC))


def test_last_full_year():
    assert str(Period.last_full_year(date(2026, 11, 22))) == "2025-01-01/2025-12-31"
