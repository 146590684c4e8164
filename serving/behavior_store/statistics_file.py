"""The counts of all users' events beside the shards of a store: read where they are looked up."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from lifelong.data.keys import STATISTICS_COLUMNS
from lifelong.data.newest_statistics import Newest
from lifelong.serving.behavior_store.errors import StoreCorruptedError
from lifelong.serving.behavior_store.manifest import Manifest

# A NumPy file of one array, int64: time, number of items and of categories, checksum of what follows;
# counts of all events; ids of items, their counts; ids of categories, their counts.
STATISTICS_FILE = "statistics.npy"
_HEAD = 4


def write_statistics(statistics: Newest, file: Any) -> None:
    """Writes the counts of a store.

    Args:
        statistics: The counts.
        file: Opened for writing bytes.
    """
    parts = [
        statistics.totals,
        statistics.items,
        statistics.item_statistics.ravel(),
        statistics.categories,
        statistics.category_statistics.ravel(),
    ]
    sizes = [len(statistics.items), len(statistics.categories)]
    array = np.concatenate([np.array([statistics.time, *sizes, 0], np.int64), *parts])
    array[_HEAD - 1] = _checksum(array)
    np.save(file, array)


def read_statistics(folder: Path, manifest: Manifest) -> Newest | None:
    """Opens the counts of a store; of a file of any size, next to nothing is read.

    Args:
        folder: Of the store.
        manifest: Of the store.

    Returns:
        Arrays that read the file where they are looked at; None if the store has no counts.

    Raises:
        StoreCorruptedError: The file is missing, damaged, or that of another store.
    """
    if not manifest.statistics_time:
        return None
    array = _open(folder, manifest)
    _, items, categories, _ = array[:_HEAD].tolist()
    columns = len(STATISTICS_COLUMNS)
    ends = np.cumsum([_HEAD, columns, items, items * columns, categories])
    _, totals, item_ids, of_items, category_ids, of_categories = np.split(array, ends)
    return Newest(
        manifest.statistics_time,
        item_ids,
        of_items.reshape(items, columns),
        category_ids,
        of_categories.reshape(categories, columns),
        totals,
    )


def check_statistics(folder: Path, manifest: Manifest) -> None:
    """Reads all counts of a store, if it has any.

    Args:
        folder: Of the store.
        manifest: Of the store.

    Raises:
        StoreCorruptedError: The file is missing, damaged, or that of another store.
    """
    if manifest.statistics_time:
        array = _open(folder, manifest)
        if _checksum(array) != array[_HEAD - 1]:
            raise _damaged(folder, "the checksum differs")


def _open(folder: Path, manifest: Manifest) -> np.ndarray:
    try:
        array = np.asarray(np.load(folder / STATISTICS_FILE, mmap_mode="r"))
    except (OSError, EOFError, ValueError) as error:
        raise _damaged(folder, str(error)) from error
    if array.dtype != np.int64 or array.ndim != 1 or len(array) < _HEAD:
        raise _damaged(folder, "it has another form")
    time, items, categories, _ = array[:_HEAD].tolist()
    columns = len(STATISTICS_COLUMNS)
    if min(items, categories) < 0 or len(array) != (
        _HEAD + columns + (items + categories) * (1 + columns)
    ):
        raise _damaged(folder, f"it has not the {items} items and {categories} categories it tells")
    if time != manifest.statistics_time:
        raise _damaged(
            folder, f"it is as of {time}, the manifest tells of {manifest.statistics_time}"
        )
    return array


def _checksum(array: np.ndarray) -> int:
    # What precedes it is checked when the file is opened.
    return zlib.crc32(array[_HEAD:].data.cast("B"))


def _damaged(folder: Path, problem: str) -> StoreCorruptedError:
    return StoreCorruptedError(
        f"{folder / STATISTICS_FILE} is missing or damaged ({problem}); build the store again"
    )
