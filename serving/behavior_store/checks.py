"""Checks events that a caller hands over to a store."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from lifelong.data.columns import Columns
from lifelong.data.events import KEYS


def checked_user(user: SupportsIndex) -> int:
    """Returns a user's id as Python's integer; NumPy's overflow.

    Raises:
        TypeError: It is no integer.
    """
    try:
        if isinstance(user, bool):
            raise TypeError
        return operator.index(user)
    except TypeError:
        raise TypeError(
            f"user is {user!r} ({type(user).__name__}); expected an integer. Text becomes an id"
            " through lifelong.data.ids.id_of"
        ) from None


def checked_ids(ids: npt.ArrayLike, name: str) -> np.ndarray:
    """Returns ids as int64 `[n]`; nothing is rounded, and no text read.

    Args:
        ids: Of items or categories.
        name: What they are, for errors.

    Raises:
        TypeError: They are no integers.
        ValueError: One is too large for int64, or they have more than one axis.
    """
    array = np.asarray(ids)
    if array.ndim > 1:
        raise ValueError(f"{name} has shape {array.shape}; expected one dimension")
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(
            f"{name} is {ids!r} (of type {array.dtype}); expected integers. Text becomes"
            " an id through lifelong.data.ids.ids_of"
        )
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} holds {array.max()}, which is too large for int64")
    return np.atleast_1d(array.astype(np.int64, copy=False))


def checked_events(
    values: Mapping[str, npt.ArrayLike], features: Mapping[str, str], more: tuple[str, ...] = ()
) -> Columns:
    """Checks events that a caller hands over, and gives their columns the types of the store.

    Args:
        values: One value for each event.
        features: Type of each event feature of the store by name.
        more: Further columns of ids, such as `user`.

    Raises:
        ValueError: A column is missing, unknown, of the wrong type or length, negative or not
            finite; the message names it.
    """
    types = {**dict.fromkeys((*more, *KEYS), "int64"), **features}
    missing, unknown = sorted(types.keys() - values), sorted(values.keys() - types)
    if missing or unknown:
        raise ValueError(
            f"events have the columns {sorted(values)}; "
            + "; ".join(
                text
                for text, names in (
                    (f"missing: {missing}", missing),
                    (f"unknown: {unknown}", unknown),
                )
                if names
            )
            + f"; the store holds {sorted(types)}"
        )
    columns = {name: _typed(name, values[name], dtype) for name, dtype in types.items()}
    shape = columns["item"].shape
    for name, column in columns.items():
        if column.ndim != 1 or column.shape != shape:
            raise ValueError(
                f"events: {name} has shape {column.shape}, item has {shape}; expected one value for"
                " each event"
            )
    for name in (*more, *KEYS):
        if shape[0] and columns[name].min() < 0:
            row = int(np.argmin(columns[name]))
            raise ValueError(f"events: {name} is {columns[name][row]} in row {row}; expected >= 0")
    return columns


def _typed(name: str, value: npt.ArrayLike, dtype: str) -> np.ndarray:
    array = np.asarray(value)
    if not array.size:
        return array.astype(dtype)
    if array.dtype.kind not in ("iu" if dtype == "int64" else "iuf"):
        raise ValueError(
            f"events: {name} is of type {array.dtype}; expected {dtype}. Text becomes an id through"
            " lifelong.data.ids.ids_of"
        )
    if array.dtype.kind == "u" and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"events: {name} holds {array.max()}, which is too large for int64")
    with np.errstate(over="ignore"):
        typed = array.astype(dtype, copy=False)
    if not np.isfinite(typed).all():
        row = int(np.argmin(np.isfinite(typed)))
        raise ValueError(
            f"events: {name} is {array.flat[row]} in row {row}; expected a number that {dtype} holds"
        )
    return typed
