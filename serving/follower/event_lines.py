"""Turns lines of the behaviour log into events of the store, and sets unusable lines aside."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from lifelong.data.columns import Columns
from lifelong.data.keys import event_column
from lifelong.data.logs import text_lines, text_source
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import Field
from lifelong.data.logs.format import LogFile, TextFormat
from lifelong.data.logs.item_categories import ItemCategories
from lifelong.data.logs.parsing import parse_rows
from lifelong.data.logs.reading import add_path_columns, check_columns, columns_within
from lifelong.data.logs.rows import BadRow, LogBatch
from lifelong.serving.follower.chunk import LONGEST_LINE, Chunk

TOO_LONG = f"longer than {LONGEST_LINE >> 20} MiB"
UNFINISHED = "the last line has no end"
_LOG = "behaviors"
# Characters of a bad line that are kept.
_LONGEST_TEXT = 10_000


@dataclasses.dataclass(frozen=True)
class BadLine:
    """A line that is no event.

    Attributes:
        file: Path of its file.
        line: Its number, counted from 1.
        offset: Byte of the file at which it begins.
        reason: What is wrong with it.
        text: The line; only its beginning if it is too long.
    """

    file: str
    line: int
    offset: int
    reason: str
    text: str


@dataclasses.dataclass(frozen=True)
class ParsedChunk:
    """What lines gave.

    Attributes:
        events: Columns `[E]` as `BehaviorStore.append` takes them; without columns if E is 0.
        bad: Lines that are no events.
        missing: How many values of event features were missing, by feature.
    """

    events: Columns
    bad: list[BadLine]
    missing: collections.Counter[str]

    @property
    def count(self) -> int:
        """Number of events."""
        return len(self.events["item"]) if self.events else 0


class EventLines:
    """Reads lines as BehaviorExampleGen reads the behaviour log, so that ids and times agree.

    Args:
        log: The behaviour log's columns and how it is written.
        fields: Its fields.
        file_format: Of the lines.
        categories: Those of the item table, if the log has none.
    """

    def __init__(
        self,
        log: LogConfig,
        fields: Sequence[Field],
        file_format: TextFormat,
        categories: ItemCategories | None = None,
    ) -> None:
        self._log = log
        self._fields = fields
        self._format = file_format
        self._categories = categories

    def parse(self, chunk: Chunk) -> ParsedChunk:
        """Parses lines; none of them makes it fail.

        Raises:
            ValueError: The header of a CSV file lacks a column.
        """
        file = self._file(chunk)
        if chunk.too_long:
            return self._result(chunk, [_bad_batch(chunk.name, chunk.first, TOO_LONG, chunk.data)])
        lines = text_lines.to_lines(chunk.first, chunk.data)
        return self._result(chunk, self._parse(lines, file))

    def _file(self, chunk: Chunk) -> LogFile:
        head = chunk.opening[: text_source.HEAD_BYTES]
        text_source.check_appended(chunk.name, head)
        opening = text_lines.decode_row(chunk.opening)
        names = self._format.names_told_by(chunk.name, opening, self._log)
        file = LogFile(chunk.name, self._format.name, tuple(names or ()))
        if names is not None:
            check_columns(file, self._fields, _LOG)
        return file

    def _parse(self, lines: text_lines.Lines, file: LogFile) -> list[LogBatch]:
        wanted = columns_within(file, self._fields)
        try:
            raw = self._format.parse(lines, file.names, self._log, wanted)
            add_path_columns(raw, file, self._fields)
            return [parse_rows(raw, file, self._log, self._fields, self._categories)]
        except (pa.ArrowException, ValueError, TypeError) as caught:
            error = str(caught)
        # Some row makes all of them unreadable: halves are read until it stands alone.
        middle = self._format.end_of_rows(self._log, lines.data, lines.count // 2)
        # Behind a quote that is never closed, the next line begins a row.
        middle = middle or text_lines.end_of_lines(lines.data, 1)
        if middle == len(lines.data):
            return [_bad_batch(file.path, lines.first, error, lines.data)]
        first, second = lines.data[:middle], lines.data[middle:]
        line = lines.first + text_lines.count_lines(first)
        return [
            *self._parse(text_lines.Lines(lines.first, first, lines.decodable), file),
            *self._parse(text_lines.Lines(line, second, lines.decodable), file),
        ]

    def _result(self, chunk: Chunk, batches: list[LogBatch]) -> ParsedChunk:
        blocks = [batch.block for batch in batches if batch.block]
        ends = np.flatnonzero(np.frombuffer(chunk.data, np.uint8) == ord("\n"))
        starts = [chunk.offset, *(chunk.offset + ends + 1).tolist()]
        is_whole = chunk.too_long or chunk.data.endswith(b"\n")
        unfinished = -1 if is_whole else chunk.first + len(ends)
        return ParsedChunk(
            events={
                event_column(field.key): np.concatenate([block[field.key] for block in blocks])
                for field in self._fields
            }
            if blocks
            else {},
            bad=[
                BadLine(
                    file=row.file,
                    line=row.row,
                    offset=starts[row.row - chunk.first],
                    reason=f"{row.reason}; {UNFINISHED}" if row.row == unfinished else row.reason,
                    text=row.text[:_LONGEST_TEXT],
                )
                for batch in batches
                for row in batch.bad
            ],
            missing=sum((batch.missing for batch in batches), collections.Counter()),
        )


def _bad_batch(path: str, line: int, reason: str, data: bytes) -> LogBatch:
    text = data[:_LONGEST_TEXT].decode(errors="replace").rstrip("\r\n")
    return LogBatch({}, [BadRow(path, line, reason, text)], collections.Counter())
