"""Counts candidates that their user had before: where only negatives are such, they give themselves away."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lifelong.components.behavior_example_gen.requests import Requests
from lifelong.data import columns as cols
from lifelong.data.columns import Columns

# Of a shard, what is looked at: enough to tell a share, and little work.
_REQUESTS, _EVENTS = 16, 5_000
POSITIVES, POSITIVES_HAD = "candidates/positives_looked_up", "candidates/positives_had_before"
NEGATIVES, NEGATIVES_HAD = "candidates/negatives_looked_up", "candidates/negatives_had_before"


def count_repeats(requests: Requests, events: Columns) -> Mapping[str, int]:
    """Counts candidates that their user had before the request, in a sample of requests.

    Args:
        requests: Whole requests.
        events: The sorted events that they were made of.

    Returns:
        Counts of the positives and negatives looked at, and of those that were had before.
    """
    earlier = requests.rows["events"]
    order = np.argsort(requests.rows["hash"], kind="stable")
    order = order[earlier[order] <= _EVENTS][:_REQUESTS]
    order = order[np.cumsum(earlier[order]) <= _EVENTS]
    chosen = requests.take(np.sort(order))
    first, before = chosen.rows["first"], chosen.rows["events"]
    index = cols.ranges(first, first + before)
    items, code = np.unique(
        np.concatenate([events["item"][index], chosen.candidates["item"]]), return_inverse=True
    )
    owner = np.concatenate([np.repeat(np.arange(len(chosen)), before), chosen.owners()])
    key = owner * len(items) + code
    had = np.isin(key[len(index) :], key[: len(index)])
    is_positive = chosen.candidates["label"] > 0
    return {
        POSITIVES: int(is_positive.sum()),
        POSITIVES_HAD: int((is_positive & had).sum()),
        NEGATIVES: int((~is_positive).sum()),
        NEGATIVES_HAD: int((~is_positive & had).sum()),
    }
