"""Writes per-user records: a user's events once, and the user's requests as cuts into them."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_example_gen.requests import Requests
from lifelong.data import columns as cols
from lifelong.data import day_statistics
from lifelong.data.columns import Columns
from lifelong.data.day_statistics import DayStatistics
from lifelong.data.features import features_of
from lifelong.data.ids import MISSING_ID
from lifelong.data.keys import (
    CANDIDATE,
    CANDIDATE_CATEGORY_STATISTICS,
    CANDIDATE_ITEM_STATISTICS,
    EVENTS_BEFORE_RECORD,
    HISTORY,
    REQUEST_CANDIDATES,
    REQUEST_EVENTS,
    REQUEST_STATISTICS,
    REQUEST_TIMESTAMP,
    USER,
)
from lifelong.data.times import DAY

# Events that are encoded at a time: bounds memory.
EVENTS_PER_BATCH = 500_000


@dataclasses.dataclass
class Plan:
    """Which requests and events each record holds.

    Attributes:
        request_start: int64 `[n]`, first request.
        request_end: int64 `[n]`, request after the last.
        skipped: int64 `[n]`, events of the user before the record's first.
        first: int64 `[n]`, index of the record's first event.
        end: int64 `[n]`, index after its last event.
    """

    request_start: np.ndarray
    request_end: np.ndarray
    skipped: np.ndarray
    first: np.ndarray
    end: np.ndarray

    def take(self, index: slice) -> Plan:
        """Returns some of the records."""
        return Plan(*(getattr(self, field.name)[index] for field in dataclasses.fields(self)))


def plan_records(requests: Requests, window: int, max_events: int) -> Plan:
    """Decides what each record holds.

    A record's events begin `window` events before its first request and end at its last one. A user
    with more than `max_events` gets several records, each with the requests that fit.

    Args:
        requests: Requests of one split, ordered by (user, timestamp).
        window: Events that a model looks back.
        max_events: Events in a record, at least twice the window.
    """
    before = requests.rows["events"]
    start = cols.run_starts(requests.rows["user"])
    end = cols.run_ends(start, len(requests))
    skipped = np.maximum(before[start] - window, 0)
    large = before[end - 1] - skipped > max_events
    if large.any():
        starts = [start[~large]]
        for first, last in zip(start[large], end[large], strict=True):
            starts.append(_chunk_starts(before[first:last], window, max_events) + first)
        start = np.sort(np.concatenate(starts))
        end = cols.run_ends(start, len(requests))
        skipped = np.maximum(before[start] - window, 0)
    origin = requests.rows["first"][start]
    return Plan(start, end, skipped, origin + skipped, origin + before[end - 1])


def _chunk_starts(before: np.ndarray, window: int, max_events: int) -> np.ndarray:
    """Returns the first request of each chunk of one user's requests."""
    starts = [0]
    while True:
        limit = max(int(before[starts[-1]]) - window, 0) + max_events
        following = int(np.searchsorted(before, limit, side="right"))
        if following >= len(before):
            return np.array(starts)
        starts.append(following)


def count_events(plan: Plan, split: str) -> collections.Counter[str]:
    """Returns how many events the records hold, and how many of them are repeated by overlaps."""
    covered = np.zeros(int(plan.end.max(initial=0)) + 1, np.int64)
    np.add.at(covered, plan.first, 1)
    np.add.at(covered, plan.end, -1)
    written = int((plan.end - plan.first).sum())
    distinct = int((np.cumsum(covered) > 0).sum())
    return collections.Counter(
        {
            f"{split}/records": len(plan.first),
            f"{split}/requests": int((plan.request_end - plan.request_start).sum()),
            f"{split}/events": written,
            f"{split}/events_repeated": written - distinct,
        }
    )


