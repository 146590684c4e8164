"""What every format's reader hands on: Arrow columns with row numbers, and rows that are no rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pyarrow as pa


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
    """

    columns: dict[str, pa.Array | list[object]]
    rows: np.ndarray
    text: Callable[[int], str]
    bad: list[tuple[int, str, str]] = dataclasses.field(default_factory=list)
