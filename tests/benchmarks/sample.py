"""Records and models of the default run's sizes, for measurements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from lifelong.models.config import ModelConfig, ModelSpec
from lifelong.models.features import Feature
from tests.sample_records import DAY, START, write_records

ITEMS, CATEGORIES, USERS = 30_000, 300, 2_500
FEATURES: tuple[Feature, ...] = ()


def make_spec(**fields: object) -> ModelSpec:
    """Returns the default architecture, with `fields` changed, on The Complete Journey's sizes."""
    sizes = {"item": ITEMS, "category": CATEGORIES, "user": USERS}
    return ModelSpec(ModelConfig(**fields), FEATURES, sizes)


def write_sample(folder: Path, users: int = 512, events: int = 2_000, requests: int = 32) -> str:
    """Writes records of users whose requests all reach a full window; 20 candidates each."""
    rng = np.random.default_rng(0)
    candidates = 20
    records = []
    for user in range(users):
        items = rng.zipf(1.3, events) % ITEMS
        offered = rng.zipf(1.3, requests * candidates) % ITEMS
        records.append(
            {
                "user": [user],
                "events_before_record": [0],
                "history_item": items,
                "history_category": items % CATEGORIES,
                "history_timestamp": START + np.sort(rng.integers(0, 300 * DAY, events)),
                "request_timestamp": START + 300 * DAY + np.arange(requests),
                "request_events": np.linspace(events // 2 + 100, events, requests).astype(int),
                "request_candidates": np.full(requests, candidates),
                "candidate_item": offered,
                "candidate_category": offered % CATEGORIES,
                "candidate_label": rng.integers(0, 2, requests * candidates).astype(np.float32),
            }
        )
    return write_records(records, folder / "records.gz")


def random_requests(requests: int, candidates: int, window: int, seed: int = 0) -> dict:
    """Returns a batch of wire tensors with full histories."""
    rng = np.random.default_rng(seed)

    def ids(high: int, *shape: int) -> tf.Tensor:
        return tf.constant(rng.integers(0, high, shape), tf.int64)

    age = np.sort(rng.integers(1, 300 * DAY, (requests, window)), axis=1)
    now = START + 300 * DAY
    return {
        "user": ids(USERS, requests),
        "request_timestamp": tf.fill([requests], tf.constant(now, tf.int64)),
        "history_item": ids(ITEMS, requests, window),
        "history_category": ids(CATEGORIES, requests, window),
        "history_timestamp": tf.constant(now - age, tf.int64),
        "history_length": tf.fill([requests], tf.constant(window, tf.int64)),
        "candidate_item": ids(ITEMS, requests, candidates),
        "candidate_category": ids(CATEGORIES, requests, candidates),
        "candidate_length": tf.fill([requests], tf.constant(candidates, tf.int64)),
        "candidate_label": tf.constant(rng.integers(0, 2, (requests, candidates)), tf.float32),
    }
