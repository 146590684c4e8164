"""Takes the first of several categories that stand in one value."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lifelong.data.logs.values import is_list


def first_category(column: pa.Array | list[Any], separator: str) -> pa.Array | list[Any]:
    """Returns the first category of each value.

    Args:
        column: Values as read: text, in which the separator stands between categories, or lists of
            categories; others stay as they are. A Python list where types are mixed.
        separator: What stands between categories.

    Returns:
        The categories, of the column's own kind; nothing where a list is empty.
    """
    if isinstance(column, list):
        firsts = [(value or [None])[0] if isinstance(value, list) else value for value in column]
        return [value.split(separator)[0] if isinstance(value, str) else value for value in firsts]
    if is_list(column.type):
        # A list that is empty has no first element, which Arrow refuses to look for.
        filled = pc.if_else(pc.equal(pc.list_value_length(column), 0), None, column)
        return first_category(pc.list_element(filled, 0), separator)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.dictionary_encode()
    if pa.types.is_dictionary(column.type):
        texts = column.dictionary
        if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type):
            firsts = pc.list_element(pc.split_pattern(texts, separator), 0)
            return pa.DictionaryArray.from_arrays(column.indices, firsts)
    return column
