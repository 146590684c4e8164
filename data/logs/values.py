"""Turns Arrow columns into the NumPy columns of records, and says which values cannot be used."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifelong.data.ids import string_id

# The last second of the year 9999: a larger time is in another unit than the configuration says.
LAST_TIME = 253_402_300_799
SECONDS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_SHORT_INTEGERS = r"^-?(0|[1-9][0-9]{0,17})$"
_ISO = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d(:?\d\d)?)?)?$"  # fractions are cut off first
_ZONE = r":\d\d(Z|[+-]\d\d(:?\d\d)?)$"


@dataclasses.dataclass
class Parsed:
    """A column's values.

    Attributes:
        values: `[n]`, int64 or float32; 0 where missing or at fault.
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


def parse_ids(array: pa.Array, digits_are_integers: bool) -> Parsed:
    """Reads ids: integers as they are, text as its hash.

    Args:
        array: Column of any integer, floating (integers with gaps), boolean or text type.
        digits_are_integers: Whether text such as `17` is an integer (CSV) or text.

    Returns:
        int64 ids. Faults: `negative`, `unreadable`.

    Raises:
        TypeError: The column's type cannot hold ids.
    """
    if _is_text(array.type):
        codes, texts = _dictionary(array)
        return _text_ids(texts, digits_are_integers).take(codes)
    numbers, missing = _numbers(array)
    faults = {}
    if numbers.dtype.kind == "f":
        faults["unreadable"] = ~missing & ((numbers != np.floor(numbers)) | (abs(numbers) >= 2**63))
        numbers = np.where(missing | faults["unreadable"], 0, numbers)
    values = numbers.astype(np.int64)
    if len(values) and values.min() < 0:
        faults["negative"] = values < 0
    return Parsed(values, missing, faults)


def parse_times(array: pa.Array, unit: str) -> Parsed:
    """Reads times as Unix seconds (fractions are cut off).

    Args:
        array: Column of integers, ISO 8601 text, dates or timestamps.
        unit: Unit of integers: s, ms, us or ns.

    Returns:
        int64 seconds. Faults: `unreadable`, `out of range (check timestamp_unit)`.
    """
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("s"))
    if pa.types.is_timestamp(array.type):
        numbers, missing = _numbers(array.cast(pa.int64()))
        parsed = Parsed(numbers // SECONDS[array.type.unit], missing)
    elif _is_text(array.type):
        codes, texts = _dictionary(array)
        parsed = _text_times(texts, unit).take(codes)
    else:
        numbers, missing = _numbers(array)
        finite = np.isfinite(numbers)
        seconds = np.floor_divide(np.where(finite, numbers, 0), SECONDS[unit])
        clipped = np.clip(seconds, -1, LAST_TIME + 1).astype(np.int64)
        parsed = Parsed(np.where(finite, clipped, LAST_TIME + 1), missing)
    outside = (parsed.values < 0) | (parsed.values > LAST_TIME)
    if outside.any():
        parsed.faults["out of range (check timestamp_unit)"] = outside
    return parsed


def parse_labels(array: pa.Array) -> Parsed:
    """Reads labels as float32 0 or 1.

    Args:
        array: Column of numbers, booleans, or the text 0, 1, true or false.

    Returns:
        float32 labels. Faults: `not 0 or 1`.
    """
    if _is_text(array.type):
        codes, texts = _dictionary(array)
        words = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "false": 0.0, "true": 1.0}
        values = np.array([words.get(text.lower(), np.nan) for text in texts], np.float64)
        parsed = Parsed(values, np.array([not text for text in texts], bool)).take(codes)
        numbers, missing = parsed.values, parsed.missing
    else:
        numbers, missing = _numbers(array)
    wrong = ~missing & (numbers != 0) & (numbers != 1)
    return Parsed(
        np.where(missing | wrong, 0, numbers).astype(np.float32), missing, {"not 0 or 1": wrong}
    )


