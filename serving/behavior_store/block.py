"""A block: some hundred events of one user, packed."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.data.columns import Columns
from lifelong.serving.behavior_store import packing

# Two blocks and their keys fill a page of LMDB, 4,096 bytes; larger values get pages of their own.
_MAX_BYTES = 1950
# A category in a block: its id and the number of its events.
_CATEGORY_BYTES = 10
_ROUNDING = 1e-9


def pack_block(events: Mapping[str, np.ndarray], owner: tuple[int, int]) -> bytes:
    """Packs events; a category is written once for all of its events.

    Args:
        events: At least one, in tree order.
        owner: User and number of the block.
    """
    category = events["category"]
    starts = np.flatnonzero(_changes(events, ("category",)))
    sizes = np.diff(np.append(starts, len(category)))
    features = sorted(set(events) - set(ev.KEYS))
    values = [events[name] for name in ("timestamp", "item", *features)]
    return packing.pack([[category[starts], sizes], values], owner)


def unpack_blocks(
    packed: Sequence[bytes | memoryview],
    features: Mapping[str, str],
    owners: Sequence[tuple[int, int]],
) -> tuple[Columns, np.ndarray]:
    """Returns the events that `pack_block` packed.

    Args:
        packed: n blocks.
        features: Type of each event feature of the store by name.
        owners: User and number of each block.

    Returns:
        The events of all blocks one after another, and how many each block has, `[n]`.

    Raises:
        StoreCorruptedError: The bytes of a block are damaged or those of another.
    """
    names, types = _layout(tuple(sorted(features.items())))
    (category, sizes, *values), counts = packing.unpack_all(packed, types, owners)
    return {
        "category": category.repeat(sizes),
        **dict(zip(names, values, strict=True)),
    }, counts[1]


@functools.cache
def _layout(features: tuple[tuple[str, str], ...]) -> tuple[tuple[str, ...], packing.Types]:
    """Returns names and types of what is written of each event, after the categories."""
    names = ("timestamp", "item", *(name for name, _ in features))
    dtypes = ("int64", "int64", *(dtype for _, dtype in features))
    return names, (("int64", "int64"), dtypes)


def split(events: Columns, size: int) -> Iterator[Columns]:
    """Yields events in blocks that are about equally full.

    Events that agree in category, time and item stay together: the directory tells only those.
    A category that fills a block shares none with others: a block of several categories spans the
    times of all of them, so that few searches by time could leave it out.

    Args:
        events: In tree order.
        size: Most events in a block. Blocks of wide events have fewer, so that two of them fit
            a page of LMDB. Ties may exceed both.
    """
    count = cols.length(events)
    if not count:
        return
    starts = _changes(events, ("category",))
    row = sum(packing.width_of(column) for name, column in events.items() if name != "category")
    # Share of a block that each event fills.
    fill = np.maximum((row + _CATEGORY_BYTES * starts) / _MAX_BYTES, 1 / size)
    if np.add.reduce(fill) <= 1 + _ROUNDING:
        yield events
        return
    parts = _parts(fill, np.flatnonzero(starts))
    wanted = np.concatenate([first + _places(fill[first:end]) for first, end in parts])
    distinct = np.append(np.flatnonzero(_changes(events, ev.KEYS)), count)
    places = distinct[np.searchsorted(distinct, wanted)]
    for first, end in itertools.pairwise(np.unique(np.append(places, count)).tolist()):
        yield cols.take(events, slice(first, end))


def _parts(fill: np.ndarray, categories: np.ndarray) -> list[tuple[int, int]]:
    """Returns ranges of events that share no block: each category that fills one, and the others.

    Args:
        fill: Share of a block that each event fills.
        categories: Where each category begins.
    """
    large = np.add.reduceat(fill, categories) >= 1 - _ROUNDING
    begins = categories[large | np.append(True, large[:-1])].tolist()
    return list(itertools.pairwise([*begins, len(fill)]))


def _places(fill: np.ndarray) -> np.ndarray:
    """Returns where to begin each block, so that they are about equally full."""
    filled = np.cumsum(fill)
    blocks = int(np.ceil(filled[-1] - _ROUNDING))
    shares = filled[-1] * np.arange(blocks) / blocks
    # An event that completes a share is part of it.
    places = np.searchsorted(filled, shares + _ROUNDING, side="right")
    places[0] = 0
    return places


def _changes(events: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """Returns which events differ from the one before them in some column; the first does."""
    changes = np.zeros(cols.length(events), bool)
    changes[:1] = True
    for name in names:
        changes[1:] |= events[name][1:] != events[name][:-1]
    return changes