def record_batches(
    plan: Plan,
    requests: Requests,
    events: Columns,
    users: Columns,
    statistics: DayStatistics,
    config: IngestConfig,
) -> Iterator[pa.RecordBatch]:
    """Yields the records as Arrow lists, one row a record.

    Args:
        plan: What each record holds.
        requests: The plan's requests.
        events: Sorted events.
        users: User features, one row a user, ascending.
        statistics: Counts of all users' events; a request gets those as of its day.
        config: The features.
    """
    batch = np.cumsum(plan.end - plan.first) // EVENTS_PER_BATCH
    starts = cols.run_starts(batch)
    for start, end in zip(starts, cols.run_ends(starts, len(batch)), strict=True):
        part = plan.take(slice(start, end))
        yield _record_batch(part, requests, events, users, statistics, config)


def _record_batch(
    plan: Plan,
    requests: Requests,
    events: Columns,
    users: Columns,
    statistics: DayStatistics,
    config: IngestConfig,
) -> pa.RecordBatch:
    features = list(config.all_features)
    user = requests.rows["user"][plan.request_start]
    columns = {
        USER: _scalars(user),
        EVENTS_BEFORE_RECORD: _scalars(plan.skipped),
    }
    rows = cols.ranges(plan.first, plan.end)
    offsets = cols.offsets_of(plan.end - plan.first)
    for key in ("item", "category", "timestamp"):
        columns[f"{HISTORY}{key}"] = _lists(offsets, events[key][rows])
    for feature in features_of(features, "event"):
        columns[feature.key] = _lists(offsets, events[feature.key][rows])

    chosen = slice(plan.request_start[0], plan.request_end[-1])
    sizes = plan.request_end - plan.request_start
    offsets = cols.offsets_of(sizes)
    columns[REQUEST_TIMESTAMP] = _lists(offsets, requests.rows["timestamp"][chosen])
    columns[REQUEST_EVENTS] = _lists(
        offsets, requests.rows["events"][chosen] - np.repeat(plan.skipped, sizes)
    )
    columns[REQUEST_CANDIDATES] = _lists(offsets, requests.sizes[chosen])
    for feature in features_of(features, "request"):
        columns[feature.key] = _lists(offsets, requests.rows[feature.key][chosen])
    days = requests.rows["timestamp"][chosen] // DAY
    columns[REQUEST_STATISTICS] = _rows_in_lists(offsets, statistics.totals(days))

    places = cols.offsets_of(requests.sizes)
    flat = slice(places[chosen.start], places[chosen.stop])
    offsets = np.append(places[plan.request_start], flat.stop) - flat.start
    for key in ("item", "category", "label"):
        columns[f"{CANDIDATE}{key}"] = _lists(offsets, requests.candidates[key][flat])
    for feature in features_of(features, "candidate"):
        columns[feature.key] = _lists(offsets, requests.candidates[feature.key][flat])
    days = np.repeat(days, requests.sizes[chosen])
    for kind, key in (
        (day_statistics.ITEM, CANDIDATE_ITEM_STATISTICS),
        (day_statistics.CATEGORY, CANDIDATE_CATEGORY_STATISTICS),
    ):
        counts = statistics.as_of(kind, requests.candidates[kind][flat], days)
        columns[key] = _rows_in_lists(offsets, counts)

    for feature in features_of(features, "user"):
        columns[feature.key] = _scalars(_look_up(users, feature.key, feature.is_categorical, user))
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _look_up(users: Columns, key: str, categorical: bool, user: np.ndarray) -> np.ndarray:
    missing = np.int64(MISSING_ID) if categorical else np.float32(0)
    if not cols.length(users):
        return np.full(len(user), missing)
    place = np.minimum(np.searchsorted(users["user"], user), len(users["user"]) - 1)
    return np.where(users["user"][place] == user, users[key][place], missing)


def _lists(offsets: np.ndarray, values: np.ndarray) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(values))


def _rows_in_lists(offsets: np.ndarray, values: np.ndarray) -> pa.LargeListArray:
    """Returns lists whose elements are rows of several values, one after another."""
    return _lists(offsets * values.shape[1], values.ravel())


def _scalars(values: np.ndarray) -> pa.LargeListArray:
    return _lists(np.arange(len(values) + 1), values)
