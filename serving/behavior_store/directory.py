"""A user's directory: which blocks hold their events.

All events of a user are kept in the order (category, timestamp, item), cut into blocks. The
directory has one row a block, so that a search reads only the blocks that can hold what it wants.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.events import Cut
from lifelong.serving.behavior_store import packing

# Directories are packed under this number; blocks have theirs from 0 on.
_NUMBER = -1


@dataclasses.dataclass(frozen=True)
class Directory:
    """The blocks of one user, in the order of their events: int64 `[n]` each.

    Attributes:
        category: Category of the block's first event.
        timestamp: Time of the block's first event.
        item: Item of the block's first event.
        oldest: Earliest time of the block's events.
        newest: Latest time of the block's events.
        count: Events in the block.
        leading: Of these, events of the category of the first.
        number: Under which the block is stored.
    """

    category: np.ndarray
    timestamp: np.ndarray
    item: np.ndarray
    oldest: np.ndarray
    newest: np.ndarray
    count: np.ndarray
    leading: np.ndarray
    number: np.ndarray

    def __len__(self) -> int:
        """Returns the number of blocks."""
        return len(self.number)

    @property
    def events(self) -> int:
        """Number of events in all blocks."""
        return int(self.count.sum())

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
        columns = [getattr(self, field.name) for field in dataclasses.fields(self)]
        return packing.pack([columns], (user, _NUMBER))

    @classmethod
    def unpack(cls, data: bytes | memoryview, user: int) -> Directory:
        """Returns the directory that `pack` wrote.

        Raises:
            StoreCorruptedError: The bytes are damaged or another user's.
        """
        types = (("int64",) * len(dataclasses.fields(cls)),)
        return cls(*packing.unpack(data, types, (user, _NUMBER)))

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
        columns = np.array(rows, np.int64).reshape(-1, len(dataclasses.fields(cls))).T
        return cls(*np.ascontiguousarray(columns))

    def replaced(self, changes: dict[int, Directory]) -> Directory:
        """Returns the directory with rows replaced.

        Args:
            changes: By row, what stands in its place; it may have any number of rows.
        """
        parts, end = [], 0
        for row in sorted(changes):
            parts += [self._rows(end, row), changes[row]]
            end = row + 1
        parts.append(self._rows(end, len(self)))
        return Directory(
            *(
                np.concatenate([getattr(part, field.name) for part in parts])
                for field in dataclasses.fields(self)
            )
        )

    def _rows(self, first: int, end: int) -> Directory:
        return Directory(
            *(getattr(self, field.name)[first:end] for field in dataclasses.fields(self))
        )
