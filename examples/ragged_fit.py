"""Ragged histories, padded by `pad_history` in a tf.data pipeline, under `model.fit`.

Households buy a category again when its last purchase is old enough: the label says whether that
was more than `DUE` seconds ago, with some noise. A model that searches is compared with one that
averages the history, and then reads histories that are padded to other lengths. It runs under
tf_keras and Keras 3.

    python examples/ragged_fit.py
"""

import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from lifelong.models.layers import (
    ExactSearchUnit,
    HardSearch,
    HistoryEvidence,
    TimeGapEmbedding,
    gather_events,
    pad_history,
)

keras = tf.keras

CATEGORIES, LONGEST, CANDIDATES = 12, 60, 5
DAY = 24 * 3600
DUE = 7 * DAY


def make_log(rng, count):
    """Returns ragged histories, oldest event first as in a log, candidates and labels."""
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
    """Returns what the model reads: dense histories, newest event first, and their mask."""

    def prepare(request, label):
        history, mask = pad_history(request["history"], length)
        return {
            "category": history["category"],
            "time": history["time"],
            "now": request["now"],
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
        self.evidence = HistoryEvidence()
        self.score = keras.Sequential(
            [keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
        )

    def call(self, inputs):
        """Returns the probability of a purchase, `[B, N]`."""
        candidate = self.category(inputs["candidate"])  # [B, N, 8]
        interest = self.interest(candidate, inputs)
        return tf.squeeze(self.score(tf.concat([candidate, interest], axis=-1)), axis=-1)

    def interest(self, candidate, inputs):
        """Returns what the events of each candidate's category say, `[B, N, 50]`."""
        found = self.search(inputs["candidate"], inputs["category"], inputs["mask"])  # [B, N, 2]
        gap = gather_events(inputs["gap"], found.position)
        events = self.attend(candidate, self.time(gap), found.mask)  # [B, N, 16]
        # Categories are all that there is: they are the items, too.
        candidate_ids, ids = inputs["candidate"], inputs["category"]
        evidence = self.evidence(
            candidate_ids, candidate_ids, ids, ids, inputs["time"], inputs["now"], inputs["mask"]
        )
        return tf.concat([events, evidence], axis=-1)  # [B, N, 16 + 34]


class AveragingModel(SearchingModel):
    """The same model with the average of all events in place of the search."""

    def interest(self, candidate, inputs):
        """Returns what all events say, the same for all candidates, `[B, N, 16]`."""
        mask = tf.cast(inputs["mask"], tf.float32)[..., tf.newaxis]
        events = tf.concat([self.category(inputs["category"]), self.time(inputs["gap"])], axis=-1)
        total = tf.reduce_sum(events * mask, axis=1, keepdims=True)
        average = total / (tf.reduce_sum(mask, axis=1, keepdims=True) + 1)
        return tf.repeat(average, CANDIDATES, axis=1)


def train(model, log):
    """Trains a model, which it returns."""
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(batches(log, LONGEST), epochs=4, verbose=0)
    return model


def scores_of(model, log, length=LONGEST):
    """Returns scores of histories padded to a length, `[requests, N]`; None pads to the longest."""
    return model.predict(batches(log, length), verbose=0)


def auc_of(model, log):
    """Returns the AUC of a model's scores."""
    label = np.concatenate([label for _, label in log.batch(50).as_numpy_iterator()])
    return roc_auc_score(label.ravel(), scores_of(model, log).ravel())


def main():
    """Prints how well both models rank, and whether the length of the padding matters."""
    rng = np.random.default_rng(5)
    training, evaluation = make_log(rng, 2000), make_log(rng, 500)
    keras.utils.set_random_seed(3)
    model = train(SearchingModel(), training)
    print(f"AUC with the search: {auc_of(model, evaluation):.3f}")
    averaging = train(AveragingModel(), training)
    print(f"AUC with the average of the history: {auc_of(averaging, evaluation):.3f}")
    scores = scores_of(model, evaluation)
    for length in (LONGEST + 1, 2 * LONGEST, None):
        difference = np.abs(scores_of(model, evaluation, length) - scores).max()
        print(
            f"largest difference of a score, padded to {length or 'the longest'}: {difference:.1e}"
        )


if __name__ == "__main__":
    main()
