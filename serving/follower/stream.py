"""Whole rows of a stream: standard input, a pipe."""

from __future__ import annotations

import math
import os
import select

from lifelong.data.logs.text_lines import end_of_lines
from lifelong.serving.follower.chunk import (
    LONGEST_LINE,
    Chunk,
    EndOfRows,
    opening_of,
)


class StreamLines:
    """The lines that a file descriptor gives; it cannot be read again.

    Args:
        descriptor: Open for reading.
        name: What to call it in messages.
        max_lines: Most lines of a chunk.
        wait_s: Longest time that `next` waits for something to read.
        end_of_rows: Tells where rows end.
    """

    unread = 0

    def __init__(
        self,
        descriptor: int,
        name: str,
        max_lines: int,
        wait_s: float,
        end_of_rows: EndOfRows = end_of_lines,
    ) -> None:
        self.ended = False
        self._descriptor = descriptor
        self._name = name
        self._max_lines = max_lines
        self._wait_s = wait_s
        self._end_of_rows = end_of_rows
        self._data = b""
        self._offset, self._line, self._inside = 0, 1, False
        self._opening: bytes | None = None
        self._at_end = False
        self._given: Chunk | None = None
        self._again: Chunk | None = None

    def resume(self, position: str) -> None:
        """Gives the last chunk again, which was not stored; all before it was."""
        self._again = self._given

    def next(self) -> Chunk | None:
        """Returns what has arrived; see `LineSource.next`."""
        self._given = self._again or self._take()
        self._again = None
        self.ended = self._at_end and not self._data
        return self._given

    def close(self) -> None:
        """Leaves the descriptor open: it is the caller's."""

    def _take(self) -> Chunk | None:
        self._fill(self._max_lines)
        if self._inside:
            end = self._data.find(b"\n") + 1
            self._drop(end or len(self._data), inside=not end)
        end = self._end_of_rows(self._data, self._max_lines)
        if not end and self._data.count(b"\n") >= self._max_lines:
            # One row has more lines than that.
            self._fill(math.inf)
            end = self._end_of_rows(self._data, self._max_lines)
        if end:
            return self._chunk(end)
        if len(self._data) >= LONGEST_LINE:
            return self._chunk(len(self._data), too_long=True)
        return self._chunk(len(self._data)) if self._at_end and self._data else None

    def _fill(self, max_lines: float) -> None:
        """Reads what is there; waits if that is nothing."""
        parts = [self._data]
        size, lines, wait_s = len(self._data), self._data.count(b"\n"), self._wait_s
        while (
            not self._at_end
            and size < LONGEST_LINE
            and lines < max_lines
            and select.select([self._descriptor], [], [], wait_s)[0]
        ):
            data = os.read(self._descriptor, LONGEST_LINE - size)
            self._at_end = not data
            parts.append(data)
            size, lines, wait_s = size + len(data), lines + data.count(b"\n"), 0.0
        self._data = b"".join(parts)

    def _chunk(self, size: int, too_long: bool = False) -> Chunk:
        if self._opening is None:
            self._opening = opening_of(self._data[:size], self._end_of_rows)
        chunk = Chunk(
            self._name,
            self._opening,
            self._data[:size],
            self._line,
            self._offset,
            too_long=too_long,
        )
        self._drop(size, inside=too_long)
        return chunk

    def _drop(self, size: int, inside: bool) -> None:
        self._offset += size
        self._line += self._data.count(b"\n", 0, size)
        self._data = self._data[size:]
        self._inside = inside
