import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import AUGRU


def random_inputs(rng, rows=2, candidates=3, steps=5, size=4):
    return (
        rng.standard_normal((rows, steps, size)).astype(np.float32),
        rng.random((rows, candidates, steps)).astype(np.float32),
        rng.random((rows, steps)) < 0.6,
    )


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def recurrence(augru, states, attention, mask):
    """The recurrence, one request, candidate and step at a time."""
    kernel, recurrent, bias = (np.asarray(weight, np.float64) for weight in augru.get_weights())
    w_u, w_r, w_c = np.split(kernel, 3, axis=1)
    r_u, r_r, r_c = np.split(recurrent, 3, axis=1)
    b_u, b_r, b_c = np.split(bias, 3)
    output = np.zeros((*attention.shape[:2], augru.units))
    for row, column in np.ndindex(*attention.shape[:2]):
        h = np.zeros(augru.units)
        for x, a in zip(states[row, mask[row]], attention[row, column, mask[row]], strict=True):
            update = a * sigmoid(x @ w_u + h @ r_u + b_u)
            reset = sigmoid(x @ w_r + h @ r_r + b_r)
            candidate = np.tanh(x @ w_c + reset * (h @ r_c) + b_c)
            h = (1 - update) * h + update * candidate
        output[row, column] = h
    return output


def with_random_weights(rng, units=6, size=4, **kwargs):
    augru = AUGRU(units, **kwargs)
    augru.build(((None, None, size), (None, None, None)))
    augru.set_weights([rng.normal(0, 0.7, weight.shape) for weight in augru.get_weights()])
    return augru


def test_by_hand():
    augru = AUGRU(1)
    augru.build(((None, None, 1), (None, None, None)))
    # update: 0.5 at all times; candidate: tanh(x)
    augru.set_weights([np.array([[0.0, 0.0, 1.0]]), np.zeros((1, 3)), np.zeros(3)])
    states = np.arctanh([[[0.5], [0.5], [-0.8]]])
    attention = tf.constant([[[1.0, 0.5, 0.0], [0.0, 0.0, 1.0]]])
    # 0.5 * 0.5 = 0.25, then 0.75 * 0.25 + 0.25 * 0.5 = 0.3125, then nothing; 0.5 * -0.8 = -0.4
    output = augru(tf.constant(states, tf.float32), attention)
    np.testing.assert_allclose(output, [[[0.3125], [-0.4]]], rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "candidates", "steps"), [(2, 3, 5), (1, 1, 1), (1, 4, 7), (3, 1, 20)]
)
def test_equals_the_recurrence(rng, rows, candidates, steps):
    augru = with_random_weights(rng)
    inputs = random_inputs(rng, rows, candidates, steps)
    np.testing.assert_allclose(augru(*inputs), recurrence(augru, *inputs), atol=1e-5)


def test_full_attention_gives_a_gru(rng):
    """Keras's update gate keeps what this one replaces: its weights have the opposite sign."""
    states, attention, _ = random_inputs(rng, candidates=1)
    augru, gru = with_random_weights(rng), tf.keras.layers.GRU(6)
    gru.build((None, None, 4))
    kernel, recurrent, bias = augru.get_weights()
    sign = np.repeat([-1.0, 1.0, 1.0], 6)
    gru.set_weights([sign * kernel, sign * recurrent, np.stack([sign * bias, 0 * bias])])
    output = augru(states, np.ones_like(attention))
    np.testing.assert_allclose(output[:, 0], gru(states), atol=1e-5)


def test_no_state_and_no_attention_give_zeros_and_finite_gradients(rng):
    augru = with_random_weights(rng)
    states, attention, mask = random_inputs(rng)
    mask[0], mask[1, :3] = False, True
    attention[1, 0] = 0
    states, attention = tf.Variable(states), tf.Variable(attention)
    with tf.GradientTape() as tape:
        output = augru(states, attention, mask)
        total = tf.reduce_sum(output**2)
    gradients = tape.gradient(total, [states, attention, *augru.trainable_variables])
    assert not np.any(output[0])
    assert not np.any(output[1, 0])
    assert np.all(output[1, 1])
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert all(np.any(gradient) for gradient in gradients)
    assert not np.any(gradients[0].numpy()[~mask])


@pytest.mark.parametrize("traced", [False, True])
def test_gradients_equal_differences(rng, traced):
    augru = with_random_weights(rng, units=2, size=3, dtype="float64")
    states, attention, mask = random_inputs(rng, rows=1, candidates=2, steps=4, size=3)
    kernel, recurrent, bias = augru.trainable_variables

    def output(states, attention, *weights):
        for variable, weight in zip((kernel, recurrent, bias), weights, strict=True):
            variable.assign(weight)
        return augru(states, attention, mask)

    values = [states.astype(np.float64), attention.astype(np.float64), *augru.get_weights()]
    weights = [tf.convert_to_tensor(value) for value in values]
    _, numeric = tf.test.compute_gradient(output, weights)
    output(*weights)

    def gradients(states, attention):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([states, attention])
            result = tf.reshape(augru(states, attention, mask), [-1])
            parts = [result[index] for index in range(4)]
        inputs = [states, attention, *augru.trainable_variables]
        return [tape.gradient(part, inputs) for part in parts]

    rows = (tf.function(gradients, autograph=False) if traced else gradients)(*weights[:2])
    for index, expected in enumerate(numeric):
        actual = np.stack([np.ravel(row[index]) for row in rows])
        np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_states_are_not_repeated_for_every_candidate():
    augru = AUGRU(5)
    rows, candidates, steps, size = 2, 7, 11, 13
    signature = [[rows, steps, size], [rows, candidates, steps], [rows, steps]]
    types = [tf.float32, tf.float32, tf.bool]
    traced = tf.function(augru, autograph=False).get_concrete_function(
        *map(tf.TensorSpec, signature, types)
    )
    shapes = [
        output.shape.as_list()
        for operation in traced.graph.get_operations()
        for output in operation.outputs
        if output.shape.rank is not None
    ]
    # Projected once per request: x_t W + b of the three gates
    assert [steps, rows, 15] in shapes
    for repeated in (candidates, rows * candidates):
        assert not [shape for shape in shapes if repeated in shape and size in shape]
        assert not [shape for shape in shapes if repeated in shape and 15 in shape]


def test_masked_states_are_passed_over_as_if_they_were_not_there(rng):
    augru = with_random_weights(rng)
    states, attention, mask = random_inputs(rng)
    mask[:] = [True, False, True, False, True]
    np.testing.assert_allclose(
        augru(states, attention, mask), augru(states[:, ::2], attention[..., ::2]), atol=1e-6
    )
