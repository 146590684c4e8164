"""Several layers in one model, one of them inside a layer of somebody else's: trained and reloaded."""

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

pytestmark = pytest.mark.slow

keras = tf.keras


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


@pytest.mark.parametrize("mixed_precision", ["mixed_float16"], indirect=True)
def test_a_trained_model_around_the_layers_scores_the_same_when_reloaded(
    rng, tmp_path, mixed_precision
):
    model = functional_model()
    model.compile("adam", "binary_crossentropy")
    batch = random_batch(rng, 8, 3, 9)
    history = model.fit(batch, rng.random((8, 3, 1)) < 0.5, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    # The reloaded rotation must be the saved one, not drawn again from the seed.
    (hashed,) = [layer for layer in model.layers if isinstance(layer, SimHash)]
    drawn = model(batch)
    hashed.rotation.assign(tf.cumsum(tf.convert_to_tensor(hashed.rotation), axis=1))
    scores = model(batch)
    assert np.abs(scores - drawn).max() > 1e-3

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(batch), scores, atol=1e-6)
    assert scores.dtype == mixed_precision
