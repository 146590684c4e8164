"""Events of users as columns, and their one total order: by (timestamp, item).

Records, requests and the behaviour store have it alike. Events that agree in both are ordered by
category and then by their features, so that the order never depends on how they were read.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import NamedTuple, SupportsIndex, TypeAlias, overload

import numpy as np

from lifelong.data.columns import Columns, length, sort_and_dedupe
from lifelong.data.times import END_OF_TIME, unit_advice

# What every event has.
KEYS = ("item", "category", "timestamp")
_ORDER = ("timestamp", "item", "category")


class Cut(NamedTuple):
    """A place in the order of a user's events: before the event of this time and item.

    Attributes:
        timestamp: Unix seconds.
        item: Item id; 0 comes before all events of that second.
        rest: Where events agree in both, category and features of the event that the cut lies
            before, in the order of `time_order`; empty comes before all of them.
    """

    timestamp: int
    item: int = 0
    rest: tuple[int | float, ...] = ()


CutLike: TypeAlias = Cut | SupportsIndex | None
"""A `Cut`, or Unix seconds: before all events of that second. None is no cut."""


@overload
def as_cut(value: Cut | SupportsIndex, name: str) -> Cut: ...


@overload
def as_cut(value: CutLike, name: str) -> Cut | None: ...


def as_cut(value: CutLike, name: str) -> Cut | None:
    """Returns what stands for a cut as one.

    Args:
        value: A `Cut`, Unix seconds, or None.
        name: Of the argument, for errors.

    Raises:
        TypeError: It is none of these.
        ValueError: The time is after the year 9999.

    Example:
        >>> as_cut(1513000000, "before")
        Cut(timestamp=1513000000, item=0, rest=())
    """
    if value is None:
        return None
    timestamp, item, rest = value if isinstance(value, Cut) else (value, 0, ())
    try:
        cut = Cut(_whole(timestamp), _whole(item), rest)
    except TypeError:
        raise TypeError(
            f"{name} is {value!r} ({type(value).__name__}); expected Unix seconds as an integer, or"
            " a Cut of integers"
        ) from None
    if cut.timestamp > END_OF_TIME:
        raise ValueError(
            f"{name} is {cut.timestamp}; expected Unix seconds, up to the year 9999"
            f"{unit_advice(cut.timestamp)}"
        )
    return cut


def _whole(value: SupportsIndex) -> int:
    if isinstance(value, bool):
        raise TypeError
    return operator.index(value)


def order_of(names: Iterable[str]) -> list[str]:
    """Returns the columns of a user's events as the order ranks them: the most important first.

    Args:
        names: All columns; those beside timestamp, item and category are features.

    Example:
        >>> order_of(["category", "item", "quantity", "timestamp"])
        ['timestamp', 'item', 'category', 'quantity']
    """
    return [*_ORDER, *sorted(set(names).difference(_ORDER))]


def sort_events(events: Columns) -> tuple[Columns, int]:
    """Sorts events of many users by user, each user's in the order, and collapses identical ones.

    Args:
        events: Columns `[E]`, `user` among them.

    Returns:
        The distinct events, and the number of those left out.
    """
    return sort_and_dedupe(events, ["user", *order_of(name for name in events if name != "user")])


def time_order(events: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the indices that put one user's events into the order: int64 `[E]`."""
    return np.lexsort([events[name] for name in reversed(order_of(events))])


def tree_order(events: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the indices that sort events by category, and within one by the order."""
    names = sorted(order_of(events), key=lambda name: name != "category")
    return np.lexsort([events[name] for name in reversed(names)])


def is_before(events: Mapping[str, np.ndarray], cut: Cut) -> np.ndarray:
    """Returns which events come before a cut: bool `[E]`."""
    before = np.zeros(length(events), bool)
    same = ~before
    values = (cut.timestamp, cut.item, *cut.rest)
    for name, value in zip(order_of(events), values, strict=False):
        before |= same & (events[name] < value)
        same &= events[name] == value
        if not same.any():
            break
    return before


def cut_before(events: Mapping[str, np.ndarray], index: int) -> Cut:
    """Returns the cut right before one of the events."""
    timestamp, item, *rest = (events[name][index].item() for name in order_of(events))
    return Cut(timestamp, item, tuple(rest))


def repeats_previous(events: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns which of sorted events equal the one before them in every column: bool `[E]`."""
    same = np.zeros(length(events), bool)
    same[1:] = True
    for column in events.values():
        same[1:] &= column[1:] == column[:-1]
    return same


def no_events(features: Mapping[str, str]) -> Columns:
    """Returns no events, with all columns.

    Args:
        features: Type of each event feature by name.
    """
    return {
        **{name: np.zeros(0, np.int64) for name in KEYS},
        **{name: np.zeros(0, dtype) for name, dtype in features.items()},
    }
