"""Reads blocks of one user, each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.data.columns import Columns
from lifelong.serving.behavior_store.block import unpack_blocks
from lifelong.serving.behavior_store.errors import StoreCorruptedError

# Reads packed blocks by their numbers; None for those that are missing.
ReadBlocks = Callable[[Sequence[int]], Sequence[bytes | memoryview | None]]


class BlockReader:
    """Reads the blocks of one directory, and keeps what it has read.

    Args:
        user: User id.
        features: Type of each event feature of the store by name.
        read_blocks: Reads packed blocks by number.
        where: Of what store, for errors.
        number: Numbers of the directory's blocks, by row.
    """

    def __init__(
        self,
        user: int,
        features: Mapping[str, str],
        read_blocks: ReadBlocks,
        where: str,
        number: np.ndarray,
    ) -> None:
        self._user = user
        self._features = features
        self._read_blocks = read_blocks
        self._where = where
        self._number = number
        # Events of all blocks that were read, and where among them those of each row lie.
        self._events = ev.no_events(features)
        self._starts, self._ends = np.full((2, len(number)), -1)

    def read_ahead(self, rows: Sequence[int] | np.ndarray) -> None:
        """Reads blocks together, those that were not read before.

        Args:
            rows: Rows of the directory, each once.
        """
        rows = np.asarray(rows, np.int64)
        missing = rows[self._starts[rows] < 0]
        if len(missing):
            numbers = self._number[missing].tolist()
            events, counts = self._unpack(numbers, self._read_blocks(numbers))
            known = cols.length(self._events)
            ends = known + np.cumsum(counts)
            self._starts[missing], self._ends[missing] = ends - counts, ends
            self._events = cols.concat([self._events, events]) if known else events

    def read(self, rows: Sequence[int] | np.ndarray) -> Columns:
        """Returns the events of blocks, given by ascending rows of the directory."""
        known = cols.length(self._events)
        self.read_ahead(rows)
        starts, ends = (places[np.asarray(rows, np.int64)] for places in (self._starts, self._ends))
        if (starts >= known).all():  # nothing but what was read just now
            return cols.take(self._events, slice(known, None))
        return cols.take(self._events, cols.ranges(starts, ends))

    def _unpack(
        self, numbers: Sequence[int], packed: Sequence[bytes | memoryview | None]
    ) -> tuple[Columns, np.ndarray]:
        found = [data or b"" for data in packed]
        owners = [(self._user, number) for number in numbers]
        try:
            return unpack_blocks(found, self._features, owners)
        except StoreCorruptedError:
            for data, owner in zip(found, owners, strict=True):
                self._unpack_one(data, owner)
            raise

    def _unpack_one(self, data: bytes | memoryview, owner: tuple[int, int]) -> None:
        try:
            unpack_blocks([data], self._features, [owner])
        except StoreCorruptedError as error:
            raise StoreCorruptedError(
                f"{self._where}: block {owner[1]} of user {self._user} is missing or damaged"
                f" ({error}); build the store again"
            ) from error
