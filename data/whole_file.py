"""Writes files that are there as a whole or not at all, whenever the process is killed."""

from __future__ import annotations

from pathlib import Path


def check_can_hold_file(path: Path) -> None:
    """Checks, before long work whose outcome it is to hold, that a path can be that of a file.

    Args:
        path: Where the file is to be; one that is there already is replaced.

    Raises:
        FileNotFoundError: Its folder does not exist.
        IsADirectoryError: It is a folder.
        OSError: It is a device or a pipe, or its folder is a file.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is a device or a pipe; name a file")
    if not path.parent.exists():
        raise FileNotFoundError(f"{path.parent} does not exist; make that folder, or name another")
    if not path.parent.is_dir():
        raise NotADirectoryError(f"{path.parent} is no folder; name a file in another")


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes a file, in the place of one that is there already.

    Args:
        path: The file; where it is a link, what it points to. On a full disk, or when the process is
            killed, it stays what it was.
        content: All of it.

    Raises:
        OSError: It cannot be written; nothing is left beside it.
    """
    check_can_hold_file(path)
    path = path.resolve()
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError:
        if unfinished.is_file():
            unfinished.unlink()
        raise
    unfinished.replace(path)
