"""Reads CSV: every column as text, one row a line."""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv

from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.format import TextFormat
from lifelong.data.logs.rows import RawBatch
from lifelong.data.logs.text_lines import Lines, first_line

WRONG_COLUMNS = "wrong number of columns"
OPEN_QUOTE = "unclosed quote (a row must be one line)"


class CsvFormat(TextFormat):
    """CSV, with a header line or without; a row is one line."""

    name = "csv"
    suffixes = (".csv", ".tsv")

    def names(self, path: str, log: LogConfig) -> list[str]:
        """Returns the configured names, or those in the header line."""
        return self.names_told_by("" if log.column_names else first_line(path), log)

    def names_told_by(self, first_line: str, log: LogConfig) -> list[str]:
        """Returns the configured names, or those in the header line."""
        if log.column_names:
            return list(log.column_names)
        header = next(csv.reader([first_line], delimiter=log.delimiter), [])
        return [name.strip() for name in header]

    def parse(
        self, lines: Lines, names: Sequence[str], log: LogConfig, wanted: Sequence[str]
    ) -> RawBatch:
        """Parses lines; blank ones become rows of empty text."""
        is_header = lines.first == 1 and not log.column_names
        return _parse(lines, names, wanted, log.delimiter, skip=int(is_header))


def _parse(
    lines: Lines, names: Sequence[str], wanted: Sequence[str], delimiter: str, skip: int = 0
) -> RawBatch:
    """Parses lines; blank ones become rows of empty text.

    Args:
        lines: Whole lines of a file.
        names: All columns of the file, in order.
        wanted: Columns to read.
        delimiter: Character between columns.
        skip: Lines to leave out at the start (a header).

    Raises:
        ValueError: The line ends are inconsistent.
    """
    table, wrong = _read(lines.data, names, wanted, delimiter)
    open_lines: list[int] = []
    last = lines.data.rstrip(b"\r\n").rsplit(b"\n", 1)[-1].decode()
    # A quote that is never closed swallows the lines after it, so that rows are fewer than lines.
    if table.num_rows + len(wrong) != lines.count or _is_open(last, delimiter):
        open_lines = [i for i, text in enumerate(lines.texts) if _is_open(text, delimiter)]
        blanked = list(lines.texts)
        for index in open_lines:
            blanked[index] = ""
        data = "".join(f"{text}\n" for text in blanked).encode()
        table, wrong = _read(data, names, wanted, delimiter)
        if table.num_rows + len(wrong) != lines.count:
            raise ValueError(
                f"lines {lines.first} to {lines.first + lines.count - 1}: rows and lines do not "
                "correspond; end every line with \\n or \\r\\n"
            )
    is_row = np.ones(lines.count, bool)
    is_row[wrong] = False
    indices = np.flatnonzero(is_row)
    if skip or open_lines:
        is_row[:skip] = False
        is_row[open_lines] = False
        table = table.filter(pa.array(is_row[indices]))
        indices = np.flatnonzero(is_row)
    reasons = dict.fromkeys(wrong, WRONG_COLUMNS) | dict.fromkeys(open_lines, OPEN_QUOTE)
    return RawBatch(
        columns={name: table[name].combine_chunks() for name in wanted},
        rows=lines.first + indices,
        text=lambda i: lines.texts[indices[i]],
        bad=[
            (lines.first + index, reason, lines.texts[index])
            for index, reason in sorted(reasons.items())
            if index >= skip
        ],
        decodable=lines.decodable,
    )


def _read(
    data: bytes, names: Sequence[str], wanted: Sequence[str], delimiter: str
) -> tuple[pa.Table, list[int]]:
    """Returns the rows and the indices of lines with another number of columns."""
    wrong: list[int] = []

    def note(row: pyarrow.csv.InvalidRow) -> str:
        wrong.append(row.number - 1)
        return "skip"

    table = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        # One thread: only then are rows numbered.
        pyarrow.csv.ReadOptions(
            column_names=names, use_threads=False, block_size=max(len(data), 1) + 1
        ),
        pyarrow.csv.ParseOptions(
            delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=note
        ),
        pyarrow.csv.ConvertOptions(
            include_columns=list(wanted), column_types=dict.fromkeys(wanted, pa.string())
        ),
    )
    return table, wrong


def _is_open(line: str, delimiter: str) -> bool:
    return '"' in line and not _closed_line(delimiter).fullmatch(line)


@functools.cache
def _closed_line(delimiter: str) -> re.Pattern[str]:
    other = f"[^{re.escape(delimiter)}]*"
    plain = f'(?!"){other}'
    field = f'(?:"(?:[^"]|"")*"(?!"){other}|{plain})'
    return re.compile(f"{field}(?:{re.escape(delimiter)}{field})*")
