"""The newest statistics of all items and categories, looked up in the graph by raw ids."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE_CATEGORY_ID,
    CANDIDATE_CATEGORY_STATISTICS,
    CANDIDATE_ITEM_ID,
    CANDIDATE_ITEM_STATISTICS,
    REQUEST_STATISTICS,
    REQUEST_STATISTICS_TIME,
    REQUEST_TIMESTAMP,
    STATISTICS_COLUMNS,
)
from lifelong.data.newest_statistics import Newest
from lifelong.models.item_features import find_entries
from lifelong.models.records import Batch

# Instead of an id, for entry 0; less than any.
_NO_ID = np.iinfo(np.int64).min


class StatisticsTable:
    """Counts of events by item and category that a SavedModel brings along.

    Args:
        newest: The counts.
    """

    def __init__(self, newest: Newest) -> None:
        self._tables = {
            CANDIDATE_ITEM_STATISTICS: (
                CANDIDATE_ITEM_ID,
                *_table("item", newest.items, newest.item_statistics),
            ),
            CANDIDATE_CATEGORY_STATISTICS: (
                CANDIDATE_CATEGORY_ID,
                *_table("category", newest.categories, newest.category_statistics),
            ),
        }
        self._totals = tf.Variable(newest.totals, trainable=False, name="statistics_totals")
        self.time = tf.Variable(
            newest.time, trainable=False, dtype=tf.int64, name="statistics_time"
        )

    def look_up(self, rows: Mapping[str, tf.Tensor]) -> Batch:
        """Returns the statistics of requests, see `statistics_wire_spec`.

        Args:
            rows: Requests, with raw ids beside rows.
        """
        found = {
            key: tf.cast(tf.gather(counts, find_entries(ids, rows[of])), tf.int64)
            for key, (of, ids, counts) in self._tables.items()
        }
        requests = tf.shape(rows[REQUEST_TIMESTAMP])
        found[REQUEST_STATISTICS] = tf.broadcast_to(
            self._totals, [requests[0], len(STATISTICS_COLUMNS)]
        )
        found[REQUEST_STATISTICS_TIME] = tf.fill(requests, tf.convert_to_tensor(self.time))
        return found


def _table(kind: str, ids: np.ndarray, counts: np.ndarray) -> tuple[tf.Variable, tf.Variable]:
    """Returns ids `[1 + n]` and counts `[1 + n, 5]`; entry 0 is for ids that are not there."""
    name = f"{kind}_statistics"
    all_counts = np.zeros((len(counts) + 1, len(STATISTICS_COLUMNS)), _counts_type(counts))
    all_counts[1:] = counts
    return (
        tf.Variable(np.append(_NO_ID, ids), trainable=False, name=f"{name}_ids"),
        tf.Variable(all_counts, trainable=False, name=name),
    )


def _counts_type(counts: np.ndarray) -> type[np.integer]:
    # Half the memory, unless a count is too large for it.
    return np.int32 if counts.max(initial=0) <= np.iinfo(np.int32).max else np.int64
