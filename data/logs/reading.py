"""Reads logs of any format as blocks of NumPy columns, setting unusable rows aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lifelong.data.logs import files, text_source
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import Field
from lifelong.data.logs.file_error import FileError
from lifelong.data.logs.format import Format, LogFile, Piece
from lifelong.data.logs.formats import FORMATS, format_of, suffixes_of
from lifelong.data.logs.json_lines_format import JsonLinesFormat
from lifelong.data.logs.parsing import parse_rows
from lifelong.data.logs.rows import LogBatch, RawBatch

if TYPE_CHECKING:
    from lifelong.data.logs.item_categories import ItemCategories

# What may stand between columns where a header comes out as a single name.
_DELIMITERS = (",", ";", "|", "\t", "::")


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

    JSON lines are read up to the line that first has a key that no file's first lines have.

    Args:
        log: The log.
        fields: Fields that will be read.
        name: The log's name in the configuration, for errors.

    Raises:
        FileNotFoundError: A glob matches nothing.
        ValueError: A file is empty, of unknown format, damaged, or lacks a column.
    """
    found = []
    for path in files.match(log.patterns, name, suffixes_of(log.format)):
        if not files.file_size(path):
            raise FileError(path, f" is empty; remove it or exclude it from {name}.files")
        file = _format(log, path, name).look_at(path, log)
        check_columns(file, fields, name)
        found.append(file)
    _check_late_columns(found, fields, name)
    return found


def check_columns(file: LogFile, fields: Sequence[Field], name: str) -> None:
    """Checks that a file has the columns of all fields, each once.

    Features may be absent from single files of JSON lines.

    Args:
        file: The file.
        fields: Fields that will be read.
        name: The log's name in the configuration, for errors.

    Raises:
        FileError: It lacks a column, or has one twice.
    """
    may_lack = FORMATS[file.format].names_by_row
    known = [*file.names, *file.path_columns]
    for field in fields:
        if not field.is_in_log:
            continue
        if file.names.count(field.column) > 1:
            raise FileError(
                file.path,
                f" has the column {field.column!r} twice (read as {field.key}); rename one of them "
                "where the file is written",
            )
        if field.column not in known and not (may_lack and (file.has_more or field.is_feature)):
            raise _without(file.path, field, known, name)


def _check_late_columns(found: Sequence[LogFile], fields: Sequence[Field], name: str) -> None:
    """Checks that each column is in some file, where files may lack it or name it late."""
    known = dict.fromkeys(name for file in found for name in (*file.names, *file.path_columns))
    late = {
        field.column: field for field in fields if field.is_in_log and field.column not in known
    }
    for file in found:
        file_format = FORMATS[file.format]
        if late and file.has_more and isinstance(file_format, JsonLinesFormat):
            for key in file_format.keys_in(file.path, late):
                del late[key]
    for field in late.values():
        paths = ", ".join(file.path for file in found[:3]) + (", ..." if len(found) > 3 else "")
        raise _without(paths, field, known, name)


def _without(path: str, field: Field, known: Iterable[str], name: str) -> FileError:
    names = list(known)
    has = f"it has {', '.join(names)}" if names else "it has none"
    advice = f"Set {name}.columns or the feature's `column`"
    if field.key == "category" and field.is_feature:
        advice = f'Set {name}.columns.category, to "" if it has none'
    for sign in _DELIMITERS:
        if len(names) == 1 and sign in names[0]:
            advice = f"Set {name}.delimiter to {sign!r}"
    return FileError(
        path, f" has no column {field.column!r} (read as {field.key}); {has}. {advice}"
    )


def read_tasks(file: LogFile, log: LogConfig) -> Iterator[ReadTask]:
    """Yields the parts of a file that can be read in parallel.

    Raises:
        FileError: The file cannot be read.
    """
    for piece in FORMATS[file.format].pieces(file.path, log):
        yield ReadTask(file, piece)


def read_blocks(
    task: ReadTask,
    log: LogConfig,
    fields: Sequence[Field],
    categories: ItemCategories | None = None,
) -> Iterator[LogBatch]:
    """Reads part of a file.

    Args:
        task: The part.
        log: Its log.
        fields: Fields to read.
        categories: Those of the item table, if a field is `of_item`.

    Yields:
        Blocks of at most some hundred thousand rows.

    Raises:
        FileError: The file, or a column's type, cannot be read at all.
    """
    try:
        for raw in read_rows(task, log, fields):
            yield parse_rows(raw, task.file, log, fields, categories)
    except FileError:
        raise
    except (pa.ArrowException, ValueError, TypeError, OSError) as error:
        raise FileError(task.file.path, f": {error}") from error


def read_rows(task: ReadTask, log: LogConfig, fields: Sequence[Field]) -> Iterator[RawBatch]:
    """Reads part of a file as written, with the columns that its folders tell.

    Args:
        task: The part.
        log: Its log.
        fields: Fields whose columns to read.

    Yields:
        At most some hundred thousand rows.

    Raises:
        ValueError: The file cannot be read.
        OSError: Likewise.
    """
    file = task.file
    for raw in FORMATS[file.format].read(file, task.piece, log, columns_within(file, fields)):
        add_path_columns(raw, file, fields)
        yield raw


def read_all(
    log: LogConfig, fields: Sequence[Field], name: str, categories: ItemCategories | None = None
) -> Iterator[LogBatch]:
    """Reads a whole log in this process; the arguments are those of `log_files` and `read_blocks`."""
    for file in log_files(log, fields, name):
        for task in read_tasks(file, log):
            yield from read_blocks(task, log, fields, categories)


def columns_within(file: LogFile, fields: Sequence[Field]) -> list[str]:
    """Returns the columns of fields that are read from the file itself, each once."""
    columns = dict.fromkeys(field.column for field in fields if field.is_in_log)
    if FORMATS[file.format].names_by_row:
        return list(columns)
    return [column for column in columns if column not in file.path_columns]


def add_path_columns(raw: RawBatch, file: LogFile, fields: Sequence[Field]) -> None:
    """Adds the columns that a file's folders tell, where its rows do not have them.

    Args:
        raw: Rows of the file.
        file: The file.
        fields: Fields to read.
    """
    for name, value in file.path_columns.items():
        if name not in raw.columns and any(field.column == name for field in fields):
            raw.columns[name] = _constant(value, len(raw.rows))


def _constant(value: str | None, count: int) -> pa.Array:
    if value is None:
        return pa.nulls(count)
    return pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), [value])


def _format(log: LogConfig, path: str, name: str) -> Format:
    if log.format != "auto":
        return FORMATS[log.format]
    found = FORMATS["parquet"] if text_source.is_parquet(path) else format_of(path)
    if found is None:
        raise FileError(
            path, f": the suffix tells no format; set {name}.format to {', '.join(FORMATS)}"
        )
    return found
