"""Where a log lies, how it is written and what its columns are called."""

from __future__ import annotations

import dataclasses
from typing import Literal

Format = Literal["auto", "csv", "parquet", "jsonl"]
TimeUnit = Literal["s", "ms", "us", "ns"]


@dataclasses.dataclass(frozen=True)
class LogColumns:
    """Names of a log's columns.

    Ids may be integers, which are kept, or text, which `lifelong.data.ids.string_id` turns into
    integers. Parquet and JSON lines say which of the two a value is; in CSV, where all is text,
    canonical decimal integers are integers.

    Attributes:
        user: Column with the user id.
        item: Column with the item id.
        category: Column with the item's category.
        timestamp: Column with the time: integers (see `timestamp_unit`), ISO 8601 text or Parquet
            timestamps. Times without a zone are UTC.
        behavior: Column of the behaviour log with the behaviour type (click, cart, buy); when set,
            it becomes the categorical event feature `behavior`. Empty: the log has none.
        label: Column of the impression log with the label, 0 or 1.
        request: Column of the impression log with a request id; impressions of one user, time and
            request id are one request. Empty: those of one user and time are.
    """

    user: str = "user"
    item: str = "item"
    category: str = "category"
    timestamp: str = "timestamp"
    behavior: str = ""
    label: str = "label"
    request: str = ""


@dataclasses.dataclass(frozen=True)
class LogConfig:
    """Where a log lies and how it is written.

    Attributes:
        files: A glob, or several separated by commas.
        format: `csv`, `parquet`, `jsonl` (one JSON object a line) or `auto` (by the file's suffix).
        columns: Names of the columns.
        column_names: All column names of CSV files without a header line, in order. Empty: the
            first line of each file is a header.
        delimiter: The character between the columns of CSV files.
        timestamp_unit: Unit of integer times.
    """

    files: str = ""
    format: Format = "auto"
    columns: LogColumns = LogColumns()
    column_names: tuple[str, ...] = ()
    delimiter: str = ","
    timestamp_unit: TimeUnit = "s"

    @property
    def patterns(self) -> list[str]:
        """The globs in `files`, one by one."""
        return [pattern.strip() for pattern in self.files.split(",") if pattern.strip()]
