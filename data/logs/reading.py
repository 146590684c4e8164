"""Reads logs of any format as blocks of NumPy columns, setting unusable rows aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import pyarrow as pa

from lifelong.data.logs import files
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import Field
from lifelong.data.logs.format import Format, LogFile, Piece
from lifelong.data.logs.formats import FORMATS, format_of
from lifelong.data.logs.parsing import parse_rows
from lifelong.data.logs.rows import LogBatch


@dataclasses.dataclass(frozen=True)
class ReadTask:
    """What one worker reads.

    Attributes:
        file: The file.
        piece: The part of it.
    """

    file: LogFile
    piece: Piece


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
        file_format = _format(log, path, name)
        if not files.file_size(path):
            raise ValueError(f"{path} is empty; remove it or exclude it from {name}.files")
        file = LogFile(path, file_format.name, tuple(file_format.names(path, log)))
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
    for piece in FORMATS[file.format].pieces(file.path):
        yield ReadTask(file, piece)


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
    file = task.file
    try:
        for raw in FORMATS[file.format].read(file, task.piece, log, columns_of(fields)):
            yield parse_rows(raw, file, log, fields)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise ValueError(f"{file.path}: {error}") from error


def read_all(log: LogConfig, fields: Sequence[Field], name: str) -> Iterator[LogBatch]:
    """Reads a whole log in this process; the arguments are those of `log_files`."""
    for file in log_files(log, fields, name):
        for task in read_tasks(file):
            yield from read_blocks(task, log, fields)


def columns_of(fields: Sequence[Field]) -> list[str]:
    """Returns the columns that fields are read from, each once."""
    return list(dict.fromkeys(field.column for field in fields))


def _format(log: LogConfig, path: str, name: str) -> Format:
    found = format_of(path) if log.format == "auto" else FORMATS[log.format]
    if found is None:
        raise ValueError(
            f"{path}: the suffix tells no format; set {name}.format to {', '.join(FORMATS)}"
        )
    return found
