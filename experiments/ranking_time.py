"""How long ranking takes: one real request of a full history with many candidates."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lifelong.data.keys import (
    CANDIDATE,
    CANDIDATE_ITEM,
    CANDIDATE_LABEL,
    CANDIDATE_LENGTH,
    HISTORY_LENGTH,
    STATISTICS,
)
from lifelong.models.reader import request_dataset

CANDIDATES = 200
_READ_TOGETHER = 64
_WARM_UP, _ROUNDS = 10, 50


def real_request(
    files: Sequence[str],
    spec: Mapping[str, Any],
    window: int,
    candidates: int = CANDIDATES,
    statistics: bool = False,
) -> dict[str, np.ndarray]:
    """Returns the first request with a full window, with the candidates of many requests.

    Args:
        files: File patterns of raw per-user records.
        spec: Parsing specification of the records.
        window: T, the events of a full history.
        candidates: N; where the records have fewer, they are repeated.
        statistics: Whether the request brings the statistics of its records.

    Returns:
        Wire tensors of the request, B = 1. If no history fills the window, it is the longest.

    Raises:
        ValueError: If the records have no candidate.
    """
    left_out = () if statistics else STATISTICS
    request: dict[str, np.ndarray] = {}
    offered: dict[str, list[np.ndarray]] = {}
    found = 0
    for batch in request_dataset(files, spec, window, _READ_TOGETHER).as_numpy_iterator():
        longest = int(np.argmax(batch[HISTORY_LENGTH]))
        if not request or batch[HISTORY_LENGTH][longest] > request[HISTORY_LENGTH][0]:
            request = {
                key: value[longest : longest + 1]
                for key, value in batch.items()
                if key not in left_out
            }
        lengths = batch[CANDIDATE_LENGTH]
        if found < candidates:
            found += lengths.sum()
            valid = np.arange(batch[CANDIDATE_ITEM].shape[1]) < lengths[:, np.newaxis]
            for key in _of_candidates(batch, left_out):
                offered.setdefault(key, []).append(batch[key][valid])
        if found >= candidates and request[HISTORY_LENGTH][0] == window:
            break
    if not found:
        raise ValueError(f"no request in {list(files)} has a candidate")
    for key, values in offered.items():
        joined = np.concatenate(values)
        request[key] = np.resize(joined, (1, candidates, *joined.shape[1:]))
    request[CANDIDATE_LENGTH] = np.array([candidates])
    del request[CANDIDATE_LABEL]
    return request


def _of_candidates(batch: Mapping[str, np.ndarray], left_out: Sequence[str]) -> list[str]:
    return [
        key
        for key in batch
        if key.startswith(CANDIDATE) and key not in (CANDIDATE_LENGTH, *left_out)
    ]


def median_ms(action: Callable[[], object]) -> float:
    """Returns the median time of an action in milliseconds, after some runs to warm up."""
    times = []
    for _ in range(_WARM_UP + _ROUNDS):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times[_WARM_UP:])
