"""Words for times and counts, for people to read."""

from __future__ import annotations

import datetime

from lifelong.data.times import DAY

_UNITS = ((DAY, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def day_of(timestamp: int) -> str:
    """Returns the date (UTC) of a time.

    Example:
        >>> day_of(1_514_764_799)
        '2017-12-31'
    """
    return datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc).date().isoformat()


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
        told = f"{counted(later, 'day')} after the request: they count what came after it"
    elif later == 0:
        told = "the day of the request: they may count what came after it"
    elif later == -1:
        told = "the day before the request"
    else:
        told = f"{counted(-later - 1, 'day')} old"
    return f"statistics of all users' events up to {day_of(last)}, {told}"


def counted(count: int, noun: str) -> str:
    """Returns a count of things.

    Example:
        >>> counted(1, "event"), counted(2_000, "event")
        ('1 event', '2,000 events')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def describe_sent(sent: int, known: int) -> str:
    """Returns how much of a user's history goes into a request.

    Args:
        sent: The newest events before the request, as far as the model reads.
        known: All the user's events, whenever.

    Example:
        >>> describe_sent(5, 5), describe_sent(5, 982)
        ("all of the user's 5 events", 'the last 5 events before the request, of 982 in all')
    """
    if sent in (0, known):
        return f"{'all' if sent else 'none'} of the user's {counted(known, 'event')}"
    return f"the last {counted(sent, 'event')} before the request, of {known:,} in all"


def spoken_gap(seconds: int) -> str:
    """Returns a time gap in words, in its largest unit.

    Example:
        >>> spoken_gap(3 * 86_400 + 5), spoken_gap(7_300), spoken_gap(86_400)
        ('3 days', '2 hours', '1 day')
    """
    return next(
        (counted(seconds // size, unit) for size, unit in _UNITS if seconds >= size), "0 seconds"
    )
