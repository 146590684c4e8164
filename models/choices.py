"""Looks up the class that a name of the configuration stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

_Name = TypeVar("_Name", bound=str)
_Class = TypeVar("_Class", bound=type)


def choose(field: str, name: _Name, classes: Mapping[_Name, _Class]) -> _Class:
    """Returns the class of a name.

    Args:
        field: Field of the configuration, for the message.
        name: Its value.
        classes: Classes by the names that exist.

    Raises:
        ValueError: If there is no class of that name.
    """
    if name not in classes:
        raise ValueError(f"{field} is {name!r}; expected one of {', '.join(classes)}")
    return classes[name]
