"""Time spans that a map is made for."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from eomap.errors import MisuseError

_FORMS = "2024, 2024-06, 2024-06-01/2024-08-31 (both days included)"

EPOCH = date(1970, 1, 1)
"""Where days are counted from."""


@dataclass(frozen=True, slots=True)
class Period:
    """A span of whole UTC days; both ends belong to it."""

    start: date
    end: date

    def __str__(self) -> str:
        return f"{self.start.isoformat()}/{self.end.isoformat()}"

    def covers(self, moment: datetime) -> bool:
        """Say whether a UTC moment lies within the period.

        >>> Period.parse("2024").covers(datetime(2024, 12, 31, 23, tzinfo=UTC))
        True
        """
        return self.start <= moment.astimezone(UTC).date() <= self.end

    def meets(self, start: datetime, end: datetime) -> bool:
        """Say whether a span of time, both ends included, has a moment within the period.

        >>> year = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 12, 31, 23, tzinfo=UTC)
        >>> Period.parse("2024-03").meets(*year), Period.parse("2025").meets(*year)
        (True, False)
        """
        return start.astimezone(UTC).date() <= self.end and self.start <= end.astimezone(UTC).date()

    @classmethod
    def last_full_year(cls, today: date) -> "Period":
        """Return the calendar year before the one of `today`."""
        return cls(date(today.year - 1, 1, 1), date(today.year - 1, 12, 31))

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Return the period that a person wrote; raise MisuseError when it is none.

        >>> str(Period.parse("2024-02"))
        '2024-02-01/2024-02-29'
        """
        try:
            if re.fullmatch(r"\d{4}", text):
                return cls(date(int(text), 1, 1), date(int(text), 12, 31))
            if re.fullmatch(r"\d{4}-\d{2}", text):
                year, month = int(text[:4]), int(text[5:])
                return cls(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
            first, _, last = text.partition("/")
            period = cls(date.fromisoformat(first), date.fromisoformat(last or first))
        except ValueError:
            raise MisuseError("--period", expected=_FORMS, got=repr(text[:80])) from None
        if period.start > period.end:
            raise MisuseError("--period", expected="start before end", got=text, hint="swap the two dates")
        return period
