"""Times as Unix seconds: read from text, and counted in weeks."""

from __future__ import annotations

import datetime
from typing import NamedTuple

import numpy as np

DAY = 24 * 3600
WEEK = 7 * DAY
# 1970-01-01 was a Thursday; weeks begin on Monday.
MONDAY = -3 * 24 * 3600
# Times of events and requests lie between the years 1990 and 2100: what does not is of another unit.
EARLIEST, LATEST = 631_152_000, 4_102_444_799
# The last second of the year 9999.
END_OF_TIME = 253_402_300_799
_UNITS = {"milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


def unit_advice(time: int) -> str:
    """Returns which unit a number has that is no plausible time in Unix seconds, for errors.

    Args:
        time: A number outside `EARLIEST` to `LATEST`.

    Returns:
        A clause that begins with a semicolon; empty if there is nothing to guess.

    Example:
        >>> unit_advice(1_513_000_000_000)
        '; it looks like milliseconds: divide by 1,000'
    """
    for unit, factor in _UNITS.items():
        if EARLIEST <= time // factor <= LATEST:
            return f"; it looks like {unit}: divide by {factor:,}"
    try:
        day = datetime.date(time // 10_000, time // 100 % 100, time % 100)
    except (ValueError, OverflowError):
        return ""
    return f"; it looks like the date {day}" if 1990 <= day.year <= 2100 else ""


class TimeRange(NamedTuple):
    """Times that are possible.

    Attributes:
        earliest: Unix seconds of the first.
        latest: Unix seconds of the last.
    """

    earliest: int
    latest: int


def parse_time(text: str, name: str = "time") -> int:
    """Returns Unix seconds of a date or ISO 8601 time; without a zone it is UTC.

    Args:
        text: For example `2017-10-15` or `2017-10-15T12:00:00+02:00`.
        name: Field to name in the error.

    Raises:
        ValueError: The text is neither.
    """
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise ValueError(
            f"{name} is {text!r}; expected a date such as 2017-10-15, or an ISO 8601 time such as "
            "2017-10-15T12:00:00+02:00"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp())


def week_of(timestamp: np.ndarray) -> np.ndarray:
    """Returns the number of each time's calendar week (Monday to Sunday, UTC).

    Args:
        timestamp: int64 `[n]`, Unix seconds.

    Returns:
        int64 `[n]`; 0 is the week of 1970-01-01.
    """
    return (timestamp - MONDAY) // WEEK
