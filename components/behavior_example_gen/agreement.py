"""Tells whether impressions speak of the items and categories that the behaviour log knows.

No worker has all of either log. So the shards agree on a sample of what was shown, chosen by hash, and
then each says which of it occurs among its events.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lifelong.components.behavior_example_gen.requests import Requests
from lifelong.data.columns import Columns
from lifelong.data.hashing import Purpose, hash64
from lifelong.data.logs.counts import Counts

# What candidates and events both have.
COMPARED = ("item", "category")
SAMPLE = 4096
Shown = dict[str, np.ndarray]
"""Distinct ids that were shown, int64 `[n]`, ordered by hash, by what they are of."""
Known = dict[str, np.ndarray]
"""Which ids of a `Shown` the behaviour log knows, bool `[n]`."""


def shown_in(requests: Requests, seed: int) -> Shown:
    """Returns a sample of the ids of candidates.

    Args:
        requests: Requests made of impressions.
        seed: Seed of the sample.
    """
    return {key: _sample([requests.candidates[key]], seed) for key in COMPARED}


def merge_shown(parts: Iterable[Shown], seed: int) -> Shown:
    """Returns a sample of all shards out of those of some."""
    kept = [part for part in parts if part]
    return {key: _sample([part[key] for part in kept], seed) for key in COMPARED if kept}


def known_among(events: Columns, shown: Shown) -> Known:
    """Returns which ids of a sample occur among events."""
    return {key: np.isin(ids, events[key]) for key, ids in shown.items()}


def merge_known(parts: Iterable[Known]) -> Known:
    """Returns which ids any shard knows."""
    total: Known = {}
    for part in parts:
        total = {key: mask | total.get(key, False) for key, mask in part.items()}
    return total


def count_known(known: Known) -> Counts:
    """Returns how many ids were sampled, and how many of them the behaviour log does not know."""
    counts = Counts()
    for key, mask in known.items():
        counts[sampled(key)] = len(mask)
        counts[unknown(key)] = int((~mask).sum())
    return counts


def sampled(key: str) -> str:
    """Returns the name of the count of sampled ids."""
    return f"impressions/{key}_ids_looked_up"


def unknown(key: str) -> str:
    """Returns the name of the count of sampled ids that the behaviour log does not know."""
    return f"impressions/{key}_ids_not_in_behaviors"


def _sample(parts: list[np.ndarray], seed: int) -> np.ndarray:
    ids = np.unique(np.concatenate([np.zeros(0, np.int64), *parts]))
    return ids[np.argsort(hash64(seed, Purpose.SAMPLE_SHOWN, ids), kind="stable")][:SAMPLE]
