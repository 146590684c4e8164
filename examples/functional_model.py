"""Hard search and exact search unit in a functional Keras model with two inputs.

Households buy again what they bought lately: the label says whether a candidate's category is among
the last `RECENT` events, with some noise. A model that searches is compared with one that averages
the history; then it is saved and reloaded. It runs under tf_keras and Keras 3.

    python examples/functional_model.py
"""

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from lifelong.models.layers import ExactSearchUnit, HardSearch

keras = tf.keras

CATEGORIES, LENGTH, CANDIDATES, RECENT = 30, 40, 5, 12


def make_requests(rng, count):
    """Returns histories, newest event first, with candidates, and labels; category 0 is padding."""
    history = rng.integers(1, CATEGORIES, (count, LENGTH))
    history[np.arange(LENGTH) >= rng.integers(0, LENGTH + 1, (count, 1))] = 0
    candidate = rng.integers(1, CATEGORIES, (count, CANDIDATES))
    lately = (history[:, np.newaxis, :RECENT] == candidate[:, :, np.newaxis]).any(axis=2)
    noise = rng.random(lately.shape) < 0.05
    return {"history": history, "candidate": candidate}, (lately ^ noise).astype(np.float32)


def searching_model():
    """Returns a model that reads the latest four events of each candidate's category."""
    history = keras.Input([LENGTH], dtype="int64", name="history")
    candidate = keras.Input([CANDIDATES], dtype="int64", name="candidate")
    query = keras.layers.Embedding(CATEGORIES, 8)(candidate)  # [B, N, 8]
    found = HardSearch(k=4)(candidate, history)  # [B, N, 4]
    # All events that are found share the candidate's category; what tells them apart is their age.
    events = keras.layers.Embedding(LENGTH, 8)(found.position)  # [B, N, 4, 8]
    interest = ExactSearchUnit(heads=2, key_dim=8)(query, events, found.mask)  # [B, N, 16]
    return keras.Model({"history": history, "candidate": candidate}, score(query, interest))


def averaging_model():
    """Returns the same model with the average of the history in place of the search."""
    history = keras.Input([LENGTH], dtype="int64", name="history")
    candidate = keras.Input([CANDIDATES], dtype="int64", name="candidate")
    embedding = keras.layers.Embedding(CATEGORIES, 8)
    query = embedding(candidate)
    average = keras.layers.GlobalAveragePooling1D()(embedding(history))  # [B, 8]
    interest = keras.layers.RepeatVector(CANDIDATES)(average)  # [B, N, 8]
    return keras.Model({"history": history, "candidate": candidate}, score(query, interest))


def score(query, interest):
    """Returns the probability of a click, `[B, N]`."""
    hidden = keras.layers.Concatenate()([query, interest])
    hidden = keras.layers.Dense(16, activation="relu")(hidden)
    return keras.layers.Reshape([CANDIDATES])(keras.layers.Dense(1, activation="sigmoid")(hidden))


def train(model, requests):
    """Trains a model, which it returns."""
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(*requests, batch_size=64, epochs=4, verbose=0)
    return model


def auc_of(model, requests):
    """Returns the AUC of a model's scores."""
    inputs, label = requests
    return roc_auc_score(label.ravel(), model.predict(inputs, verbose=0).ravel())


def reloaded_difference(model, inputs, folder):
    """Saves and reloads a model; returns the largest difference of a score."""
    model.save(folder / "model.keras")
    # Importing the layers has registered them: nothing is said of custom objects.
    reloaded = keras.models.load_model(folder / "model.keras")
    expected = model.predict(inputs, verbose=0)
    return np.abs(reloaded.predict(inputs, verbose=0) - expected).max()


def main():
    """Prints how well both models rank, and how far the reloaded model's scores are from them."""
    rng = np.random.default_rng(5)
    training, evaluation = make_requests(rng, 2000), make_requests(rng, 1000)
    keras.utils.set_random_seed(3)
    model = train(searching_model(), training)
    print(f"AUC with the search: {auc_of(model, evaluation):.3f}")
    averaging = train(averaging_model(), training)
    print(f"AUC with the average of the history: {auc_of(averaging, evaluation):.3f}")
    with tempfile.TemporaryDirectory() as folder:
        difference = reloaded_difference(model, evaluation[0], Path(folder))
    print(f"largest difference of a score after saving and reloading: {difference:.1e}")


if __name__ == "__main__":
    main()
