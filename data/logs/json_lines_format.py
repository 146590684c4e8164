"""Reads JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from lifelong.data.logs import text_lines
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.format import TextFormat
from lifelong.data.logs.rows import RawBatch
from lifelong.data.logs.text_lines import Lines

MALFORMED = "malformed JSON"
NOT_AN_OBJECT = "not a JSON object"
# How far a file is read for the names of its columns.
_LOOKED_AT_BYTES, _LOOKED_AT_LINES = 2**16, 1000


class JsonLinesFormat(TextFormat):
    """JSON lines: one object a line, whose keys need not be the same in all lines."""

    name = "jsonl"
    suffixes = (".jsonl", ".json")

    def names(self, path: str, log: LogConfig) -> list[str]:
        """Returns the keys that the first lines name, in order of appearance."""
        lines = next(text_lines.read_lines(path, text_lines.ByteRange(0, -1, 1), _LOOKED_AT_BYTES))
        names: dict[str, None] = {}
        for text in lines.texts[:_LOOKED_AT_LINES]:
            value = _loads(text)
            if isinstance(value, dict):
                names.update(dict.fromkeys(value))
        return list(names)

    def names_told_by(self, first_line: str, log: LogConfig) -> None:
        """Returns None: each line names its own."""

    def parse(
        self, lines: Lines, names: Sequence[str], log: LogConfig, wanted: Sequence[str]
    ) -> RawBatch:
        """Parses lines; blank ones are no rows, and a column that no line names is absent."""
        table = _read_fast(lines, wanted)
        if table is None:
            return _read_singly(lines, wanted)
        return RawBatch(
            columns={n: table[n].combine_chunks() for n in wanted if n in table.column_names},
            rows=lines.first + np.arange(lines.count),
            text=lambda i: lines.texts[i],
            decodable=lines.decodable,
        )


def _read_fast(lines: Lines, wanted: Sequence[str]) -> pa.Table | None:
    """Returns the table, or None where a line is unlike the others."""

    def read(schema: pa.Schema | None) -> pa.Table:
        return pyarrow.json.read_json(
            pa.BufferReader(lines.data),
            pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines.data) + 1),
            pyarrow.json.ParseOptions(explicit_schema=schema),
        )

    try:
        table = read(None)
        # Text is text: whether it is a time is for the field to say.
        times = [f for f in table.schema if f.name in wanted and pa.types.is_timestamp(f.type)]
        if times:
            table = read(pa.schema([pa.field(field.name, pa.string()) for field in times]))
    except pa.ArrowInvalid:
        return None
    simple = all(_is_simple(table[name]) for name in wanted if name in table.column_names)
    return table if simple and table.num_rows == lines.count else None


def _is_simple(column: pa.ChunkedArray) -> bool:
    """Whether Arrow has kept every value as it was written."""
    if pa.types.is_floating(column.type):
        # Beside a fraction, integers became floats: large ids would lose their last digits.
        return not pc.any(pc.greater_equal(pc.abs(column), 2.0**53)).as_py()
    return not pa.types.is_nested(column.type)


def _read_singly(lines: Lines, wanted: Sequence[str]) -> RawBatch:
    """Reads line by line: some are malformed, or a column's values are of several types."""
    kept: list[int] = []
    values: dict[str, list[object]] = {name: [] for name in wanted}
    bad: list[tuple[int, str, str]] = []
    for index, text in enumerate(lines.texts):
        if not text.strip():
            continue
        value = _loads(text)
        if not isinstance(value, dict):
            reason = MALFORMED if value is _BROKEN else NOT_AN_OBJECT
            bad.append((lines.first + index, reason, text))
            continue
        kept.append(index)
        for name in wanted:
            values[name].append(value.get(name))
    indices = np.array(kept, np.int64)
    text_of: Callable[[int], str] = lambda i: lines.texts[indices[i]]  # noqa: E731
    return RawBatch(dict(values), lines.first + indices, text_of, bad, lines.decodable)


_BROKEN = object()


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _BROKEN
