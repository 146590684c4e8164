"""Writes files that are there as a whole or not at all, whenever the process is killed."""

from __future__ import annotations

from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes a file, in the place of one that is there already.

    Args:
        path: The file. On a full disk, or when the process is killed, it stays what it was.
        content: All of it.
    """
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
    unfinished.replace(path)
