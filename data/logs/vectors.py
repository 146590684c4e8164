"""Columns of vectors: lists of numbers, or text that holds them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifelong.data.logs.values import Parsed, distinct_texts, float_of, is_list, is_text


def parse_vectors(array: pa.Array, size: int) -> Parsed:
    """Reads vectors as float32.

    Args:
        array: Column of lists of numbers, of any length or of a fixed one, or of text such as
            `0.5 1 -2` or `[0.5, 1, -2]`.
        size: Numbers of a vector.

    Returns:
        float32 values `[n, size]`. Faults: `unreadable` (infinity and NaN are, too), and another
        number of values.

    Raises:
        TypeError: The column's type holds no vectors.
    """
    if pa.types.is_null(array.type):
        nothing = np.zeros(len(array), bool)
        return _parsed(np.zeros((len(array), size)), ~nothing, nothing)
    if is_text(array.type):
        codes, texts = distinct_texts(array)
        vectors = [[float_of(number) for number in _numbers(text)] for text in texts]
        fits = np.array([len(vector) == size for vector in vectors])
        values = np.zeros((len(texts), size))
        fitting = [vector for vector in vectors if len(vector) == size]
        values[fits] = np.reshape(fitting, (-1, size))
        missing = np.array([not text for text in texts], bool)
        return _parsed(values, missing, ~fits).take(codes)
    if not is_list(array.type) or not _is_number(array.type.value_type):
        raise TypeError(f"a column of type {array.type} cannot be read as vectors")
    missing = array.is_null().to_numpy(zero_copy_only=False)
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    fits = ~missing & (lengths == size)
    numbers = array.filter(pa.array(fits)).flatten().cast(pa.float64(), safe=False)
    values = np.zeros((len(array), size))
    # A null within a vector becomes NaN.
    values[fits] = numbers.to_numpy(zero_copy_only=False).reshape(-1, size)
    return _parsed(values, missing, ~fits)


def _parsed(values: np.ndarray, missing: np.ndarray, wrong: np.ndarray) -> Parsed:
    """Returns values as float32, with their faults; `wrong` are those of another size."""
    with np.errstate(over="ignore"):  # what float32 cannot hold is at fault
        values = values.astype(np.float32)
    unreadable = ~np.isfinite(values).all(axis=1)
    values[unreadable | missing] = 0
    faults = {
        f"not {values.shape[1]} numbers": wrong & ~missing,
        "unreadable": unreadable & ~missing,
    }
    return Parsed(values, missing, faults)


def _numbers(text: str) -> list[str]:
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    return text.replace(",", " ").split()


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)
