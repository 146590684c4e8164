"""The counts of all users' events in Redis: a hash, so that those of candidates are one command."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lifelong.data.keys import STATISTICS_COLUMNS
from lifelong.data.newest_statistics import CandidateStatistics, Newest
from lifelong.serving.behavior_store.errors import StoreCorruptedError
from lifelong.serving.behavior_store.redis_version import KEYS_PER_SCAN, RedisVersion

# A field is what is counted and its id; all events have the id 0.
_FIELD = struct.Struct("<cq")
_ITEM, _CATEGORY, _TOTAL = b"i", b"c", b"t"
_COUNTS = np.dtype("<i8")
_BYTES = _COUNTS.itemsize * len(STATISTICS_COLUMNS)
_TOTAL_FIELD = _FIELD.pack(_TOTAL, 0)
# Fields sent in one command.
_SENT_TOGETHER = 10_000


class RedisStatistics:
    """The counts of a version. Commands are sent once; `RedisConnection.run` retries.

    Args:
        version: Of the store.
        time: Start of the day that the counts are as of, Unix seconds.
    """

    def __init__(self, version: RedisVersion, time: int) -> None:
        self._version = version
        self._time = time

    def store(self, statistics: Newest) -> None:
        """Stores all counts; once more does no harm."""
        key, client = self._version.statistics_key, self._version.server.client
        for ids, counts, kind in (
            (statistics.items, statistics.item_statistics, _ITEM),
            (statistics.categories, statistics.category_statistics, _CATEGORY),
            # Last: without it the others are not whole.
            (np.zeros(1, np.int64), statistics.totals[np.newaxis], _TOTAL),
        ):
            for first in range(0, len(ids), _SENT_TOGETHER):
                some = slice(first, first + _SENT_TOGETHER)
                packed = counts[some].astype(_COUNTS)
                values = (row.tobytes() for row in packed)
                client.hset(key, mapping=dict(zip(_fields(kind, ids[some]), values, strict=True)))

    def look_up(self, items: np.ndarray, categories: np.ndarray) -> CandidateStatistics:
        """Returns the counts of candidates, in one round trip.

        Args:
            items: int64 `[N]`.
            categories: int64 `[N]`.

        Raises:
            StoreError: The version was removed, or the counts are damaged.
        """
        # Candidates share categories.
        distinct, place = np.unique(categories, return_inverse=True)
        fields = [_TOTAL_FIELD, *_fields(_ITEM, items), *_fields(_CATEGORY, distinct)]
        (values,) = self._version.ask(("HMGET", self._version.statistics_key, *fields))
        if values[0] is None:
            raise self._damaged("the counts of all events are missing")
        counts = self._counts([bytes(_BYTES) if it is None else it for it in values])
        of_items, of_categories = np.split(counts[1:], [len(items)])
        return CandidateStatistics(self._time, of_items, of_categories[place], counts[0])

    def whole(self) -> Newest:
        """Returns all counts.

        Raises:
            StoreError: The version was removed, or the counts are damaged.
        """
        key = self._version.statistics_key
        found = dict(self._version.server.client.hscan_iter(key, count=KEYS_PER_SCAN))
        # If it is there now, it was all the time.
        self._version.ask()
        if _TOTAL_FIELD not in found:
            raise self._damaged("the counts of all events are missing")
        (totals,) = self._counts([found[_TOTAL_FIELD]])
        return Newest(
            self._time, *self._table(found, _ITEM), *self._table(found, _CATEGORY), totals
        )

    def _table(self, found: Mapping[bytes, bytes], kind: bytes) -> tuple[np.ndarray, np.ndarray]:
        fields = [field for field in found if field.startswith(kind)]
        ids = np.array([_FIELD.unpack(field)[1] for field in fields], np.int64)
        order = np.argsort(ids)
        return ids[order], self._counts([found[field] for field in fields])[order]

    def _counts(self, values: Sequence[bytes]) -> np.ndarray:
        if any(len(value) != _BYTES for value in values):
            raise self._damaged("counts have too few or too many bytes")
        return (
            np.frombuffer(b"".join(values), _COUNTS)
            .astype(np.int64)
            .reshape(-1, len(STATISTICS_COLUMNS))
        )

    def _damaged(self, problem: str) -> StoreCorruptedError:
        return StoreCorruptedError(
            f"{self._version.server.where}: the statistics of version {self._version.number} are"
            f" damaged ({problem}); build and push the store again"
        )


def _fields(kind: bytes, ids: np.ndarray) -> Iterator[bytes]:
    return (_FIELD.pack(kind, of) for of in ids.tolist())
