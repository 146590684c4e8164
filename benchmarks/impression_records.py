"""Records with equally many candidates per request, and with one row per impression."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE,
    HISTORY_ITEM,
    REQUEST,
    REQUEST_CANDIDATES,
    REQUEST_EVENTS,
    STATISTICS,
    STATISTICS_COLUMNS,
)
from lifelong.models.reader import serialized_records

Record = dict[str, np.ndarray]


def read_records(files: Sequence[str], spec: Mapping[str, Any]) -> Iterator[Record]:
    """Yields per-user records as arrays by key: statistics `[n, 5]`, all others flat.

    Args:
        files: File patterns of TFRecord files (gzip).
        spec: Parsing specification of the records.
    """
    for serialized in serialized_records(files):
        parsed = tf.io.parse_example([serialized], dict(spec))
        record = {key: values[0].numpy() for key, values in parsed.items()}
        yield record | {key: record[key].reshape(-1, len(STATISTICS_COLUMNS)) for key in STATISTICS}


def with_candidates(records: Iterable[Record], requests: int, candidates: int) -> list[Record]:
    """Takes the first requests of records and gives all of them the same number of candidates.

    Args:
        records: Per-user records, each request with at least one candidate.
        requests: Requests to take, over all records.
        candidates: N. A request's candidates are repeated in turn, or the first N kept.

    Raises:
        ValueError: If the records have fewer requests.
    """
    taken: list[Record] = []
    left = requests
    for record in records:
        if not left:
            break
        lengths = record[REQUEST_CANDIDATES][:left]
        first = np.cumsum(lengths) - lengths
        # [requests of the record, N]
        index = first[:, np.newaxis] + np.arange(candidates) % lengths[:, np.newaxis]
        changed = {
            key: values[index.ravel()] if key.startswith(CANDIDATE) else values
            for key, values in record.items()
        }
        for key in changed:
            if key.startswith(REQUEST):
                changed[key] = changed[key][:left]
        changed[REQUEST_CANDIDATES] = np.full_like(lengths, candidates)
        taken.append(changed)
        left -= len(lengths)
    if left:
        raise ValueError(f"requests is {requests}; the records have {requests - left}")
    return taken


def rows_of(records: Iterable[Record], window: int, seed: int = 0) -> list[Record]:
    """Makes every candidate a record of its own, with its own copy of its request's history.

    Args:
        records: Per-user records.
        window: T, the events that a request can reach; a copy has no others.
        seed: Of the order of the rows.

    Returns:
        One record per impression, of one request with one candidate each, shuffled.
    """
    rows = []
    for record in records:
        request_of = np.repeat(
            np.arange(len(record[REQUEST_CANDIDATES])), record[REQUEST_CANDIDATES]
        )
        for candidate, request in enumerate(request_of):
            end = record[REQUEST_EVENTS][request]
            kept = {
                "history": slice(max(end - window, 0), end),
                "request": slice(request, request + 1),
                "candidate": slice(candidate, candidate + 1),
            }
            row = {
                key: values[kept.get(key.partition("_")[0], slice(None))]
                for key, values in record.items()
            }
            row[REQUEST_EVENTS] = np.array([len(row[HISTORY_ITEM])])
            row[REQUEST_CANDIDATES] = np.array([1])
            rows.append(row)
    order = np.random.default_rng(seed).permutation(len(rows))
    return [rows[place] for place in order]
