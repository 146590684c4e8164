import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import InterestMemory


def random_inputs(rng, rows=3, candidates=2, events=6):
    sizes = ((candidates, 3), (events, 5), (events, 4))
    query, keys, values = (rng.standard_normal((rows, *size)).astype(np.float32) for size in sizes)
    return query, keys, values, rng.random((rows, events)) < 0.7


def with_weights(rng=None, units=4, slots=3, channels=2):
    """A layer for inputs as above; with those weights that it starts with, unless drawn."""
    memory = InterestMemory(units, slots, channels)
    memory.build(((None, None, 3), (None, None, 5), (None, None, 4)))
    if rng is not None:
        memory.set_weights([rng.normal(0, 0.7, w.shape) for w in memory.get_weights()])
    return memory


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    weights = np.exp(x - x.max())
    return weights / weights.sum()


def gru(inputs, state, kernel):
    of_inputs, of_state = np.split(inputs, 3), np.split(state @ kernel, 3)
    update, reset = (sigmoid(a + b) for a, b in zip(of_inputs[:2], of_state[:2], strict=True))
    return (1 - update) * state + update * np.tanh(of_inputs[2] + reset * of_state[2])


def address(key, strength, addresses):
    cosine = addresses @ key / np.linalg.norm(key) / np.linalg.norm(addresses, axis=1)
    return softmax((1 + np.log1p(np.exp(strength))) * cosine)


def written_and_read(memory, query, events, values, mask):
    """The definition, one request, event, slot and candidate at a time."""
    names = [weight.name.split("/")[-1].split(":")[0] for weight in memory.weights]
    weights = [weight.astype(np.float64) for weight in memory.get_weights()]
    w = dict(zip(names, weights, strict=True))
    u, m = memory.units, memory.slots
    outputs, utilizations = np.zeros((*query.shape[:2], 2 * u)), np.zeros((len(query), m))
    for row in range(len(query)):
        control, last, induced = np.zeros(u), np.zeros(2 * u), np.zeros((m, u))
        addresses, contents, total = w["addresses"].copy(), np.zeros((m, u)), np.zeros(m)
        for event, value in zip(events[row][mask[row]], values[row][mask[row]], strict=True):
            inputs = event @ w["event_kernel"] + w["event_bias"] + last @ w["read_kernel"]
            control = gru(inputs, control, w["control_kernel"])
            emitted = control @ w["emit_kernel"] + w["emit_bias"]
            read_key, write_key, new_address, forget, forget_content = np.split(emitted[: 5 * u], 5)
            of_value = np.split(value @ w["value_kernel"] + w["value_bias"], [u])
            read = address(read_key, emitted[5 * u], addresses)
            write = address(write_key, emitted[5 * u + 1], addresses)
            last = np.concatenate([read @ addresses, read @ contents])
            shares = total / total.sum() if total.sum() else total
            transfer = (shares @ w["transfer_kernel"]).reshape(m, m) + w["transfer_bias"]
            written = write @ np.stack([softmax(line) for line in transfer])
            total = total + written
            for slot, weight in enumerate(written):
                addresses[slot] *= 1 - weight * sigmoid(forget)
                addresses[slot] += weight * np.tanh(new_address)
                contents[slot] *= 1 - weight * sigmoid(forget_content)
                contents[slot] += weight * np.tanh(of_value[0])
            for slot in np.argsort(-read)[: memory.channels]:
                inputs = of_value[1] + contents[slot] @ w["content_kernel"]
                induced[slot] = gru(inputs, induced[slot], w["induced_kernel"])
        utilizations[row] = total
        for column, projected in enumerate(query[row] @ w["query_kernel"] + w["query_bias"]):
            of_slots = address(projected[:u], projected[u], addresses)
            of_channels = softmax(induced @ projected[u + 1 :])
            outputs[row, column] = np.concatenate([of_slots @ contents, of_channels @ induced])
    return outputs, utilizations


@pytest.mark.parametrize(("slots", "channels"), [(3, 2), (2, 2), (5, 1), (1, 1)])
def test_the_memory_is_that_of_the_definition(rng, slots, channels):
    memory, inputs = with_weights(rng, slots=slots, channels=channels), random_inputs(rng)
    outputs = memory(*inputs, return_utilization=True)
    for output, expected in zip(outputs, written_and_read(memory, *inputs), strict=True):
        np.testing.assert_allclose(output, expected, atol=1e-5)


def test_every_event_is_written_once(rng):
    memory, inputs = with_weights(rng), random_inputs(rng)
    _, utilization = memory(*inputs, return_utilization=True)
    np.testing.assert_allclose(tf.reduce_sum(utilization, axis=1), inputs[3].sum(axis=1), rtol=1e-5)


