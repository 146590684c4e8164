"""Reads logs of any format as blocks of NumPy columns, setting unusable rows aside."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from lifelong.data.columns import Columns
from lifelong.data.ids import string_id
from lifelong.data.logs import (
    csv_format as csv_reader,
)
from lifelong.data.logs import (
    files,
    text_lines,
    values,
)
from lifelong.data.logs import (
    json_lines_format as json_reader,
)
from lifelong.data.logs import (
    parquet_format as parquet_reader,
)
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import Field
from lifelong.data.logs.rows import BadRow, RawBatch

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".json": "jsonl",
}
NOT_UTF8 = "not UTF-8"
# What a missing categorical feature is: the id of the empty text.
MISSING_ID = string_id("")


@dataclasses.dataclass(frozen=True)
class LogFile:
    """One file of a log, known to have the columns that are to be read.

    Attributes:
        path: Where it lies.
        format: csv, parquet or jsonl.
        names: Its columns; for JSON lines the keys of its first lines.
    """

    path: str
    format: str
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class ReadTask:
    """Part of a file that one worker reads.

    Attributes:
        file: The file.
        part: Its lines (CSV and JSON lines).
        row_group: Its row group (Parquet).
        first_row: Number of the row group's first row (Parquet).
    """

    file: LogFile
    part: text_lines.ByteRange | None = None
    row_group: int = 0
    first_row: int = 1


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


def log_files(log: LogConfig, fields: Sequence[Field], name: str) -> list[LogFile]:
    """Finds a log's files and checks their columns.

    Args:
        log: The log.
        fields: Fields that will be read.
        name: The log's name in the configuration, for errors.

    Raises:
        FileNotFoundError: A glob matches nothing.
        ValueError: A file is empty, of unknown format or lacks a column.
    """
    found = []
    for path in files.match(log.patterns, name):
        kind = _format(log, path, name)
        if not files.file_size(path):
            raise ValueError(f"{path} is empty; remove it or exclude it from {name}.files")
        file = LogFile(path, kind, tuple(_names(log, path, kind)))
        check_columns(file, fields, name)
        found.append(file)
    return found


def check_columns(file: LogFile, fields: Sequence[Field], name: str) -> None:
    """Checks that a file has the columns of all fields.

    Args:
        file: The file.
        fields: Fields that will be read.
        name: The log's name in the configuration, for errors.

    Raises:
        ValueError: It lacks a column.
    """
    for field in fields:
        if field.column not in file.names:
            raise ValueError(
                f"{file.path} has no column {field.column!r} (read as {field.key}); it has "
                f"{', '.join(file.names)}. Set {name}.columns or the feature's `column`"
            )


def read_tasks(file: LogFile) -> Iterator[ReadTask]:
    """Yields the parts of a file that can be read in parallel."""
    if file.format == "parquet":
        for row_group, first_row in enumerate(parquet_reader.first_rows(file.path)):
            yield ReadTask(file, None, row_group, first_row)
    else:
        for part in text_lines.byte_ranges(file.path):
            yield ReadTask(file, part)


def read_blocks(task: ReadTask, log: LogConfig, fields: Sequence[Field]) -> Iterator[LogBatch]:
    """Reads part of a file.

    Args:
        task: The part.
        log: Its log.
        fields: Fields to read.

    Yields:
        Blocks of at most some hundred thousand rows.

    Raises:
        ValueError: The file, or a column's type, cannot be read at all.
    """
    try:
        for raw, decodable in _read_raw(task, log, [field.column for field in fields]):
            yield _to_block(raw, decodable, task.file, log, fields)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise ValueError(f"{task.file.path}: {error}") from error


def parse_lines(
    lines: text_lines.Lines, file: LogFile, log: LogConfig, fields: Sequence[Field]
) -> LogBatch:
    """Parses lines of a CSV or JSON lines file.

    Args:
        lines: The lines; the first line of a CSV file with a header is left out.
        file: Their file; only its path, format and names matter.
        log: Its log.
        fields: Fields to read.

    Raises:
        ValueError: Lines and rows do not correspond, or a value cannot be represented.
        TypeError: The type of a column cannot be read.
        ArrowException: The lines cannot be parsed at all.
    """
    raw = _parse_text(lines, file, log, list(dict.fromkeys(field.column for field in fields)))
    return _to_block(raw, lines.decodable, file, log, fields)


def read_all(log: LogConfig, fields: Sequence[Field], name: str) -> Iterator[LogBatch]:
    """Reads a whole log in this process; the arguments are those of `log_files`."""
    for file in log_files(log, fields, name):
        for task in read_tasks(file):
            yield from read_blocks(task, log, fields)


def format_of(path: str) -> str | None:
    """Returns the format that a file's suffix tells, if it tells one."""
    plain = path
    for suffix in files.COMPRESSED:
        plain = plain.removesuffix(suffix)
    return next((kind for suffix, kind in SUFFIXES.items() if plain.endswith(suffix)), None)


