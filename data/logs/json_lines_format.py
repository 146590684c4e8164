"""Reads JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from lifelong.data.logs import text_lines, text_source
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.file_error import FileError
from lifelong.data.logs.format import LogFile, TextFormat
from lifelong.data.logs.rows import RawBatch
from lifelong.data.logs.text_lines import Lines

MALFORMED = "malformed JSON"
NOT_AN_OBJECT = "not a JSON object"
TWICE = "key {key!r} stands twice"
_ONE_A_LINE = "write one object a line, such as with: jq -c"


class JsonLinesFormat(TextFormat):
    """JSON lines: one object a line, whose keys need not be the same in all lines."""

    name = "jsonl"
    suffixes = (".jsonl", ".json")
    names_by_row = True

    def look_at(self, path: str, log: LogConfig) -> LogFile:
        """Returns a file with the keys that its first lines name, in order of appearance."""
        blocks = text_lines.read_lines(path, text_lines.WHOLE_FILE, text_source.HEAD_BYTES)
        lines = next(blocks, None)
        if lines is None:
            raise FileError(path, " is empty; remove it or leave it out of `files`")
        self.names_told_by(path, next(filter(str.strip, lines.texts), ""), log)
        names: dict[str, None] = {}
        for text in lines.texts:
            value = _loads(text)
            if isinstance(value, dict):
                names.update(dict.fromkeys(value))
        if not names and lines.texts[0].strip() == "{":
            raise FileError(path, f" has objects that span lines; {_ONE_A_LINE} . FILE")
        return LogFile(path, self.name, tuple(names), has_more=next(blocks, None) is not None)

    def names_told_by(self, path: str, first_row: str, log: LogConfig) -> None:
        """Returns None: each line names its own."""
        text = first_row.strip()
        value = _loads(text)
        is_list = isinstance(value, list) and all(isinstance(part, dict) for part in value)
        if text.startswith("[") and (is_list or value is _BROKEN):
            raise FileError(path, f" is a JSON array; {_ONE_A_LINE} '.[]' FILE")

    def keys_in(self, path: str, keys: Iterable[str]) -> set[str]:
        """Returns which keys any line of a file has; it is read up to the line with the last one.

        Args:
            path: The file.
            keys: What to look for.
        """
        wanted = set(keys)
        found: set[str] = set()
        for lines in text_lines.read_lines(path, text_lines.WHOLE_FILE):
            # A key may be written with escapes, which all begin alike.
            signs = [json.dumps(key, ensure_ascii=False).encode() for key in wanted - found]
            signs.append(b"\\u")
            if not any(sign in lines.data for sign in signs):
                continue
            for text in lines.data.split(b"\n"):
                if any(sign in text for sign in signs):
                    value = _loads(text.decode())
                    found |= wanted & set(value if isinstance(value, dict) else ())
            if found == wanted:
                break
        return found

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
    except pa.ArrowException:
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
    named: set[str] = set()
    for index, text in enumerate(lines.texts):
        if not text.strip():
            continue
        value = _loads(text)
        if not isinstance(value, _Object):
            reason = MALFORMED if value is _BROKEN else NOT_AN_OBJECT
            bad.append((lines.first + index, reason, text))
            continue
        twice = [name for name in wanted if name in value.twice]
        if twice:
            bad.append((lines.first + index, TWICE.format(key=twice[0]), text))
            continue
        kept.append(index)
        named.update(value)
        for name in wanted:
            values[name].append(value.get(name))
    indices = np.array(kept, np.int64)
    text_of: Callable[[int], str] = lambda i: lines.texts[indices[i]]  # noqa: E731
    columns: dict[str, pa.Array | list[object]] = {
        name: values[name] for name in wanted if name in named
    }
    return RawBatch(columns, lines.first + indices, text_of, bad, lines.decodable)


_BROKEN = object()


class _Object(dict[str, object]):
    """A JSON object that knows which of its keys stood twice."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.twice: set[str] = set()
        if len(self) < len(pairs):
            names = [name for name, _ in pairs]
            self.twice = {name for name in names if names.count(name) > 1}


def _loads(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_Object)
    except (ValueError, RecursionError):
        return _BROKEN
