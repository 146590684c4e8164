"""Columns of ids: `lifelong.data.ids` has the rule, here are the types that carry them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from lifelong.data import ids
from lifelong.data.logs.values import Parsed, distinct_texts, is_text, numbers_of


def parse_ids(array: pa.Array, declared_text: bool = False) -> Parsed:
    """Reads ids by the rule in `lifelong.data.ids`.

    Args:
        array: Column of any integer, floating, decimal, boolean or text type.
        declared_text: Whether the column is declared to be text.

    Returns:
        int64 ids. The faults are those of the rule.

    Raises:
        TypeError: The column's type cannot hold ids.
    """
    kind = array.type
    if pa.types.is_boolean(kind):
        array = array.cast(pa.string())
    elif pa.types.is_decimal(kind):
        array, faults = _decimal_texts(array)
        parsed = parse_ids(array)
        parsed.faults.update(faults)
        # Declared to be text or not, they are numbers: 7.00 is the 7 of integers and of floats.
        parsed.values = ids.number_ids(parsed.values, declared_text)[0]
        return parsed
    if not is_text(array.type):
        numbers, missing = numbers_of(array)
        values, faults = ids.number_ids(numbers, declared_text)
        return Parsed(values, missing, faults)
    codes, texts = distinct_texts(array)
    # The last text stands for missing values; all others being integers is the common case.
    values, faults = ids.text_ids(texts[:-1], declared_text)
    missing = np.array([not text for text in texts], bool)
    faults = {fault: np.append(mask, False) for fault, mask in faults.items()}
    return Parsed(np.append(values, 0), missing, faults).take(codes)


def _decimal_texts(array: pa.Array) -> tuple[pa.Array, ids.Faults]:
    """Returns decimals as the text of their integers, and which of them are no integers."""
    numbers = array.to_pylist()
    fraction = [number is not None and number != number.to_integral_value() for number in numbers]
    texts = [
        None if number is None else "0" if odd or not number else f"{number:f}"
        for number, odd in zip(numbers, fraction, strict=True)
    ]
    return pa.array(texts, pa.string()), {ids.NO_INTEGER: np.array(fraction, bool)}
