"""Keeps at most so many requests of each split, by hash and over all shards."""

from __future__ import annotations

import numpy as np

from lifelong.components.behavior_example_gen.config import SplitConfig
from lifelong.data.keys import SPLITS

Smallest = list[np.ndarray]
"""For each of `SPLITS`, the smallest request hashes: uint64, ascending."""


def smallest_hashes(split: np.ndarray, hashes: np.ndarray, config: SplitConfig) -> Smallest:
    """Returns, for each split with a maximum, its smallest hashes up to that number."""
    return [
        np.sort(hashes[split == index])[:limit] for index, limit in enumerate(config.max_requests)
    ]


def merge_smallest(parts: list[Smallest], config: SplitConfig) -> Smallest:
    """Returns the smallest hashes of all parts."""
    nothing = [np.zeros(0, np.uint64)] * len(SPLITS)
    return [
        np.sort(np.concatenate(hashes))[:limit]
        for limit, *hashes in zip(config.max_requests, nothing, *parts, strict=True)
    ]


def keep(
    split: np.ndarray, hashes: np.ndarray, smallest: Smallest, config: SplitConfig
) -> np.ndarray:
    """Returns which requests stay: bool `[R]`."""
    none_left_out = np.uint64(2**64 - 1)
    limits = [
        hashes[-1] if limit and len(hashes) == limit else none_left_out
        for limit, hashes in zip(config.max_requests, smallest, strict=True)
    ]
    return hashes <= np.array(limits, np.uint64)[split]
