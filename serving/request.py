"""Builds the wire request: one user's history and candidates as tensors, newest event first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lifelong.data.keys import (
    CANDIDATE,
    CANDIDATE_CATEGORY_STATISTICS,
    CANDIDATE_ITEM_STATISTICS,
    CANDIDATE_LENGTH,
    HISTORY,
    HISTORY_LENGTH,
    HISTORY_TIMESTAMP,
    REQUEST_STATISTICS,
    REQUEST_STATISTICS_TIME,
    REQUEST_TIMESTAMP,
    USER,
)
from lifelong.data.newest_statistics import CandidateStatistics
from lifelong.serving.request_checks import check_times

Values = Mapping[str, npt.ArrayLike]
Request = dict[str, np.ndarray]

_EVENT_FIELDS = ("item", "category", "timestamp")
_CANDIDATE_FIELDS = ("item", "category")


def build_request(
    user: int,
    history: Values,
    candidates: Values,
    request_timestamp: int,
    max_events: int,
    request_features: Values | None = None,
    user_features: Values | None = None,
) -> Request:
    """Builds the request for one user and N candidates.

    Only events strictly before the request's time are sent, newest first, at most `max_events`.
    Integers are ids and travel as int64, floats as float32: pass a numeric feature as floats. Times
    lie between the years 1990 and 2100.

    Args:
        user: User id.
        history: `item`, `category`, `timestamp` (Unix seconds) and every extra event feature, one
            value for each event, oldest first: in the order (timestamp, item), as in the records.
        candidates: `item`, `category` and every extra candidate feature, one value for each.
        request_timestamp: Time of the request, Unix seconds.
        max_events: Most events to send: what the model reaches, short plus long history (S + L)
            or the evidence window (E), whichever is longer.
        request_features: Extra features of the request by name, one value each.
        user_features: Extra features of the user by name, one value each.

    Returns:
        Arrays by input name: `user` and other single values [1], `history_*` [1, T] with T >= 1
        (an empty history is one event of padding), `candidate_*` [1, N], lengths [1].

    Raises:
        ValueError: A field is missing, negative, of the wrong type or length, out of order, or a
            time in another unit; the message names it.

    Example:
        >>> request = build_request(
        ...     user=1,
        ...     history={
        ...         "item": [7, 8],
        ...         "category": [1, 1],
        ...         "timestamp": [1512000000, 1513000000],
        ...     },
        ...     candidates={"item": [9], "category": [1]},
        ...     request_timestamp=1513000000,
        ...     max_events=50,
        ... )
        >>> request["history_item"], request["history_length"]
        (array([[7]]), array([1]))
    """
    if max_events < 1:
        raise ValueError(f"max_events is {max_events}; at least 1 is needed")
    events = _columns("history", history, _EVENT_FIELDS)
    check_times(HISTORY_TIMESTAMP, events["timestamp"])
    _check_order(events["timestamp"], events["item"])
    offered = candidate_columns(candidates)
    count = len(offered["item"])
    now = _time(request_timestamp)

    # Not one event of the request's own second: what happened in it may be its outcome.
    visible = int(np.searchsorted(events["timestamp"], now[0], side="left"))
    window = slice(max(0, visible - max_events), visible)
    length = window.stop - window.start
    request = {USER: _scalar(USER, user, is_id=True), REQUEST_TIMESTAMP: now}
    for name, values in events.items():
        newest_first = values[window][::-1] if length else np.zeros(1, values.dtype)
        request[f"{HISTORY}{name}"] = np.ascontiguousarray(newest_first)[np.newaxis]
    request[HISTORY_LENGTH] = np.array([length], np.int64)
    for name, values in offered.items():
        request[f"{CANDIDATE}{name}"] = values[np.newaxis]
    request[CANDIDATE_LENGTH] = np.array([count], np.int64)
    for prefix, features in (("request", request_features), ("user", user_features)):
        for name, value in (features or {}).items():
            key = f"{prefix}_{name}"
            if key in request:
                raise ValueError(f"{key} is given twice: `{name}` is no free feature name")
            request[key] = _scalar(key, value)
    return request


def with_statistics(request: Mapping[str, np.ndarray], counted: CandidateStatistics) -> Request:
    """Returns a request with statistics, as `given_statistics` takes it.

    Args:
        request: One of `build_request` or `build_searched_request` (then it is one for
            `searched_events_given_statistics`), of one user and N candidates.
        counted: What was counted for these candidates, in their order.

    Returns:
        The request's arrays, with `candidate_item_statistics` and `candidate_category_statistics`
        [1, N, 5], `request_statistics` [1, 5] and `request_statistics_time` [1].
    """
    return {
        **request,
        CANDIDATE_ITEM_STATISTICS: counted.item[np.newaxis],
        CANDIDATE_CATEGORY_STATISTICS: counted.category[np.newaxis],
        REQUEST_STATISTICS: counted.request[np.newaxis],
        REQUEST_STATISTICS_TIME: np.array([counted.time], np.int64),
    }


def candidate_columns(candidates: Values) -> Request:
    """Checks the candidates of a request, and gives their columns the types of the wire.

    Args:
        candidates: `item`, `category` and every extra candidate feature, one value for each.

    Raises:
        ValueError: There is none, or a field cannot be used; the message names it.
    """
    columns = _columns("candidate", candidates, _CANDIDATE_FIELDS)
    if not len(columns["item"]):
        raise ValueError("candidate_item is empty; a request needs at least one candidate")
    return columns


def check_user_and_time(user: int, request_timestamp: int) -> None:
    """Checks who asks, and when.

    Args:
        user: User id.
        request_timestamp: Time of the request, Unix seconds.

    Raises:
        ValueError: One of them is impossible; the message names it.
    """
    _scalar(USER, user, is_id=True)
    _time(request_timestamp)


def stack_requests(requests: Sequence[Mapping[str, np.ndarray]]) -> Request:
    """Stacks requests to one batch.

    Shorter rows are padded with the first element of their own tensor, as TensorFlow Serving's
    batching does; the lengths tell what is real.

    Args:
        requests: Requests of `build_request` or `build_searched_request` (or batches of them) with
            the same inputs.

    Returns:
        Arrays by input name, as wide as the widest: [B], [B, T], [B, N] and so on.

    Raises:
        ValueError: There is no request, or one has other inputs or types than the first.
    """
    if not requests:
        raise ValueError("requests is empty; there is nothing to stack")
    first = requests[0]
    for index, request in enumerate(requests):
        if request.keys() != first.keys():
            differing = sorted(request.keys() ^ first.keys())
            raise ValueError(f"request {index} and request 0 differ in the inputs {differing}")
        for name, values in request.items():
            expected = first[name]
            if values.dtype != expected.dtype or values.ndim != expected.ndim:
                raise ValueError(
                    f"{name} of request {index} is {values.dtype} with {values.ndim} dimensions,"
                    f" that of request 0 is {expected.dtype} with {expected.ndim}"
                )
    return {name: _stack([request[name] for request in requests]) for name in first}


def _stack(rows: list[np.ndarray]) -> np.ndarray:
    shape = np.max([row.shape[1:] for row in rows], axis=0).astype(int)
    padded = []
    for row in rows:
        wide = np.full((len(row), *shape), row.flat[0], row.dtype)
        wide[tuple(slice(size) for size in row.shape)] = row
        padded.append(wide)
    return np.concatenate(padded)


def _columns(prefix: str, values: Values, required: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Checks and converts the columns of events or candidates."""
    missing = [f"{prefix}_{name}" for name in required if name not in values]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing; {prefix} has {sorted(values)}")
    if "length" in values:
        raise ValueError(f"{prefix}_length is counted, not given; leave `length` out")
    columns = {
        name: _typed(f"{prefix}_{name}", value, is_id=name in required)
        for name, value in values.items()
    }
    size = len(np.atleast_1d(columns["item"]))
    for name, column in columns.items():
        if column.ndim != 1:
            raise ValueError(f"{prefix}_{name} has shape {column.shape}; expected one dimension")
        if len(column) != size:
            raise ValueError(
                f"{prefix}_{name} has {len(column)} values, {prefix}_item has {size};"
                " expected one for each"
            )
    return columns


