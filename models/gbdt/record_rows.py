"""Raw per-user records as flat NumPy rows: events at their places in the user's whole history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE,
    EVENTS_BEFORE_RECORD,
    HISTORY,
    REQUEST_CANDIDATES,
    REQUEST_EVENTS,
    REQUEST_TIMESTAMP,
)
from lifelong.models.records import make_pool, record_spec


class Events(NamedTuple):
    """E events of many users.

    Attributes:
        user: int64 `[E]`.
        position: int64 `[E]`, number of events that the user had before this one.
        item: int64 `[E]`.
        category: int64 `[E]`.
        timestamp: int64 `[E]`, Unix seconds.
    """

    user: np.ndarray
    position: np.ndarray
    item: np.ndarray
    category: np.ndarray
    timestamp: np.ndarray


class Requests(NamedTuple):
    """Q requests and their C candidates, in the order of the files.

    Attributes:
        user: int64 `[Q]`.
        timestamp: int64 `[Q]`, Unix seconds.
        history_events: int64 `[Q]`, all events that the user had before the request: those at
            positions below this number.
        request: int64 `[C]`, each candidate's request, an index into the three above.
        item: int64 `[C]`.
        category: int64 `[C]`.
        label: float32 `[C]`.
    """

    user: np.ndarray
    timestamp: np.ndarray
    history_events: np.ndarray
    request: np.ndarray
    item: np.ndarray
    category: np.ndarray
    label: np.ndarray


def read_records(files: Sequence[str], batch_size: int = 1024) -> tuple[Events, Requests]:
    """Reads raw records, as ingestion writes them, into memory.

    Args:
        files: File patterns of TFRecord files (gzip).
        batch_size: Records parsed at a time.

    Returns:
        The events in the order of the files, repeated where records overlap, and the requests in
        the order in which `request_dataset` gives them.

    Raises:
        tf.errors.InvalidArgumentError: If no file fits the patterns, or the counts of a record do
            not fit its lists.
    """
    paths = tf.data.Dataset.list_files(list(files), shuffle=False)
    records = tf.data.TFRecordDataset(paths, compression_type="GZIP").batch(batch_size)
    events, requests = [], []
    first_request = 0
    for serialized in records:
        batch_events, batch_requests = _rows(serialized, first_request)
        events.append(batch_events)
        requests.append(batch_requests)
        first_request += len(batch_requests.user)
    return (
        Events(*map(np.concatenate, zip(*events, strict=True))),
        Requests(*map(np.concatenate, zip(*requests, strict=True))),
    )


def _rows(serialized: tf.Tensor, first_request: int) -> tuple[Events, Requests]:
    parsed = make_pool(tf.io.parse_example(serialized, record_spec(())))
    pool = {key: values.numpy() for key, values in parsed.items()}
    # The pool ends events and candidates in one zero, which is none.
    history = {key: pool[f"{HISTORY}{key}"][:-1] for key in ("item", "category", "timestamp")}
    candidates = {key: pool[f"{CANDIDATE}{key}"][:-1] for key in ("item", "category", "label")}
    user, skipped, start = pool["user"], pool[EVENTS_BEFORE_RECORD], pool["event_start"]
    lengths = np.diff(start, append=len(history["item"]))
    events = Events(
        user=np.repeat(user, lengths),
        position=np.arange(len(history["item"])) + np.repeat(skipped - start, lengths),
        **history,
    )
    record = pool["record_of_request"]
    numbers = np.arange(first_request, first_request + len(record))
    requests = Requests(
        user=user[record],
        timestamp=pool[REQUEST_TIMESTAMP],
        history_events=skipped[record] + pool[REQUEST_EVENTS],
        request=np.repeat(numbers, pool[REQUEST_CANDIDATES]),
        **candidates,
    )
    return events, requests


def join_events(parts: Sequence[Events]) -> Events:
    """Joins the events of records of several splits and time chunks, each event once.

    A record leaves out the events that no window of its requests reaches; other records of the user
    may hold them.

    Args:
        parts: Events as `read_records` or this function returned them.

    Returns:
        The distinct events, ordered by (user, position).

    Raises:
        ValueError: If two records disagree about an event.
    """
    joined = Events(*map(np.concatenate, zip(*parts, strict=True)))
    order = np.lexsort((joined.position, joined.user))
    joined = Events(*(column[order] for column in joined))
    repeated = _same_as_previous(joined.user) & _same_as_previous(joined.position)
    for name in ("item", "category", "timestamp"):
        wrong = np.flatnonzero(repeated & ~_same_as_previous(getattr(joined, name)))
        if len(wrong):
            raise ValueError(
                f"records of user {joined.user[wrong[0]]} disagree about the {name} of event "
                f"{joined.position[wrong[0]]}; the files must come from one ingestion"
            )
    return Events(*(column[~repeated] for column in joined))


def _same_as_previous(values: np.ndarray) -> np.ndarray:
    same = np.zeros(len(values), bool)
    same[1:] = values[1:] == values[:-1]
    return same
