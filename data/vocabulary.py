"""Which ids have rows of their own in a model's tables, in which order, and how often they occurred."""

from __future__ import annotations

import dataclasses
import hashlib
import io

import numpy as np
import pyarrow as pa
import pyarrow.csv

# A table that is read from a file must not be empty: what no id is stands for a vocabulary of none.
_NO_ID = -1
_COLUMNS = ("id", "count")


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The known ids of one kind (items, categories, users, values of a feature).

    The number of an id is its place here, and never changes: later vocabularies append.

    Attributes:
        ids: int64 `[V]`, each once.
        counts: int64 `[V]`, how often each was counted in the training split, which is 0 for one that
            an earlier training split had.
    """

    ids: np.ndarray
    counts: np.ndarray

    @classmethod
    def of_none(cls) -> Vocabulary:
        """Returns the vocabulary that knows no id."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))

    def updated(self, counted: Vocabulary, min_count: int) -> Vocabulary:
        """Appends what was counted often enough to the ids that are known already.

        Args:
            counted: Ids and their counts in the new training split, in any order.
            min_count: Least count of a new id. Known ones stay whatever their count.

        Returns:
            The known ids in their places with the new counts; then the new ones, the most frequent
            first, the smaller of two as frequent before the other.

        Example:
            >>> known = Vocabulary(np.array([7, 3]), np.array([5, 4]))
            >>> counted = Vocabulary(np.array([3, 8, 9, 10]), np.array([1, 2, 3, 1]))
            >>> updated = known.updated(counted, min_count=2)
            >>> updated.ids.tolist(), updated.counts.tolist()
            ([7, 3, 9, 8], [0, 1, 3, 2])
        """
        rows = self.rows(counted.ids)
        is_known = rows > 0
        counts = np.zeros(len(self.ids), np.int64)
        counts[rows[is_known] - 1] = counted.counts[is_known]
        is_new = ~is_known & (counted.counts >= min_count)
        ids, new_counts = counted.ids[is_new], counted.counts[is_new]
        order = np.lexsort((ids, -new_counts))
        return Vocabulary(
            np.concatenate([self.ids, ids[order]]),
            np.concatenate([counts, new_counts[order]]),
        )

    def to_tsv(self) -> bytes:
        """Returns a line per id: the id, a tabulator, its count."""
        ids, counts = (self.ids, self.counts) if len(self.ids) else ([_NO_ID], [0])
        table = pa.table([pa.array(ids, pa.int64()), pa.array(counts, pa.int64())], _COLUMNS)
        file = io.BytesIO()
        options = pa.csv.WriteOptions(include_header=False, delimiter="\t")
        pa.csv.write_csv(table, file, options)
        return file.getvalue()

    @classmethod
    def from_tsv(cls, data: bytes) -> Vocabulary:
        """Reads what `to_tsv` returned."""
        table = pa.csv.read_csv(
            io.BytesIO(data),
            pa.csv.ReadOptions(column_names=_COLUMNS),
            pa.csv.ParseOptions(delimiter="\t"),
            pa.csv.ConvertOptions(column_types=dict.fromkeys(_COLUMNS, pa.int64())),
        )
        ids, counts = (table[name].to_numpy() for name in _COLUMNS)
        return cls.of_none() if np.array_equal(ids, [_NO_ID]) else cls(ids, counts)

    def knows(self, ids: np.ndarray) -> np.ndarray:
        """Returns which of `ids` are known, bool of the same shape."""
        return np.isin(ids, self.ids)

    def first(self, count: int) -> Vocabulary:
        """Returns the first ids."""
        return Vocabulary(self.ids[:count], self.counts[:count])

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """Returns 1 + the place of each id, 0 for those that are not known: int64 `[n]`."""
        order = np.argsort(self.ids)
        known = np.append(self.ids[order], -1)
        place = np.searchsorted(known[:-1], ids)
        return np.where(known[place] == ids, np.append(order, -1)[place] + 1, 0)

    def digest(self) -> str:
        """Returns a short text that another order of ids, or others, would change."""
        return hashlib.sha256(self.ids.astype("<i8").tobytes()).hexdigest()[:16]
