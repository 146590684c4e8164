"""Blocks of rows as NumPy columns: concatenation, sorting, duplicates, ragged slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Columns = dict[str, np.ndarray]
"""Columns `[n]` by key; int64, or float32 for labels and numeric features, `[n, size]` for vectors."""

# Keys by which all rows are sorted; those after them, for rows that still tie.
_SORTED_FIRST = 3


def length(block: Mapping[str, np.ndarray]) -> int:
    """Returns the number of rows."""
    return len(next(iter(block.values()))) if block else 0


def take(block: Mapping[str, np.ndarray], index: np.ndarray | slice) -> Columns:
    """Returns the rows at `index` (indices, a mask or a slice)."""
    return {key: column[index] for key, column in block.items()}


def concat(blocks: Sequence[Columns]) -> Columns:
    """Returns the rows of blocks that have the same columns, one after another."""
    if len(blocks) == 1:
        return blocks[0]
    return {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}


def pack(block: Columns) -> Columns:
    """Returns the rows with int64 columns in the narrowest unsigned type that holds them.

    Moving rows between workers costs more than computing on them, so what travels is packed.
    """
    packed = {}
    for key, column in block.items():
        packed[key] = column
        if column.dtype == np.int64 and len(column) and column.min() >= 0:
            packed[key] = column.astype(np.min_scalar_type(column.max()), copy=False)
            if packed[key].dtype == np.uint64:
                packed[key] = column
    return packed


def unpack(block: Columns) -> Columns:
    """Undoes `pack`."""
    return {
        key: column.astype(np.int64) if column.dtype.kind == "u" and column.itemsize < 8 else column
        for key, column in block.items()
    }


def split_by(block: Columns, group: np.ndarray) -> list[tuple[int, Columns]]:
    """Returns the rows of each group.

    Args:
        block: Rows.
        group: Small non-negative integers `[n]`.

    Returns:
        (group, its rows in their order), ascending.
    """
    order = np.argsort(group, kind="stable")
    starts = run_starts(group[order])
    ends = run_ends(starts, len(order))
    ordered = take(block, order)
    return [
        (int(group[order[start]]), take(ordered, slice(start, end)))
        for start, end in zip(starts, ends, strict=True)
    ]


def sort_and_dedupe(block: Columns, order: Sequence[str]) -> tuple[Columns, int]:
    """Sorts rows and collapses identical ones.

    Args:
        block: Rows.
        order: Keys to sort by, the most important first. Rows that agree in all of them are ordered
            by their other columns, so that the result does not depend on the order of the input.

    Returns:
        The rows without repetitions, and the number of rows left out.
    """
    count = length(block)
    if not count:
        return block, 0
    keys = [*order, *sorted(set(block).difference(order))]
    # A sort costs by the key, and few rows tie in the first ones: only those need the rest.
    first = [key for key in keys[:_SORTED_FIRST] if block[key].ndim == 1]
    rest = [key for key in keys if key not in first]
    block = take(block, np.lexsort([block[key] for key in reversed(first)]))
    same = np.ones(count - 1, bool)
    for key in first:
        same &= block[key][1:] == block[key][:-1]
    if not same.any():
        return block, 0
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    part = take(block, tied)
    numbers = [number for key in keys for number in np.atleast_2d(part[key].T)]
    part = take(part, np.lexsort(numbers[::-1]))
    for key in block:
        block[key][tied] = part[key]
    for key in rest:
        equal = block[key][1:] == block[key][:-1]
        same &= equal if equal.ndim == 1 else equal.all(axis=1)
    return take(block, np.append(True, ~same)), int(same.sum())


def run_starts(*keys: np.ndarray) -> np.ndarray:
    """Returns where a new combination of sorted keys begins: int64 indices."""
    count = len(keys[0])
    if not count:
        return np.zeros(0, np.int64)
    change = np.zeros(count - 1, bool)
    for key in keys:
        change |= key[1:] != key[:-1]
    return np.concatenate([[0], np.flatnonzero(change) + 1])


def run_ends(starts: np.ndarray, count: int) -> np.ndarray:
    """Returns where runs that fill `count` rows end, given where they begin."""
    return np.append(starts[1:], count)[: len(starts)]


def ranges(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Returns the indices of several ranges one after another: int64 `[sum(ends - starts)]`."""
    sizes = ends - starts
    offsets = np.cumsum(sizes) - sizes
    return np.arange(sizes.sum()) + np.repeat(starts - offsets, sizes)


def offsets_of(sizes: np.ndarray) -> np.ndarray:
    """Returns where lists of these sizes begin in their concatenation: int64 `[n + 1]`."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
