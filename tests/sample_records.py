"""Small per-user records for tests, in the form that ingestion writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

DAY = 86_400
START = 1_500_000_000


def make_record(rng: np.random.Generator, user: int, events: int, requests: int) -> dict:
    """Returns one user's record: daily events, requests between them, unequal candidates."""
    items = rng.integers(0, 60, events)
    timestamps = START + DAY * np.sort(rng.integers(0, 90, events))
    times = START + DAY * np.sort(rng.integers(30, 90, requests)) + 1
    candidates = rng.integers(1, 6, requests)
    candidate_items = rng.integers(0, 70, candidates.sum())
    return {
        "user": [user],
        "events_before_record": [user % 3],
        "history_item": items,
        "history_category": items % 7,
        "history_timestamp": timestamps,
        "request_timestamp": times,
        "request_events": np.searchsorted(timestamps, times),
        "request_candidates": candidates,
        "candidate_item": candidate_items,
        "candidate_category": candidate_items % 7,
        "candidate_label": rng.integers(0, 2, candidates.sum()).astype(np.float32),
        **make_statistics(user, requests, candidates.sum()),
    }


def make_statistics(seed: int, requests: int, candidates: int) -> dict:
    """Returns counts `[n, 5]` of each candidate and request."""
    rng = np.random.default_rng(seed)
    return {
        "candidate_item_statistics": rng.integers(0, 50, (candidates, 5)),
        "candidate_category_statistics": rng.integers(0, 500, (candidates, 5)),
        "request_statistics": rng.integers(0, 5_000, (requests, 5)),
    }


def make_records(users: int = 12, seed: int = 0, max_events: int = 40) -> list[dict]:
    """Returns records of several users; the first one has no event at all."""
    rng = np.random.default_rng(seed)
    return [
        make_record(
            rng,
            user,
            events=0 if user == 0 else int(rng.integers(1, max_events)),
            requests=int(rng.integers(1, 8)),
        )
        for user in range(users)
    ]


def serialize(record: dict) -> bytes:
    """Returns a record as a serialised `tf.train.Example`."""
    features = {}
    for key, values in record.items():
        values = np.ravel(values)
        if values.dtype.kind == "f":
            features[key] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        else:
            features[key] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def write_records(records: list[dict], path: Path) -> str:
    """Writes records to a gzipped TFRecord file and returns its path."""
    with tf.io.TFRecordWriter(str(path), options="GZIP") as writer:
        for record in records:
            writer.write(serialize(record))
    return str(path)