def parse_numbers(array: pa.Array) -> Parsed:
    """Reads a numeric feature as float32.

    Args:
        array: Column of numbers, booleans or text.

    Returns:
        float32 values. Faults: `unreadable` (infinity is, too).
    """
    if _is_text(array.type):
        codes, texts = _dictionary(array)
        missing = np.array([text.lower() in ("", "nan") for text in texts], bool)
        parsed = Parsed(np.array([_float(text) for text in texts]), missing).take(codes)
        numbers, missing = parsed.values, parsed.missing
    else:
        numbers, missing = _numbers(array)
    values = np.where(missing, 0, numbers).astype(np.float32)
    wrong = ~np.isfinite(values)
    return Parsed(np.where(wrong, np.float32(0), values), missing, {"unreadable": wrong})


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _dictionary(array: pa.Array) -> tuple[np.ndarray, list[str]]:
    """Returns codes `[n]` (the last code where missing) and distinct texts, the last one empty."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    texts = ["" if text is None else text.strip() for text in array.dictionary.to_pylist()]
    codes = pc.fill_null(array.indices.cast(pa.int32()), len(texts))
    return codes.to_numpy(zero_copy_only=False), [*texts, ""]


def _numbers(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Returns int64 or float64 values (0 where missing) and the missing mask."""
    kind = array.type
    if pa.types.is_null(kind):
        return np.zeros(len(array), np.int64), np.ones(len(array), bool)
    if pa.types.is_decimal(kind):
        array = array.cast(pa.float64() if kind.scale > 0 else pa.int64())
        kind = array.type
    whole = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    if not whole and not pa.types.is_floating(kind):
        raise TypeError(f"a column of type {kind} cannot be read")
    missing = np.zeros(len(array), bool)
    if array.null_count:
        missing = array.is_null().to_numpy(zero_copy_only=False)
        array = pc.fill_null(array, pa.scalar(0, pa.int8()).cast(kind))
    # An unsigned id of 2**63 or more wraps to a negative one, which is then refused.
    target = pa.int64() if whole else pa.float64()
    values = array.cast(target, safe=False).to_numpy(zero_copy_only=False)
    if not whole:
        missing = missing | np.isnan(values)
        values = np.where(missing, 0.0, values)
    return values, missing


def _text_ids(texts: list[str], digits_are_integers: bool) -> Parsed:
    missing = np.array([not text for text in texts], bool)
    if digits_are_integers:
        values = _short_integers(texts[:-1])
        if values is None:
            numbers = [_integer(text) for text in texts]
            values = np.array(
                [string_id(t) if n is None else n for t, n in zip(texts, numbers, strict=True)],
                np.int64,
            )
        else:
            values = np.append(values, 0)
        return Parsed(values, missing, {"negative": values < 0})
    return Parsed(np.array([string_id(text) for text in texts], np.int64), missing)


def _short_integers(texts: list[str]) -> np.ndarray | None:
    """Returns the integers if all texts are some, the common case, without a Python loop."""
    array = pa.array(texts, pa.string())
    if not texts or not pc.all(pc.match_substring_regex(array, _SHORT_INTEGERS)).as_py():
        return None
    return array.cast(pa.int64()).to_numpy()


def _integer(text: str) -> int | None:
    if not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


def _text_times(texts: list[str], unit: str) -> Parsed:
    numbers = [_integer(text) for text in texts]
    seconds = np.array(
        [0 if n is None else min(max(n // SECONDS[unit], -1), LAST_TIME + 1) for n in numbers],
        np.int64,
    )
    missing = np.array([not text for text in texts], bool)
    written = np.array([number is None for number in numbers], bool) & ~missing
    unreadable = np.zeros(len(texts), bool)
    if written.any():
        array = pa.array([t for t, keep in zip(texts, written, strict=True) if keep], pa.string())
        times = _iso_times(array)
        seconds[written] = pc.fill_null(times, 0).to_numpy(zero_copy_only=False)
        unreadable[written] = times.is_null().to_numpy(zero_copy_only=False)
    return Parsed(seconds, missing, {"unreadable": unreadable})


def _iso_times(texts: pa.Array) -> pa.Array:
    """Returns int64 seconds, null where the text is no ISO 8601 date or time."""
    texts = pc.replace_substring_regex(texts, r"[.,]\d+", "")
    texts = pc.if_else(pc.match_substring_regex(texts, _ISO), texts, pa.scalar(None, pa.string()))
    zoned = pc.fill_null(pc.match_substring_regex(texts, _ZONE), False)
    nothing = pa.scalar(None, pa.string())
    return pc.coalesce(
        _cast_times(pc.if_else(zoned, texts, nothing), pa.timestamp("s", "UTC")),
        _cast_times(pc.if_else(zoned, nothing, texts), pa.timestamp("s")),
    )


def _cast_times(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Casts, halving the array around values that raise (a thirteenth month) until they stand alone."""
    try:
        return texts.cast(kind).cast(pa.int64())
    except pa.ArrowInvalid:
        if len(texts) == 1:
            return pa.nulls(1, pa.int64())
        half = len(texts) // 2
        return pa.concat_arrays([_cast_times(texts[:half], kind), _cast_times(texts[half:], kind)])


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.inf
