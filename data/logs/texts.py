"""Finds what stands in a log for ids that are fingerprints of text, for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from lifelong.data.logs import reading
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import Field, behavior_fields, item_fields
from lifelong.data.logs.id_values import parse_ids
from lifelong.data.logs.parsing import column_of


def read_texts(
    log: LogConfig, wanted: Mapping[str, Iterable[int]], items: LogConfig | None = None
) -> dict[str, dict[int, str]]:
    """Reads the texts of ids from a behaviour log; it is read as far as they have not all been found.

    Args:
        log: The log.
        wanted: Ids by the key of their field: `item`, `category`.
        items: The item table, which is read for categories that the log does not have.

    Returns:
        What the log calls each id, by key and id; without ids that it does not have.

    Raises:
        ValueError: The log cannot be read.
    """
    fields = [field for field in behavior_fields(log, ()) if field.key in wanted]
    in_log = [field for field in fields if field.is_in_log]
    found = _read(log, in_log, "behaviors", wanted)
    if items is not None and len(in_log) < len(fields):
        of_items = [field for field in item_fields(items, ()) if field.key == "category"]
        found |= _read(items, of_items, "items", wanted)
    return found


def _read(
    log: LogConfig, fields: Sequence[Field], name: str, wanted: Mapping[str, Iterable[int]]
) -> dict[str, dict[int, str]]:
    """Reads the texts of ids of some fields; `name` is the log's in the configuration."""
    left = {field.key: set(wanted[field.key]) for field in fields}
    found: dict[str, dict[int, str]] = {key: {} for key in left}
    for file in reading.log_files(log, fields, name):
        for task in reading.read_tasks(file, log):
            for raw in reading.read_rows(task, log, fields):
                for field in fields:
                    if field.column in raw.columns:
                        texts = _texts(column_of(raw, field, log), field, left[field.key])
                        found[field.key] |= texts
                        left[field.key] -= texts.keys()
                if not any(left.values()):
                    return found
    return found


def _texts(column: pa.Array | list[object], field: Field, wanted: set[int]) -> dict[int, str]:
    if isinstance(column, list):  # as text, values of all types have the same ids
        column = pa.array([_as_text(value) for value in column], pa.string())
    parsed = parse_ids(column, field.is_text)
    usable = ~parsed.missing & np.isin(parsed.values, list(wanted))
    for mask in parsed.faults.values():
        usable &= ~mask
    ids, rows = np.unique(parsed.values[usable], return_index=True)
    rows = np.flatnonzero(usable)[rows]
    return {int(i): str(column[int(row)]).strip() for i, row in zip(ids, rows, strict=True)}


def _as_text(value: object) -> str | None:
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        return str(value).encode(errors="replace").decode()
    return None
