"""The item table as components hand it on: one Parquet file, one row an item, sorted by its id."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.logs import files

_FILE = "items.parquet"


def items_path(table: str) -> str:
    """Returns the path or URI of the file of an item table, an artifact's path or URI."""
    return f"{table}/{_FILE}"


def write_items(block: Columns, path: str) -> None:
    """Writes rows of items.

    Args:
        block: `item` and any other columns; vectors are `[n, size]`.
        path: Path or URI of the file; its folder is there.
    """
    arrays = {key: _to_arrow(column) for key, column in block.items()}
    with files.create_file(path) as file:
        pq.write_table(pa.table(arrays), file)


def read_items(path: str, keys: Iterable[str] | None = None) -> Columns:
    """Reads what `write_items` wrote.

    Args:
        path: Path or URI of the file.
        keys: Columns to read; None: all.

    Returns:
        The columns; the entry of a row in the model is its place here plus 1.
    """
    with files.open_file(path) as file:
        table = pq.read_table(file, columns=None if keys is None else list(keys))
    return {name: _to_numpy(table[name]) for name in table.column_names}


def sorted_items(parts: Iterable[Columns]) -> Columns:
    """Returns the rows of parts, which have no item in common, in the order of their ids."""
    block = cols.concat(list(parts))
    order = np.argsort(block["item"], kind="stable")
    # Column by column, so that only one is there twice.
    return {key: block.pop(key)[order] for key in list(block)}


def _to_arrow(column: np.ndarray) -> pa.Array:
    if column.ndim == 1:
        return pa.array(column)
    return pa.FixedSizeListArray.from_arrays(pa.array(column.reshape(-1)), column.shape[1])


def _to_numpy(column: pa.ChunkedArray) -> np.ndarray:
    kind = column.type
    if not pa.types.is_fixed_size_list(kind):
        return column.to_numpy()
    numbers = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return np.concatenate([np.zeros(0, np.float32), *numbers]).reshape(-1, kind.list_size)