def _format(log: LogConfig, path: str, name: str) -> str:
    kind = format_of(path) if log.format == "auto" else log.format
    if kind is not None:
        return kind
    raise ValueError(
        f"{path}: the suffix tells no format; set {name}.format to csv, parquet or jsonl"
    )


def _names(log: LogConfig, path: str, kind: str) -> list[str]:
    if kind == "parquet":
        return parquet_reader.schema(path).names
    if kind == "jsonl":
        lines = next(text_lines.read_lines(path, text_lines.ByteRange(0, -1, 1), 2**16))
        return json_reader.names_in(lines)
    if log.column_names:
        return list(log.column_names)
    return csv_reader.header(text_lines.first_line(path), log.delimiter)


def _read_raw(
    task: ReadTask, log: LogConfig, columns: Sequence[str]
) -> Iterator[tuple[RawBatch, bool]]:
    wanted = list(dict.fromkeys(columns))
    if task.part is None:
        group = parquet_reader.read(task.file.path, task.row_group, task.first_row, wanted)
        yield from ((raw, True) for raw in group)
        return
    for lines in text_lines.read_lines(task.file.path, task.part):
        yield _parse_text(lines, task.file, log, wanted), lines.decodable


def _parse_text(
    lines: text_lines.Lines, file: LogFile, log: LogConfig, wanted: Sequence[str]
) -> RawBatch:
    if file.format == "jsonl":
        return json_reader.parse(lines, wanted)
    skip = int(lines.first == 1 and not log.column_names)
    return csv_reader.parse(lines, file.names, wanted, log.delimiter, skip)


def _to_block(
    raw: RawBatch, decodable: bool, file: LogFile, log: LogConfig, fields: Sequence[Field]
) -> LogBatch:
    count = len(raw.rows)
    block: Columns = {}
    reasons: list[str] = [""]
    reason = np.zeros(count, np.int16)
    missing: collections.Counter[str] = collections.Counter()

    def refuse(mask: np.ndarray, text: str) -> None:
        if mask.any():
            reason[mask & (reason == 0)] = len(reasons)
            reasons.append(text)

    if not decodable:
        refuse(np.array(["\ufffd" in raw.text(i) for i in range(count)], bool), NOT_UTF8)
    for field in fields:
        parsed = _parse(raw.columns.get(field.column, pa.nulls(count)), field, file.format, log)
        name = field.column if field.kind in ("categorical", "numeric") else field.key
        for fault, mask in parsed.faults.items():
            refuse(mask & ~parsed.missing, f"{name}: {fault}")
        block[field.key] = parsed.values
        if field.kind in ("id", "time", "label"):
            refuse(parsed.missing, f"{name}: missing")
        elif parsed.missing.any():
            missing[field.key] += int(parsed.missing.sum())
            if field.kind == "categorical":
                block[field.key] = np.where(parsed.missing, MISSING_ID, parsed.values)
    bad = [BadRow(file.path, *row) for row in raw.bad]
    if len(reasons) > 1:
        keep = reason == 0
        for index in np.flatnonzero(~keep):
            text = raw.text(int(index))
            if text.strip():  # a blank line is no row
                bad.append(BadRow(file.path, int(raw.rows[index]), reasons[reason[index]], text))
        block = {key: column[keep] for key, column in block.items()}
    return LogBatch(block, bad, missing)


def _parse(
    column: pa.Array | list[Any], field: Field, file_format: str, log: LogConfig
) -> values.Parsed:
    if isinstance(column, list):
        return _parse_mixed(column, field, file_format, log)
    try:
        if field.kind == "time":
            return values.parse_times(column, log.timestamp_unit)
        if field.kind == "label":
            return values.parse_labels(column)
        if field.kind == "numeric":
            return values.parse_numbers(column)
        return values.parse_ids(column, digits_are_integers=file_format == "csv")
    except TypeError as error:
        raise TypeError(f"column {field.column!r}: {error}") from error


def _parse_mixed(
    column: list[Any], field: Field, file_format: str, log: LogConfig
) -> values.Parsed:
    """Parses the values of each type by themselves."""
    kinds = [_json_kind(value) for value in column]
    dtype = np.float32 if field.kind in ("label", "numeric") else np.int64
    result = values.Parsed(np.zeros(len(column), dtype), np.zeros(len(column), bool))
    for kind in sorted(set(kinds)):
        indices = np.flatnonzero([other == kind for other in kinds])
        if kind == "unreadable":
            result.faults.setdefault(kind, np.zeros(len(column), bool))[indices] = True
            continue
        part = _parse(pa.array([column[i] for i in indices]), field, file_format, log)
        result.values[indices] = part.values
        result.missing[indices] = part.missing
        for fault, mask in part.faults.items():
            result.faults.setdefault(fault, np.zeros(len(column), bool))[indices] = mask
    return result


def _json_kind(value: Any) -> str:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "unreadable"
    if value is None or isinstance(value, (bool, int, float, str)):
        return type(value).__name__
    return "unreadable"