def test_a_new_memory_writes_mostly_where_keys_point_to(rng):
    """The first write: the transfer of three slots keeps e^4 / (e^4 + 2) of a weight."""
    memory = with_weights()
    query, events, values, mask = random_inputs(rng, events=1)
    _, utilization = memory(query, events, values, np.ones_like(mask), return_utilization=True)
    memory.transfer_bias.assign(tf.eye(3) * 100)
    _, weights = memory(query, events, values, np.ones_like(mask), return_utilization=True)
    kept = np.exp(4) / (np.exp(4) + 2)
    np.testing.assert_allclose(
        utilization, weights * kept + (1 - weights) * (1 - kept) / 2, rtol=1e-5
    )


def test_events_decide_where_is_written_and_values_what(rng):
    memory = with_weights()
    query, events, values, mask = random_inputs(rng)
    read = memory(query, events, values, mask)
    assert np.abs(memory(query, -events, values, mask) - read).max() > 1e-4
    assert np.abs(memory(query, events, -values, mask) - read).max() > 1e-4
    # A new memory has no biases, so that nothing but values can be read.
    assert not np.any(memory(query, events, 0 * values, mask))


def test_the_order_of_events_matters(rng):
    memory = with_weights(rng)
    query, events, values, mask = random_inputs(rng)
    backwards = memory(query, events[:, ::-1], values[:, ::-1], mask[:, ::-1])
    assert np.abs(memory(query, events, values, mask) - backwards).max() > 1e-3


@pytest.mark.parametrize(
    ("utilization", "expected"),
    [
        ([[1.0, 1.0]], 0.0),
        ([[4.0, 0.0]], 2 * 0.5**2),
        # Shares of 3/4 and 1/4; a request without events does not count.
        ([[1.5, 0.5], [0.0, 0.0]], 2 * 0.25**2),
        ([[1.5, 0.5], [2.0, 2.0]], 0.25**2),
        ([[0.0, 0.0]], 0.0),
        (np.zeros([0, 2]), 0.0),
    ],
)
def test_the_loss_of_shares_of_writes(utilization, expected):
    loss = InterestMemory(units=1, slots=2).utilization_loss(tf.constant(utilization, tf.float32))
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_the_utilization_loss_spreads_the_writes(rng):
    """Writes that all begin at the first slot."""
    memory = with_weights()
    memory.transfer_bias.assign([[4.0, 0.0, 0.0]] * 3)
    inputs = random_inputs(rng, rows=8)
    bias = memory.transfer_bias

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            _, utilization = memory(*inputs, return_utilization=True)
            loss = memory.utilization_loss(utilization)
        bias.assign(bias - 10 * tape.gradient(loss, bias))
        return loss

    first = step()
    for _ in range(60):
        loss = step()
    assert loss < 0.2 * first


def test_hundreds_of_events_have_finite_gradients(rng):
    memory, inputs = with_weights(), random_inputs(rng, rows=2, events=300)

    @tf.function(autograph=False)
    def differentiate():
        with tf.GradientTape() as tape:
            read, utilization = memory(*inputs, return_utilization=True)
            loss = tf.reduce_mean(read**2) + memory.utilization_loss(utilization)
        return read, tape.gradient(loss, memory.trainable_variables)

    read, gradients = differentiate()
    assert np.abs(read).max() <= 1
    assert all(np.isfinite(gradient).all() and np.any(gradient) for gradient in gradients)


def test_values_of_half_precision_are_read_in_half_precision(rng, mixed_precision):
    memory = with_weights(rng)
    query, events, values, mask = random_inputs(rng)
    read, utilization = memory(
        query, events, tf.cast(values, mixed_precision), mask, return_utilization=True
    )
    assert (read.dtype, utilization.dtype) == (mixed_precision, tf.float32)
    expected = memory(query, events, values, mask)
    np.testing.assert_allclose(tf.cast(read, tf.float32), expected, atol=0.05)


@pytest.mark.parametrize(
    ("utilization", "message"),
    [
        (np.zeros([2, 3, 1], np.float32), r"has shape .*; expected \[B, m\], which has 2"),
        (np.zeros([2, 2], np.float32), "with m = 3 as in the layer's weights"),
        (np.zeros([2, 3], np.int64), "has dtype int64; expected floating point"),
    ],
)
def test_a_utilization_of_another_form_is_refused(utilization, message):
    message = rf"InterestMemory\.utilization_loss: `utilization` .*{message}"
    with pytest.raises(ValueError, match=message):
        InterestMemory(units=2, slots=3).utilization_loss(utilization)
