"""Per-user records as tensors: parsing them and cutting requests out of them.

A *pool* is a group of parsed records as flat tensors. A request's history is cut out of its user's
events by one number, the count of earlier events, so that a history is stored once, not once per
request. Everything here is stock TensorFlow, in the input pipeline and in the SavedModel alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import tensorflow as tf

from lifelong.data.features import Feature
from lifelong.data.keys import (
    CANDIDATE,
    CANDIDATE_CATEGORY,
    CANDIDATE_ITEM,
    CANDIDATE_LABEL,
    CANDIDATE_LENGTH,
    EVENTS_BEFORE_RECORD,
    HISTORY,
    HISTORY_CATEGORY,
    HISTORY_ITEM,
    HISTORY_LENGTH,
    HISTORY_TIMESTAMP,
    REQUEST_CANDIDATES,
    REQUEST_EVENTS,
    REQUEST_TIMESTAMP,
    STATISTICS,
    STATISTICS_COLUMNS,
)
from lifelong.models.evidence import count_evidence, events_of_pool

Pool = dict[str, tf.Tensor]
Batch = dict[str, tf.Tensor]

_SINGLE = ("user", EVENTS_BEFORE_RECORD)
_RAGGED = (
    HISTORY_ITEM,
    HISTORY_CATEGORY,
    HISTORY_TIMESTAMP,
    REQUEST_TIMESTAMP,
    REQUEST_EVENTS,
    REQUEST_CANDIDATES,
    CANDIDATE_ITEM,
    CANDIDATE_CATEGORY,
    # Of each candidate or request not one value but as many as there are columns.
    *STATISTICS,
)

# Say how to cut a request; the batch has lengths instead.
_COUNTS = (REQUEST_EVENTS, REQUEST_CANDIDATES)


def record_spec(
    features: Iterable[Feature],
) -> dict[str, tf.io.RaggedFeature | tf.io.FixedLenFeature]:
    """Returns the parsing specification of raw records, as ingestion writes them.

    Args:
        features: Extra features of the configuration.

    Returns:
        One parsing feature per key: `FixedLenFeature([1])` for what a record has once, ragged
        otherwise.
    """
    spec: dict[str, tf.io.RaggedFeature | tf.io.FixedLenFeature] = {
        key: tf.io.FixedLenFeature([1], tf.int64) for key in _SINGLE
    }
    for key in _RAGGED:
        spec[key] = tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)
    spec[CANDIDATE_LABEL] = tf.io.RaggedFeature(tf.float32, row_splits_dtype=tf.int64)
    for feature in features:
        dtype = tf.int64 if feature.is_categorical else tf.float32
        spec[feature.key] = (
            tf.io.FixedLenFeature([1], dtype)
            if feature.of == "user"
            else tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)
        )
    return spec


def make_pool(records: Mapping[str, tf.Tensor | tf.RaggedTensor]) -> Pool:
    """Lays P parsed records out as flat tensors.

    Args:
        records: Parsed records by key: `[P, 1]` or ragged `[P, None]`.

    Returns:
        The flat values by key (statistics `[n, 5]`), and three tensors of places: `event_start [P]`,
        and `record_of_request [Q]` and `first_candidate [Q]` for the Q requests of the pool.
        Events and candidates carry one zero at the end, so that an empty list can be gathered from.

    Raises:
        tf.errors.InvalidArgumentError: If the counts of a record do not fit its lists.
    """
    _check_counts(records)
    requests = records[REQUEST_TIMESTAMP]
    pool: Pool = {
        "event_start": records[HISTORY_ITEM].row_starts(),
        "record_of_request": requests.value_rowids(),
        "first_candidate": tf.cumsum(records[REQUEST_CANDIDATES].flat_values, exclusive=True),
    }
    for key, values in records.items():
        if isinstance(values, tf.RaggedTensor):
            flat = values.flat_values
            if key in STATISTICS:
                flat = tf.reshape(flat, [-1, len(STATISTICS_COLUMNS)])
            if key.startswith((HISTORY, CANDIDATE)):
                flat = tf.pad(flat, [[0, 1]] + [[0, 0]] * (flat.shape.rank - 1))
            pool[key] = flat
        else:
            pool[key] = tf.reshape(values, [-1])
    return pool


def _check_counts(records: Mapping[str, tf.Tensor | tf.RaggedTensor]) -> None:
    record_of_request = records[REQUEST_TIMESTAMP].value_rowids()
    tf.debugging.assert_less_equal(
        records[REQUEST_EVENTS].flat_values,
        tf.gather(records[HISTORY_ITEM].row_lengths(), record_of_request),
        message="record: request_events counts more events than history_item holds",
    )
    tf.debugging.assert_equal(
        tf.reduce_sum(records[REQUEST_CANDIDATES], axis=1),
        records[CANDIDATE_ITEM].row_lengths(),
        message="record: request_candidates does not add up to the length of candidate_item",
    )
    columns = len(STATISTICS_COLUMNS)
    for key in STATISTICS:
        owner = CANDIDATE_ITEM if key.startswith(CANDIDATE) else REQUEST_TIMESTAMP
        tf.debugging.assert_equal(
            records[key].row_lengths(),
            records[owner].row_lengths() * columns,
            message=f"record: {key} does not have {columns} values for each value of {owner}",
        )


def cut_requests(pool: Pool, requests: tf.Tensor, window: int, evidence_length: int = 0) -> Batch:
    """Cuts requests out of a pool, in the form the model reads.

    Args:
        pool: What `make_pool` returned.
        requests: Numbers of B requests in the pool, `[B]`.
        window: T, the events that a request can reach.
        evidence_length: Newest events that are counted as evidence; 0: there is none.

    Returns:
        The batch: histories `[B, T]` newest event first, candidates `[B, N]` with N the most
        candidates of any request here, lengths and request values `[B]`, statistics `[B, N, 5]`
        and `[B, 5]`, evidence as `EventCounts` has it. Padding repeats the last valid element.
    """
    record = tf.gather(pool["record_of_request"], requests)
    earlier_events = tf.gather(pool[REQUEST_EVENTS], requests)
    history_length = tf.minimum(earlier_events, window)
    newest = tf.gather(pool["event_start"], record) + earlier_events - 1
    # [B, T]
    events = tf.maximum(newest[:, tf.newaxis] - _clipped_range(window, history_length), 0)

    candidate_length = tf.gather(pool[REQUEST_CANDIDATES], requests)
    first = tf.gather(pool["first_candidate"], requests)
    # [B, N]
    width = tf.reduce_max(tf.concat([candidate_length, [1]], axis=0))
    candidates = first[:, tf.newaxis] + _clipped_range(width, candidate_length)

    # What each owner's values are gathered by; keys of places begin with none of these.
    index = {"history": events, "candidate": candidates, "request": requests, "user": record}
    batch: Batch = {HISTORY_LENGTH: history_length, CANDIDATE_LENGTH: candidate_length}
    for key, values in pool.items():
        owner = key.partition("_")[0]
        if owner in index and key not in _COUNTS:
            batch[key] = tf.gather(values, index[owner])
    if evidence_length:
        length = tf.minimum(earlier_events, evidence_length)
        places = tf.ragged.range(newest, newest - length, -1)
        events = events_of_pool(pool, places.value_rowids(), places.flat_values)
        batch |= count_evidence(batch, events)
    return batch


def _clipped_range(width: tf.Tensor | int, length: tf.Tensor) -> tf.Tensor:
    """Returns 0, 1, ..., length - 1, length - 1, ... of `width` values per row: `[B, width]`."""
    last = tf.maximum(length - 1, 0)[:, tf.newaxis]
    return tf.minimum(tf.range(tf.cast(width, tf.int64))[tf.newaxis, :], last)
