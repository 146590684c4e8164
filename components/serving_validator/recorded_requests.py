"""Real requests of the eval split, each as a record of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tfx_bsl.coders.example_coder import ExampleToNumpyDict

from lifelong.data.keys import (
    CANDIDATE,
    HISTORY,
    HISTORY_ITEM,
    REQUEST_CANDIDATES,
    REQUEST_EVENTS,
    STATISTICS,
    STATISTICS_COLUMNS,
)
from lifelong.models.reader import serialized_records

Columns = dict[str, np.ndarray]

# Records that requests are chosen from: bounds time and memory whatever the size of the split.
_RECORDS_READ = 2048
# Of every four requests, one is made as if the user were new, and one with few events.
_EVENTS = (0, 5, None, None)


@dataclasses.dataclass(frozen=True)
class RecordedRequest:
    """A request with its user's events before it.

    Attributes:
        columns: A per-user record that has this request alone; a list that is empty may be missing.
            Statistics are `[n, 5]`.
    """

    columns: Columns

    @property
    def events(self) -> int:
        """Number of events before the request."""
        return int(self.columns[REQUEST_EVENTS][0])

    def serialized(self) -> bytes:
        """Returns the record as a serialised `tf.train.Example`."""
        features = {}
        for key, values in self.columns.items():
            if values.dtype.kind == "f":
                features[key] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
            else:
                features[key] = tf.train.Feature(
                    int64_list=tf.train.Int64List(value=values.ravel())
                )
        example = tf.train.Example(features=tf.train.Features(feature=features))
        return example.SerializeToString()


def read_requests(files: Sequence[str], count: int) -> list[RecordedRequest]:
    """Chooses requests whose histories are as different in length as the split has them.

    Half of them are as they were; of the others, half have the user's first few events, and half
    none.

    Args:
        files: File patterns of raw per-user records.
        count: Requests to choose; all if there are fewer.

    Returns:
        Requests with at least one candidate each, those with few events first.

    Raises:
        ValueError: There is no record file, or no request in the records.
    """
    records = [
        {
            key: values.reshape(-1, len(STATISTICS_COLUMNS)) if key in STATISTICS else values
            for key, values in ExampleToNumpyDict(record).items()
            if values is not None
        }
        for record in serialized_records(files).take(_RECORDS_READ).as_numpy_iterator()
    ]
    found = [
        (int(events), record, request)
        for record, columns in enumerate(records)
        for request, events in enumerate(columns.get(REQUEST_EVENTS, ()))
        if columns[REQUEST_CANDIDATES][request]
    ]
    if not found:
        raise ValueError(f"{list(files)} hold no request with candidates to send to the server")
    found.sort()
    places = np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)
    chosen = []
    for number, (events, record, request) in enumerate(found[place] for place in places):
        most = _EVENTS[number % len(_EVENTS)]
        kept = events if most is None else min(most, events)
        chosen.append(_cut(records[record], request, kept))
    return sorted(chosen, key=lambda request: request.events)


def _cut(record: Mapping[str, np.ndarray], request: int, events: int) -> RecordedRequest:
    """Returns one of a record's requests, with only the first events of the user."""
    ends = np.cumsum(record[REQUEST_CANDIDATES])
    parts = {
        "history": slice(events),
        "request": slice(request, request + 1),
        "candidate": slice(ends[request] - record[REQUEST_CANDIDATES][request], ends[request]),
    }
    columns = {
        key: values[parts.get(key.partition("_")[0], slice(None))] for key, values in record.items()
    }
    columns[REQUEST_EVENTS] = np.array([events], np.int64)
    return RecordedRequest(columns)


def widen(requests: Sequence[RecordedRequest], events: int, candidates: int) -> RecordedRequest:
    """Makes a request of a given size out of the one with the most events.

    Args:
        requests: Where the events and candidates come from; those of the same user and time are
            repeated where there are too few. A history without any event stays empty.
        events: Number of events.
        candidates: Number of candidates.
    """
    longest = max(requests, key=lambda request: request.events)
    columns = dict(longest.columns)
    for key, values in longest.columns.items():
        if key.startswith(HISTORY) and len(values):
            columns[key] = np.repeat(values, -(-events // len(values)))[-events:]
        elif key.startswith(CANDIDATE):
            offered = np.concatenate([request.columns[key] for request in requests])
            columns[key] = np.resize(offered, (candidates, *offered.shape[1:]))
    columns[REQUEST_EVENTS] = np.array([len(columns.get(HISTORY_ITEM, ()))], np.int64)
    columns[REQUEST_CANDIDATES] = np.array([candidates], np.int64)
    return RecordedRequest(columns)
