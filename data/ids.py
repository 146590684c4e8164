"""The one rule by which a value becomes an int64 id, whatever carries it.

It holds for users, items, categories, requests and categorical features, in every log and format, in
`lifelong ingest`, `lifelong rank --user` and clients:

- A canonical decimal integer (`1017`, no sign, no leading zeros) is that integer, as number or as
  text. A trailing `.0` (any zeros) is the only other spelling of it.
- A number that its type may have rounded (a double of 2^53 or more) is refused, and so is one that is
  no integer, and an integer outside [0, 2^63 - 1]: never rounded, never hashed.
- Text of digits that begins with zeros is refused: whether `007` is 7 or a text only its owner knows.
- Everything else is text (`1E5` too), and so is everything that is declared to be text: its id is
  FarmHash's fingerprint. `true` and `false` are text however they are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import farmhash
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# One below 2**63, so that every id is a non-negative int64.
ID_SPACE = 2**63 - 1
LARGEST = 2**63 - 1

# What can be wrong with a value.
NEGATIVE = "negative"
TOO_LARGE = "larger than 2^63 - 1"
NO_INTEGER = "a number that is no integer"
ROUNDED = "too large for its type, which may have rounded it (write integers or text)"
LEADING_ZEROS = "leading zeros (remove them, or name the column in text_columns)"
NUL = "holds a NUL character"
Faults = dict[str, np.ndarray]
"""Which values are refused, bool `[n]`, by what is wrong with them."""

_INTEGER = re.compile(r"(-?)(0*)([0-9]+?)(?:\.0+)?")
_LIKE_AN_INTEGER = r"^-?[0-9]+(\.0+)?$"
_SHORT_INTEGERS = r"^(0|[1-9][0-9]{0,17})$"


def fingerprint(text: str) -> int:
    """Returns the id of what is text by the rule, the same as TensorFlow computes in a graph.

    Args:
        text: Any text; what looks like an integer is hashed too. See `id_of`.

    Returns:
        `farmhash.fingerprint64(text) % (2**63 - 1)`, which equals
        `tf.strings.to_hash_bucket_fast(text, 2**63 - 1)`.

    Raises:
        ValueError: The text holds a NUL or half a surrogate pair.

    Example:
        >>> fingerprint("bread")
        5486977105516169639
    """
    return farmhash.fingerprint64(text) % ID_SPACE


# What a missing categorical feature is: the id of the empty text.
MISSING_ID = fingerprint("")


def id_of(value: int | float | str, is_text: bool = False) -> int:
    """Returns the id of one value by the rule.

    Args:
        value: As it stands in a log: text, an integer, or a float without a fraction.
        is_text: Whether the value belongs to a column that is declared to be text.

    Raises:
        ValueError: The value is refused; the message says why.
        TypeError: The value is of another type.

    Example:
        >>> id_of("1017"), id_of(1017), id_of("1017.0")
        (1017, 1017, 1017)
        >>> id_of("bread")
        5486977105516169639
    """
    return int(ids_of([value], is_text)[0])


def ids_of(values: Iterable[int | float | str], is_text: bool = False) -> np.ndarray:
    """Returns the ids of many values by the rule.

    Args:
        values: See `id_of`; for example a list or a NumPy array.
        is_text: See `id_of`.

    Returns:
        int64 array with one id per value, in order.

    Raises:
        ValueError: A value is refused; the message names it.
        TypeError: A value is of another type (missing, for example).
    """
    given = list(values)
    texts = [_as_text(value) for value in given]
    ids, faults = text_ids(texts, is_text)
    for fault, mask in {"empty": np.array([not text for text in texts], bool), **faults}.items():
        if mask.any():
            raise ValueError(f"{given[int(mask.argmax())]!r} is no id: {fault}")
    return ids


def text_ids(texts: Sequence[str], is_text: bool = False) -> tuple[np.ndarray, Faults]:
    """Returns the ids of texts by the rule.

    Args:
        texts: `n` texts of valid Unicode without white space at their ends; empty ones get any id.
        is_text: Whether digits are text too.

    Returns:
        int64 ids `[n]`, 0 where refused; and which are refused.
    """
    ids = np.zeros(len(texts), np.int64)
    array = pa.array(texts, pa.string())
    if not is_text and texts and pc.all(pc.match_substring_regex(array, _SHORT_INTEGERS)).as_py():
        return array.cast(pa.int64()).to_numpy(), {}
    faults: Faults = {}
    looks_like_one = np.zeros(len(texts), bool)
    if not is_text:
        looks_like_one = pc.match_substring_regex(array, _LIKE_AN_INTEGER).to_numpy(False)
        for i in np.flatnonzero(looks_like_one).tolist():
            ids[i], fault = _integer(texts[i])
            if fault:
                faults.setdefault(fault, np.zeros(len(texts), bool))[i] = True
    has_nul = np.array(["\0" in text for text in texts], bool)
    if has_nul.any():
        faults[NUL] = has_nul
    for i in np.flatnonzero(~looks_like_one & ~has_nul).tolist():
        ids[i] = fingerprint(texts[i])
    return ids, faults


def number_ids(numbers: np.ndarray, is_text: bool = False) -> tuple[np.ndarray, Faults]:
    """Returns the ids of numbers by the rule.

    Args:
        numbers: Integers or floats `[n]`, in the type in which they were written.
        is_text: Whether they belong to a column that is declared to be text: then the id is that
            of the integer's digits.

    Returns:
        int64 ids `[n]`, 0 where refused; and which are refused.
    """
    faults: Faults = {}
    if numbers.dtype.kind == "f":
        # From this number on, neighbouring integers become the same float.
        limit = 2.0 ** (np.finfo(numbers.dtype).nmant + 1)
        faults[ROUNDED] = np.isfinite(numbers) & (np.abs(numbers) >= limit)
        faults[NO_INTEGER] = ~faults[ROUNDED] & (numbers != np.trunc(numbers))
        faults[NO_INTEGER] |= ~np.isfinite(numbers)
        faults[NEGATIVE] = ~faults[ROUNDED] & ~faults[NO_INTEGER] & (numbers < 0)
    elif numbers.dtype.kind == "u":
        faults[TOO_LARGE] = numbers > np.uint64(LARGEST)
    else:
        faults[NEGATIVE] = numbers < 0
    faults = {fault: mask for fault, mask in faults.items() if mask.any()}
    if faults:
        numbers = np.where(np.any(list(faults.values()), axis=0), 0, numbers)
    ids = numbers.astype(np.int64)
    if is_text and len(ids):
        distinct, codes = np.unique(ids, return_inverse=True)
        ids = np.array([fingerprint(str(number)) for number in distinct], np.int64)[codes]
    return ids, faults


def _integer(text: str) -> tuple[int, str]:
    """Returns the integer that a text is, or 0 and what is wrong with it."""
    match = _INTEGER.fullmatch(text)
    assert match is not None
    sign, zeros, digits = match.groups()
    if sign:
        return 0, NEGATIVE
    if zeros:
        return 0, LEADING_ZEROS
    # Python refuses to read thousands of digits.
    if len(digits) > len(str(LARGEST)) or int(digits) > LARGEST:
        return 0, TOO_LARGE
    return int(digits), ""


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value.strip().strip("\ufeff").strip()
    if isinstance(value, (bool, np.bool_)):
        return str(value).lower()
    if isinstance(value, (int, np.integer)):
        return str(value)
    if isinstance(value, (float, np.floating)):
        ids, faults = number_ids(np.array([value]))
        for fault in faults:
            raise ValueError(f"{value!r} is no id: {fault}")
        return str(ids[0])
    raise TypeError(f"an id is made of text or a number, got {value!r} ({type(value).__name__})")
