import numpy as np

from lifelong.components.behavior_example_gen import repeats
from lifelong.components.behavior_example_gen.requests import Requests


def test_candidates_that_their_user_had_before_are_counted():
    """User 1: items 5, 6, 7 (a request after two events); user 2: 8, 5 (after one)."""
    events = {"item": np.array([5, 6, 7, 8, 5])}
    rows = {
        "hash": np.array([9, 4], np.uint64),
        "first": np.array([0, 3]),
        "events": np.array([2, 1]),
    }
    candidates = {
        "item": np.array([6, 7, 8, 5, 5, 8]),
        "label": np.array([1, 0, 0, 0, 1, 0], np.float32),
    }
    whole = Requests(rows, np.array([4, 2]), candidates)
    assert repeats.count_repeats(whole, events) == {
        repeats.POSITIVES: 2,
        repeats.POSITIVES_HAD: 1,
        repeats.NEGATIVES: 4,
        repeats.NEGATIVES_HAD: 2,
    }
    assert not any(repeats.count_repeats(whole.take(np.zeros(0, int)), events).values())
