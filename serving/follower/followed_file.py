"""One open file that grows: whole rows from a position on."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path

from lifelong.data.logs import text_source
from lifelong.data.logs.text_lines import end_of_lines
from lifelong.serving.follower.chunk import (
    LONGEST_LINE,
    Chunk,
    EndOfRows,
    opening_of,
)
from lifelong.serving.follower.position import EDGE, Position


class FollowedFile:
    """A file that another process appends to.

    What was read is remembered by its first and last bytes, so that a file that was cut off or
    rewritten is noticed. The file stays open, and readable, when its path is given to another.

    Args:
        path: Where it lies now.
        max_lines: Most lines of a chunk.
        end_of_rows: Tells where rows end.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a regular file.
    """

    def __init__(self, path: Path, max_lines: int, end_of_rows: EndOfRows = end_of_lines) -> None:
        self.path = path
        self._max_lines = max_lines
        self._end_of_rows = end_of_rows
        # Opening a pipe would wait for its writer.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise ValueError(f"{path} is not a regular file; pipe it in and name it `-`")
        self.inode = status.st_ino
        self.restart()

    def restart(self) -> None:
        """Goes to the beginning of the file."""
        self._offset, self._line, self._inside = 0, 1, False
        self._head = self._tail = b""
        self._opening: bytes | None = None

    def go_to(self, position: Position) -> bool:
        """Goes to a position, if the file has the bytes that stood before it.

        Returns:
            Whether it has.
        """
        head, tail = self._edges(position.offset)
        if not position.matches(head, tail):
            return False
        self._offset, self._line, self._inside = position.offset, position.line, position.inside
        self._head, self._tail = head, tail
        return True

    def is_intact(self) -> bool:
        """Whether the bytes that were read are still there."""
        return self._edges(self._offset) == (self._head, self._tail)

    @property
    def offset(self) -> int:
        """Bytes read so far."""
        return self._offset

    @property
    def unread(self) -> int:
        """Bytes not read yet."""
        return max(os.fstat(self._descriptor).st_size - self._offset, 0)

    def read(self) -> Chunk | None:
        """Returns the next whole rows; None if there are none."""
        while data := self._pread(LONGEST_LINE, self._offset):
            if self._inside:
                end = data.find(b"\n") + 1
                self._advance(data[:end] if end else data, inside=not end)
                continue
            if end := self._end_of_rows(data, self._max_lines):
                return self._chunk(data[:end])
            if not self._offset and b"\n" not in data:
                # What has no line ends that are known is waited for in vain.
                text_source.check_appended(str(self.path), data[: text_source.HEAD_BYTES])
            return self._chunk(data, too_long=True) if len(data) == LONGEST_LINE else None
        return None

    def rest(self, is_final: bool) -> Chunk | None:
        """Returns the last row, which has no end; None if there is none.

        Behind a quote that is not closed, these are all lines up to the end.

        Args:
            is_final: Whether the row will never get one. If it may, the position stays before it.
        """
        data = b"" if self._inside else self._pread(LONGEST_LINE, self._offset)
        if not data:
            return None
        if is_final:
            return self._chunk(data)
        return Chunk(str(self.path), self._first_row(), data, self._line, self._offset)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def _chunk(self, data: bytes, too_long: bool = False) -> Chunk:
        opening, first, offset = self._first_row(), self._line, self._offset
        self._advance(data, inside=too_long)
        return Chunk(str(self.path), opening, data, first, offset, self._position(), too_long)

    def _first_row(self) -> bytes:
        if self._opening is None:
            data = self._pread(LONGEST_LINE, 0)
            opening = opening_of(data, self._end_of_rows)
            if not self._end_of_rows(data, 1):
                return opening  # it may go on
            self._opening = opening
        return self._opening

    def _advance(self, data: bytes, inside: bool) -> None:
        self._offset += len(data)
        self._line += data.count(b"\n")
        self._inside = inside
        self._head = (self._head + data[:EDGE])[:EDGE]
        self._tail = (self._tail + data[-EDGE:])[-EDGE:]

    def _position(self) -> str:
        head, tail = zlib.crc32(self._head), zlib.crc32(self._tail)
        return Position(self.inode, self._offset, self._line, head, tail, self._inside).to_text()

    def _edges(self, offset: int) -> tuple[bytes, bytes]:
        size = min(offset, EDGE)
        return self._pread(size, 0), self._pread(size, offset - size)

    def _pread(self, size: int, offset: int) -> bytes:
        return os.pread(self._descriptor, size, offset)
