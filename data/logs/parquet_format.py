"""Reads Parquet row groups in batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from lifelong.data.logs import files
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.file_error import FileError
from lifelong.data.logs.format import Format, LogFile, Piece
from lifelong.data.logs.rows import RawBatch

BATCH_ROWS = 65_536
_MAGIC = (b"PAR1", b"PARE")


class ParquetFormat(Format):
    """Parquet; a piece is a row group."""

    name = "parquet"
    suffixes = (".parquet",)

    def look_at(self, path: str, log: LogConfig) -> LogFile:
        """Returns a file with the names in its schema."""
        with _open(path) as file:
            return LogFile(path, self.name, tuple(file.schema_arrow.names))

    def pieces(self, path: str, log: LogConfig) -> Iterator[Piece]:
        """Yields the row groups."""
        first_row = 1
        with _open(path) as file:
            for row_group in range(file.num_row_groups):
                yield Piece(row_group=row_group, first_row=first_row)
                first_row += file.metadata.row_group(row_group).num_rows

    def read(
        self, file: LogFile, piece: Piece, log: LogConfig, wanted: Sequence[str]
    ) -> Iterator[RawBatch]:
        """Yields the wanted columns of a row group."""
        with _open(file.path) as opened:
            schema = opened.schema_arrow
        texts = [f.name for f in schema if f.name in wanted and pa.types.is_string(f.type)]
        first_row = piece.first_row
        # Text arrives as a dictionary, so that each distinct id is hashed once a batch.
        with _open(file.path, read_dictionary=texts) as opened:
            batches = opened.iter_batches(
                BATCH_ROWS, row_groups=[piece.row_group], columns=list(wanted), use_threads=False
            )
            for batch in batches:
                yield RawBatch(
                    columns={
                        name: batch.column(batch.schema.get_field_index(name)) for name in wanted
                    },
                    rows=np.arange(first_row, first_row + batch.num_rows),
                    text=lambda i, batch=batch: _json(batch, i),  # type: ignore[misc]
                )
                first_row += batch.num_rows


def _open(path: str, read_dictionary: Sequence[str] = ()) -> pyarrow.parquet.ParquetFile:
    try:
        return pyarrow.parquet.ParquetFile(
            files.open_file(path), read_dictionary=list(read_dictionary)
        )
    except (pa.ArrowException, OSError) as error:
        with files.open_file(path) as file:
            head = bytes(file.read(40))
        what = (
            "; it was cut off or damaged: write it anew or remove it"
            if head.startswith(_MAGIC)
            else f", it begins with {head!r}; correct its name or set `format`"
        )
        raise FileError(path, f" is not a Parquet file ({error}){what}") from error


def _json(batch: pa.RecordBatch, index: int) -> str:
    row = batch.slice(index, 1).to_pylist()[0]
    return json.dumps(row, default=str)
