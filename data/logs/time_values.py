"""Columns of times, as Unix seconds."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifelong.data.logs.values import Parsed, distinct_texts, is_text, numbers_of
from lifelong.data.times import END_OF_TIME, TimeRange

SECONDS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
UNREADABLE = "unreadable"
ROUNDED = "its type has rounded it to more than a second"
# Of year 0: from here to `END_OF_TIME`, NumPy and Arrow count seconds without overflow.
_FIRST_SECOND = -62_167_219_200
_NUMBER = r"^-?[0-9]+(\.[0-9]*)?$"
_SHORT_INTEGERS = r"^[0-9]{1,18}$"
_OFFSET = r"[+-]\d\d(?::?\d\d)?"
_ISO = rf"^\d{{4}}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|{_OFFSET})?)?$"  # fractions are cut off first
_ZONE = rf":\d\d(Z|{_OFFSET})$"


def parse_times(array: pa.Array, unit: str, allowed: TimeRange) -> Parsed:
    """Reads times as Unix seconds (fractions are cut off).

    Args:
        array: Column of numbers, ISO 8601 text, dates or timestamps. Text may also hold numbers.
        unit: Unit of numbers: s, ms, us or ns.
        allowed: Times outside are refused.

    Returns:
        int64 seconds. Faults: unreadable; rounded; outside the range, with the unit or form that
        would lie inside it, if there is one.
    """
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("s"))
    if pa.types.is_timestamp(array.type):
        numbers, missing = numbers_of(array.cast(pa.int64()))
        parsed = Parsed(numbers // SECONDS[array.type.unit], missing)
        return _checked(parsed, None, unit, allowed)
    if is_text(array.type):
        codes, texts = distinct_texts(array)
        return _text_times(texts, unit, allowed).take(codes)
    numbers, missing = numbers_of(array)
    return _checked(_seconds(numbers, missing, unit), numbers, unit, allowed)


def _seconds(numbers: np.ndarray, missing: np.ndarray, unit: str) -> Parsed:
    """Returns numbers of a unit as seconds."""
    if numbers.dtype.kind == "u":
        numbers = np.minimum(numbers, np.uint64(2**63 - 1))
    if numbers.dtype.kind != "f":
        return Parsed(numbers.astype(np.int64) // SECONDS[unit], missing)
    finite = np.isfinite(numbers)
    whole = np.where(finite, numbers, 0)
    seconds = np.floor_divide(whole, SECONDS[unit], dtype=np.float64)
    return Parsed(
        np.clip(seconds, _FIRST_SECOND - 1, END_OF_TIME + 1).astype(np.int64),
        missing,
        {
            UNREADABLE: ~finite,
            ROUNDED: finite & (np.spacing(np.abs(whole)).astype(np.float64) > SECONDS[unit]),
        },
    )


def _checked(parsed: Parsed, numbers: np.ndarray | None, unit: str, allowed: TimeRange) -> Parsed:
    """Refuses times outside the range; `numbers` as they were written tell what may be wrong."""
    outside = (parsed.values < allowed.earliest) | (parsed.values > allowed.latest)
    outside &= ~parsed.missing
    if UNREADABLE in parsed.faults:
        outside &= ~parsed.faults[UNREADABLE]
    if not outside.any():
        return parsed
    if ROUNDED in parsed.faults:
        parsed.faults[ROUNDED] &= ~outside  # in another unit it may be exact
    reason = f"outside {_day(allowed.earliest)} to {_day(allowed.latest)}"
    if numbers is not None:
        for hint, fits in _hints(numbers, unit, allowed):
            fits &= outside
            parsed.faults[f"{reason}{hint}"] = fits
            outside &= ~fits
    parsed.faults[reason] = outside
    return parsed


def _hints(numbers: np.ndarray, unit: str, allowed: TimeRange) -> list[tuple[str, np.ndarray]]:
    """Returns what numbers that are no times in `unit` may be, and bool `[n]` which of them."""
    hints = []
    nothing = np.zeros(len(numbers), bool)
    for other in SECONDS:
        seconds = _seconds(numbers, nothing, other).values
        inside = (seconds >= allowed.earliest) & (seconds <= allowed.latest)
        hints.append((f" (inside it if timestamp_unit is {other})", inside))
    with np.errstate(invalid="ignore"):
        year, month, day = numbers // 10_000, numbers // 100 % 100, numbers % 100
    first, last = (int(_day(bound)[:4]) for bound in allowed)
    is_date = (first <= year) & (year <= last) & (month >= 1) & (month <= 12)
    is_date &= (day >= 1) & (day <= 31)
    hints.append((" (a date such as 20220408? write 2022-04-08)", is_date))
    return hints


def _day(seconds: int) -> str:
    epoch = datetime.datetime(1970, 1, 1)
    return (epoch + datetime.timedelta(seconds=seconds)).date().isoformat()


def _text_times(texts: list[str], unit: str, allowed: TimeRange) -> Parsed:
    missing = np.array([not text for text in texts], bool)
    numbers, is_number = _text_numbers(texts)
    parsed = _seconds(numbers, missing, unit)
    written = ~is_number & ~missing
    if written.any():
        array = pa.array([t for t, keep in zip(texts, written, strict=True) if keep], pa.string())
        times = _iso_times(array)
        parsed.values[written] = pc.fill_null(times, 0).to_numpy(zero_copy_only=False)
        parsed.faults[UNREADABLE] = np.zeros(len(texts), bool)
        parsed.faults[UNREADABLE][written] = times.is_null().to_numpy(zero_copy_only=False)
    return _checked(parsed, np.where(is_number, numbers, -1), unit, allowed)


def _text_numbers(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the numbers that texts hold, int64 without their fractions, and which hold one."""
    array = pa.array(texts[:-1], pa.string())
    if texts[:-1] and pc.all(pc.match_substring_regex(array, _SHORT_INTEGERS)).as_py():
        # The common case, without a Python loop. The last text is empty.
        numbers = array.cast(pa.int64()).to_numpy()
        return np.append(numbers, 0), np.append(np.ones(len(numbers), bool), False)
    numbers = np.zeros(len(texts), np.int64)
    is_number = pc.match_substring_regex(array, _NUMBER).to_numpy(zero_copy_only=False)
    for index in np.flatnonzero(is_number):
        # More digits than any time has are outside every range; Python reads no thousands of them.
        number = int(texts[index].partition(".")[0][:20])
        numbers[index] = min(max(number, -(2**63)), 2**63 - 1)
    return numbers, np.append(is_number.astype(bool), False)


def _iso_times(texts: pa.Array) -> pa.Array:
    """Returns int64 seconds, null where the text is no ISO 8601 date or time."""
    texts = pc.replace_substring_regex(texts, r"(:\d\d:\d\d)[.,]\d+", r"\1")
    is_iso = pc.match_substring_regex(texts, _ISO)
    if not pc.all(is_iso).as_py():
        # As pandas, BigQuery and Spark write zones.
        other = pc.replace_substring_regex(pc.utf8_upper(texts), r" ?(UTC|GMT|Z)$", "Z")
        other = pc.replace_substring_regex(other, rf"(:\d\d) ({_OFFSET})$", r"\1\2")
        texts = pc.if_else(is_iso, texts, other)
        is_iso = pc.match_substring_regex(texts, _ISO)
    texts = pc.if_else(is_iso, texts, pa.scalar(None, pa.string()))
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
