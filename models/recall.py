"""How many of the events that an exact search finds another search finds too."""

from __future__ import annotations

import numpy as np

from lifelong.models.layers import SearchedEvents

# Of a score: products of the same vectors may differ by their place in a matrix.
_TOLERANCE = 1e-5


def recall(
    found: SearchedEvents, scores: np.ndarray, history_mask: np.ndarray, k: int
) -> np.ndarray:
    """Returns the share of K' = min(k, valid events) best events that were found.

    An event counts if its score is at least the K'-th best one: of events of equal scores, such as
    repeated items, any will do.

    Args:
        found: At most k events per candidate, `[B, N, K]`, none of them twice.
        scores: Exact scores, `[B, N, L]`.
        history_mask: `[B, L]` bool, True for valid events.
        k: Events that an exact search finds.

    Returns:
        `[B, N]`, NaN where a history has no valid event.
    """
    mask = np.asarray(history_mask)[:, np.newaxis, :]
    descending = -np.sort(-np.where(mask, scores, -np.inf), axis=-1)
    # [B, 1, 1]
    wanted = np.minimum(k, mask.sum(axis=-1, keepdims=True))
    last = np.broadcast_to(np.maximum(wanted - 1, 0), (*scores.shape[:2], 1))
    # [B, N, 1]
    least = np.take_along_axis(descending, last, axis=-1)
    least = least - _TOLERANCE * np.maximum(np.abs(least), 1.0)
    of_found = np.take_along_axis(scores, np.asarray(found.position), axis=-1)
    right = np.asarray(found.mask) & (of_found >= least)
    with np.errstate(invalid="ignore"):
        return right.sum(axis=-1) / wanted[..., 0]
