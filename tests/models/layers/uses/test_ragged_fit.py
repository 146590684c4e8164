"""Ragged histories, padded by `pad_history` in a tf.data pipeline, under `model.fit`.

Under tf_keras and Keras 3. Households buy a category again when its last purchase is old enough:
the label says whether that was more than `DUE` seconds ago, with some noise.
"""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from lifelong.models.layers import (
    ExactSearchUnit,
    HardSearch,
    MatchEvidence,
    TimeGapEmbedding,
    gather_events,
    pad_history,
)

pytestmark = pytest.mark.slow

keras = tf.keras

CATEGORIES, LONGEST, CANDIDATES = 12, 60, 5
DAY = 24 * 3600
DUE = 7 * DAY


def make_log(rng, count):
    """Ragged histories, oldest event first as in a log, with candidates and labels at time `now`."""
    lengths = rng.integers(0, LONGEST + 1, count)
    now = 100 * DAY
    rows = [np.sort(now - rng.integers(1, 30 * DAY, length)) for length in lengths]
    times = np.concatenate(rows)
    # 0 is a category like any other: only the mask tells it from padding.
    categories = rng.integers(0, CATEGORIES, times.size)
    candidate = rng.integers(0, CATEGORIES, (count, CANDIDATES))
    row = np.repeat(np.arange(count), lengths)
    last = np.zeros((count, CATEGORIES), np.int64)
    np.maximum.at(last, (row, categories), times)
    due = now - np.take_along_axis(last, candidate, axis=1) > DUE
    noise = rng.random(due.shape) < 0.05
    log = {
        "history": {
            "category": tf.RaggedTensor.from_row_lengths(categories, lengths),
            "time": tf.RaggedTensor.from_row_lengths(times, lengths),
        },
        "candidate": candidate,
        "now": np.full(count, now),
    }
    return tf.data.Dataset.from_tensor_slices((log, (due ^ noise).astype(np.float32)))


def batches(log, length):
    """What the model reads: dense histories, newest event first, and their mask."""

    def prepare(request, label):
        history, mask = pad_history(request["history"], length)
        return {
            "category": history["category"],
            "gap": request["now"][:, tf.newaxis] - history["time"],
            "mask": mask,
            "candidate": request["candidate"],
        }, label

    return log.batch(50).map(prepare)


class SearchingModel(keras.Model):
    """Reads the latest two events of each candidate's category."""

    def __init__(self):
        super().__init__()
        self.category = keras.layers.Embedding(CATEGORIES, 8)
        self.search = HardSearch(k=2)
        self.time = TimeGapEmbedding(dim=8)
        self.attend = ExactSearchUnit(heads=2, key_dim=8)
        self.evidence = MatchEvidence()
        self.score = keras.Sequential(
            [keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
        )

    def call(self, inputs):
        candidate = self.category(inputs["candidate"])  # [B, N, 8]
        interest = self.interest(candidate, inputs)
        return tf.squeeze(self.score(tf.concat([candidate, interest], axis=-1)), axis=-1)

    def interest(self, candidate, inputs):
        found = self.search(inputs["candidate"], inputs["category"], inputs["mask"])  # [B, N, 2]
        gap = gather_events(inputs["gap"], found.position)
        events = self.attend(candidate, self.time(gap), found.mask)  # [B, N, 16]
        return tf.concat([events, self.evidence(found.mask, gap)], axis=-1)


class AveragingModel(SearchingModel):
    """The same model with the average of all events in place of the search."""

    def interest(self, candidate, inputs):
        mask = tf.cast(inputs["mask"], tf.float32)[..., tf.newaxis]
        events = tf.concat([self.category(inputs["category"]), self.time(inputs["gap"])], axis=-1)
        total = tf.reduce_sum(events * mask, axis=1, keepdims=True)
        average = total / (tf.reduce_sum(mask, axis=1, keepdims=True) + 1)
        return tf.repeat(average, CANDIDATES, axis=1)


def train(model, log):
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(batches(log, LONGEST), epochs=4, verbose=0)
    return model


def auc_of(model, log):
    label = np.concatenate([label for _, label in log.batch(50).as_numpy_iterator()])
    return roc_auc_score(label.ravel(), model.predict(batches(log, LONGEST), verbose=0).ravel())


@pytest.fixture(scope="module")
def logs():
    rng = np.random.default_rng(5)
    return make_log(rng, 2000), make_log(rng, 500)


@pytest.fixture(scope="module")
def trained(logs):
    keras.utils.set_random_seed(3)
    return train(SearchingModel(), logs[0])


def test_the_search_finds_what_an_average_loses(logs, trained):
    auc = auc_of(trained, logs[1])
    assert auc > 0.9
    assert auc > auc_of(train(AveragingModel(), logs[0]), logs[1]) + 0.2


@pytest.mark.parametrize("length", [LONGEST + 1, 2 * LONGEST, None])
def test_places_of_padding_change_no_score(logs, trained, length):
    expected = trained.predict(batches(logs[1], LONGEST), verbose=0)
    scores = trained.predict(batches(logs[1], length), verbose=0)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
