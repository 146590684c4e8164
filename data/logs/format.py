"""What a format of logs has to know: its columns' names, its pieces, and how to read one of them."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterator, Sequence
from typing import ClassVar

from lifelong.data.logs import text_lines
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.rows import RawBatch


@dataclasses.dataclass(frozen=True)
class LogFile:
    """One file of a log, known to have the columns that are to be read.

    Attributes:
        path: Where it lies.
        format: Name of its format.
        names: Its columns; for JSON lines the keys of its first lines.
    """

    path: str
    format: str
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Piece:
    """Part of a file that one worker reads.

    Attributes:
        lines: Its lines (CSV and JSON lines).
        row_group: Its row group (Parquet).
        first_row: Number of the row group's first row (Parquet).
    """

    lines: text_lines.ByteRange | None = None
    row_group: int = 0
    first_row: int = 1


class Format(abc.ABC):
    """A format of logs.

    Attributes:
        name: As the configuration calls it.
        suffixes: With which files of this format end, before that of a compression.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def names(self, path: str, log: LogConfig) -> list[str]:
        """Returns the names of a file's columns.

        Raises:
            ValueError: The file is not of this format.
        """

    @abc.abstractmethod
    def pieces(self, path: str) -> Iterator[Piece]:
        """Yields the parts of a file that can be read in parallel."""

    @abc.abstractmethod
    def read(
        self, file: LogFile, piece: Piece, log: LogConfig, wanted: Sequence[str]
    ) -> Iterator[RawBatch]:
        """Yields the rows of part of a file, at most some hundred thousand at a time.

        Args:
            file: The file.
            piece: The part.
            log: Its log.
            wanted: Columns to read.

        Raises:
            ValueError: The part cannot be read at all.
        """


class TextFormat(Format):
    """A format whose rows are lines."""

    def pieces(self, path: str) -> Iterator[Piece]:
        """Yields ranges of whole lines."""
        for part in text_lines.byte_ranges(path):
            yield Piece(lines=part)

    def read(
        self, file: LogFile, piece: Piece, log: LogConfig, wanted: Sequence[str]
    ) -> Iterator[RawBatch]:
        """Yields the rows of some lines."""
        assert piece.lines is not None
        for lines in text_lines.read_lines(file.path, piece.lines):
            yield self.parse(lines, file.names, log, wanted)

    @abc.abstractmethod
    def names_told_by(self, first_line: str, log: LogConfig) -> list[str] | None:
        """Returns the names of the columns, as far as a file's first line tells them.

        Args:
            first_line: The line, without a byte order mark.
            log: The file's log.

        Returns:
            All names; None where each row has names of its own.
        """

    @abc.abstractmethod
    def parse(
        self, lines: text_lines.Lines, names: Sequence[str], log: LogConfig, wanted: Sequence[str]
    ) -> RawBatch:
        """Parses lines of a file.

        Args:
            lines: The lines; what is no row among them, such as a header, is left out.
            names: All columns of the file.
            log: Its log.
            wanted: Columns to read.

        Raises:
            ValueError: The lines cannot be parsed at all.
        """
