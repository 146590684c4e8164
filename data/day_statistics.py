"""Counts of all users' events by item and by category, point in time: as of any day.

As of a day are the events of the days (UTC) before it, so that a request is shown nothing of its own
day. The counts lie in the files of a folder: `part-3-of-16.arrow` has those of the ids of one shard,
sorted by (id, day), as sums over the days so far, so that a look-up costs what it looks up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.hashing import shard_of
from lifelong.data.keys import STATISTICS_COLUMNS
from lifelong.data.logs import files
from lifelong.data.newest_statistics import Newest, known_places
from lifelong.data.times import DAY

# The days of the first columns of `STATISTICS_COLUMNS`.
RECENT_DAYS = (7, 28, 91)

# What events are counted by; all together have the id 0.
ITEM, CATEGORY, TOTAL = KINDS = ("item", "category", "total")

PART_SUFFIX = ".arrow"
# Days that a key has room for, half of them before 1970: all that a log can have.
_DAYS = 1 << 23
# So many days before a day, sums are taken; their differences are the events of the windows.
_BEFORE = np.array([0, *RECENT_DAYS])
# Of one id and day: events, and users whose first event of that id it is.
_COUNTED = ("id", "day", "events", "users")
_OF_DAY = pa.struct([("key", pa.int64()), ("events", pa.int64()), ("users", pa.int64())])
_SCHEMA = pa.schema([("id", pa.int64()), ("days", pa.large_list(_OF_DAY))])


class DayStatistics:
    """Counts of a behaviour log, which stay on the disk where it is a local one.

    Args:
        uri: Path or URI of the folder.

    Raises:
        FileNotFoundError: A part is missing.

    Example:
        statistics = DayStatistics("workdir/day_statistics")
        counts = statistics.as_of(ITEM, items, request_timestamps // 86_400)
    """

    def __init__(self, uri: str) -> None:
        paths = files.match([f"{uri}/part-*{PART_SUFFIX}"], "day_statistics")
        count = int(paths[0].removesuffix(PART_SUFFIX).rpartition("-")[2])
        self._shards = [_read(part_path(uri, number, count)) for number in range(count)]

    def as_of(self, kind: str, ids: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Returns counts as of days.

        Args:
            kind: One of `KINDS`.
            ids: int64 `[C]`, raw ids; one that the log has not is counted 0.
            days: int64 `[C]`, days since 1970 of requests.

        Returns:
            int64 `[C, 5]`, see `STATISTICS_COLUMNS`.
        """
        found = np.zeros((len(ids), len(STATISTICS_COLUMNS)), np.int64)
        # One after another, ids that are neighbours in the files are found faster.
        place = np.argsort(ids)
        ids = ids[place]
        asked = {"id": ids, "day": days[place], "place": place}
        for number, part in cols.split_by(asked, shard_of(ids, len(self._shards))):
            found[part["place"]] = self._shards[number][kind].as_of(part["id"], part["day"])
        return found

    def totals(self, days: np.ndarray) -> np.ndarray:
        """Returns the counts of all events together as of days `[n]`: int64 `[n, 5]`."""
        return self.as_of(TOTAL, np.zeros(len(days), np.int64), days)

    def newest(self) -> Newest:
        """Returns the counts as of the day after the last event of the log."""
        day = max(shard[TOTAL].day_after_last() for shard in self._shards)
        items, item_statistics = self._all_as_of(ITEM, day)
        categories, category_statistics = self._all_as_of(CATEGORY, day)
        (totals,) = self.totals(np.array([day]))
        return Newest(day * DAY, items, item_statistics, categories, category_statistics, totals)

    def _all_as_of(self, kind: str, day: int) -> tuple[np.ndarray, np.ndarray]:
        ids = np.sort(np.concatenate([shard[kind].ids for shard in self._shards]))
        return ids, self.as_of(kind, ids, np.full(len(ids), day))


def part_path(folder: str, number: int, count: int) -> str:
    """Returns the path or URI of one of the `count` files in a folder."""
    return f"{folder}/part-{number}-of-{count}{PART_SUFFIX}"


def count_days(events: Columns) -> dict[str, Columns]:
    """Counts the events of some users by day.

    Args:
        events: Distinct events of whole users, ordered by (user, timestamp).

    Returns:
        By kind the columns `id`, `day`, `events` and `users` `[n]`: of each id and day the events,
        and the users whose first event of that id it is. Of other users, they add up.
    """
    ids = {
        ITEM: events["item"],
        CATEGORY: events["category"],
        TOTAL: np.zeros(cols.length(events), np.int64),
    }
    return {kind: _count(of_kind, events) for kind, of_kind in ids.items()}


def add_up(parts: Iterable[Columns]) -> Columns:
    """Adds up counts of different users: sorted by (id, day), each there once."""
    none = {name: np.zeros(0, np.int64) for name in _COUNTED}
    block = cols.concat([none, *parts])
    block = cols.take(block, np.lexsort((block["day"], block["id"])))
    starts = cols.run_starts(block["id"], block["day"])
    return {
        "id": block["id"][starts],
        "day": block["day"][starts],
        "events": np.add.reduceat(block["events"], starts),
        "users": np.add.reduceat(block["users"], starts),
    }


def write_part(counts: Mapping[str, Columns], path: str) -> None:
    """Writes the counts of one shard of ids.

    Args:
        counts: What `add_up` returned, by kind.
        path: Path or URI of the file; its folder is there. Under the name that `part_path` gives, it
            is one of the parts.
    """
    with files.create_file(path) as file, pa.ipc.new_file(file, _SCHEMA) as writer:
        for kind in KINDS:
            writer.write_batch(_batch(counts[kind]))


class _Counts(NamedTuple):
    """Counts of one kind.

    Attributes:
        ids: int64 `[n]`, ascending.
        starts: int64 `[n + 1]`, where each id's days begin.
        keys: int64 `[D]`, ascending: see `_key`.
        events: int64 `[D]`, events of the id up to that day, itself included.
        users: int64 `[D]`, likewise.
    """

    ids: np.ndarray
    starts: np.ndarray
    keys: np.ndarray
    events: np.ndarray
    users: np.ndarray

    def as_of(self, ids: np.ndarray, days: np.ndarray) -> np.ndarray:
        """See `DayStatistics.as_of`."""
        place, known = known_places(self.ids, ids)
        days = days[known]
        # [4, n]: the row of each id's first day that is not before the day, nor before a window.
        rows = np.searchsorted(self.keys, _key(place, days - _BEFORE[:, np.newaxis]))
        is_any = rows > self.starts[place]
        events = np.where(is_any, self.events[rows - 1], 0)
        users = np.where(is_any[0], self.users[rows[0] - 1], 0)
        found = np.zeros((len(ids), len(STATISTICS_COLUMNS)), np.int64)
        found[known] = np.stack([*(events[0] - events[1:]), events[0], users], axis=1)
        return found

    def day_after_last(self) -> int:
        """Returns the day after the last one of any id; 0 if there is none."""
        return int((self.keys % _DAYS).max() - _DAYS // 2) + 1 if len(self.keys) else 0


def _count(ids: np.ndarray, events: Columns) -> Columns:
    # Stable: what has one id stays in the order of users and times.
    order = np.argsort(ids, kind="stable")
    ids, users = ids[order], events["user"][order]
    is_first = np.zeros(len(ids), np.int64)
    is_first[cols.run_starts(ids, users)] = 1
    day = events["timestamp"][order] // DAY
    return add_up([{"id": ids, "day": day, "events": np.ones_like(ids), "users": is_first}])


def _key(place: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Returns what days of ids, given by their places, are sorted by."""
    return place * _DAYS + np.clip(days + _DAYS // 2, 0, _DAYS - 1)


def _batch(counts: Columns) -> pa.RecordBatch:
    first = cols.run_starts(counts["id"])
    starts = np.append(first, len(counts["id"]))
    sizes = np.diff(starts)
    of_day = [_key(np.repeat(np.arange(len(first)), sizes), counts["day"])]
    for name in ("events", "users"):
        sums = cols.offsets_of(counts[name])
        of_day.append(sums[1:] - np.repeat(sums[first], sizes))
    days = pa.StructArray.from_arrays([pa.array(column) for column in of_day], fields=list(_OF_DAY))
    lists = pa.LargeListArray.from_arrays(pa.array(starts, pa.int64()), days)
    return pa.RecordBatch.from_arrays([pa.array(counts["id"][first]), lists], schema=_SCHEMA)


def _read(path: str) -> dict[str, _Counts]:
    # Of a local file only what is looked up is read.
    source: Any = files.open_file(path) if "://" in path else pa.memory_map(path)
    reader = pa.ipc.open_file(source)
    return {kind: _counts_of(reader.get_batch(i)) for i, kind in enumerate(KINDS)}


def _counts_of(batch: pa.RecordBatch) -> _Counts:
    ids, lists = batch.columns
    days = lists.values
    columns = [days.field(name) for name in ("key", "events", "users")]
    return _Counts(*(column.to_numpy() for column in (ids, lists.offsets, *columns)))
