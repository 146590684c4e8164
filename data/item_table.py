"""The item table as components hand it on: one Parquet file, one row an item, sorted by its id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

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


class StoredItems(Mapping[str, np.ndarray]):
    """The columns of a table that `write_items` wrote, each read when it is asked for, every time.

    A column has a value for each item; the entry of an item in the model is its place plus 1.

    Args:
        path: Path or URI of the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        with files.open_file(path) as file:
            stored = pq.ParquetFile(file)
            self._schema, self._rows = stored.schema_arrow, stored.metadata.num_rows

    def __getitem__(self, key: str) -> np.ndarray:
        """Returns a column."""
        kind = self._schema.field(key).type
        is_vector = pa.types.is_fixed_size_list(kind)
        shape = (self._rows, kind.list_size) if is_vector else (self._rows,)
        column = np.zeros(shape, (kind.value_type if is_vector else kind).to_pandas_dtype())
        first = 0
        with files.open_file(self._path) as file:
            # Batch by batch, as columns of vectors should not be in memory twice.
            for batch in pq.ParquetFile(file).iter_batches(columns=[key]):
                values = batch.column(0).flatten() if is_vector else batch.column(0)
                column[first : first + batch.num_rows] = np.reshape(values, (-1, *shape[1:]))
                first += batch.num_rows
        return column

    def __iter__(self) -> Iterator[str]:
        """Yields the names of the columns."""
        return iter(self._schema.names)

    def __len__(self) -> int:
        """Returns the number of columns."""
        return len(self._schema.names)


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
