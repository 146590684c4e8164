"""What gradient-boosted trees read: the numbers that a network's head reads, features, and ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lifelong.data.features import Feature, Owner, features_of
from lifelong.data.ids import MISSING_ID
from lifelong.data.item_table import StoredItems, items_path
from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_ITEM,
    CANDIDATE_LABEL,
    CANDIDATE_LENGTH,
    EVENTS_BEFORE_RECORD,
    HISTORY_EVENTS,
    REQUEST_EVENTS,
    REQUEST_TIMESTAMP,
    USER,
)
from lifelong.models.embeddings import hour_and_weekday
from lifelong.models.evidence import counted
from lifelong.models.gbdt.event_means import EventMeans
from lifelong.models.item_features import NO_ITEM, find_entries
from lifelong.models.layers import HistoryEvidence
from lifelong.models.popularity import popularity
from lifelong.models.reader import serialized_records
from lifelong.models.records import Batch, cut_requests, make_pool, record_spec

_RECORDS_TOGETHER, _REQUESTS_TOGETHER = 64, 512
# Of `TreeFeatures.ids`.
ITEM_COLUMN = 0
# What event features are averaged over, if there are any.
_NO_EVENTS = EventMeans((), {}, window=0, recent=0)


class TreeFeatures(NamedTuple):
    """What trees read of C candidates.

    Attributes:
        numbers: float32 `[C, F]`; NaN where the item table does not have the item.
        ids: int64 `[C, G]`, of categorical features, the candidate's item and category first.
    """

    numbers: np.ndarray
    ids: np.ndarray


class Candidates(NamedTuple):
    """The C candidates of all requests of record files, in the order of the files.

    Attributes:
        user: int64 `[C]`.
        request: int64 `[C]`, running number of the candidate's request, from 0.
        item: int64 `[C]`.
        history_events: int64 `[C]`, all events that the user had before the request.
        label: float32 `[C]`.
        features: What trees read of them.
    """

    user: np.ndarray
    request: np.ndarray
    item: np.ndarray
    history_events: np.ndarray
    label: np.ndarray
    features: TreeFeatures


class FeatureReader:
    """Reads what a network of the same configuration is told, in the form that suits trees.

    Numbers are the evidence of the whole history (`HistoryEvidence`), the day's statistics
    (`popularity`), the hour and the day of the week (UTC), numeric features and means of the features
    of events (`EventMeans`); ids are the candidate's item and category and categorical features.
    Vectors are not read, nor who the user is: trees learn from that by heart.

    Args:
        evidence_length: Newest events that are counted; 0 leaves evidence out.
        statistics: Whether the day's statistics are read.
        features: Extra features of the records.
        item_features: Features of the item table.
        item_table: Path or URI of the item table; empty if there are no item features.
        event_means: How features of events are read; by default they are not.
        most_requests: Requests of the files after which no more are read, a batch of them more or
            less; None: all are.
    """

    def __init__(
        self,
        evidence_length: int,
        statistics: bool,
        features: Sequence[Feature] = (),
        item_features: Sequence[Feature] = (),
        item_table: str = "",
        event_means: EventMeans = _NO_EVENTS,
        most_requests: int | None = None,
    ) -> None:
        self._most_requests = most_requests
        self._evidence_length, self._statistics = evidence_length, statistics
        self._record_spec = record_spec(features)
        owners: tuple[Owner, ...] = ("candidate", "request", "user")
        read = [feature for owner in owners for feature in features_of(features, owner)]
        self._numeric = [feature for feature in read if not feature.is_categorical]
        self._categorical = [feature for feature in read if feature.is_categorical]
        self._evidence = HistoryEvidence()
        self._event_means = event_means
        self._items = _ItemColumns.read(item_features, item_table) if item_features else None
        # What is read of a batch, compiled once.
        self._read_batch = tf.function(self._values, reduce_retracing=True, autograph=False)

    def read(self, files: Sequence[str]) -> Candidates:
        """Reads the candidates of files of raw records.

        Args:
            files: File patterns of TFRecord files (gzip), as ingestion writes them.

        Raises:
            ValueError: If no file fits the patterns, or none has a request.
            tf.errors.InvalidArgumentError: If the counts of a record do not fit its lists.
        """
        parts, requests = [], 0
        for batch in self._batches(files):
            numbers, ids = self._read_batch(batch)
            arrays = {key: value.numpy() for key, value in batch.items()}
            length = arrays[CANDIDATE_LENGTH]
            valid = np.arange(arrays[CANDIDATE_ITEM].shape[1]) < length[:, np.newaxis]
            parts.append(
                (
                    np.repeat(arrays[USER], length),
                    np.repeat(np.arange(requests, requests + len(length)), length),
                    np.repeat(arrays[HISTORY_EVENTS], length),
                    arrays[CANDIDATE_LABEL][valid],
                    numbers.numpy()[valid],
                    ids.numpy()[valid],
                )
            )
            requests += len(length)
            if self._most_requests is not None and requests >= self._most_requests:
                break
        if not requests:
            raise ValueError(f"the records of {list(files)} have no request")
        user, request, events, label, numbers, ids = map(np.concatenate, zip(*parts, strict=True))
        features = self._with_items(numbers, ids)
        return Candidates(user, request, ids[:, ITEM_COLUMN], events, label, features)

    def of_batch(self, batch: Mapping[str, tf.Tensor]) -> TreeFeatures:
        """Returns what trees read of the candidates of requests, all of them, request by request.

        Args:
            batch: Requests with raw ids, evidence and statistics, as `cut_requests` makes them.
        """
        return self._with_items(*map(np.concatenate, self._read_batch(dict(batch))))

    def _batches(self, files: Sequence[str]) -> tf.data.Dataset:
        def requests(serialized: tf.Tensor) -> tf.data.Dataset:
            pool = make_pool(tf.io.parse_example(serialized, self._record_spec))
            record = pool["record_of_request"]
            before = pool[REQUEST_EVENTS] + tf.gather(pool[EVENTS_BEFORE_RECORD], record)
            count = tf.size(record, out_type=tf.int64)

            def cut(start: tf.Tensor) -> Batch:
                chosen = tf.range(start, tf.minimum(start + _REQUESTS_TOGETHER, count))
                batch = cut_requests(pool, chosen, self._event_means.window, self._evidence_length)
                return batch | {HISTORY_EVENTS: tf.gather(before, chosen)}

            return tf.data.Dataset.range(0, count, _REQUESTS_TOGETHER).map(cut)

        records = serialized_records(files).batch(_RECORDS_TOGETHER)
        return records.flat_map(requests).prefetch(tf.data.AUTOTUNE)

    def _values(self, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns numbers `[B, N, F]` and ids `[B, N, G]` of a batch."""
        shape = tf.shape(batch[CANDIDATE_ITEM])

        def of_candidates(values: tf.Tensor) -> tf.Tensor:
            # [B, N], or [B]: what a request has once is shown to all of its candidates.
            values = values if values.shape.rank == 2 else values[:, tf.newaxis]
            return tf.broadcast_to(values, shape)[..., tf.newaxis]

        times = hour_and_weekday(batch[REQUEST_TIMESTAMP])
        numbers = [of_candidates(tf.cast(values, tf.float32)) for values in times]
        numbers += [of_candidates(batch[feature.key]) for feature in self._numeric]
        if self._evidence_length:
            numbers.append(self._evidence.of_counts(counted(batch), batch[REQUEST_TIMESTAMP]))
        if self._statistics:
            numbers.append(popularity(batch))
        numbers += self._event_means(batch)
        keys = [CANDIDATE_ITEM, CANDIDATE_CATEGORY, *(feature.key for feature in self._categorical)]
        ids = [of_candidates(batch[key]) for key in keys]
        return tf.concat(numbers, axis=-1), tf.concat(ids, axis=-1)

    def _with_items(self, numbers: np.ndarray, ids: np.ndarray) -> TreeFeatures:
        if self._items is None:
            return TreeFeatures(numbers, ids)
        of_item = self._items.find(ids[:, ITEM_COLUMN])
        return TreeFeatures(
            np.concatenate([numbers, of_item.numbers], axis=1),
            np.concatenate([ids, of_item.ids], axis=1),
        )


class _ItemColumns(NamedTuple):
    """The features of an item table's entries, as `find_entries` finds them; entry 0 is of no item.

    Attributes:
        items: int64 `[n + 1]`, ascending.
        numbers: float32 `[n + 1, F]`.
        ids: int64 `[n + 1, G]`.
    """

    items: np.ndarray
    numbers: np.ndarray
    ids: np.ndarray

    @classmethod
    def read(cls, features: Sequence[Feature], table: str) -> _ItemColumns:
        stored = StoredItems(items_path(table))
        items = np.append(NO_ITEM, stored["item"])
        numbers = [
            np.append(np.nan, stored[feature.key]).astype(np.float32)
            for feature in features
            if feature.kind == "numeric"
        ]
        ids = [np.append(MISSING_ID, stored[f.key]) for f in features if f.is_categorical]
        rows = len(items)
        return cls(
            items,
            np.stack(numbers, axis=1) if numbers else np.zeros((rows, 0), np.float32),
            np.stack(ids, axis=1) if ids else np.zeros((rows, 0), np.int64),
        )

    def find(self, wanted: np.ndarray) -> TreeFeatures:
        entries = find_entries(self.items, wanted).numpy()
        return TreeFeatures(self.numbers[entries], self.ids[entries])
