"""Whole lines of a source of events, and what a source is."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

# Lines of at least this many bytes are no events; it also bounds what is read at a time.
LONGEST_LINE = 4 << 20


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Lines that are handled together.

    Attributes:
        name: Path of their file.
        opening: First line of their file.
        data: The lines; the last one has no end if its source is at its end.
        first: Number of the first one, counted from 1.
        offset: Byte of the file at which they begin.
        position: What to commit once their events are stored; empty: nothing.
        too_long: Whether this is the beginning of a line that is too long to be read.
    """

    name: str
    opening: bytes
    data: bytes
    first: int
    offset: int
    position: str = ""
    too_long: bool = False


class LineSource(Protocol):
    """Where lines come from.

    Attributes:
        ended: Whether there will be no more lines.
    """

    ended: bool

    def resume(self, position: str) -> None:
        """Goes to a position that was committed; lines after it are given again.

        Args:
            position: Of the last chunk whose events were stored; empty if there is none.
        """

    def next(self) -> Chunk | None:
        """Returns the next lines, or None if there are none now."""

    @property
    def unread(self) -> int:
        """Bytes that are known to be there and were not given yet."""

    def close(self) -> None:
        """Closes what is open."""


def end_of_lines(data: bytes, limit: int) -> int:
    """Returns where the last whole line ends, or the `limit`-th; 0 if there is no whole line."""
    if data.count(b"\n") <= limit:
        return data.rfind(b"\n") + 1
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    return int(ends[limit - 1]) + 1


def opening_of(data: bytes) -> bytes:
    """Returns the first line of a file, without its end, from the file's beginning."""
    return data.split(b"\n", 1)[0].rstrip(b"\r")
