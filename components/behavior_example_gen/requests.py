"""Makes requests: from the baskets of a behaviour log or from an impression log."""

from __future__ import annotations

import collections
import dataclasses

import numpy as np

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_example_gen.splits import split_of
from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.features import features_of
from lifelong.data.hashing import Purpose, hash64
from lifelong.data.ids import id_of
from lifelong.data.logs.counts import Counts


@dataclasses.dataclass
class Requests:
    """Requests of some users, ordered by (user, timestamp), and their candidates.

    Attributes:
        rows: Columns `[R]`: user, timestamp, split; `hash` (uint64) by which requests are sampled;
            `first`, the index of the user's first event, and `events`, the number of the user's
            events strictly before the request; `basket_end`, the index after the request's own
            events (equal to `first + events` where there is no basket); request features.
        sizes: int64 `[R]`, number of candidates.
        candidates: Columns `[sum of sizes]`: item, category, label; candidate features.
    """

    rows: Columns
    sizes: np.ndarray
    candidates: Columns

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, index: np.ndarray) -> Requests:
        """Returns the requests at `index` (ascending indices or a mask)."""
        if index.dtype == bool:
            index = np.flatnonzero(index)
        offsets = cols.offsets_of(self.sizes)
        flat = cols.ranges(offsets[index], offsets[index + 1])
        return Requests(
            cols.take(self.rows, index), self.sizes[index], cols.take(self.candidates, flat)
        )

    def owners(self) -> np.ndarray:
        """Returns each candidate's request: int64 `[sum of sizes]`."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def with_candidates(self, owners: np.ndarray, candidates: Columns, seed: int) -> Requests:
        """Returns the requests with these candidates instead, in an order that hides the label.

        Args:
            owners: int64 `[C]`, the request of each candidate.
            candidates: Columns `[C]`.
            seed: Seed of the order.
        """
        key = hash64(
            seed,
            Purpose.ORDER_CANDIDATES,
            self.rows["user"][owners],
            self.rows["timestamp"][owners],
            candidates["item"],
            candidates["label"],
        )
        order = np.lexsort((key, owners))
        sizes = np.bincount(owners, minlength=len(self)).astype(np.int64)
        return Requests(self.rows, sizes, cols.take(candidates, order))


def from_baskets(events: Columns, config: IngestConfig) -> tuple[Requests, Counts]:
    """Makes one request of each basket, with its positives only.

    Args:
        events: Sorted events of whole users.
        config: Decides which baskets count and how many positives are kept.

    Returns:
        The requests, and counts of baskets that gave none.
    """
    start = cols.run_starts(events["user"], events["timestamp"])
    end = cols.run_ends(start, cols.length(events))
    user, timestamp = events["user"][start], events["timestamp"][start]
    user_start = cols.run_starts(events["user"])
    first = user_start[np.searchsorted(user_start, start, side="right") - 1]
    split = split_of(config.splits, config.seed, user, timestamp)
    inside, enough = split >= 0, start - first >= config.requests.min_history

    rows, basket = _positives(events, start, end, np.flatnonzero(inside & enough), config)
    sizes = np.bincount(basket, minlength=len(start)).astype(np.int64)
    chosen = sizes > 0
    counts: Counts = collections.Counter(
        {
            "baskets/outside_splits": int((~inside).sum()),
            "baskets/too_little_history": int((inside & ~enough).sum()),
            "baskets/without_positive": int((inside & enough & ~chosen).sum()),
        }
    )
    requests = Requests(
        {
            "user": user[chosen],
            "timestamp": timestamp[chosen],
            "split": split[chosen],
            "hash": hash64(config.seed, Purpose.SAMPLE_REQUEST, user, timestamp)[chosen],
            "first": first[chosen],
            "events": (start - first)[chosen],
            "basket_end": end[chosen],
        },
        sizes[chosen],
        {
            "item": events["item"][rows],
            "category": events["category"][rows],
            "label": np.ones(len(rows), np.float32),
        },
    )
    return requests, counts


def _positives(
    events: Columns, start: np.ndarray, end: np.ndarray, baskets: np.ndarray, config: IngestConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the event of each positive and its basket, by basket, for the chosen `baskets`."""
    rows = cols.ranges(start[baskets], end[baskets])
    names = config.requests.positive_behaviors
    if names:
        log = config.behaviors
        is_text = log.columns.behavior in log.text_columns
        allowed = [id_of(name, is_text) for name in names]
        rows = rows[np.isin(events["history_behavior"][rows], allowed)]
    basket = np.searchsorted(start, rows, side="right") - 1
    # Within a basket events are ordered by item: keep the first of each item.
    distinct = cols.run_starts(basket, events["item"][rows])
    rows, basket = rows[distinct], basket[distinct]
    key = hash64(
        config.seed,
        Purpose.CHOOSE_POSITIVE,
        events["user"][rows],
        events["timestamp"][rows],
        events["item"][rows],
    )
    order = np.lexsort((key, basket))
    rows, basket = rows[order], basket[order]
    begin = cols.run_starts(basket)
    rank = np.arange(len(basket)) - np.repeat(begin, cols.run_ends(begin, len(basket)) - begin)
    kept = rank < config.requests.max_positives
    return rows[kept], basket[kept]


