"""SimHash, Hamming search and exact search unit in a ranking model of TensorFlow Recommenders.

Customers rate what they buy: the label says whether they liked the candidate when they had it, with
some noise. A model that searches is compared with one that averages the history. Its signatures
follow the embeddings as they are trained.

    python examples/tfrs_ranking.py
"""

import os

# `tfrs.Model` needs tf_keras, which TensorFlow has to know before it is imported.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
from sklearn.metrics import roc_auc_score

from lifelong.models.layers import ExactSearchUnit, HammingSearch, SimHash, gather_events

keras = tf.keras

ITEMS, LENGTH, CANDIDATES, BITS = 300, 100, 5, 64


class SearchingRanker(tfrs.Model):
    """Attends to the events whose items have signatures near the candidate's."""

    def __init__(self):
        super().__init__()
        self.item = keras.layers.Embedding(ITEMS, 16)
        self.liked = keras.layers.Embedding(2, 4)
        self.simhash = SimHash(bits=BITS)
        self.search = HammingSearch(k=4)
        self.attend = ExactSearchUnit(heads=2, key_dim=8)
        self.score = keras.Sequential(
            [keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
        )
        self.task = tfrs.tasks.Ranking(loss=keras.losses.BinaryCrossentropy())

    def call(self, features):
        """Returns the probability that the customer likes each candidate, `[B, N]`."""
        candidate = self.item(features["candidate"])  # [B, N, 16]
        history = self.item(features["history"])  # [B, L, 16]
        events = tf.concat([history, self.liked(features["liked"])], axis=-1)  # [B, L, 20]
        interest = self.interest(candidate, history, events)
        return tf.squeeze(self.score(tf.concat([candidate, interest], axis=-1)), axis=-1)

    def interest(self, candidate, history, events):
        """Returns what the nearest events say, `[B, N, 42]`."""
        found = self.nearest(candidate, history)  # [B, N, 4]
        # How near an event is tells the candidate's own from others.
        agreement = 1 + found.relevance[..., tf.newaxis] / BITS
        events = tf.concat([gather_events(events, found.position), agreement], axis=-1)
        return self.attend(candidate, events, found.mask)  # [B, N, 42]

    def nearest(self, candidate, history):
        """Finds the events whose signatures are nearest to each candidate's, `[B, N, 4]`."""
        # Hashed anew in every step, the signatures are those of the embeddings as they are now.
        return self.search(self.simhash(candidate), self.simhash(history))

    def compute_loss(self, inputs, training=False):
        """Returns the log loss of requests with labels."""
        features, label = inputs
        return self.task(labels=label, predictions=self(features), compute_metrics=False)


class AveragingRanker(SearchingRanker):
    """The same model with the average of all events in place of the search."""

    def interest(self, candidate, history, events):
        """Returns what all events say, the same for all candidates, `[B, N, 20]`."""
        return tf.repeat(tf.reduce_mean(events, axis=1, keepdims=True), CANDIDATES, axis=1)


def make_requests(seed, count):
    """Returns histories of items that occur once each, whether they were liked, candidates and labels."""
    rng = np.random.default_rng(seed)
    history = rng.permuted(np.tile(np.arange(ITEMS), (count, 1)), axis=1)[:, :LENGTH]
    liked = rng.integers(0, 2, history.shape)
    position = rng.integers(0, LENGTH, (count, CANDIDATES))
    label = np.take_along_axis(liked, position, axis=1) ^ (rng.random(position.shape) < 0.05)
    candidate = np.take_along_axis(history, position, axis=1)
    features = {"history": history, "liked": liked, "candidate": candidate}
    return features, label.astype(np.float32)


def train(model):
    """Trains a model; returns the loss of each epoch."""
    model.compile(keras.optimizers.Adam(0.01))
    batches = tf.data.Dataset.from_tensor_slices(make_requests(seed=0, count=2000)).batch(50)
    return model.fit(batches, epochs=4, verbose=0).history["loss"]


def auc_of(model, requests):
    """Returns the AUC of a model's scores."""
    features, label = requests
    return roc_auc_score(label.ravel(), model(features).numpy().ravel())


def signatures(model):
    """Returns one row of words per item, as it would be baked into a table for serving."""
    return model.simhash(model.item.embeddings).numpy()


def main():
    """Prints how well both models rank, and how many signatures the training has changed."""
    evaluation = make_requests(seed=1, count=400)
    keras.utils.set_random_seed(3)
    model = SearchingRanker()
    model(evaluation[0])
    before = signatures(model)
    train(model)
    print(f"AUC with the search: {auc_of(model, evaluation):.3f}")
    averaging = AveragingRanker()
    train(averaging)
    print(f"AUC with the average of the history: {auc_of(averaging, evaluation):.3f}")
    changed = (signatures(model) != before).any(axis=1).mean()
    print(f"share of items whose signature the training has changed: {changed:.2f}")


if __name__ == "__main__":
    main()
