"""What is counted of a user's own events for a candidate: the columns of evidence, all int64.

Training, graph and behaviour store count the same integers; the model makes numbers of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from lifelong.data.times import DAY

# Ages in days below which events are counted apart.
RECENT_DAYS = (7, 30, 90)

# Of `candidate_item_evidence` and `candidate_category_evidence`, `[B, N, 7]`: events of the evidence
# window that share the candidate's category and, for its item, the item too; how many of them lie at
# most so many days before the request; times (Unix seconds) of the last, of the one before it and of
# the first, 0 where there is none.
COLUMNS = ("events", *(f"events_{days}d" for days in RECENT_DAYS), "last", "previous", "first")

# Of `request_evidence`, `[B, 4]`: all events of the evidence window, the days (UTC) they lie on, times
# of the first and the last, 0 where there is none.
REQUEST_COLUMNS = ("events", "days", "first", "last")


class Evidence(NamedTuple):
    """What was counted for the N candidates of one request, int64.

    Attributes:
        item: `[N, 7]`, of each candidate's item in its category; the columns are `COLUMNS`.
        category: `[N, 7]`, of its category; the same columns.
        request: `[4]`, of all events of the window; the columns are `REQUEST_COLUMNS`.
    """

    item: np.ndarray
    category: np.ndarray
    request: np.ndarray


def count_evidence(
    history: Mapping[str, np.ndarray],
    candidates: Mapping[str, np.ndarray],
    timestamp: int,
    limit: int,
) -> Evidence:
    """Counts a user's events for the candidates of one request.

    Args:
        history: `item`, `category` and `timestamp` of all of the user's events, oldest first, in
            the order (timestamp, item).
        candidates: `item` and `category`, `[N]`.
        timestamp: Time of the request, Unix seconds; only earlier events count.
        limit: Events of the evidence window: the newest ones are counted.

    Example:
        >>> history = {
        ...     "item": np.array([8, 7, 8]),
        ...     "category": np.array([1, 1, 1]),
        ...     "timestamp": np.array([86_400, 86_500, 172_800]),
        ... }
        >>> candidates = {"item": np.array([8]), "category": np.array([1])}
        >>> evidence = count_evidence(history, candidates, timestamp=700_000, limit=4_000)
        >>> evidence.item
        array([[     2,      1,      2,      2, 172800,  86400,  86400]])
        >>> evidence.request
        array([     3,      2,  86400, 172800])
    """
    # Not one event of the request's own second.
    end = int(np.searchsorted(history["timestamp"], timestamp, side="left"))
    events = {name: values[max(0, end - limit) : end] for name, values in history.items()}
    times = events["timestamp"]
    days = int(np.count_nonzero(np.diff(times // DAY))) + 1 if len(times) else 0
    item, category = count_for_candidates(
        events, candidates["item"], candidates["category"], timestamp
    )
    return Evidence(item, category, request_evidence(len(times), days, *times[:1], *times[-1:]))


def request_evidence(events: int, days: int, first: int = 0, last: int = 0) -> np.ndarray:
    """Returns `request_evidence`, int64 `[4]`."""
    return np.array([events, days, first, last], np.int64)


def count_for_candidates(
    events: Mapping[str, np.ndarray], item: np.ndarray, category: np.ndarray, timestamp: int
) -> tuple[np.ndarray, np.ndarray]:
    """Counts the events of an evidence window for candidates.

    Args:
        events: `item`, `category` and `timestamp`, each category's by ascending time; those of
            categories that no candidate has may be left out.
        item: Items of the candidates, `[N]`.
        category: Their categories, `[N]`.
        timestamp: Time of the request, Unix seconds; all events come before it.

    Returns:
        `candidate_item_evidence` and `candidate_category_evidence`, int64 `[N, 7]`.
    """
    categories, slot = np.unique(category, return_inverse=True)
    place, found = _places(events["category"], categories)
    times, items = events["timestamp"][found], events["item"][found]
    of_category = _count(place, times, slot, timestamp)

    # An event is one of an item if item and category agree: the two together are one number.
    distinct, item_slot = np.unique(item, return_inverse=True)
    item_place, found = _places(items, distinct)
    key = place[found] * len(distinct) + item_place
    of_item = _count(key, times[found], slot * len(distinct) + item_slot, timestamp)
    return of_item, of_category


def _places(values: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the places among sorted values that are wanted, and which of all have one."""
    place = np.searchsorted(wanted, values)
    found = (
        wanted.take(place, mode="clip") == values if len(wanted) else np.zeros(len(values), bool)
    )
    return place[found], found


def _count(key: np.ndarray, times: np.ndarray, wanted: np.ndarray, timestamp: int) -> np.ndarray:
    """Counts the events of each wanted key: `[N, 7]`.

    Args:
        key: Of each event; those of one key by ascending time.
        times: Of each event.
        wanted: Keys, `[N]`.
        timestamp: Time of the request.
    """
    order = np.argsort(key, kind="stable")
    key, times = key[order], times[order]
    first, end = (np.searchsorted(key, wanted, side=side) for side in ("left", "right"))
    events = end - first
    columns = [events]
    for days in RECENT_DAYS:
        recent = np.append(0, np.cumsum(times >= timestamp - days * DAY))
        columns.append(recent[end] - recent[first])
    # What is behind the end is the time of an event that there is not.
    times = np.append(times, 0)
    for index, least in ((end - 1, 1), (end - 2, 2), (first, 1)):
        columns.append(times[np.where(events >= least, index, -1)])
    return np.stack(columns, axis=1).astype(np.int64, copy=False)
