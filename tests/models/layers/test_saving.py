"""Layers in models: functional, subclassed, saved and reloaded in a fresh process."""

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import (
    ExactSearchUnit,
    HammingSearch,
    SimHash,
    TargetAttention,
    TimeGapEmbedding,
    gather_events,
    length_mask,
)

keras = tf.keras

NAMES = ("candidate", "short", "history", "gap", "length")


@keras.utils.register_keras_serializable(package="tests")
class LongTerm(keras.layers.Layer):
    """All layers at work inside a layer of somebody else's."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hashed = SimHash(bits=100, seed=4)
        self.search = HammingSearch(k=4)
        self.time = TimeGapEmbedding(dim=2)
        self.unit = ExactSearchUnit(heads=2, key_dim=3)

    def build(self, input_shape):
        size = input_shape[0][-1]
        self.hashed.build((None, None, size))
        self.time.build((None, None))
        self.unit.build(((None, None, size), (None, None, None, size + 2)))
        self.built = True

    def call(self, inputs):
        candidate, history, gap, length = inputs
        mask = length_mask(length, tf.shape(history)[1])
        found = self.search(self.hashed(candidate), self.hashed(history), mask)
        events = tf.concat([history, self.time(gap)], axis=-1)
        return self.unit(candidate, gather_events(events, found.position), found.mask)


@keras.utils.register_keras_serializable(package="tests")
class AgreementOfNearest(keras.layers.Layer):
    def call(self, relevance):
        agreement = 1 + tf.cast(relevance, self.compute_dtype) / 64
        return tf.reduce_sum(agreement, axis=-1, keepdims=True)


def functional_model():
    inputs = {
        "candidate": keras.Input([None, 6], name="candidate"),
        "short": keras.Input([None, 5], name="short"),
        "history": keras.Input([None, 6], name="history"),
        "gap": keras.Input([None], dtype="int64", name="gap"),
        "length": keras.Input([], dtype="int64", name="length"),
    }
    candidate = inputs["candidate"]
    short = TargetAttention(hidden=(7, 3))(candidate, inputs["short"])
    # Layers with several arguments, and a named tuple, between the model's own tensors
    hashed = SimHash(bits=64)
    found = HammingSearch(k=3)(hashed(candidate), hashed(inputs["history"]))
    nearest = AgreementOfNearest()(found.relevance)
    long = LongTerm()([candidate, inputs["history"], inputs["gap"], inputs["length"]])
    features = keras.layers.Concatenate()([candidate, short, long, nearest])
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(features))


def random_batch(rng, rows, candidates, events):
    def floats(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    return {
        "candidate": floats(rows, candidates, 6),
        "short": floats(rows, 4, 5),
        "history": floats(rows, events, 6),
        "gap": rng.integers(-10, 10**8, (rows, events)),
        "length": rng.integers(0, events + 1, rows),
    }


RELOAD = """
import sys, numpy as np, tensorflow as tf
folder, tests = sys.argv[1:]
batch = {name: tf.constant(value) for name, value in np.load(f"{folder}/batch.npz").items()}

# The SavedModel needs nothing but TensorFlow.
serve = tf.saved_model.load(f"{folder}/saved_model").signatures["serving_default"]
np.save(f"{folder}/saved_model.npy", serve(**batch)["scores"])
assert not any(name.startswith("lifelong") for name in sys.modules)

sys.path.insert(0, tests)
from test_saving import SimHash
model = tf.keras.models.load_model(f"{folder}/model.keras")
np.save(f"{folder}/keras.npy", model(batch))
(hashed,) = [layer for layer in model.layers if isinstance(layer, SimHash)]
assert hashed.weights and not hashed.trainable_weights
"""


def test_a_trained_model_scores_the_same_in_a_fresh_process(rng, tmp_path, request, run_python):
    model = functional_model()
    model.compile("adam", "binary_crossentropy")
    batch = random_batch(rng, 8, 3, 9)
    model.fit(batch, rng.random((8, 3, 1)) < 0.5, epochs=2, verbose=0)
    # The reloaded rotation must be the saved one, not drawn again from the seed.
    (hashed,) = [layer for layer in model.layers if isinstance(layer, SimHash)]
    drawn = model(batch)
    hashed.rotation.assign(tf.cumsum(tf.convert_to_tensor(hashed.rotation), axis=1))
    scores = model(batch)
    assert np.abs(scores - drawn).max() > 1e-3

    signature = [
        tf.TensorSpec(model.get_layer(name).output.shape, batch[name].dtype, name) for name in NAMES
    ]

    @tf.function(input_signature=signature)
    def serve(*values):
        return {"scores": model(dict(zip(NAMES, values, strict=True)))}

    model.save(tmp_path / "model.keras")
    tf.saved_model.save(model, str(tmp_path / "saved_model"), signatures=serve)
    np.savez(tmp_path / "batch.npz", **batch)
    run_python(RELOAD, tmp_path, request.path.parent)
    for kind in ("saved_model", "keras"):
        np.testing.assert_allclose(np.load(tmp_path / f"{kind}.npy"), scores, atol=1e-6)


@pytest.mark.parametrize(
    ("rows", "candidates", "events"), [(1, 1, 1), (1, 20, 3), (2, 1, 30), (1, 2, 0)]
)
def test_one_model_takes_batches_of_any_size(rng, rows, candidates, events):
    model = functional_model()
    batch = random_batch(rng, rows, candidates, events)
    scores = model(batch)
    assert scores.shape == (rows, candidates, 1)
    np.testing.assert_allclose(tf.function(model)(batch), scores, atol=1e-6)
    alone = {name: values[:1] for name, values in batch.items()}
    np.testing.assert_allclose(model(alone), scores[:1], atol=1e-6)


def test_layers_in_mixed_precision_train(rng, mixed_precision):
    model = functional_model()
    model.compile("adam", "binary_crossentropy")
    batch = random_batch(rng, 4, 3, 9)
    history = model.fit(batch, rng.random((4, 3, 1)) < 0.5, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert model(batch).dtype == mixed_precision
