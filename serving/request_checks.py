"""Checks ranking requests before they are sent: a model scores whatever it is sent.

The graph takes lengths and times as they are, and its answer to wrong ones looks like any other.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from lifelong.data import evidence
from lifelong.data.keys import (
    CANDIDATE,
    CANDIDATE_CATEGORY_EVIDENCE,
    CANDIDATE_ITEM,
    CANDIDATE_ITEM_EVIDENCE,
    CANDIDATE_LENGTH,
    CANDIDATE_SLOT,
    HISTORY,
    HISTORY_ITEM,
    HISTORY_LENGTH,
    HISTORY_TIMESTAMP,
    OF_USER,
    REQUEST,
    REQUEST_EVIDENCE,
    REQUEST_TIMESTAMP,
    SEARCHED,
    SEARCHED_CATEGORY,
    SEARCHED_ITEM,
    SEARCHED_LENGTH,
    SEARCHED_TIMESTAMP,
    STATISTICS,
    STATISTICS_COLUMNS,
    USER,
)
from lifelong.data.times import EARLIEST, LATEST, unit_advice

Inputs = Mapping[str, np.ndarray]

# Inputs of one axis more: how many columns that has.
_COLUMNS_OF = {
    CANDIDATE_ITEM_EVIDENCE: len(evidence.COLUMNS),
    CANDIDATE_CATEGORY_EVIDENCE: len(evidence.COLUMNS),
    REQUEST_EVIDENCE: len(evidence.REQUEST_COLUMNS),
    **dict.fromkeys(STATISTICS, len(STATISTICS_COLUMNS)),
}
_INT64, _FLOAT32 = np.dtype(np.int64), np.dtype(np.float32)
# What is an integer in every model; extra features may be numeric.
_INTEGERS = frozenset(
    {
        USER,
        REQUEST_TIMESTAMP,
        CANDIDATE_SLOT,
        *_COLUMNS_OF,
        *(
            f"{owner}{name}"
            for owner in (HISTORY, CANDIDATE, SEARCHED)
            for name in ("item", "category", "timestamp", "length")
        ),
    }
)
# Inputs of the same shape as another, by what they begin with; the exceptions have one axis less.
_SHAPED_AS = {HISTORY: HISTORY_ITEM, CANDIDATE: CANDIDATE_ITEM, SEARCHED: SEARCHED_ITEM}
_ONE_AXIS_LESS = frozenset({HISTORY_LENGTH, CANDIDATE_LENGTH, SEARCHED_LENGTH, SEARCHED_CATEGORY})
_WIDE = tuple(_SHAPED_AS.values())
# Places may be -1; the times of events are looked at where events are.
_OTHERWISE_CHECKED = frozenset({CANDIDATE_SLOT, HISTORY_TIMESTAMP, SEARCHED_TIMESTAMP})
_lowest, _highest = np.minimum.reduce, np.maximum.reduce


def check_request(inputs: Inputs) -> None:
    """Checks the inputs of a signature that ranks; those of others are left alone.

    Args:
        inputs: An array for each input, as `build_request` makes them.

    Raises:
        ValueError: An input is of a wrong type or shape, an id, time or length is impossible, a
            feature is not finite, or an event is not before its request. The message names it.
    """
    if CANDIDATE_ITEM not in inputs or REQUEST_TIMESTAMP not in inputs:
        return
    now = inputs[REQUEST_TIMESTAMP]
    for name, values in inputs.items():
        _check_values(name, values)
        like, axes, columns = _form(name)
        if like in inputs:
            shape = inputs[like].shape
            if values.shape != (shape[:-1] if axes else shape) + columns:
                raise ValueError(
                    f"{name} has shape {values.shape}, which does not go with {like} of shape {shape}"
                )
    for name in _WIDE:
        if name in inputs and inputs[name].shape[:1] != now.shape:
            raise ValueError(
                f"{name} has shape {inputs[name].shape}, which does not go with {REQUEST_TIMESTAMP}"
                f" of shape {now.shape}"
            )
    check_times(REQUEST_TIMESTAMP, now)
    _check_slots(inputs)
    # Of events that a store has searched, the history holds the newest ones only, and where a model
    # reads none of them all, one event of padding.
    is_searched = SEARCHED_LENGTH in inputs
    if not is_searched:
        _check_length(inputs, HISTORY_LENGTH, HISTORY_ITEM)
    _check_length(inputs, CANDIDATE_LENGTH, CANDIDATE_ITEM)
    _check_length(inputs, SEARCHED_LENGTH, SEARCHED_ITEM)
    if not is_searched or inputs.get(HISTORY_TIMESTAMP, now).any():
        _check_events(inputs, HISTORY_TIMESTAMP, HISTORY_LENGTH, now)
    _check_events(inputs, SEARCHED_TIMESTAMP, SEARCHED_LENGTH, now)


def _check_slots(inputs: Inputs) -> None:
    """Checks that candidates name categories that a store has searched, or -1: none."""
    if CANDIDATE_SLOT in inputs and SEARCHED_CATEGORY in inputs:
        slots, width = inputs[CANDIDATE_SLOT], inputs[SEARCHED_CATEGORY].shape[-1]
        if slots.size and not (_least(slots) >= -1 and _most(slots) < width):
            wrong = slots[(slots < -1) | (slots >= width)][0]
            raise ValueError(f"{CANDIDATE_SLOT} holds {wrong}; expected -1 to {width - 1}")


def check_times(name: str, times: np.ndarray) -> None:
    """Checks that times can be Unix seconds: they lie between the years 1990 and 2100.

    Args:
        name: Of the input.
        times: int64, of any shape.

    Raises:
        ValueError: One cannot; the message says which unit it probably has.
    """
    if not times.size or (_least(times) >= EARLIEST and _most(times) <= LATEST):
        return
    wrong = times.ravel()[np.argmax((times < EARLIEST) | (times > LATEST))]
    raise ValueError(
        f"{name} holds {wrong}; expected Unix seconds, between the years 1990 and 2100"
        f"{unit_advice(int(wrong))}"
    )


def _check_values(name: str, values: np.ndarray) -> None:
    dtype = values.dtype
    if not dtype.isnative:
        dtype = dtype.newbyteorder("=")
    if dtype == _INT64:
        if name not in _OTHERWISE_CHECKED and values.size and _least(values) < 0:
            raise ValueError(f"{name} holds {values.min()}; expected >= 0")
    elif name in _INTEGERS:
        raise ValueError(f"{name} is of type {values.dtype}; expected int64")
    elif dtype != _FLOAT32:
        raise ValueError(f"{name} is of type {values.dtype}; expected int64 or float32")
    elif not np.isfinite(values).all():
        raise ValueError(f"{name} holds values that are not finite")


@functools.cache
def _form(name: str) -> tuple[str, int, tuple[int, ...]]:
    """Returns the input whose shape another has, how many axes it has less, and those it has more."""
    owner = name[: name.find("_") + 1]
    columns = (_COLUMNS_OF[name],) if name in _COLUMNS_OF else ()
    if name == USER or owner in (OF_USER, REQUEST):
        return REQUEST_TIMESTAMP, 0, columns
    return _SHAPED_AS.get(owner, ""), int(name in _ONE_AXIS_LESS), columns


def _check_length(inputs: Inputs, name: str, of: str) -> None:
    if name in inputs and of in inputs:
        lengths, width = inputs[name], inputs[of].shape[-1]
        if lengths.size and _most(lengths) > width:
            raise ValueError(f"{name} is {lengths.max()}, but {of} has a width of {width}")


def _least(values: np.ndarray) -> int:
    # Most requests are of one user.
    return values.item() if values.size == 1 else _lowest(values, axis=None)


def _most(values: np.ndarray) -> int:
    return values.item() if values.size == 1 else _highest(values, axis=None)


def _check_events(inputs: Inputs, name: str, length_name: str, now: np.ndarray) -> None:
    """Checks the times of events, but not of what pads them."""
    if name not in inputs or length_name not in inputs:
        return
    times, lengths = inputs[name], inputs[length_name]
    if not times.size or (_least(times) >= EARLIEST and _most(times) < _least(now)):
        return
    real = np.arange(times.shape[-1]) < lengths[..., np.newaxis]
    check_times(name, times[real])
    late = real & (times >= now.reshape(-1, *[1] * (times.ndim - 1)))
    if late.any():
        place = tuple(np.argwhere(late)[0].tolist())
        raise ValueError(
            f"{name} holds {times[place]} at {list(place)}, which is not before the"
            f" {REQUEST_TIMESTAMP} {now[place[0]]}: a request sees only what came before it"
        )
