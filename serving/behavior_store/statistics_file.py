"""The counts of all users' events beside the shards of a store: read where they are looked up."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from lifelong.data.day_statistics import COLUMNS, Newest
from lifelong.data.logs import files
from lifelong.serving.behavior_store.errors import StoreCorruptedError
from lifelong.serving.behavior_store.manifest import Manifest

STATISTICS_FILE = "statistics.arrow"
# Batches of items, of categories, and one row of all events, by ascending id.
_BATCHES = 3
_SCHEMA = pa.schema([("id", pa.int64()), ("counts", pa.list_(pa.int64(), len(COLUMNS)))])
_TIME, _CHECKSUM = b"time", b"checksum"


def write_statistics(statistics: Newest, path: str) -> None:
    """Writes the counts of a store.

    Args:
        statistics: The counts.
        path: Path or URI of the file; its folder is there.
    """
    told = {_TIME: str(statistics.time), _CHECKSUM: str(_checksum(statistics))}
    schema = _SCHEMA.with_metadata(told)
    with files.create_file(path) as file, pa.ipc.new_file(file, schema) as writer:
        for ids, counts in _tables(statistics):
            flat = pa.array(np.ascontiguousarray(counts).ravel(), pa.int64())
            lists = pa.FixedSizeListArray.from_arrays(flat, len(COLUMNS))
            writer.write_batch(pa.record_batch([pa.array(ids, pa.int64()), lists], schema=schema))


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
    return _open(folder, manifest)[0] if manifest.statistics_time else None


def check_statistics(folder: Path, manifest: Manifest) -> None:
    """Reads all counts of a store, if it has any.

    Args:
        folder: Of the store.
        manifest: Of the store.

    Raises:
        StoreCorruptedError: The file is missing, damaged, or that of another store.
    """
    if manifest.statistics_time:
        statistics, checksum = _open(folder, manifest)
        if _checksum(statistics) != checksum:
            raise _damaged(folder, "the checksum differs")


def _open(folder: Path, manifest: Manifest) -> tuple[Newest, int]:
    try:
        # Closed when nobody has an array of it any more.
        reader = pa.ipc.open_file(pa.memory_map(str(folder / STATISTICS_FILE)))
        told = reader.schema.metadata or {}
        time, checksum = int(told[_TIME]), int(told[_CHECKSUM])
        if reader.schema != _SCHEMA or reader.num_record_batches != _BATCHES:
            raise _damaged(folder, "it has another form")
        items, categories, (_, totals) = (_table(reader.get_batch(n)) for n in range(_BATCHES))
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise _damaged(folder, str(error)) from error
    if time != manifest.statistics_time:
        raise _damaged(
            folder, f"it is as of {time}, the manifest tells of {manifest.statistics_time}"
        )
    return Newest(time, *items, *categories, totals.reshape(len(COLUMNS))), checksum


def _table(batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    batch.validate()
    ids, lists = batch.columns
    return ids.to_numpy(), lists.values.to_numpy().reshape(len(ids), len(COLUMNS))


def _tables(statistics: Newest) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    yield statistics.items, statistics.item_statistics
    yield statistics.categories, statistics.category_statistics
    yield np.zeros(1, np.int64), statistics.totals[np.newaxis]


def _checksum(statistics: Newest) -> int:
    checksum = zlib.crc32(str(statistics.time).encode())
    for table in _tables(statistics):
        for array in table:
            checksum = zlib.crc32(np.ascontiguousarray(array, np.int64).data.cast("B"), checksum)
    return checksum


def _damaged(folder: Path, problem: str) -> StoreCorruptedError:
    return StoreCorruptedError(
        f"{folder / STATISTICS_FILE} is missing or damaged ({problem}); build the store again"
    )
