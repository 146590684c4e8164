"""Timing of alternatives in turn, so that a drift of the machine's speed hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def paired_medians(
    actions: dict[str, Callable[[], object]], rounds: int, warm_up: int = 3
) -> dict[str, float]:
    """Runs the actions in turn and returns the median seconds of each; see `paired_times`."""
    times = paired_times(actions, rounds, warm_up)
    return {name: statistics.median(values) for name, values in times.items()}


def paired_times(
    actions: dict[str, Callable[[], object]], rounds: int, warm_up: int = 3
) -> dict[str, list[float]]:
    """Runs the actions in turn and returns the seconds of each of their runs.

    Args:
        actions: What to time, by name.
        rounds: Counted runs of each.
        warm_up: Runs of each before that, not counted.
    """
    times: dict[str, list[float]] = {name: [] for name in actions}
    for round_number in range(warm_up + rounds):
        for name, action in actions.items():
            started = time.perf_counter()
            action()
            if round_number >= warm_up:
                times[name].append(time.perf_counter() - started)
    return times
