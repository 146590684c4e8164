"""Reads CSV: every column as text; rows and quotes are those of RFC 4180."""

from __future__ import annotations

import csv
import functools
import io
import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from lifelong.data.logs import text_lines
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.file_error import FileError
from lifelong.data.logs.format import LogFile, TextFormat
from lifelong.data.logs.quoting import rows_of
from lifelong.data.logs.rows import RawBatch
from lifelong.data.logs.text_lines import Lines

WRONG_COLUMNS = "wrong number of columns"
OPEN_QUOTE = "unclosed quote"
# The separators of ASCII and other bytes that text does not have.
_CONTROLS = (*range(0x1F, 0x0D, -1), *range(1, 9))
BARE_RETURN = "carriage return within a line (end lines with \\n or \\r\\n)"


class CsvFormat(TextFormat):
    """CSV, with a header or without."""

    name = "csv"
    suffixes = (".csv", ".tsv")

    def look_at(self, path: str, log: LogConfig) -> LogFile:
        """Returns a file with the configured names, or those in its header."""
        end_of_rows = functools.partial(self.end_of_rows, log, limit=1)
        first_row = text_lines.first_row(path, end_of_rows)
        return LogFile(path, self.name, tuple(self.names_told_by(path, first_row, log)))

    def end_of_rows(self, log: LogConfig, data: bytes, limit: int | None = None) -> int:
        """Returns where the last whole row ends: never within a quoted field."""
        if b'"' not in data:
            return text_lines.end_of_lines(data, limit)
        rows = rows_of(data, log.delimiter.encode(), is_last=False)
        if limit is None or not len(rows.starts):
            return rows.end
        count = data.count(b"\n", 0, rows.end)
        ends = np.append(rows.starts[1:], count)
        rows_within = int(np.searchsorted(ends, limit, side="right"))
        lines = ends[max(rows_within - 1, 0)]
        return text_lines.end_of_lines(data, int(lines))

    def names_told_by(self, path: str, first_row: str, log: LogConfig) -> list[str]:
        """Returns the configured names, or those in the header."""
        if log.column_names:
            return list(log.column_names)
        if not first_row.strip():
            raise FileError(
                path, " has no header: its first line is blank; write one or set `column_names`"
            )
        if first_row.lstrip().startswith(('{"', "[{", "[[")):
            raise FileError(path, " holds JSON, not CSV; set `format` to jsonl")
        data, sign = _with_one_sign(first_row.encode(), log.delimiter)
        try:
            lines = io.StringIO(data.decode(), newline="")
            header, *others = csv.reader(lines, delimiter=sign, strict=True)
        except csv.Error:
            others = [[]]
        if others:
            raise FileError(
                path,
                f": the header cannot be read: {first_row[:100]!r}; it must be one row of names, "
                "quotes must be closed and lines end with \\n or \\r\\n",
            )
        return [name.replace(sign, log.delimiter).strip() for name in header]

    def parse(
        self, lines: Lines, names: Sequence[str], log: LogConfig, wanted: Sequence[str]
    ) -> RawBatch:
        """Parses lines; blank ones become rows of empty text."""
        has_header = lines.first == 1 and not log.column_names
        return _parse(lines, names, wanted, log.delimiter, skip=int(has_header))


class _Parsed(NamedTuple):
    """The rows of some lines.

    Attributes:
        table: The wanted columns of the rows that have all columns.
        starts: int64 `[r]`, index of the first line of every row.
        reasons: What is wrong with the other rows, by index.
    """

    table: pa.Table
    starts: np.ndarray
    reasons: dict[int, str]


def _parse(
    lines: Lines, names: Sequence[str], wanted: Sequence[str], delimiter: str, skip: int = 0
) -> RawBatch:
    """Parses lines; blank ones become rows of empty text.

    Args:
        lines: Whole rows of a file.
        names: All columns of the file, in order.
        wanted: Columns to read.
        delimiter: What stands between columns.
        skip: Rows to leave out at the start (a header).
    """
    found = _parse_lines(lines, names, wanted, delimiter)
    if found is None:
        found = _parse_rows(lines, names, wanted, delimiter)
    is_row = np.ones(len(found.starts), bool)
    is_row[list(found.reasons)] = False
    table = found.table
    indices = np.flatnonzero(is_row)
    if skip:
        table = table.slice(int(is_row[:skip].sum()))
        is_row[:skip] = False
        indices = np.flatnonzero(is_row)

    def text(row: int) -> str:
        end = found.starts[row + 1] if row + 1 < len(found.starts) else lines.count
        return "\n".join(lines.texts[found.starts[row] : end])

    return RawBatch(
        columns={name: table[name].combine_chunks() for name in wanted},
        rows=lines.first + found.starts[indices],
        text=lambda i: text(indices[i]),
        bad=[
            (int(lines.first + found.starts[row]), reason, text(row))
            for row, reason in sorted(found.reasons.items())
            if row >= skip
        ],
        decodable=lines.decodable,
    )


