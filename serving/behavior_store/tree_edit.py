"""Changes of one user's tree: new events, and events that are kept no longer."""

from __future__ import annotations

import bisect
import dataclasses
from typing import NamedTuple

import numpy as np

from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.data.columns import Columns
from lifelong.serving.behavior_store.block import split
from lifelong.serving.behavior_store.directory import Days, Directory
from lifelong.serving.behavior_store.user_tree import UserTree


class TreeChange(NamedTuple):
    """What has to be written so that a tree is as it should be.

    Attributes:
        directory: The new directory; one without blocks if no event is left.
        written: Events of new and changed blocks by number.
        removed: Numbers of blocks that are no more.
        added: Events that were added; negative if more were dropped.
        duplicates: Events that were there already, or came more than once.
    """

    directory: Directory
    written: dict[int, Columns]
    removed: tuple[int, ...]
    added: int
    duplicates: int


@dataclasses.dataclass(frozen=True)
class Retention:
    """What is kept.

    Attributes:
        max_events: Most events of a user and category, the newest; 0 keeps all.
        max_age_s: Greatest age in seconds; 0 keeps all.
    """

    max_events: int = 0
    max_age_s: int = 0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if value < 0:
                raise ValueError(f"{name} is {value}; expected 0 (keep all) or more")


def distinct(events: Columns) -> tuple[Columns, int]:
    """Returns events in tree order without repetitions, and how many were left out."""
    events = cols.take(events, ev.tree_order(events))
    repeated = ev.repeats_previous(events)
    return cols.take(events, ~repeated), int(repeated.sum())


def insert(tree: UserTree, events: Columns, block_size: int) -> TreeChange:
    """Adds events to a tree, each at its place; those that are there already are left out.

    Args:
        tree: The tree as it is.
        events: The user's new events, in any order.
        block_size: Events in a new block.
    """
    events, duplicates = distinct(events)
    directory = tree.directory
    number = directory.next_number
    written: dict[int, Columns] = {}
    changes: dict[int, Directory] = {}
    days = directory.days
    added = 0
    parts_of_blocks = _by_block(directory, events)
    tree.read_ahead([row for row, _ in parts_of_blocks if row is not None])
    for row, part in parts_of_blocks:
        here = tree.all() if row is None else tree.block(row)
        merged, repeated = distinct(cols.concat([here, part]))
        duplicates += repeated
        if repeated == cols.length(part):
            continue
        added += cols.length(part) - repeated
        parts = list(split(merged, block_size))
        numbers = [number + i for i in range(len(parts))]
        if row is not None:
            numbers = [int(directory.number[row]), *numbers[:-1]]
        number = max(number, numbers[-1] + 1)
        blocks = list(zip(numbers, parts, strict=True))
        written.update(blocks)
        changes[row or 0] = Directory.of(blocks)
        days = days.changed(changes[row or 0].days, Days.of(here["timestamp"]))
    return TreeChange(directory.replaced(changes, days), written, (), added, duplicates)


def retain(tree: UserTree, retention: Retention, now: int, block_size: int) -> TreeChange | None:
    """Drops events that are kept no longer.

    Args:
        tree: The tree as it is. All of it is read.
        retention: What is kept.
        now: Time that ages are counted to, Unix seconds.
        block_size: Events in a new block.

    Returns:
        The change; None if everything is kept.
    """
    events = tree.all()
    kept = is_kept(events, retention, now)
    if kept.all():
        return None
    blocks = list(enumerate(split(cols.take(events, kept), block_size)))
    old = set(tree.directory.number.tolist())
    return TreeChange(
        directory=Directory.of(blocks),
        written=dict(blocks),
        removed=tuple(sorted(old - {number for number, _ in blocks})),
        added=-int((~kept).sum()),
        duplicates=0,
    )


def is_kept(events: Columns, retention: Retention, now: int) -> np.ndarray:
    """Returns which events of a user are kept: bool `[E]`.

    Args:
        events: Of one user, in tree order.
        retention: What is kept.
        now: Time that ages are counted to, Unix seconds.
    """
    kept = np.ones(cols.length(events), bool)
    if retention.max_age_s:
        kept &= events["timestamp"] >= now - retention.max_age_s
    if retention.max_events:
        category = events["category"]
        # Events after this one of the same category.
        newer = np.searchsorted(category, category, side="right") - 1 - np.arange(len(category))
        kept &= newer < retention.max_events
    return kept


def _by_block(directory: Directory, events: Columns) -> list[tuple[int | None, Columns]]:
    """Returns the events that belong into each block; (None, all) if there are no blocks yet."""
    if not len(directory) or not cols.length(events):
        return [(None, events)] if cols.length(events) else []
    rows = range(len(directory))
    places = zip(
        *(events[name].tolist() for name in ("category", "timestamp", "item")), strict=True
    )
    row = np.array([max(bisect.bisect_right(rows, p, key=directory.first) - 1, 0) for p in places])
    starts = np.flatnonzero(np.append(True, row[1:] != row[:-1]))
    ends = np.append(starts[1:], len(row))
    return [
        (int(row[start]), cols.take(events, slice(start, end)))
        for start, end in zip(starts, ends, strict=True)
    ]
