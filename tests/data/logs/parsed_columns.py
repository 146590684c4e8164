"""Checks what a column became."""

import numpy as np


def check(parsed, values, missing=(), faults=None):
    """Checks a column's values (those at fault may be anything), and which are missing or wrong."""
    wrong = {
        name: np.flatnonzero(mask).tolist() for name, mask in parsed.faults.items() if mask.any()
    }
    assert wrong == (faults or {})
    assert np.flatnonzero(parsed.missing).tolist() == list(missing)
    left_out = {*missing, *(place for places in wrong.values() for place in places)}
    for place, value in enumerate(values):
        assert place in left_out or np.array_equal(parsed.values[place], value), place
    assert len(parsed.values) == len(values)
