"""Turns text ids into the int64 ids that records and requests carry."""

from __future__ import annotations

from collections.abc import Iterable

import farmhash
import numpy as np

# One below 2**63, so that every id is a non-negative int64.
ID_SPACE = 2**63 - 1


def string_id(text: str) -> int:
    """Returns the id of one text, the same value as TensorFlow computes in a graph.

    Args:
        text: User, item, category or any other categorical value.

    Returns:
        `farmhash.fingerprint64(text) % (2**63 - 1)`, which equals
        `tf.strings.to_hash_bucket_fast(text, 2**63 - 1)`.

    Example:
        >>> string_id("bread")
        5486977105516169639
    """
    return farmhash.fingerprint64(text) % ID_SPACE


# What a missing categorical feature is: the id of the empty text.
MISSING_ID = string_id("")


def string_ids(values: Iterable[str]) -> np.ndarray:
    """Returns the ids of many texts.

    Args:
        values: Texts, for example a list or a NumPy array of `str`.

    Returns:
        int64 array with one id per text, in order.

    Raises:
        TypeError: A value is not text (a missing value, for example).
    """
    return np.fromiter((string_id(_text(value)) for value in values), dtype=np.int64)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"an id must be text, got {value!r} ({type(value).__name__})")
