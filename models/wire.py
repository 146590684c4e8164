"""The request on the wire: the inputs of signatures by name, shape and type."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf

from lifelong.data import evidence
from lifelong.data.features import Feature, features_of
from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_CATEGORY_EVIDENCE,
    CANDIDATE_CATEGORY_STATISTICS,
    CANDIDATE_ITEM,
    CANDIDATE_ITEM_EVIDENCE,
    CANDIDATE_ITEM_STATISTICS,
    CANDIDATE_LENGTH,
    CANDIDATE_SLOT,
    HISTORY,
    HISTORY_CATEGORY,
    HISTORY_ITEM,
    HISTORY_LENGTH,
    HISTORY_TIMESTAMP,
    REQUEST_EVIDENCE,
    REQUEST_STATISTICS,
    REQUEST_STATISTICS_TIME,
    REQUEST_TIMESTAMP,
    SEARCHED,
    STATISTICS_COLUMNS,
)

_PER_REQUEST = ("user", REQUEST_TIMESTAMP, HISTORY_LENGTH, CANDIDATE_LENGTH)
_LISTS = (
    HISTORY_ITEM,
    HISTORY_CATEGORY,
    HISTORY_TIMESTAMP,
    CANDIDATE_ITEM,
    CANDIDATE_CATEGORY,
)


def wire_spec(features: Iterable[Feature]) -> dict[str, tf.TensorSpec]:
    """Returns what a request consists of: `[B]` or `[B, T]` and `[B, N]` tensors.

    Args:
        features: Extra features of the configuration.
    """
    row, cells = [None], [None, None]
    spec = {key: tf.TensorSpec(row, tf.int64, name=key) for key in _PER_REQUEST}
    spec |= {key: tf.TensorSpec(cells, tf.int64, name=key) for key in _LISTS}
    for feature in features:
        shape = cells if feature.of in ("event", "candidate") else row
        dtype = tf.int64 if feature.is_categorical else tf.float32
        spec[feature.key] = tf.TensorSpec(shape, dtype, name=feature.key)
    return spec


def evidence_wire_spec() -> dict[str, tf.TensorSpec]:
    """Returns what tells the counts of a user's own events, as `lifelong.data.evidence` has them."""
    sizes = {
        CANDIDATE_ITEM_EVIDENCE: [None, None, len(evidence.COLUMNS)],
        CANDIDATE_CATEGORY_EVIDENCE: [None, None, len(evidence.COLUMNS)],
        REQUEST_EVIDENCE: [None, len(evidence.REQUEST_COLUMNS)],
    }
    return {key: tf.TensorSpec(size, tf.int64, name=key) for key, size in sizes.items()}


def statistics_wire_spec() -> dict[str, tf.TensorSpec]:
    """Returns what tells the counts of all users' events, as `lifelong.data.day_statistics` has them.

    `request_statistics_time` `[B]` is the beginning of the day that they are of, Unix seconds.
    """
    columns = len(STATISTICS_COLUMNS)
    sizes: dict[str, list[int | None]] = {
        CANDIDATE_ITEM_STATISTICS: [None, None, columns],
        CANDIDATE_CATEGORY_STATISTICS: [None, None, columns],
        REQUEST_STATISTICS: [None, columns],
        REQUEST_STATISTICS_TIME: [None],
    }
    return {key: tf.TensorSpec(size, tf.int64, name=key) for key, size in sizes.items()}


def searched_wire_spec(features: tuple[Feature, ...]) -> dict[str, tf.TensorSpec]:
    """Returns what a request consists of whose long part was searched in a store, by category.

    All of `wire_spec`, of whose history only the S newest events are read; `history_length` is
    still the number of events in the whole window. And per request C categories that were searched:

    - `searched_category`, `searched_length` `[B, C]`: a category, and how many events were found;
    - `searched_item`, `searched_timestamp`, `searched_<event feature>` `[B, C, K]`: these events,
      newest first, then padding. Only the first K of the configuration count;
    - `candidate_slot` `[B, N]`: which of the C categories is the candidate's; -1 (a server that
      joins requests may raise C) if it was not searched.

    Args:
        features: Extra features of the configuration.
    """
    spec = wire_spec(features)
    cells = {
        CANDIDATE_SLOT: tf.int64,
        f"{SEARCHED}category": tf.int64,
        f"{SEARCHED}length": tf.int64,
    }
    events = [f"{HISTORY}item", f"{HISTORY}timestamp"]
    events += [feature.key for feature in features_of(features, "event")]
    for key, dtype in cells.items():
        spec[key] = tf.TensorSpec([None, None], dtype, name=key)
    for key in events:
        name = SEARCHED + key.removeprefix(HISTORY)
        spec[name] = tf.TensorSpec([None, None, None], spec[key].dtype, name=name)
    return spec
