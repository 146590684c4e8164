"""Counts of the user's own events in batches of requests, by raw ids."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_CATEGORY_EVIDENCE,
    CANDIDATE_CATEGORY_ID,
    CANDIDATE_ITEM,
    CANDIDATE_ITEM_EVIDENCE,
    CANDIDATE_ITEM_ID,
    HISTORY_CATEGORY,
    HISTORY_CATEGORY_ID,
    HISTORY_ITEM,
    HISTORY_ITEM_ID,
    HISTORY_LENGTH,
    HISTORY_TIMESTAMP,
    REQUEST_EVIDENCE,
    REQUEST_TIMESTAMP,
)
from lifelong.models.layers import length_mask
from lifelong.models.layers.event_counts import EventCounts, Events, count_events

# In the order of `EventCounts`.
_KEYS = (CANDIDATE_ITEM_EVIDENCE, CANDIDATE_CATEGORY_EVIDENCE, REQUEST_EVIDENCE)


def count_evidence(batch: Mapping[str, tf.Tensor], events: Events) -> dict[str, tf.Tensor]:
    """Returns the evidence of a batch of requests, by key.

    Args:
        batch: Tensors of the requests, with raw ids of candidates under keys of their own or, where
            there are no rows yet, under those of rows.
        events: The events that count.
    """
    counts = count_events(
        _raw(batch, CANDIDATE_ITEM_ID, CANDIDATE_ITEM),
        _raw(batch, CANDIDATE_CATEGORY_ID, CANDIDATE_CATEGORY),
        batch[REQUEST_TIMESTAMP],
        events,
    )
    return dict(zip(_KEYS, counts, strict=True))


def counted(batch: Mapping[str, tf.Tensor]) -> EventCounts:
    """Returns the evidence that a batch of requests has."""
    return EventCounts(*(batch[key] for key in _KEYS))


def events_of_requests(wire: Mapping[str, tf.Tensor], evidence_length: int) -> Events:
    """Returns the events of an evidence window that requests bring.

    Args:
        wire: Requests with raw ids.
        evidence_length: Newest events that count.
    """
    columns = [
        wire[key][:, :evidence_length]
        for key in (HISTORY_ITEM, HISTORY_CATEGORY, HISTORY_TIMESTAMP)
    ]
    return Events.of(length_mask(wire[HISTORY_LENGTH], tf.shape(columns[0])[1]), *columns)


def events_of_pool(pool: Mapping[str, tf.Tensor], rows: tf.Tensor, places: tf.Tensor) -> Events:
    """Returns events out of a pool of records.

    Args:
        pool: As `make_pool` returns it, of raw or transformed records.
        rows: `[M]` int64, ascending, the request of each event.
        places: `[M]` int64, the place of each event in the pool, those of a request newest first.
    """
    item = _raw(pool, HISTORY_ITEM_ID, HISTORY_ITEM)
    category = _raw(pool, HISTORY_CATEGORY_ID, HISTORY_CATEGORY)
    columns = (item, category, pool[HISTORY_TIMESTAMP])
    return Events(rows, *(tf.gather(column, places) for column in columns))


def _raw(values: Mapping[str, tf.Tensor], raw: str, key: str) -> tf.Tensor:
    return values[raw] if raw in values else values[key]
