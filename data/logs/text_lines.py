"""Cuts text files into ranges and blocks that end at line ends, and knows their line numbers."""

from __future__ import annotations

import codecs
import dataclasses
import functools
from collections.abc import Callable, Iterator

from lifelong.data.logs import files

RANGE_BYTES = 32 * 2**20
BLOCK_BYTES = 4 * 2**20


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


def byte_ranges(path: str, size: int = RANGE_BYTES) -> Iterator[ByteRange]:
    """Yields ranges of whole lines, about `size` bytes each; a compressed file is one range.

    The lines of a large file are counted on the way: far cheaper than parsing them.
    """
    if files.is_compressed(path) or files.file_size(path) <= size:
        yield ByteRange(0, -1, 1)
        return
    start, line = 0, 1
    with files.open_file(path) as stream:
        for data in _whole_lines(stream.read, size):
            yield ByteRange(start, start + len(data), line)
            start, line = start + len(data), line + count_lines(data)


def read_lines(path: str, part: ByteRange, size: int = BLOCK_BYTES) -> Iterator[Lines]:
    """Yields the lines of a range in blocks of about `size` bytes."""
    if part.start == 0 and part.end < 0:
        stream, remaining = files.open_stream(path), None
    else:
        stream, remaining = files.open_file(path), part.end - part.start
        stream.seek(part.start)
    line = part.first_line
    with stream:

        def read(count: int) -> bytes:
            nonlocal remaining
            if remaining is None:
                return stream.read(count)
            data = stream.read(min(count, remaining))
            remaining -= len(data)
            return data

        for data in _whole_lines(read, size):
            yield to_lines(line, data)
            line += count_lines(data)


def first_line(path: str) -> str:
    """Returns a file's first line, without a byte order mark."""
    with files.open_stream(path) as stream:
        for data in _whole_lines(stream.read, 2**16):
            return data.split(b"\n", 1)[0].decode("utf-8-sig", "replace").rstrip("\r")
    return ""


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


def _whole_lines(read: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    rest: list[bytes] = []
    while data := read(size):
        end = data.rfind(b"\n") + 1
        if not end:
            rest.append(data)
            continue
        yield b"".join([*rest, data[:end]])
        rest = [data[end:]] if end < len(data) else []
    if rest:
        yield b"".join(rest)