def _time(request_timestamp: int) -> np.ndarray:
    now = _scalar(REQUEST_TIMESTAMP, request_timestamp, is_id=True)
    check_times(REQUEST_TIMESTAMP, now)
    return now


def _scalar(key: str, value: npt.ArrayLike, is_id: bool = False) -> np.ndarray:
    array = _typed(key, value, is_id)
    if array.size != 1:
        raise ValueError(f"{key} has shape {array.shape}; expected a single value")
    return array.reshape(1)


def _typed(key: str, value: npt.ArrayLike, is_id: bool) -> np.ndarray:
    """Converts to int64 or float32; ids, categories and times must be integers, which are >= 0."""
    array = np.asarray(value)
    if not array.size and not isinstance(value, np.ndarray):
        if not is_id:
            raise ValueError(
                f"{key} is an empty list, which has no type; pass"
                " np.zeros(0, np.int64) if it is categorical, np.zeros(0, np.float32) if numeric"
            )
        array = array.astype(np.int64)
    if array.dtype.kind in "iu":
        if array.size and array.min() < 0:
            position = int(np.argmin(array))
            advice = "" if is_id else ", as integers are ids; pass a numeric feature as floats"
            raise ValueError(
                f"{key} holds {array.min()} at position {position}; expected >= 0{advice}"
            )
        if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
            raise ValueError(f"{key} holds {array.max()}, which is too large for int64")
        return array.astype(np.int64, copy=False)
    if array.dtype.kind == "f" and not is_id:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise ValueError(f"{key} holds values that are not finite, or too large for float32")
        return array
    expected = "integers" if is_id else "integers or floats"
    raise ValueError(
        f"{key} is of type {array.dtype}; expected {expected}. Text becomes an id through"
        " lifelong.data.ids.ids_of"
    )


def _check_order(timestamp: np.ndarray, item: np.ndarray) -> None:
    earlier = (timestamp[1:] < timestamp[:-1]) | (
        (timestamp[1:] == timestamp[:-1]) & (item[1:] < item[:-1])
    )
    if earlier.any():
        position = int(np.argmax(earlier)) + 1
        raise ValueError(
            f"history_timestamp: event {position} (time {timestamp[position]}, item"
            f" {item[position]}) comes before event {position - 1} (time {timestamp[position - 1]},"
            f" item {item[position - 1]}); sort the history by (timestamp, item), oldest first"
        )
