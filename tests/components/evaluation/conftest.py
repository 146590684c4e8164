"""A toy log with known labels, and toy models that score it from digits of the item id."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

# item = 1,024 x good + bad, both below 1,024: a model is which of the two digits it reads. With a
# power of two, the scores of graph and test are equal to the last bit.
DIVISORS = {"good": 1024, "bad": 1, "of_sampled": 1024}
# Each negative stands for so many, says `of_sampled`.
NEGATIVES = 4


@dataclasses.dataclass(frozen=True)
class Request:
    """One request of the toy log."""

    user: int
    history_events: int
    items: np.ndarray
    labels: np.ndarray

    def scores(self, model: str) -> np.ndarray:
        """What the model gives, in float32 as in the graph."""
        return (self.items // DIVISORS[model] % 1024).astype(np.float32) / np.float32(1024)


class ToyModel(tf.Module):
    """Scores an item by one of its two digit groups."""

    def __init__(self, name: str):
        super().__init__(name)
        self.sampled = name == "of_sampled"
        self.divisor = DIVISORS[name]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="records")])
    def score_records(self, records: tf.Tensor) -> dict[str, tf.Tensor]:
        ragged = {
            name: tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64)
            for name, dtype in (
                ("request_timestamp", tf.int64),
                ("request_events", tf.int64),
                ("request_candidates", tf.int64),
                ("candidate_item", tf.int64),
                ("candidate_label", tf.float32),
            )
        }
        fixed = {
            name: tf.io.FixedLenFeature([], tf.int64) for name in ("user", "events_before_record")
        }
        parsed = tf.io.parse_example(records, ragged | fixed)
        request = parsed["request_timestamp"].value_rowids()
        items = parsed["candidate_item"].flat_values
        labels = parsed["candidate_label"].flat_values
        weights = {"candidate_weight": tf.where(labels > 0, 1.0, NEGATIVES)}
        return (weights if self.sampled else {}) | {
            "scores": tf.cast(items // self.divisor % 1024, tf.float32) / 1024.0,
            "candidate_label": labels,
            "candidate_item": items,
            "user": tf.gather(parsed["user"], request),
            "request_timestamp": parsed["request_timestamp"].flat_values,
            "request_candidates": parsed["request_candidates"].flat_values,
            "history_events": parsed["request_events"].flat_values
            + tf.gather(parsed["events_before_record"], request),
        }


@pytest.fixture(scope="session")
def requests() -> list[Request]:
    """60 users with 0 to 4 requests of 1 to 9 candidates (some of none); some have one label only."""
    rng = np.random.default_rng(7)
    log = []
    for user in range(1, 61):
        for _ in range(rng.integers(0, 5)):
            good = rng.integers(0, 50, size=rng.integers(0, 10)) * 20
            labels = rng.random(good.size) < good / 1024
            if user % 10 == 0:
                labels[:] = user % 20 == 0
            log.append(
                Request(
                    # The ids need all 63 bits.
                    user=user + 2**62,
                    history_events=int(rng.choice([0, 99, 100, 250, 450, 1199, 1200, 5000])),
                    items=good * 1024 + rng.integers(0, 50, size=good.size) * 20,
                    labels=labels.astype(np.float32),
                )
            )
    return log


@pytest.fixture(scope="session")
def records(requests: list[Request]) -> list[bytes]:
    """The log as per-user records, one of a user without requests among them."""
    by_user: dict[int, list[Request]] = {1: []}
    for request in requests:
        by_user.setdefault(request.user, []).append(request)
    return [_record(user, of_user) for user, of_user in by_user.items()]


@pytest.fixture(scope="session")
def model_dirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """SavedModels by name."""
    dirs = {}
    for name in DIVISORS:
        dirs[name] = tmp_path_factory.mktemp("model") / name
        model = ToyModel(name)
        tf.saved_model.save(
            model, str(dirs[name]), signatures={"score_records": model.score_records}
        )
    return dirs


def _record(user: int, requests: list[Request]) -> bytes:
    def ints(values: list[int]) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    labels = np.concatenate([np.zeros(0), *(request.labels for request in requests)])
    before = min((request.history_events for request in requests), default=0)
    feature = {
        "user": ints([user]),
        "events_before_record": ints([before]),
        "request_timestamp": ints(list(range(len(requests)))),
        "request_events": ints([request.history_events - before for request in requests]),
        "request_candidates": ints([request.items.size for request in requests]),
        "candidate_item": ints([int(item) for request in requests for item in request.items]),
        "candidate_label": tf.train.Feature(float_list=tf.train.FloatList(value=labels)),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
