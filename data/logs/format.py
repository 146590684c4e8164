"""What a format of logs has to know: its columns' names, its pieces, and how to read one of them."""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import ClassVar

from lifelong.data.logs import files, text_lines
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.rows import RawBatch


@dataclasses.dataclass(frozen=True)
class LogFile:
    """One file of a log.

    Attributes:
        path: Where it lies.
        format: Name of its format.
        names: Its columns, in order; for JSON lines the keys of its first lines.
        has_more: Whether later lines may name more columns (JSON lines).
    """

    path: str
    format: str
    names: tuple[str, ...]
    has_more: bool = False

    @property
    def path_columns(self) -> dict[str, str | None]:
        """Values of the columns that its folders tell and the file does not have, by name."""
        told = files.path_columns(self.path)
        return {name: value for name, value in told.items() if name not in self.names}


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
        names_by_row: Whether each row has names of its own.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    names_by_row: ClassVar[bool] = False

    @abc.abstractmethod
    def look_at(self, path: str, log: LogConfig) -> LogFile:
        """Returns a file with its columns.

        Raises:
            FileError: The file is not of this format.
        """

    @abc.abstractmethod
    def pieces(self, path: str, log: LogConfig) -> Iterator[Piece]:
        """Yields the parts of a file that can be read in parallel.

        Raises:
            FileError: The file cannot be read.
        """

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

    def pieces(self, path: str, log: LogConfig) -> Iterator[Piece]:
        """Yields ranges of whole rows."""
        end_of_rows = functools.partial(self.end_of_rows, log)
        for part in text_lines.byte_ranges(path, end_of_rows=end_of_rows):
            yield Piece(lines=part)

    def read(
        self, file: LogFile, piece: Piece, log: LogConfig, wanted: Sequence[str]
    ) -> Iterator[RawBatch]:
        """Yields the rows of some lines."""
        assert piece.lines is not None
        end_of_rows = functools.partial(self.end_of_rows, log)
        for lines in text_lines.read_lines(file.path, piece.lines, end_of_rows=end_of_rows):
            yield self.parse(lines, file.names, log, wanted)

    def end_of_rows(self, log: LogConfig, data: bytes, limit: int | None = None) -> int:
        """Returns where the last whole row ends in lines that begin with a row.

        Args:
            log: Their log.
            data: The lines.
            limit: Most lines up to there, if the first row has no more than that.

        Returns:
            The byte after that row; 0 if no row ends there.
        """
        return text_lines.end_of_lines(data, limit)

    @abc.abstractmethod
    def names_told_by(self, path: str, first_row: str, log: LogConfig) -> list[str] | None:
        """Returns the names of the columns, as far as a file's first row tells them.

        Args:
            path: The file.
            first_row: The row, without a byte order mark and without its end.
            log: The file's log.

        Returns:
            All names; None where each row has names of its own.

        Raises:
            FileError: It is no row of this format.
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
