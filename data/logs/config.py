"""Where a log lies, how it is written and what its columns are called."""

from __future__ import annotations

import dataclasses
import time
from typing import Literal

from lifelong.data.times import DAY, TimeRange, parse_time

Format = Literal["auto", "csv", "parquet", "jsonl"]
TimeUnit = Literal["s", "ms", "us", "ns"]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A label that is made of a number, such as a rating or the seconds of a view.

    Attributes:
        column: Column with the number.
        at_least: The label is 1 where the number is at least that, else 0.
    """

    column: str
    at_least: float


@dataclasses.dataclass(frozen=True)
class LogColumns:
    """Names of a log's columns.

    Ids may be integers, which are kept, or text, which becomes integers: `lifelong.data.ids` has the
    rule, the same for all formats.

    Attributes:
        user: Column with the user id.
        item: Column with the item id.
        category: Column with the item's category. Empty: the item table tells it; the item table
            itself has none.
        timestamp: Column with the time: integers (see `timestamp_unit`), ISO 8601 text or Parquet
            timestamps. Times without a zone are UTC.
        behavior: Column of the behaviour log with the behaviour type (click, cart, buy); when set,
            it becomes the categorical event feature `behavior`. Empty: the log has none.
        label: Column of the impression log with the label, 0 or 1; or a comparison that gives it.
        request: Column of the impression log with a request id; impressions of one user, time and
            request id are one request. Empty: those of one user and time are.
    """

    user: str = "user"
    item: str = "item"
    category: str = "category"
    timestamp: str = "timestamp"
    behavior: str = ""
    label: str | Comparison = "label"
    request: str = ""


@dataclasses.dataclass(frozen=True)
class LogConfig:
    """Where a log lies and how it is written.

    Attributes:
        files: Paths, folders or globs: a text, in which commas separate them, or a list. A folder
            stands for all files below it that have the format's suffix. Folders called
            `column=value`, as Hive and Spark write them, give a column to the files below that have
            no column of this name.
        format: `csv`, `parquet`, `jsonl` (one JSON object a line) or `auto` (by the file's suffix).
            Compressed CSV and JSON lines are known by their bytes, whatever their suffix.
        columns: Names of the columns.
        column_names: All column names of CSV files without a header line, in order. Empty: the
            first row of each file is a header.
        delimiter: What stands between the columns of CSV files: one character or several, such as
            `::`. Within a quoted field it is text; without quotes there is no other way to write it
            in a field.
        category_separator: What stands between several categories in one value, of which the first
            is taken, such as `|` in `Action|Comedy`; with it, lists of categories are read, too.
            Empty: a value is one category.
        timestamp_unit: Unit of times that are numbers.
        text_columns: Columns of ids, categories or categorical features that are text even where
            they look like numbers: `007` and `7` are two ids there. A key that is text in one log
            must be text in all.
        earliest: A date or ISO time; rows of an earlier time are set aside as unusable.
        latest: Likewise, for later times. Empty: a day after now.
    """

    files: tuple[str, ...] | str = ""
    format: Format = "auto"
    columns: LogColumns = LogColumns()
    column_names: tuple[str, ...] = ()
    delimiter: str = ","
    category_separator: str = ""
    timestamp_unit: TimeUnit = "s"
    text_columns: tuple[str, ...] = ()
    earliest: str = "1990-01-01"
    latest: str = ""

    @property
    def patterns(self) -> list[str]:
        """The paths, folders and globs in `files`, one by one."""
        parts = self.files.split(",") if isinstance(self.files, str) else self.files
        return [pattern.strip() for pattern in parts if pattern.strip()]

    @property
    def time_range(self) -> TimeRange:
        """The times that rows may have.

        Raises:
            ValueError: `earliest` or `latest` cannot be read.
        """
        latest = parse_time(self.latest, "latest") if self.latest else int(time.time()) + DAY
        return TimeRange(parse_time(self.earliest, "earliest"), latest)
