"""What a column's values become, and columns of labels and of numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# How dumps of MySQL and Hive, and pandas write that there is no value.
_NO_VALUE = frozenset({"\\N", "<NA>"})
# The byte order mark, which stands within a file where files were joined.
_MARK = "\ufeff"


@dataclasses.dataclass
class Parsed:
    """A column's values.

    Attributes:
        values: `[n]`, int64 or float32, of vectors `[n, size]`; 0 where missing or at fault.
        missing: bool `[n]`.
        faults: bool `[n]` by what is wrong with the value.
    """

    values: np.ndarray
    missing: np.ndarray
    faults: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def take(self, indices: np.ndarray) -> Parsed:
        """Returns the values at `indices`."""
        faults = {name: mask[indices] for name, mask in self.faults.items()}
        return Parsed(self.values[indices], self.missing[indices], faults)


def parse_labels(array: pa.Array, at_least: float | None = None) -> Parsed:
    """Reads labels as float32 0 or 1.

    Args:
        array: Column of numbers, booleans, or text that holds numbers, true or false.
        at_least: If given, the label is whether the number is at least that; else it is the number
            itself.

    Returns:
        float32 labels. Faults: `not 0 or 1`, or `not a number`.
    """
    if is_text(array.type):
        codes, texts = distinct_texts(array)
        words = {"false": 0.0, "true": 1.0}
        values = np.array([words.get(text.lower(), float_of(text)) for text in texts], np.float64)
        parsed = Parsed(values, np.array([not text for text in texts], bool)).take(codes)
        numbers, missing = parsed.values, parsed.missing
    else:
        numbers, missing = numbers_of(array)
    if at_least is None:
        wrong = ~missing & (numbers != 0) & (numbers != 1)
        faults = {"not 0 or 1": wrong}
    else:
        wrong = ~missing & ~np.isfinite(numbers)
        faults = {"not a number": wrong}
        numbers = numbers >= at_least
    return Parsed(np.where(missing | wrong, 0, numbers).astype(np.float32), missing, faults)


def parse_numbers(array: pa.Array) -> Parsed:
    """Reads a numeric feature as float32.

    Args:
        array: Column of numbers, booleans or text.

    Returns:
        float32 values. Faults: `unreadable` (infinity is, too).
    """
    if is_text(array.type):
        codes, texts = distinct_texts(array)
        missing = np.array([text.lower() in ("", "nan") for text in texts], bool)
        parsed = Parsed(np.array([float_of(text) for text in texts]), missing).take(codes)
        numbers, missing = parsed.values, parsed.missing
    else:
        numbers, missing = numbers_of(array)
    with np.errstate(over="ignore"):  # what float32 cannot hold is at fault
        values = np.where(missing, 0, numbers).astype(np.float32)
    wrong = ~np.isfinite(values)
    return Parsed(np.where(wrong, np.float32(0), values), missing, {"unreadable": wrong})


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def is_list(kind: pa.DataType) -> bool:
    """Whether a column holds lists."""
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def distinct_texts(array: pa.Array) -> tuple[np.ndarray, list[str]]:
    """Returns a column of text by its distinct texts, so that each of them is read once.

    Args:
        array: Column of text.

    Returns:
        Codes `[n]`, and the texts that they mean, without white space at their ends. Missing values
        have the last code, whose text is empty; what stands for no value is empty, too.
    """
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    texts = ["" if text is None else text.strip() for text in array.dictionary.to_pylist()]
    together = "".join(texts)
    if any(sign in together for sign in (_MARK, *_NO_VALUE)):
        texts = [_plain(text) for text in texts]
    codes = pc.fill_null(array.indices.cast(pa.int32()), len(texts))
    return codes.to_numpy(zero_copy_only=False), [*texts, ""]


def numbers_of(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Returns a column of numbers.

    Args:
        array: Column of integers, floats, decimals, booleans, or of nothing but missing values.

    Returns:
        Numbers `[n]` in the column's own type (of decimals float64, of booleans int8), 0 where
        missing; and bool `[n]`, which are missing (NaN is, too).

    Raises:
        TypeError: The column's type holds no numbers.
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_null(kind):
        return np.zeros(len(array), np.int64), np.ones(len(array), bool)
    if pa.types.is_boolean(kind):
        array = array.cast(pa.int8())
    elif pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
    elif not pa.types.is_integer(kind) and not pa.types.is_floating(kind):
        raise TypeError(f"a column of type {kind} cannot be read")
    missing = np.zeros(len(array), bool)
    if array.null_count:
        missing = array.is_null().to_numpy(zero_copy_only=False)
        array = pc.fill_null(array, pa.scalar(0, pa.int8()).cast(array.type))
    values = array.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        missing = missing | np.isnan(values)
        values = np.where(missing, values.dtype.type(0), values)
    return values, missing


def _plain(text: str) -> str:
    """Returns a text without what surrounds it; the empty one if it stands for no value."""
    text = text.strip(_MARK).strip()
    return "" if text in _NO_VALUE else text


def float_of(text: str) -> float:
    """Returns the number that a text is, infinity if it is none."""
    if "_" in text or not text.isascii():  # of numbers, only Python writes those
        return np.inf
    try:
        return float(text)
    except ValueError:
        return np.inf
