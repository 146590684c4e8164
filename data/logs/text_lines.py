"""Cuts text files into ranges and blocks that end where rows end, and knows their line numbers."""

from __future__ import annotations

import codecs
import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator

import numpy as np

from lifelong.data.logs import files, text_source

RANGE_BYTES = 32 * 2**20
BLOCK_BYTES = 4 * 2**20

# Returns where the last row ends whose end is there; 0 if there is none.
EndOfRows = Callable[[bytes], int]


@dataclasses.dataclass(frozen=True)
class Lines:
    """Whole lines of a file.

    Attributes:
        first: Number of the first line, counted from 1.
        data: The lines, valid UTF-8.
        decodable: Whether the file's own bytes were valid UTF-8; if not, U+FFFD stands for the
            bytes that were not.
    """

    first: int
    data: bytes
    decodable: bool

    @functools.cached_property
    def count(self) -> int:
        """Number of lines."""
        return count_lines(self.data)

    @functools.cached_property
    def texts(self) -> list[str]:
        """All lines without their ends; made only where a row has to be shown or read singly."""
        lines = self.data.decode().split("\n")
        return [line.rstrip("\r") for line in lines[: self.count]]


@dataclasses.dataclass(frozen=True)
class ByteRange:
    """Part of a text file.

    Attributes:
        start: First byte.
        end: Byte after the last; -1 is the file's end.
        first_line: Number of the first line, counted from 1.
    """

    start: int
    end: int
    first_line: int


WHOLE_FILE = ByteRange(0, -1, 1)


def end_of_lines(data: bytes, limit: int | None = None) -> int:
    """Returns where the last whole line ends, or the `limit`-th; 0 if there is no whole line."""
    if limit is None or data.count(b"\n") <= limit:
        return data.rfind(b"\n") + 1
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    return int(ends[limit - 1]) + 1


def byte_ranges(
    path: str, size: int = RANGE_BYTES, end_of_rows: EndOfRows = end_of_lines
) -> Iterator[ByteRange]:
    """Yields ranges of whole rows, about `size` bytes each; what is read from its start is one.

    The lines of a large file are counted on the way: far cheaper than parsing them.

    Raises:
        FileError: The file is no text, or is damaged.
    """
    kind = text_source.kind_of(path)
    if not kind.is_plain or files.file_size(path) <= size:
        yield WHOLE_FILE
        return
    start, end, first_line, line = 0, 0, 1, 1
    block = min(size, BLOCK_BYTES)
    with text_source.open_text(path, kind) as source:
        for data in _whole_rows(source.read, block, end_of_rows):
            end, line = end + len(data), line + count_lines(data)
            if end - start > size - block:
                yield ByteRange(start, end, first_line)
                start, first_line = end, line
    if end > start:
        yield ByteRange(start, end, first_line)


def read_lines(
    path: str,
    part: ByteRange,
    size: int = BLOCK_BYTES,
    end_of_rows: EndOfRows = end_of_lines,
) -> Iterator[Lines]:
    """Yields the lines of a range in blocks of whole rows of about `size` bytes.

    Raises:
        FileError: The file is no text, or is damaged.
    """
    line = part.first_line
    with contextlib.ExitStack() as opened:
        if part == WHOLE_FILE:
            read = opened.enter_context(text_source.open_text(path)).read
        else:
            read = opened.enter_context(_open_range(path, part))
        for data in _whole_rows(read, size, end_of_rows):
            yield to_lines(line, data)
            line += count_lines(data)


def first_row(path: str, end_of_rows: EndOfRows) -> str:
    """Returns a file's first row without its end and without a byte order mark; empty: none.

    Args:
        path: The file.
        end_of_rows: Where the first row ends in what is there.

    Raises:
        FileError: The file is no text, or is damaged.
    """
    with text_source.open_text(path) as source:
        for data in _whole_rows(source.read, text_source.HEAD_BYTES, end_of_rows):
            return decode_row(data)
    return ""


def decode_row(data: bytes) -> str:
    """Returns a file's first row as text, without its end and without a byte order mark."""
    return data.decode("utf-8-sig", "replace").rstrip("\r\n")


def to_lines(first: int, data: bytes) -> Lines:
    """Makes lines of a file's bytes.

    Args:
        first: Number of the first line, counted from 1; before that one, a byte order mark is left
            out.
        data: Whole lines.
    """
    if first == 1:
        data = data.removeprefix(codecs.BOM_UTF8)
    try:
        data.decode()
    except UnicodeDecodeError:
        return Lines(first, data.decode(errors="replace").encode(), False)
    return Lines(first, data, True)


def count_lines(data: bytes) -> int:
    """Returns the number of lines; the last one need not be ended."""
    return data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))


@contextlib.contextmanager
def _open_range(path: str, part: ByteRange) -> Iterator[Callable[[int], bytes]]:
    with files.open_file(path) as file:
        file.seek(part.start)
        remaining = part.end - part.start

        def read(count: int) -> bytes:
            nonlocal remaining
            data = file.read(min(count, remaining))
            remaining -= len(data)
            return data

        yield read


def _whole_rows(read: Callable[[int], bytes], size: int, end_of_rows: EndOfRows) -> Iterator[bytes]:
    rest: list[bytes] = []
    while data := read(size):
        rest.append(data)
        if b"\n" not in data:
            continue
        joined = b"".join(rest)
        end = end_of_rows(joined)
        if end:
            yield joined[:end]
        rest = [joined[end:]] if end < len(joined) else []
    if rest:
        yield b"".join(rest)
