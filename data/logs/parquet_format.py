"""Reads Parquet row groups in batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from lifelong.data.logs import files
from lifelong.data.logs.rows import RawBatch

BATCH_ROWS = 65_536


def schema(path: str) -> pa.Schema:
    """Returns a file's columns.

    Raises:
        ValueError: The file is not Parquet.
    """
    with _open(path) as file:
        return file.schema_arrow


def first_rows(path: str) -> list[int]:
    """Returns the number of each row group's first row, counted from 1."""
    with _open(path) as file:
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    return [1, *(1 + np.cumsum(sizes)[:-1]).tolist()] if sizes else []


def read(path: str, row_group: int, first_row: int, wanted: Sequence[str]) -> Iterator[RawBatch]:
    """Yields the wanted columns of a row group.

    Args:
        path: File.
        row_group: Index of the row group.
        first_row: Number of its first row.
        wanted: Columns to read.
    """
    texts = [f.name for f in schema(path) if f.name in wanted and pa.types.is_string(f.type)]
    # Text arrives as a dictionary, so that each distinct id is hashed once a batch.
    with _open(path, read_dictionary=texts) as file:
        batches = file.iter_batches(
            BATCH_ROWS, row_groups=[row_group], columns=list(wanted), use_threads=False
        )
        for batch in batches:
            yield RawBatch(
                columns={name: batch.column(batch.schema.get_field_index(name)) for name in wanted},
                rows=np.arange(first_row, first_row + batch.num_rows),
                text=lambda i, batch=batch: _json(batch, i),  # type: ignore[misc]
            )
            first_row += batch.num_rows


def _open(path: str, read_dictionary: Sequence[str] = ()) -> pyarrow.parquet.ParquetFile:
    try:
        return pyarrow.parquet.ParquetFile(
            files.open_file(path), read_dictionary=list(read_dictionary)
        )
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is not a Parquet file: {error}") from error


def _json(batch: pa.RecordBatch, index: int) -> str:
    row = batch.slice(index, 1).to_pylist()[0]
    return json.dumps(row, default=str)
