"""A training step by the number of items that the model knows: it must not feel them."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks.steps import fresh_model
from benchmarks.timing import paired_medians
from lifelong.data.keys import (
    CANDIDATE,
    CANDIDATE_LABEL,
    CANDIDATE_LENGTH,
    HISTORY,
    HISTORY_LENGTH,
    REQUEST_TIMESTAMP,
    STATISTICS,
    STATISTICS_COLUMNS,
    USER,
)
from lifelong.models.config import ModelConfig, ModelSpec
from lifelong.models.evidence import count_evidence, events_of_requests

SIZES = {"24 thousand": 24_000, "1 million": 10**6, "3 million": 3 * 10**6, "10 million": 10**7}
REQUESTS, CANDIDATES = 64, 20
CATEGORIES, USERS = 305, 2_470
ZIPF = 1.1
NOW = 1_500_000_000


def measure_vocabulary() -> list[str]:
    """Times steps of the default model on as many events, by the items there are."""
    lines = []
    for draw in ("uniform", "Zipf"):
        seconds = paired_medians(
            {name: _make_step(items, draw) for name, items in SIZES.items()}, rounds=30
        )
        first = seconds["24 thousand"]
        told = ", ".join(
            f"{name} {time * 1e3:.1f} ms ({time / first:.2f})" for name, time in seconds.items()
        )
        lines.append(f"training step, ids drawn {draw}: {told}")
        gc.collect()
    return lines


def _make_step(items: int, draw: str) -> Callable[[], object]:
    model = fresh_model(default_spec(items))
    batches = tf.data.Dataset.from_tensors(random_batch(items, draw, model.spec.model.window))
    return functools.partial(model.make_train_function(), iter(batches.repeat()))


def default_spec(items: int, config: ModelConfig | None = None) -> ModelSpec:
    """Returns what a model of so many items is built from, and as many others as by default.

    Args:
        items: Rows of the item table.
        config: The architecture; by default the default one.
    """
    sizes = {"item": items, "category": CATEGORIES, "user": USERS}
    return ModelSpec(config or ModelConfig(), (), sizes, {})


def random_batch(items: int, draw: str, window: int) -> dict[str, tf.Tensor]:
    """Returns requests with full histories, as the reader gives them.

    Args:
        items: Rows of the item table.
        draw: How items are drawn, `uniform` or `Zipf`.
        window: Events of a history.
    """
    random = np.random.default_rng(0)

    def ids(*shape: int) -> np.ndarray:
        if draw == "uniform":
            return random.integers(0, items, shape)
        return (random.zipf(ZIPF, shape) - 1) % items

    times = np.sort(NOW - random.integers(0, 365 * 86_400, (REQUESTS, window)))[:, ::-1]
    columns = {
        USER: random.integers(0, USERS, REQUESTS),
        REQUEST_TIMESTAMP: np.full(REQUESTS, NOW + 1),
        HISTORY_LENGTH: np.full(REQUESTS, window),
        CANDIDATE_LENGTH: np.full(REQUESTS, CANDIDATES),
        f"{HISTORY}item": ids(REQUESTS, window),
        f"{HISTORY}category": random.integers(0, CATEGORIES, (REQUESTS, window)),
        f"{HISTORY}timestamp": times,
        f"{CANDIDATE}item": ids(REQUESTS, CANDIDATES),
        f"{CANDIDATE}category": random.integers(0, CATEGORIES, (REQUESTS, CANDIDATES)),
    }
    batch = {name: tf.constant(values, tf.int64) for name, values in columns.items()}
    batch[CANDIDATE_LABEL] = tf.constant(random.random((REQUESTS, CANDIDATES)) < 0.2, tf.float32)
    for key in STATISTICS:
        shape = (REQUESTS, CANDIDATES) if key.startswith(CANDIDATE) else (REQUESTS,)
        counts = random.integers(0, items, (*shape, len(STATISTICS_COLUMNS)))
        batch[key] = tf.constant(counts, tf.int64)
    return batch | count_evidence(batch, events_of_requests(batch, window))
