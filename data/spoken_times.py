"""Words for times, for people to read."""

from __future__ import annotations

import datetime

from lifelong.data.times import DAY


def day_of(timestamp: int) -> str:
    """Returns the date (UTC) of a time.

    Example:
        >>> day_of(1_514_764_799)
        '2017-12-31'
    """
    return datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc).strftime("%Y-%m-%d")


def describe_age(age: int, now: int) -> str:
    """Returns words for how old the statistics of all users' events are.

    Args:
        age: Seconds from the start of the day that they are as of to the request.
        now: Time of the request, Unix seconds.
    """
    # The day that they are as of is not counted.
    last = now - age - 1
    later = last // DAY - now // DAY
    if later > 0:
        told = f"{_days(later)} after the request: they count what came after it"
    elif later == 0:
        told = "the day of the request: they may count what came after it"
    elif later == -1:
        told = "the day before the request"
    else:
        told = f"{_days(-later - 1)} old"
    return f"statistics of all users' events up to {day_of(last)}, {told}"


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"
