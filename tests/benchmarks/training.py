"""The reader alone, and a training step of `eta` and of the baseline."""

from __future__ import annotations

import functools
import tempfile
import time
from pathlib import Path

import tensorflow as tf

from lifelong.models.ctr_model import CTRModel
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from lifelong.models.trained import build
from tests.benchmarks.sample import FEATURES, make_spec, random_requests, write_sample
from tests.benchmarks.timing import paired_medians

BATCH, CANDIDATES = 64, 20


def measure_reader() -> list[str]:
    """Reads shuffled requests at S = 50, L = 1,000."""
    window = make_spec().model.window
    with tempfile.TemporaryDirectory() as folder:
        path = write_sample(Path(folder))
        batches = request_dataset(
            [path], record_spec(FEATURES), window, BATCH, shuffle=True, seed=1
        ).map(lambda batch: tf.shape(batch["user"])[0])
        sum(batches.as_numpy_iterator())  # warm-up
        started = time.perf_counter()
        requests = sum(sum(batches.as_numpy_iterator()) for _ in range(3))
        seconds = time.perf_counter() - started
    return [f"reader: {requests / seconds:,.0f} requests/s at T = {window}"]


def measure_training_step() -> list[str]:
    """Times one optimizer step on a batch that is already in memory."""
    batch = random_requests(BATCH, CANDIDATES, make_spec().model.window)
    batches = tf.data.Dataset.from_tensors(batch).repeat()
    steps = {}
    for long_term in ("none", "eta"):
        model = CTRModel(make_spec(long_term=long_term))
        build(model)
        model.compile(optimizer=tf.keras.optimizers.Adam())
        train = model.make_train_function()
        steps[long_term] = functools.partial(train, iter(batches))
    return [
        f"training step, {name}: {seconds * 1e3:.1f} ms, {BATCH / seconds:,.0f} requests/s, "
        f"{BATCH * CANDIDATES / seconds:,.0f} candidates/s"
        for name, seconds in paired_medians(steps, rounds=30).items()
    ]
