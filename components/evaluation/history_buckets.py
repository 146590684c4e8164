"""Buckets of history length, by which every metric is reported."""

from __future__ import annotations

import numpy as np

# Name of the slicing feature that holds a request's bucket.
HISTORY_LENGTH = "history_length"
# Lower edges of all buckets but the first: 100 earlier events belong to "100-300".
EDGES = (100, 300, 600, 1200)
LABELS = (
    *(f"{low:,}-{high:,}" for low, high in zip((0, *EDGES[:-1]), EDGES, strict=True)),
    f"{EDGES[-1]:,}+",
)


def bucket_labels(events: np.ndarray) -> np.ndarray:
    """Names the bucket of each request.

    Args:
        events: `[Q]` integers, the true number of a user's events before each request.

    Returns:
        `[Q]` strings out of `LABELS`; a bucket holds its lower edge and not its upper one.
    """
    return np.asarray(LABELS)[np.searchsorted(EDGES, events, side="right")]
