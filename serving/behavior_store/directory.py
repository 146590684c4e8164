"""A user's directory: which blocks hold their events.

All events of a user are kept in the order (category, timestamp, item), cut into blocks. The
directory has one row a block, so that a search reads only the blocks that can hold what it wants,
and tells how many events lie on each day, so that a window is found without reading it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence

import numpy as np

from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.events import Cut
from lifelong.data.times import DAY
from lifelong.serving.behavior_store import packing

# Directories are packed under this number; blocks have theirs from 0 on.
_NUMBER = -1


@dataclasses.dataclass(frozen=True)
class Days:
    """The days (UTC) on which a user has events, ascending: int64 `[D]` each.

    Attributes:
        number: Days since 1970.
        count: Events on the day.
    """

    number: np.ndarray
    count: np.ndarray

    @functools.cached_property
    def events_before(self) -> np.ndarray:
        """Events before each day, and at the end all of them: `[D + 1]`."""
        return cols.offsets_of(self.count)

    def row(self, number: int) -> int:
        """Returns how many of the days come before one."""
        return int(np.searchsorted(self.number, number))

    def end(self, row: int) -> Cut | None:
        """Returns the cut behind a day; None behind the last."""
        if row + 1 == len(self.number):
            return None
        return Cut((int(self.number[row]) + 1) * DAY)

    def changed(self, added: Days, dropped: Days) -> Days:
        """Returns the days after events of theirs were added and others dropped."""
        parts = (self, added, dropped)
        number, place = np.unique(
            np.concatenate([part.number for part in parts]), return_inverse=True
        )
        count = np.zeros(len(number), np.int64)
        np.add.at(count, place, np.concatenate([self.count, added.count, -dropped.count]))
        return Days(number[count > 0], count[count > 0])

    @classmethod
    def of(cls, times: np.ndarray) -> Days:
        """Counts events by day.

        Args:
            times: Of all events, Unix seconds.
        """
        return cls(*np.unique(times // DAY, return_counts=True))


@dataclasses.dataclass(frozen=True)
class Directory:
    """The blocks of one user, in the order of their events: int64 `[n]` each; and the days.

    Attributes:
        category: Category of the block's first event.
        timestamp: Time of the block's first event.
        item: Item of the block's first event.
        oldest: Earliest time of the block's events.
        newest: Latest time of the block's events.
        count: Events in the block.
        leading: Of these, events of the category of the first.
        number: Under which the block is stored.
        days: Of all events.
    """

    category: np.ndarray
    timestamp: np.ndarray
    item: np.ndarray
    oldest: np.ndarray
    newest: np.ndarray
    count: np.ndarray
    leading: np.ndarray
    number: np.ndarray
    days: Days

    def __len__(self) -> int:
        """Returns the number of blocks."""
        return len(self.number)

    @property
    def events(self) -> int:
        """Number of events in all blocks."""
        return int(self.count.sum())

    @functools.cached_property
    def is_shared(self) -> np.ndarray:
        """Whether a block holds events of more than one category: bool `[n]`."""
        return self.leading < self.count

    @property
    def next_number(self) -> int:
        """A number that no block has."""
        return int(self.number.max()) + 1 if len(self) else 0

    def first(self, row: int) -> tuple[int, int, int]:
        """Returns category, timestamp and item of the first event of a block."""
        return int(self.category[row]), int(self.timestamp[row]), int(self.item[row])

    def starts_before(self, first: int, end: int, cut: Cut) -> int:
        """Returns the first of the blocks `first:end`, of one category, that lies after a cut."""
        pair = (cut.timestamp, cut.item)
        low, high = first, end
        while low < high:
            middle = (low + high) // 2
            start = (self.timestamp[middle], self.item[middle])
            # Events that agree in both lie in one block: some of them may come before the cut.
            if start < pair or (cut.rest and start == pair):
                low = middle + 1
            else:
                high = middle
        return low

    def pack(self, user: int) -> bytes:
        """Returns the directory as bytes."""
        groups = [[getattr(self, name) for name in _COLUMNS], [self.days.number, self.days.count]]
        return packing.pack(groups, (user, _NUMBER))

    @classmethod
    def unpack(cls, data: bytes | memoryview, user: int) -> Directory:
        """Returns the directory that `pack` wrote.

        Raises:
            StoreCorruptedError: The bytes are damaged or another user's.
        """
        *columns, number, count = packing.unpack(data, _TYPES, (user, _NUMBER))
        return cls._made(columns, Days(number, count))

    @classmethod
    def of(cls, blocks: Sequence[tuple[int, Columns]]) -> Directory:
        """Makes the directory of blocks.

        Args:
            blocks: Number and events of each, in order; none is empty.
        """
        rows = [
            (
                block["category"][0],
                block["timestamp"][0],
                block["item"][0],
                np.minimum.reduce(block["timestamp"]),
                np.maximum.reduce(block["timestamp"]),
                cols.length(block),
                np.count_nonzero(block["category"] == block["category"][0]),
                number,
            )
            for number, block in blocks
        ]
        columns = np.array(rows, np.int64).reshape(-1, len(_COLUMNS)).T
        times = [np.zeros(0, np.int64), *(block["timestamp"] for _, block in blocks)]
        return cls._made(np.ascontiguousarray(columns), Days.of(np.concatenate(times)))

    def replaced(self, changes: dict[int, Directory], days: Days) -> Directory:
        """Returns the directory with rows replaced.

        Args:
            changes: By row, what stands in its place; it may have any number of rows.
            days: Of all events there are then.
        """
        parts, end = [], 0
        for row in sorted(changes):
            parts += [self._rows(end, row), changes[row]._rows()]
            end = row + 1
        parts.append(self._rows(end))
        return self._made(map(np.concatenate, zip(*parts, strict=True)), days)

    @classmethod
    def _made(cls, columns: Iterable[np.ndarray], days: Days) -> Directory:
        return cls(**dict(zip(_COLUMNS, columns, strict=True)), days=days)

    def _rows(self, first: int = 0, end: int | None = None) -> list[np.ndarray]:
        return [getattr(self, name)[first:end] for name in _COLUMNS]


# What is kept of each block.
_COLUMNS = tuple(field.name for field in dataclasses.fields(Directory) if field.name != "days")
_TYPES: packing.Types = (("int64",) * len(_COLUMNS), ("int64", "int64"))
