"""SimHash, Hamming search and exact search unit in a ranking model of TensorFlow Recommenders.

Customers rate what they buy: the label says whether they liked the candidate when they had it, with
some noise.
"""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from lifelong.models.layers import ExactSearchUnit, HammingSearch, SimHash, gather_events

keras = tf.keras

if keras.layers.Layer.__module__.startswith("keras."):
    pytest.skip("tfrs.Model needs tf_keras", allow_module_level=True)

import tensorflow_recommenders as tfrs  # noqa: E402

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
        candidate = self.item(features["candidate"])  # [B, N, 16]
        history = self.item(features["history"])  # [B, L, 16]
        events = tf.concat([history, self.liked(features["liked"])], axis=-1)  # [B, L, 20]
        interest = self.interest(candidate, history, events)
        return tf.squeeze(self.score(tf.concat([candidate, interest], axis=-1)), axis=-1)

    def interest(self, candidate, history, events):
        found = self.nearest(candidate, history)  # [B, N, 4]
        # How near an event is tells the candidate's own from others.
        agreement = 1 + found.relevance[..., tf.newaxis] / BITS
        events = tf.concat([gather_events(events, found.position), agreement], axis=-1)
        return self.attend(candidate, events, found.mask)  # [B, N, 42]

    def nearest(self, candidate, history):
        # Hashed anew in every step, the signatures are those of the embeddings as they are now.
        return self.search(self.simhash(candidate), self.simhash(history))

    def compute_loss(self, inputs, training=False):
        features, label = inputs
        return self.task(labels=label, predictions=self(features), compute_metrics=False)


class AveragingRanker(SearchingRanker):
    """The same model with the average of all events in place of the search."""

    def interest(self, candidate, history, events):
        return tf.repeat(tf.reduce_mean(events, axis=1, keepdims=True), CANDIDATES, axis=1)


def make_requests(seed, count):
    """Histories of items that occur once each, whether they were liked, candidates and labels."""
    rng = np.random.default_rng(seed)
    history = rng.permuted(np.tile(np.arange(ITEMS), (count, 1)), axis=1)[:, :LENGTH]
    liked = rng.integers(0, 2, history.shape)
    position = rng.integers(0, LENGTH, (count, CANDIDATES))
    label = np.take_along_axis(liked, position, axis=1) ^ (rng.random(position.shape) < 0.05)
    candidate = np.take_along_axis(history, position, axis=1)
    features = {"history": history, "liked": liked, "candidate": candidate}
    return features, label.astype(np.float32)


@pytest.fixture(scope="module")
def evaluation():
    return make_requests(seed=1, count=400)


def train(model):
    """Trains a model; returns the loss of each epoch."""
    model.compile(keras.optimizers.Adam(0.01))
    batches = tf.data.Dataset.from_tensor_slices(make_requests(seed=0, count=2000)).batch(50)
    return model.fit(batches, epochs=4, verbose=0).history["loss"]


def auc_of(model, requests):
    features, label = requests
    return roc_auc_score(label.ravel(), model(features).numpy().ravel())


def signatures(model):
    """One row of words per item, as it would be baked into a table for serving."""
    return model.simhash(model.item.embeddings).numpy()


@pytest.fixture(scope="module")
def trained(evaluation):
    keras.utils.set_random_seed(3)
    model = SearchingRanker()
    model(evaluation[0])
    before = signatures(model)
    return model, train(model), before


def test_the_search_finds_what_an_average_loses(trained, evaluation):
    model, loss, _ = trained
    assert loss[-1] < 0.6 * loss[0]
    auc = auc_of(model, evaluation)
    assert auc > 0.9
    averaging = AveragingRanker()
    train(averaging)
    assert auc > auc_of(averaging, evaluation) + 0.2


def test_signatures_follow_the_embeddings(trained, evaluation):
    model, _, before = trained
    features, _ = evaluation
    now = signatures(model)
    assert (now != before).any(axis=1).mean() > 0.9
    found = model.nearest(model.item(features["candidate"]), model.item(features["history"]))
    # Looking signatures up is hashing the trained embeddings.
    looked_up = model.search(now[features["candidate"]], now[features["history"]])
    for expected, tensor in zip(found, looked_up, strict=True):
        np.testing.assert_array_equal(tensor, expected)
    # Those from before the training find other events.
    stale = model.search(before[features["candidate"]], before[features["history"]])
    assert (stale.position.numpy() != found.position.numpy()).mean() > 0.1
