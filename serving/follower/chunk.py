"""Whole lines of a source of events, and what a source is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Protocol

# Lines of at least this many bytes are no events; it also bounds what is read at a time.
LONGEST_LINE = 4 << 20
# Returns where the last whole row ends in lines that begin with a row, and not after so many lines
# if the first row ends before; 0 if none does.
EndOfRows = Callable[[bytes, int], int]


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Lines that are handled together.

    Attributes:
        name: Path of their file.
        opening: First row of their file.
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


def opening_of(data: bytes, end_of_rows: EndOfRows) -> bytes:
    """Returns the first row of a file, without its end, from the file's beginning."""
    return data[: end_of_rows(data, 1) or len(data)].rstrip(b"\r\n")
