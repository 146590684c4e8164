"""Layers that `test_saving` leaves out in functional models, saved in both forms and reloaded."""

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import (
    AUGRU,
    ExactSearchUnit,
    HashBucketAttention,
    InterestExtractor,
    MatchEvidence,
)

keras = tf.keras


def dien():
    events = keras.Input([None, 6], name="events")
    attention = keras.Input([None, None], name="attention")
    mask = keras.Input([None], dtype="bool", name="mask")
    states = InterestExtractor(5, hidden=(4,))(events, mask)
    output = AUGRU(3)(states, attention, mask)
    return keras.Model([events, attention, mask], keras.layers.Dense(1)(output))


def hash_buckets():
    query, history = keras.Input([None, 6], name="query"), keras.Input([None, 6], name="history")
    values = keras.Input([None, 4], name="values")
    mask = keras.Input([None], dtype="bool", name="mask")
    output = HashBucketAttention(12, 3)(query, history, values, mask)
    return keras.Model([query, history, values, mask], keras.layers.Dense(1)(output))


def shared_events():
    query, values = keras.Input([None, 6], name="query"), keras.Input([None, 4], name="values")
    mask = keras.Input([None], dtype="bool", name="mask")
    output = ExactSearchUnit(heads=2, key_dim=3)(query, values, mask)
    return keras.Model([query, values, mask], keras.layers.Dense(1)(output))


def evidence():
    match = keras.Input([None, None], dtype="bool", name="match")
    gap = keras.Input([None], dtype="int64", name="gap")
    output = MatchEvidence(decay_days=(0.01,))(match, gap)
    return keras.Model([match, gap], keras.layers.Dense(1)(output))


def random_batch(rng):
    """Inputs of all models by name: B = 2, N = 3, L = 9."""
    sizes = {"events": (9, 6), "attention": (3, 9), "query": (3, 6), "history": (9, 6)}
    batch = {
        name: tf.constant(rng.random((2, *shape)) - 0.5, tf.float32)
        for name, shape in (sizes | {"values": (9, 4)}).items()
    }
    return batch | {
        "mask": tf.constant(rng.random((2, 9)) < 0.6),
        "match": tf.constant(rng.random((2, 3, 9)) < 0.6),
        "gap": tf.constant(rng.integers(0, 10_000, (2, 9))),
    }


@pytest.mark.parametrize("make", [dien, hash_buckets, shared_events, evidence])
def test_a_model_scores_the_same_when_reloaded(rng, tmp_path, make):
    model = make()
    batch = random_batch(rng)
    inputs = [batch[tensor.name] for tensor in model.inputs]
    drawn = model(inputs)
    # What is reloaded must be saved: not initialised, nor drawn from a seed, once more.
    model.set_weights([rng.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    scores = model(inputs)
    assert np.abs(scores - drawn).max() > 1e-2

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(inputs), scores, atol=1e-6)

    signature = [
        tf.TensorSpec([None, *tensor.shape[1:]], batch[tensor.name].dtype, tensor.name)
        for tensor in model.inputs
    ]

    @tf.function(input_signature=signature, autograph=False)
    def serve(*values):
        return {"scores": model(list(values))}

    root = tf.Module()
    root.variables_of_model = model.variables
    tf.saved_model.save(root, str(tmp_path / "saved_model"), signatures=serve)
    served = tf.saved_model.load(str(tmp_path / "saved_model")).signatures["serving_default"]
    output = served(**{tensor.name: batch[tensor.name] for tensor in model.inputs})["scores"]
    np.testing.assert_allclose(output, scores, atol=1e-6)
