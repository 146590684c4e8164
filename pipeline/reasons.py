"""Why something failed, in the words of the one who has to mend it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from lifelong.data import full_disk

# What Beam adds, and what begins the message in a traceback that it hands on as text.
_STEP = re.compile(r"\s*\[while running '[^']*'\]")
_TRACEBACK = "Traceback (most recent call last)"
_MESSAGE = re.compile(r"^(?:[\w.]+\.)?(\w+): ", re.MULTILINE)
# Errors whose messages are written for users, so that their kind need not be told.
_PLAIN = (ValueError, OSError, RuntimeError)


class ComponentFailedError(RuntimeError):
    """A component failed; the message says which one, why, and what to do."""


def reason_of(error: BaseException, folders: Sequence[str | os.PathLike[str]] = ()) -> str:
    """Returns why something failed: a full disk as a sentence, other errors without what libraries add.

    Args:
        error: What was raised.
        folders: Paths or URIs that were written to.
    """
    if full_disk.is_full_disk(error):
        return full_disk.explain(error, folders)
    text = _STEP.sub("", str(error)).strip()
    kind = type(error).__name__
    if _TRACEBACK in text and (messages := list(_MESSAGE.finditer(text))):
        kind, text = messages[-1][1], text[messages[-1].end() :].strip()
        return text if kind in {it.__name__ for it in _PLAIN} else f"{kind}: {text}"
    return text if text and isinstance(error, _PLAIN) else f"{kind}: {text}"
