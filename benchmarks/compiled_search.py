"""Hamming search in compiled code: how fast the machine could do it, to measure TensorFlow by."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.extending import intrinsic


@intrinsic
def _bit_count(_, word):
    """Counts the bits of a uint64: one instruction of the processor."""

    def generate(context, builder, signature, arguments):
        counter = builder.module.declare_intrinsic("llvm.ctpop", [ir.IntType(64)])
        return builder.call(counter, arguments)

    return types.uint64(types.uint64), generate


@njit(parallel=True, cache=False)
def nearest_events(candidates: np.ndarray, history: np.ndarray, k: int) -> np.ndarray:
    """Finds the `k` events of the smallest Hamming distance to each candidate, by counting.

    Args:
        candidates: `[N, W]` uint64.
        history: `[W, L]` uint64: word by word, so that a vector register holds several events.
        k: Events to find, at most L.

    Returns:
        `[N, k]` int32, ascending positions; of equal distances the smaller positions.
    """
    words, length = history.shape
    found = np.empty((len(candidates), k), np.int32)
    for row in prange(len(candidates)):
        distance = np.zeros(length, np.uint16)
        for word in range(words):
            own = candidates[row, word]
            events = history[word]
            for event in range(length):
                distance[event] += np.uint16(_bit_count(own ^ events[event]))
        count = np.zeros(words * 64 + 1, np.int64)
        for event in range(length):
            count[distance[event]] += 1
        threshold, nearer = 0, 0
        while nearer + count[threshold] < k:
            nearer += count[threshold]
            threshold += 1
        ties, filled = k - nearer, 0
        for event in range(length):
            if distance[event] < threshold or (distance[event] == threshold and ties > 0):
                ties -= distance[event] == threshold
                found[row, filled] = event
                filled += 1
                if filled == k:
                    break
    return found
