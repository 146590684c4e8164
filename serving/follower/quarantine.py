"""The file of lines that are no events."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from lifelong.serving.follower.event_lines import BadLine

# Beyond this size nothing is added: a log that went bad must not fill the disk.
_LARGEST = 256 << 20


class Quarantine:
    """Bad lines as JSON lines: file, line, offset, reason, text.

    After an interruption, lines that were read but not committed are noted again.

    Args:
        path: The file; it is appended to.
        tell: Told once when the file is full.
        largest: Bytes beyond which nothing is added.
    """

    def __init__(self, path: Path, tell: Callable[[str], None], largest: int = _LARGEST) -> None:
        self.path = path
        self._tell = tell
        self._largest = largest
        self._is_full = False

    def write(self, lines: Sequence[BadLine]) -> None:
        """Adds lines, durably."""
        if not lines or self._is_full:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            if file.tell() >= self._largest:
                self._is_full = True
                self._tell(
                    f"{self.path} has {file.tell():,} bytes: further bad lines are counted only."
                    " Look at it, move it away and start again"
                )
                return
            file.writelines(f"{json.dumps(dataclasses.asdict(line))}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