def _parse_lines(
    lines: Lines, names: Sequence[str], wanted: Sequence[str], delimiter: str
) -> _Parsed | None:
    """Parses lines, each of which is a row; None if they are not, or a line may be none."""
    data = lines.data
    if data.count(b"\r") != data.count(b"\r\n"):
        return None
    last = data[data.rfind(b"\n", 0, len(data) - 1) + 1 :]
    if b'"' in last and rows_of(last, delimiter.encode()).open_lines:
        return None
    table, wrong = _read(data, names, wanted, delimiter)
    # A quoted field that spans lines makes rows fewer than lines.
    if table.num_rows + len(wrong) != lines.count:
        return None
    return _Parsed(table, np.arange(lines.count), dict.fromkeys(wrong, WRONG_COLUMNS))


def _parse_rows(
    lines: Lines, names: Sequence[str], wanted: Sequence[str], delimiter: str
) -> _Parsed:
    """Parses lines of which some form rows together, or cannot be read."""
    data = lines.data
    rows = rows_of(data, delimiter.encode())
    reasons = dict.fromkeys(np.searchsorted(rows.starts, rows.open_lines).tolist(), OPEN_QUOTE)
    has_bare_returns = data.count(b"\r") != data.count(b"\r\n")
    if reasons or has_bare_returns:
        parts = data.split(b"\n")
        bounds = [*rows.starts.tolist(), lines.count]
        texts = [b"\n".join(parts[a:b]) for a, b in itertools.pairwise(bounds)]
        if has_bare_returns:
            bare = _bare_returns(texts, delimiter.encode())
            reasons = dict.fromkeys(bare, BARE_RETURN) | reasons
        # What cannot be read must not disturb the rows around it.
        for row in reasons:
            texts[row] = b""
        data = b"\n".join([*texts, b""])
    table, wrong = _read(data, names, wanted, delimiter, spans_lines=True)
    is_read = np.ones(len(rows.starts), bool)
    is_read[wrong] = False
    if table.num_rows != is_read.sum():
        raise ValueError(
            f"the rows in lines {lines.first} to {lines.first + lines.count - 1} cannot be told "
            "apart; end every line with \\n or \\r\\n and quote what has delimiters in it"
        )
    is_good = is_read.copy()
    is_good[list(reasons)] = False
    return _Parsed(
        table.filter(pa.array(is_good[is_read])),
        rows.starts,
        dict.fromkeys(wrong, WRONG_COLUMNS) | reasons,
    )


def _bare_returns(texts: Sequence[bytes], delimiter: bytes) -> list[int]:
    """Returns the rows with a carriage return outside quotes that does not end their line."""
    quoted = re.compile(rb'(?:^|(?<=%s))"(?:[^"]|"")*"' % re.escape(delimiter))
    return [
        row
        for row, text in enumerate(texts)
        if b"\r" in text[:-1] and b"\r" in quoted.sub(b"", text.removesuffix(b"\r"))
    ]


def _read(
    data: bytes,
    names: Sequence[str],
    wanted: Sequence[str],
    delimiter: str,
    spans_lines: bool = False,
) -> tuple[pa.Table, list[int]]:
    """Returns the rows and the indices of rows with another number of columns."""
    wrong: list[int] = []

    def note(row: pyarrow.csv.InvalidRow) -> str:
        wrong.append(row.number - 1)
        return "skip"

    data, sign = _with_one_sign(data, delimiter)
    table = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        # One thread: only then are rows numbered.
        pyarrow.csv.ReadOptions(
            column_names=names, use_threads=False, block_size=max(len(data), 1) + 1
        ),
        pyarrow.csv.ParseOptions(
            delimiter=sign,
            ignore_empty_lines=False,
            newlines_in_values=spans_lines,
            invalid_row_handler=note,
        ),
        pyarrow.csv.ConvertOptions(
            include_columns=list(wanted), column_types=dict.fromkeys(wanted, pa.string())
        ),
    )
    if sign != delimiter and b'"' in data:
        # Within quotes, it is text.
        restored = [pc.replace_substring(column, sign, delimiter) for column in table.columns]
        table = pa.table(restored, table.column_names)
    return table, wrong


def _with_one_sign(data: bytes, delimiter: str) -> tuple[bytes, str]:
    """Returns rows with a single byte between columns, as PyArrow needs it, and that byte."""
    if len(delimiter.encode()) == 1:
        return data, delimiter
    sign = next((chr(code) for code in _CONTROLS if code not in data), None)
    if sign is None:
        raise ValueError(f"delimiter {delimiter!r} cannot be used: the text has every control byte")
    return data.replace(delimiter.encode(), sign.encode()), sign
