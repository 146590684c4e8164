"""Tells which lines of a CSV file form a row, where quoted fields span lines (RFC 4180).

A quote opens a field only where the field begins; two quotes within a quoted field stand for one.
A quoted field may go over line ends if it is closed as it should be: the closing quote is followed by
a delimiter or a line end, perhaps behind blanks, and stands at most `LONGEST_ROW` bytes after the
beginning of its row. Otherwise the quote counts as never closed: its line is a row by itself, and the
next line begins another one.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

LONGEST_ROW = 1 << 20
_LINE_END, _RETURN, _QUOTE = b'\n\r"'
# Bytes behind a closing quote within which its field must end.
_LOOKED_AT = 64
# What is told of a quote that is never closed, and of one whose end has not come yet.
_NEVER_CLOSED, _NOT_YET = -1, -2


@dataclasses.dataclass(frozen=True)
class Rows:
    """Which lines form rows.

    Attributes:
        starts: int64 `[r]`, the index of each row's first line.
        open_lines: Indices of the lines whose quote is never closed, each a row by itself.
        end: Byte after the last row of which this is known; what follows has not come yet.
    """

    starts: np.ndarray
    open_lines: list[int]
    end: int


def rows_of(data: bytes, delimiter: bytes, is_last: bool = True) -> Rows:
    """Tells the rows of some lines.

    Args:
        data: Lines that begin with a row.
        delimiter: What stands between fields.
        is_last: Whether no more data follows, so that the last line needs no end.
    """
    array = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(array == _LINE_END) + 1
    if is_last and data and array[-1] != _LINE_END:
        ends = np.append(ends, len(data))
    known = len(ends)
    is_start = np.ones(known, bool)
    open_lines: list[int] = []
    quotes = _Quotes(array, ends, delimiter)
    for index in quotes.left_open():
        line = quotes.line[index]
        if line >= known or not is_start[line]:
            continue
        begin = int(ends[line - 1]) if line else 0
        last = quotes.last_line(index, begin + LONGEST_ROW, is_last)
        if last == _NEVER_CLOSED:
            open_lines.append(line)
        elif last == _NOT_YET or last >= known:
            known = line
        else:
            is_start[line + 1 : last + 1] = False
    return Rows(np.flatnonzero(is_start[:known]), open_lines, int(ends[known - 1]) if known else 0)


class _Quotes:
    """The places at which a quoted field may begin or end.

    These are runs of an odd number of quotes: an even number leaves everything as it was, within a
    quoted field as pairs that stand for quotes, at the beginning of a field as an empty one.
    """

    def __init__(self, array: np.ndarray, ends: np.ndarray, delimiter: bytes) -> None:
        quotes = np.flatnonzero(array == _QUOTE)
        heads = np.flatnonzero(np.diff(quotes, prepend=-2) != 1)
        lengths = np.diff(np.append(heads, len(quotes)))
        is_odd = lengths % 2 == 1
        first = quotes[heads[is_odd]]
        self._array, self._delimiter = array, delimiter
        self._lines = np.searchsorted(ends, first, side="right")
        self._is_opening = (first == 0) | (array[first - 1] == _LINE_END)
        self._is_opening |= _follows(array, first, delimiter)
        self._closes = first + lengths[is_odd]

    # As lists, which are faster to go through; made only where rows span lines.
    @functools.cached_property
    def line(self) -> list[int]:
        """Index of each run's line."""
        return self._lines.tolist()

    @functools.cached_property
    def _opens(self) -> list[bool]:
        return self._is_opening.tolist()

    @functools.cached_property
    def _after(self) -> list[int]:
        return self._closes.tolist()

    def left_open(self) -> list[int]:
        """Returns the last runs of those lines that, begun outside a quoted field, end in one."""
        lines, opening = self._lines, self._is_opening
        if not len(lines):
            return []
        opened = np.cumsum(opening)
        begins_line = np.diff(lines, prepend=-1) != 0
        # A run that cannot open a field can only end one: after it, nothing is open.
        before = np.where(begins_line, opened - opening, np.where(opening, 0, opened))
        since = opened - np.maximum.accumulate(before)
        ends_line = np.diff(lines, append=-1) != 0
        return np.flatnonzero(ends_line & (since % 2 == 1)).tolist()

    def last_line(self, index: int, limit: int, is_last: bool) -> int:
        """Returns the last line of the row whose field is open after a run.

        Args:
            index: The run, the last one of its line.
            limit: Byte up to which the field must be closed.
            is_last: Whether no more data follows.

        Returns:
            Index of the line, `_NEVER_CLOSED` or `_NOT_YET`.
        """
        while True:
            index += 1
            if index == len(self.line):
                is_long = is_last or len(self._array) > limit
                return _NEVER_CLOSED if is_long else _NOT_YET
            close = self._after[index]
            if close > limit:
                return _NEVER_CLOSED
            if close == len(self._array) and not is_last:
                return _NOT_YET
            if not self._ends_field(close):
                return _NEVER_CLOSED
            is_open = False
            while index + 1 < len(self.line) and self.line[index + 1] == self.line[index]:
                index += 1
                is_open = not is_open and self._opens[index]
            if not is_open:
                return self.line[index]

    def _ends_field(self, close: int) -> bool:
        """Whether a closing quote is followed by what must follow one, perhaps behind blanks."""
        following = self._array[close : close + _LOOKED_AT].tobytes()
        if following.startswith(self._delimiter):
            return True
        following = following.lstrip(b" \t")
        return following.startswith((self._delimiter, b"\n", b"\r")) or not following


def _follows(array: np.ndarray, positions: np.ndarray, delimiter: bytes) -> np.ndarray:
    """Whether the delimiter stands before each position."""
    found = positions >= len(delimiter)
    for distance, byte in enumerate(reversed(delimiter), start=1):
        found = found & (array[positions - distance] == byte)
    return found
