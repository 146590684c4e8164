"""Versions of models and of behaviour stores lie in folders that have their numbers as names."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

LARGEST_VERSION = 2**63 - 1
# Beside the versions: the number of the one that was pushed last. Without it, the loss of the newest
# version would look like the time before it was pushed.
LAST_PUSH_FILE = ".last_push"


class Versions(NamedTuple):
    """What a folder of versions holds.

    Attributes:
        folders: Name of the folder of each version, by ascending number.
        skipped: Why another name is no version, in words, by name.
    """

    folders: dict[int, str]
    skipped: dict[str, str]


def version_number(name: str) -> int | None:
    """Returns the number that a folder's name stands for, as TensorFlow Serving reads it.

    Leading zeros do not matter. What is no int64 is no version, nor are negative numbers.

    Args:
        name: Of a folder.

    Example:
        >>> version_number("0000008"), version_number("20261126215148123456")
        (8, None)
    """
    # Other digits are digits for Python, too, and some of them no numbers.
    if not (name.isascii() and name.isdigit()):
        return None
    number = int(name)
    return number if number <= LARGEST_VERSION else None


def find_versions(names: Iterable[str]) -> Versions:
    """Tells which folders are versions.

    Args:
        names: Of folders, in any order. Of several with the same number, the last in the order of
            text counts, as in TensorFlow Serving; hidden ones are left out silently.
    """
    found: dict[int, str] = {}
    skipped: dict[str, str] = {}
    for name in sorted(names):
        number = version_number(name)
        if number is not None:
            if number in found:
                skipped[found[number]] = f"{name!r} is version {number}, too"
            found[number] = name
        elif not name.startswith("."):
            skipped[name] = "a version's name is a number from 0 to 2^63 - 1"
    return Versions(dict(sorted(found.items())), skipped)


def next_number(names: Iterable[str], where: str = "the folder", now: int | None = None) -> int:
    """Returns a number for a new version: the time, or one more than the largest there is.

    Args:
        names: Of all folders beside it, also of those that hold no version.
        where: The folder of them all, for errors.
        now: The time, in the unit in which versions are counted; None: in ms.

    Raises:
        ValueError: There is no larger number.
    """
    taken = max(find_versions(names).folders, default=0)
    if taken == LARGEST_VERSION:
        raise ValueError(
            f"{where} has a version {taken}, the largest number that there is: remove it, so that another "
            "one can be newer"
        )
    return max(time.time_ns() // 10**6 if now is None else now, taken + 1)