def from_impressions(
    events: Columns, impressions: Columns, config: IngestConfig
) -> tuple[Requests, Counts]:
    """Makes requests of impressions, with their real labels.

    Args:
        events: Sorted events of whole users; a user of an impression may have none.
        impressions: Sorted, distinct impressions of the same users.
        config: Splits and features.

    Returns:
        The requests, and counts of those outside the splits and of those whose rows contradict
        each other in a request feature (the first row's value is taken).
    """
    keys = [key for key in ("user", "timestamp", "request") if key in impressions]
    start = cols.run_starts(*(impressions[key] for key in keys))
    sizes = cols.run_ends(start, cols.length(impressions)) - start
    group = cols.take(impressions, start)
    user, timestamp = group["user"], group["timestamp"]
    first, before = _events_before(events, user, timestamp)
    rows = {
        "user": user,
        "timestamp": timestamp,
        "split": split_of(config.splits, config.seed, user, timestamp),
        "hash": hash64(config.seed, Purpose.SAMPLE_REQUEST, *(group[key] for key in keys)),
        "first": first,
        "events": before,
        "basket_end": first + before,
    }
    contradictory = np.zeros(len(start), bool)
    owners = np.repeat(np.arange(len(start)), sizes)
    for feature in features_of(list(config.features), "request"):
        rows[feature.key] = group[feature.key]
        differs = impressions[feature.key] != group[feature.key][owners]
        contradictory[owners[differs]] = True
    columns = ["item", "category", "label"]
    columns += [feature.key for feature in features_of(list(config.features), "candidate")]
    requests = Requests(rows, sizes, {key: impressions[key] for key in columns})
    inside = rows["split"] >= 0
    counts: Counts = collections.Counter(
        {
            "requests/outside_splits": int((~inside).sum()),
            "requests/contradictory_features": int((contradictory & inside).sum()),
        }
    )
    return requests.take(inside), counts


def _events_before(
    events: Columns, user: np.ndarray, timestamp: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the index of each user's first event and the number strictly before each time."""
    times = np.unique(np.concatenate([events["timestamp"], timestamp]))
    users = np.unique(np.concatenate([events["user"], user]))

    def key(user: np.ndarray, timestamp: np.ndarray) -> np.ndarray:
        return np.searchsorted(users, user) * len(times) + np.searchsorted(times, timestamp)

    first = np.searchsorted(events["user"], user)
    position = np.searchsorted(key(events["user"], events["timestamp"]), key(user, timestamp))
    return first, position - first
