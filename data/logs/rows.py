"""Rows on their way from a file: as written, as columns that can be used, and unusable ones."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from lifelong.data.columns import Columns


@dataclasses.dataclass(frozen=True)
class BadRow:
    """A row that cannot be used.

    Attributes:
        file: Path of its file.
        row: Line number, for Parquet row number; counted from 1.
        reason: What is wrong with it.
        text: The row as written; for Parquet, as JSON.
    """

    file: str
    row: int
    reason: str
    text: str


@dataclasses.dataclass
class RawBatch:
    """Rows of one file as written.

    Attributes:
        columns: Arrays `[n]` by column name; a Python list where JSON values of one column are of
            several types; absent where JSON lines never name the column.
        rows: int64 `[n]` row numbers.
        text: Returns the text of the i-th row of `columns`.
        bad: Rows left out: (row number, reason, text).
        decodable: Whether the bytes were valid UTF-8; if not, U+FFFD stands in the text for those
            that were not.
    """

    columns: dict[str, pa.Array | list[object]]
    rows: np.ndarray
    text: Callable[[int], str]
    bad: list[tuple[int, str, str]] = dataclasses.field(default_factory=list)
    decodable: bool = True


@dataclasses.dataclass
class LogBatch:
    """What a batch of rows gave.

    Attributes:
        block: Usable rows by field key.
        bad: Unusable rows.
        missing: How many values were missing, by feature key.
    """

    block: Columns
    bad: list[BadRow]
    missing: collections.Counter[str]
