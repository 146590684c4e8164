"""Assigns requests and events to splits and weeks."""

from __future__ import annotations

import numpy as np

from lifelong.components.behavior_example_gen.config import SplitConfig
from lifelong.data.hashing import Purpose, hash64
from lifelong.data.keys import SPLITS


def split_of(config: SplitConfig, seed: int, user: np.ndarray, timestamp: np.ndarray) -> np.ndarray:
    """Returns the split of each (user, timestamp).

    Args:
        config: Periods or shares.
        seed: Seed of the choice of users.
        user: int64 `[n]`.
        timestamp: int64 `[n]`, Unix seconds.

    Returns:
        int8 `[n]`: index into `SPLITS`, or -1 outside all of them.
    """
    bounds = config.bounds()
    if config.by == "time":
        split = np.searchsorted(bounds, timestamp, side="right") - 1
        return np.where(split < len(SPLITS), split, -1).astype(np.int8)
    share = hash64(seed, Purpose.SPLIT, user) / 2.0**64
    split = np.where(share < config.eval_share, 2, 0)
    in_validation = (share >= config.eval_share) & (
        share < config.eval_share + config.validation_share
    )
    split = np.where(in_validation, 1, split)
    inside = (timestamp >= bounds[0]) & (timestamp < bounds[1])
    return np.where(inside, split, -1).astype(np.int8)
