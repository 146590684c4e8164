"""Recognises errors of a full disk, whatever library they come from, and says what to do."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What libraries say that raise errors of their own: HDF5, TensorFlow, SQLite, LMDB, Beam.
_WORDS = ("database or disk is full", *map(os.strerror, _NUMBERS))


class FullDiskError(OSError):
    """A disk is full; the message says which one, and what to do."""


def is_full_disk(error: BaseException) -> bool:
    """Whether an error, or what it was raised from, is that of a full disk (or a quota, or a limit)."""
    return any(_cause(part) for part in _chain(error))


def explain(error: BaseException, folders: Sequence[str | os.PathLike[str]] = ()) -> str:
    """Returns a sentence about a full disk.

    Args:
        error: For which `is_full_disk` holds.
        folders: Paths or URIs that were written to, one of which has no room; the folder of
            temporary files is another. They are looked at where the error names no file.
    """
    named = [part.filename for part in _chain(error) if isinstance(part, OSError) and part.filename]
    written = [os.fspath(folder) for folder in (*folders, tempfile.gettempdir())]
    places = [_existing(str(place)) for place in named or written if "://" not in str(place)]
    place = min(places, key=lambda it: shutil.disk_usage(it).free)
    cause = next(cause for part in _chain(error) if (cause := _cause(part)))
    return (
        f"the disk of {place} has no room left ({cause}; {shutil.disk_usage(place).free / 1e6:,.1f}"
        " MB are free now). Make room there"
    )


def _cause(error: BaseException) -> str:
    """Returns the words that tell a full disk in a single error; empty if it is another one."""
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return os.strerror(error.errno)
    text = str(error).lower()
    return next((words for words in _WORDS if words.lower() in text), "")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and all that it was raised from, or while handling."""
    seen: dict[int, BaseException] = {}
    waiting: list[BaseException | None] = [error]
    while waiting:
        part = waiting.pop()
        if part is not None and id(part) not in seen:
            seen[id(part)] = part
            waiting += [part.__context__, part.__cause__]
            yield part


def _existing(place: str) -> Path:
    path = Path(place).absolute()
    return next(it for it in (path, *path.parents) if it.exists())
