"""A place in a file that may meanwhile have been cut off, rewritten or replaced by another."""

from __future__ import annotations

import dataclasses
import json
import zlib

# Bytes by which a file is recognised: this many at its beginning and as many before the position.
EDGE = 4096


@dataclasses.dataclass(frozen=True)
class Position:
    """Between two lines of a file.

    Attributes:
        inode: Number of the file.
        offset: Bytes before the position.
        line: Number of the next line, counted from 1.
        head: CRC-32 of the first bytes before the position, at most `EDGE`.
        tail: CRC-32 of the last bytes before the position, at most `EDGE`.
        inside: Whether this is inside a line that was too long, the rest of which is to be left out.
    """

    inode: int
    offset: int
    line: int
    head: int
    tail: int
    inside: bool = False

    def matches(self, head: bytes, tail: bytes) -> bool:
        """Whether a file has the bytes that stood before the position.

        Args:
            head: Its first bytes.
            tail: Its bytes before the offset.
        """
        return zlib.crc32(head) == self.head and zlib.crc32(tail) == self.tail

    def to_text(self) -> str:
        """Returns the position as text."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Position | None:
        """Returns the position that `to_text` wrote; None if the text is something else."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None
