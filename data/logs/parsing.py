"""Turns rows as written into columns of fields, and sets unusable rows aside with the reason."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from lifelong.data.columns import Columns
from lifelong.data.ids import MISSING_ID
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import Field
from lifelong.data.logs.first_category import first_category
from lifelong.data.logs.format import LogFile
from lifelong.data.logs.id_values import parse_ids
from lifelong.data.logs.rows import BadRow, LogBatch, RawBatch
from lifelong.data.logs.time_values import parse_times
from lifelong.data.logs.values import Parsed, parse_labels, parse_numbers
from lifelong.data.logs.vectors import parse_vectors

if TYPE_CHECKING:
    from lifelong.data.logs.item_categories import ItemCategories

NOT_UTF8 = "not UTF-8"
# Of values whose type Arrow cannot tell by themselves.
_JSON_TYPES = {"list": pa.list_(pa.float64())}


def parse_rows(
    raw: RawBatch,
    file: LogFile,
    log: LogConfig,
    fields: Sequence[Field],
    categories: ItemCategories | None = None,
) -> LogBatch:
    """Reads the values of rows, and sets rows aside that cannot be used.

    Args:
        raw: Rows as written.
        file: Their file.
        log: Its log.
        fields: Fields to read.
        categories: Those of the item table, if a field is `of_item`.

    Raises:
        TypeError: The type of a column cannot be read.
    """
    count = len(raw.rows)
    block: Columns = {}
    reasons: list[str] = [""]
    reason = np.zeros(count, np.int16)
    missing: collections.Counter[str] = collections.Counter()

    def refuse(mask: np.ndarray, text: str) -> None:
        if mask.any():
            reason[mask & (reason == 0)] = len(reasons)
            reasons.append(text)

    if not raw.decodable:
        refuse(np.array(["\ufffd" in raw.text(i) for i in range(count)], bool), NOT_UTF8)
    for field in fields:
        if not field.is_in_log:
            continue
        parsed = _parse(column_of(raw, field, log), field, log)
        name = field.column if field.is_feature else field.key
        for fault, mask in parsed.faults.items():
            refuse(mask & ~parsed.missing, f"{name}: {fault}")
        block[field.key] = parsed.values
        if not field.is_feature:
            refuse(parsed.missing, f"{name}: missing")
        elif parsed.missing.any():
            missing[field.key] += int(parsed.missing.sum())
            if field.kind == "categorical":
                block[field.key] = np.where(parsed.missing, MISSING_ID, parsed.values)
    bad = [BadRow(file.path, *row) for row in raw.bad]
    if len(reasons) > 1:
        keep = reason == 0
        for index in np.flatnonzero(~keep):
            text = raw.text(int(index))
            if text.strip():  # a blank line is no row
                bad.append(BadRow(file.path, int(raw.rows[index]), reasons[reason[index]], text))
        block = {key: column[keep] for key, column in block.items()}
    if categories is not None and any(not field.is_in_log for field in fields):
        block["category"] = categories.of(block["item"])
        missing["category"] += int((block["category"] == MISSING_ID).sum())
    return LogBatch(block, bad, missing)


def column_of(raw: RawBatch, field: Field, log: LogConfig) -> pa.Array | list[Any]:
    """Returns the values of a field as written: of several categories, the first one.

    Args:
        raw: Rows as written.
        field: The field.
        log: Their log.
    """
    column = raw.columns.get(field.column, pa.nulls(len(raw.rows)))
    if field.key == "category" and log.category_separator:
        return first_category(column, log.category_separator)
    return column


def _parse(column: pa.Array | list[Any], field: Field, log: LogConfig) -> Parsed:
    if isinstance(column, list):
        return _parse_mixed(column, field, log)
    try:
        if field.kind == "time":
            return parse_times(column, log.timestamp_unit, log.time_range)
        if field.kind == "label":
            return parse_labels(column, field.at_least)
        if field.kind == "numeric":
            return parse_numbers(column)
        if field.kind == "vector":
            return parse_vectors(column, field.size)
        return parse_ids(column, field.is_text)
    except TypeError as error:
        is_list = field.key == "category" and pa.types.is_nested(column.type)
        hint = "; set category_separator, then the first of a list is taken" if is_list else ""
        raise TypeError(f"column {field.column!r}: {error}{hint}") from error


def _parse_mixed(column: list[Any], field: Field, log: LogConfig) -> Parsed:
    """Parses the values of each type by themselves."""
    kind_of = _json_kind_of_vector if field.kind == "vector" else _json_kind
    kinds = [kind_of(value) for value in column]
    result = Parsed(field.zeros(len(column)), np.zeros(len(column), bool))
    for kind in sorted(set(kinds)):
        indices = np.flatnonzero([other == kind for other in kinds])
        if kind == "unreadable":
            result.faults.setdefault(kind, np.zeros(len(column), bool))[indices] = True
            continue
        chosen = [column[i] for i in indices]
        if kind == "digits":  # more than int64 holds
            chosen = [str(number) for number in chosen]
        elif kind == "list":  # large integers, too, are rounded
            chosen = [list(map(float, vector)) for vector in chosen]
        part = _parse(pa.array(chosen, _JSON_TYPES.get(kind)), field, log)
        result.values[indices] = part.values
        result.missing[indices] = part.missing
        for fault, mask in part.faults.items():
            result.faults.setdefault(fault, np.zeros(len(column), bool))[indices] = mask
    return result


def _json_kind(value: Any) -> str:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "digits"
    if isinstance(value, str) and not _is_unicode(value):
        return "unreadable"
    if value is None or isinstance(value, (bool, int, float, str)):
        return type(value).__name__
    return "unreadable"


def _json_kind_of_vector(value: Any) -> str:
    if isinstance(value, list):
        # Other numbers are at fault for a float32; Arrow could not even hold all of them.
        numbers = all(type(number) in (int, float) and abs(number) < 2**128 for number in value)
        return "list" if numbers else "unreadable"
    kind = _json_kind(value)
    return kind if kind in ("NoneType", "str") else "unreadable"


def _is_unicode(text: str) -> bool:
    """Whether a text has no half surrogate pairs; JSON can write such."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
