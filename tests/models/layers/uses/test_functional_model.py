"""Hard search and exact search unit in a functional Keras model with two inputs.

Under tf_keras and Keras 3. Households buy again what they bought lately: the label says whether a
candidate's category is among the last `RECENT` events, with some noise.
"""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from lifelong.models.layers import ExactSearchUnit, HardSearch

keras = tf.keras

CATEGORIES, LENGTH, CANDIDATES, RECENT = 30, 40, 5, 12


def make_requests(rng, count):
    """Histories newest first, candidates and labels; category 0 is padding, no candidate has it."""
    history = rng.integers(1, CATEGORIES, (count, LENGTH))
    history[np.arange(LENGTH) >= rng.integers(0, LENGTH + 1, (count, 1))] = 0
    candidate = rng.integers(1, CATEGORIES, (count, CANDIDATES))
    lately = (history[:, np.newaxis, :RECENT] == candidate[:, :, np.newaxis]).any(axis=2)
    noise = rng.random(lately.shape) < 0.05
    return {"history": history, "candidate": candidate}, (lately ^ noise).astype(np.float32)


def searching_model():
    history = keras.Input([LENGTH], dtype="int64", name="history")
    candidate = keras.Input([CANDIDATES], dtype="int64", name="candidate")
    query = keras.layers.Embedding(CATEGORIES, 8)(candidate)  # [B, N, 8]
    found = HardSearch(k=4)(candidate, history)  # [B, N, 4]
    # All events that are found share the candidate's category; what tells them apart is their age.
    events = keras.layers.Embedding(LENGTH, 8)(found.position)  # [B, N, 4, 8]
    interest = ExactSearchUnit(heads=2, key_dim=8)(query, events, found.mask)  # [B, N, 16]
    return keras.Model({"history": history, "candidate": candidate}, score(query, interest))


def averaging_model():
    """The same model with the average of the history in place of the search."""
    history = keras.Input([LENGTH], dtype="int64", name="history")
    candidate = keras.Input([CANDIDATES], dtype="int64", name="candidate")
    embedding = keras.layers.Embedding(CATEGORIES, 8)
    query = embedding(candidate)
    average = keras.layers.GlobalAveragePooling1D()(embedding(history))  # [B, 8]
    interest = keras.layers.RepeatVector(CANDIDATES)(average)  # [B, N, 8]
    return keras.Model({"history": history, "candidate": candidate}, score(query, interest))


def score(query, interest):
    hidden = keras.layers.Concatenate()([query, interest])
    hidden = keras.layers.Dense(16, activation="relu")(hidden)
    return keras.layers.Reshape([CANDIDATES])(keras.layers.Dense(1, activation="sigmoid")(hidden))


@pytest.fixture(scope="module")
def requests():
    rng = np.random.default_rng(5)
    return make_requests(rng, 2000), make_requests(rng, 1000)


def train(model, requests):
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(*requests, batch_size=64, epochs=4, verbose=0)
    return model


@pytest.fixture(scope="module")
def trained(requests):
    keras.utils.set_random_seed(3)
    return train(searching_model(), requests[0])


def auc_of(model, requests):
    inputs, label = requests
    return roc_auc_score(label.ravel(), model.predict(inputs, verbose=0).ravel())


def test_the_search_finds_what_an_average_loses(requests, trained):
    auc = auc_of(trained, requests[1])
    assert auc > 0.9
    assert auc > auc_of(train(averaging_model(), requests[0]), requests[1]) + 0.2


def test_the_trained_model_is_saved_and_reloaded(requests, trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    # Importing the layers has registered them: nothing is said of custom objects.
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    inputs, _ = requests[1]
    expected = trained.predict(inputs, verbose=0)
    np.testing.assert_allclose(reloaded.predict(inputs, verbose=0), expected, atol=1e-6)
