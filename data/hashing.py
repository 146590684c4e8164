"""Randomness as a function of (seed, purpose, keys): the same whatever the workers and the order."""

from __future__ import annotations

import enum

import numpy as np

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


class Purpose(enum.IntEnum):
    """What a hash decides; hashes of different purposes are independent."""

    SHARD = 1
    SPLIT = 2
    SAMPLE_REQUEST = 3
    CHOOSE_POSITIVE = 4
    FILL_POOL = 5
    DRAW_NEGATIVE = 6
    SEARCH_POOL = 7
    ORDER_CANDIDATES = 8
    ORDER_OPTIONS = 9
    SAMPLE_SHOWN = 10


def hash64(seed: int, purpose: Purpose, *keys: np.ndarray) -> np.ndarray:
    """Returns 64-bit hashes of keys.

    Args:
        seed: Seed of the run.
        purpose: What the hash decides.
        *keys: Integer arrays that broadcast against each other.

    Returns:
        uint64 array of the broadcast shape.

    References:
        Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014: the
        SplitMix64 finaliser, here applied once per key.
    """
    state = _mix(np.array([seed % 2**64], np.uint64) + np.array([purpose], np.uint64) * _GAMMA)
    for key in keys:
        state = _mix((state + _GAMMA) ^ np.asarray(key).astype(np.uint64))
    return state


def shard_of(ids: np.ndarray, shards: int, seed: int = 0) -> np.ndarray:
    """Divides users or items into shards, small ids and large ones alike.

    Args:
        ids: int64 `[n]`.
        shards: Number of shards.
        seed: Seed of the division.

    Returns:
        The number of each id's shard: uint16, or int64 if there are more, `[n]`.
    """
    shard = hash64(seed, Purpose.SHARD, ids) % np.uint64(shards)
    # Small integers are sorted faster.
    return shard.astype(np.uint16 if shards <= 2**16 else np.int64)


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
