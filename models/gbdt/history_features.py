"""Hand-made features of a candidate: how often, when and how regularly the user met it before."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lifelong.data.keys import HISTORY_EVENTS
from lifelong.models.gbdt.record_rows import Events, Requests

FEATURES = (
    "item_count",
    "item_recency",
    "item_interval",
    "item_popularity",
    "category_count",
    "category_recency",
    "category_interval",
    "category_popularity",
    HISTORY_EVENTS,
)


class Popularity:
    """Counts of items and categories in the training period.

    Args:
        events: The training events, each once.
    """

    def __init__(self, events: Events) -> None:
        self._counts = {
            kind: np.unique(getattr(events, kind), return_counts=True)
            for kind in ("item", "category")
        }

    def count(self, kind: str, ids: np.ndarray) -> np.ndarray:
        """Returns how often each of `ids [C]` occurred; 0 for one that did not.

        Args:
            kind: `item` or `category`.
            ids: int64 `[C]`.
        """
        known, counts = self._counts[kind]
        return np.append(counts, 0)[_codes(known, ids)]


@dataclasses.dataclass(frozen=True)
class HistoryFeatures:
    """Features of C candidates.

    Attributes:
        values: float64 `[C, F]`; NaN where a feature has no value.
        names: The F features' names, out of `FEATURES`.
        absent_events: Distinct events before the users' last requests that no record held. They are
            missing from counts, recencies and intervals, not from `history_events`.
    """

    values: np.ndarray
    names: tuple[str, ...]
    absent_events: int


def history_features(
    requests: Requests,
    events: Events,
    popularity: Popularity,
    names: Sequence[str] = FEATURES,
) -> HistoryFeatures:
    """Computes features from what happened strictly before each request.

    For the candidate's item, and likewise for its category:

    - `item_count`: the user's earlier events with it,
    - `item_recency`: seconds from the last of them to the request; NaN without any,
    - `item_interval`: mean seconds between two in a row, (last - first) / (count - 1); NaN with
      fewer than two,
    - `item_popularity`: its count, over all users, in the training period. The one feature that is
      not a matter of the user's past: like a vocabulary, it is fixed once for all requests.

    `history_events` is the true length of the user's history.

    Args:
        requests: Q requests with C candidates.
        events: Distinct events ordered by (user, position), as `join_events` returns them. Events
            at or after a request's cut are not looked at, whatever else is there.
        popularity: Counts of the training period.
        names: Features to return, out of `FEATURES`.

    Returns:
        The features, one column per name.

    Raises:
        ValueError: If a name is none of `FEATURES`.

    Example:
        >>> events, requests = read_records(["examples/Split-eval/*"])
        >>> events = join_events([events])
        >>> history_features(requests, events, Popularity(events)).values.shape
        (114399, 9)
    """
    unknown = sorted(set(names) - set(FEATURES))
    if unknown:
        raise ValueError(
            f"features: {unknown[0]!r} is not a feature; expected some of {', '.join(FEATURES)}"
        )
    columns = {HISTORY_EVENTS: requests.history_events[requests.request].astype(np.float64)}
    for kind in ("item", "category"):
        columns |= _repetition(kind, requests, events)
        ids = getattr(requests, kind)
        columns[f"{kind}_popularity"] = popularity.count(kind, ids).astype(np.float64)
    return HistoryFeatures(
        values=np.stack([columns[name] for name in names], axis=1),
        names=tuple(names),
        absent_events=_absent_events(requests, events),
    )


def _repetition(kind: str, requests: Requests, events: Events) -> dict[str, np.ndarray]:
    """Returns count, recency and interval by name, float64 `[C]`."""
    past_ids, ids = getattr(events, kind), getattr(requests, kind)
    # Users and ids are numbered from 0 before they are combined, so that no product overflows.
    past_user, user = _numbers(events.user, requests.user[requests.request])
    past_id, wanted_id = _numbers(past_ids, ids)
    width = past_id.max(initial=0) + 2
    past_pair, pair = _numbers(past_user * width + past_id, user * width + wanted_id)
    cut = requests.history_events[requests.request]
    start, end, order = _slices(past_pair, events.position, pair, cut)

    count = end - start
    times = np.append(events.timestamp[order], 0)
    last, first = times[end - 1], times[start]
    recency = requests.timestamp[requests.request] - last
    return {
        f"{kind}_count": count.astype(np.float64),
        f"{kind}_recency": np.where(count > 0, recency, np.nan),
        f"{kind}_interval": np.where(count > 1, (last - first) / np.maximum(count - 1, 1), np.nan),
    }


def _absent_events(requests: Requests, events: Events) -> int:
    past_user, user = _numbers(events.user, requests.user)
    start, end, _ = _slices(past_user, events.position, user, requests.history_events)
    absent = requests.history_events - (end - start)
    # What is absent before a user's last request includes what is absent before the others.
    owner = np.unique(requests.user, return_inverse=True)[1]
    most = np.zeros(owner.max(initial=-1) + 1, np.int64)
    np.maximum.at(most, owner, absent)
    return int(most.sum())


def _slices(
    group: np.ndarray, position: np.ndarray, wanted: np.ndarray, cut: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Finds the events of wanted groups below a position.

    Args:
        group: int64 `[E]`, small numbers, each event's group.
        position: int64 `[E]`.
        wanted: int64 `[C]`, a group; one that no event has gives an empty slice.
        cut: int64 `[C]`.

    Returns:
        `[C]` starts and `[C]` ends of the events with position < cut, as places in the order
        `[E]` by (group, position), which is the third value.
    """
    span = max(position.max(initial=0), cut.max(initial=0)) + 1
    key = group * span + position
    order = np.argsort(key, kind="stable")
    key = key[order]
    return np.searchsorted(key, wanted * span), np.searchsorted(key, wanted * span + cut), order


def _numbers(known: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the distinct known values from 0; wanted ones that are not known get one more."""
    distinct, numbers = np.unique(known, return_inverse=True)
    return numbers, _codes(distinct, wanted)


def _codes(distinct: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the places of values in sorted distinct ones; their number for a value not there."""
    if not len(distinct):
        return np.zeros(len(values), np.int64)
    place = np.minimum(np.searchsorted(distinct, values), len(distinct) - 1)
    return np.where(distinct[place] == values, place, len(distinct))
